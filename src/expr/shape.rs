//! Evaluating expressions, text and trees.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::{Each, EvalError, Expr, Language, Marker, Path, Piece, Scope, Shape, Sink, Text, adapter, escape};

impl Expr {
    /// The expression's value; `None` if undefined.
    pub fn eval(&self, scope: &Scope) -> Result<Option<Json>, EvalError> {
        adapter::to_json(&self.value(scope)?).map_err(|message| self.error(&message))
    }

    /// Whether it is true: not undefined, null, false, zero or empty.
    pub fn test(&self, scope: &Scope) -> Result<bool, EvalError> {
        Ok(self.value(scope)?.is_true())
    }
}

impl Text {
    /// The text with its placeholders evaluated and escaped for `sink`.
    ///
    /// Missing values and null give nothing, except in a URL, where they are refused; lists and mappings are refused.
    pub fn render(&self, scope: &Scope, sink: Sink) -> Result<String, EvalError> {
        let mut rendered = String::with_capacity(self.usual_length());
        for (index, piece) in self.pieces.iter().enumerate() {
            match piece {
                // An address of a folder may or may not end with the slash that the connector writes behind it.
                Piece::Literal(text) if sink == Sink::Url && rendered.ends_with('/') => {
                    rendered.push_str(text.strip_prefix('/').unwrap_or(text));
                }
                Piece::Literal(text) => rendered.push_str(text),
                Piece::Expr(expr) => {
                    let text = adapter::text(&expr.value(scope)?).map_err(|message| expr.error(&message))?;
                    // An address that the provider gave stays as it is; what follows it is ours.
                    let in_url = sink == Sink::Url;
                    let sink = match sink {
                        Sink::Url if index == 0 => Sink::Plain,
                        Sink::Url => Sink::Segment,
                        other => other,
                    };
                    let text = text.unwrap_or_default();
                    if text.is_empty() && (sink == Sink::Segment || in_url) {
                        return Err(expr.error("it has no value, and a part of a URL needs one"));
                    }
                    if expr.marker == Some(Marker::Raw) && matches!(sink, Sink::Xml | Sink::Ics) {
                        rendered.push_str(&text);
                    } else {
                        escape::append(&mut rendered, &text, sink).map_err(|message| expr.error(message))?;
                    }
                    if rendered.len() > adapter::MAX_TEXT {
                        return Err(expr.error("the text becomes too long"));
                    }
                }
            }
        }
        if matches!(sink, Sink::Segment | Sink::Url) && self.as_literal().is_none() && escape::climbs(&rendered) {
            let message = "a part of the URL's path came out as `.` or `..`".to_owned();
            return Err(EvalError { span: self.span, message });
        }
        Ok(rendered)
    }

    /// About how many bytes it comes to.
    fn usual_length(&self) -> usize {
        let lengths = self.pieces.iter().map(|it| match it {
            Piece::Literal(text) => text.len(),
            Piece::Expr(_) => 32,
        });
        lengths.sum()
    }

    /// The query with its placeholders as literals of `language`.
    ///
    /// Nothing is left out: a value that is missing, or that the language can't hold, is refused.
    pub fn render_query(&self, scope: &Scope, language: Language) -> Result<String, EvalError> {
        let mut rendered = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => rendered.push_str(text),
                Piece::Expr(expr) => {
                    escape::literal::append(&mut rendered, &expr.value(scope)?, language, expr.marker)
                        .map_err(|message| expr.error(&message))?;
                    if rendered.len() > adapter::MAX_TEXT {
                        return Err(expr.error("the text becomes too long"));
                    }
                }
            }
        }
        Ok(rendered)
    }

    /// Whether one of its expressions reads a name that begins with `root`.
    pub fn reads(&self, root: &str) -> bool {
        let mut found = false;
        self.for_each_expr(&mut |it| {
            found |= it.names.iter().any(|name| name.path.first().is_some_and(|first| first == root));
        });
        found
    }

    /// Calls `visit` with each expression in it.
    pub fn for_each_expr<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Expr>)) {
        for piece in &self.pieces {
            if let Piece::Expr(expr) = piece {
                visit(expr);
            }
        }
    }
}

impl Shape {
    /// The tree with its leaves evaluated; `None` if it is undefined as a whole.
    pub fn eval(&self, scope: &Scope) -> Result<Option<Json>, EvalError> {
        Ok(match self {
            Self::Literal(json) => Some(json.clone()),
            Self::Expr(expr) => expr.eval(scope)?,
            Self::Text(text) => Some(Json::String(text.render(scope, Sink::Plain)?)),
            Self::Query(text, language) => Some(Json::String(text.render_query(scope, *language)?)),
            Self::Path(path) => match scope.document() {
                Some(document) => path.eval(document)?,
                None => None,
            },
            Self::List(entries) => {
                let mut list = Vec::with_capacity(entries.len());
                for entry in entries {
                    list.extend(entry.eval(scope)?);
                }
                Some(Json::Array(list))
            }
            Self::Map(entries) => {
                let mut map = Map::with_capacity(entries.len());
                for (key, entry) in entries {
                    if let Some(value) = entry.eval(scope)? {
                        map.insert(key.clone(), value);
                    }
                }
                Some(Json::Object(map))
            }
            Self::When(test, shape) => {
                if test.test(scope)? {
                    shape.eval(scope)?
                } else {
                    None
                }
            }
            Self::Each(each) => Some(Json::Array(each.eval(scope)?)),
        })
    }

    /// Calls `visit` with each expression in it.
    pub fn for_each_expr<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Expr>)) {
        match self {
            Self::Literal(_) | Self::Path(_) => {}
            Self::Expr(expr) => visit(expr),
            Self::Text(text) | Self::Query(text, _) => text.for_each_expr(visit),
            Self::List(entries) => entries.iter().for_each(|it| it.for_each_expr(visit)),
            Self::Map(entries) => entries.iter().for_each(|(_, it)| it.for_each_expr(visit)),
            Self::When(test, shape) => {
                visit(test);
                shape.for_each_expr(visit);
            }
            Self::Each(each) => {
                each.over.for_each_expr(visit);
                each.when.iter().for_each(&mut *visit);
                each.shape.for_each_expr(visit);
            }
        }
    }

    /// Calls `visit` with each path in it.
    pub fn for_each_path<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Path>)) {
        match self {
            Self::Literal(_) | Self::Expr(_) | Self::Text(_) | Self::Query(..) => {}
            Self::Path(path) => visit(path),
            Self::List(entries) => entries.iter().for_each(|it| it.for_each_path(visit)),
            Self::Map(entries) => entries.iter().for_each(|(_, it)| it.for_each_path(visit)),
            Self::When(_, shape) => shape.for_each_path(visit),
            Self::Each(each) => {
                each.over.for_each_path(visit);
                each.shape.for_each_path(visit);
            }
        }
    }
}

impl Each {
    fn eval(&self, scope: &Scope) -> Result<Vec<Json>, EvalError> {
        let entries = match self.over.eval(scope)? {
            Some(Json::Array(entries)) => entries,
            None | Some(Json::Null) => return Ok(Vec::new()),
            Some(_) => return Err(EvalError { span: self.span, message: "`each` needs a list".into() }),
        };
        let mut list = Vec::with_capacity(entries.len());
        for (index, entry) in entries.into_iter().enumerate() {
            let scope = scope.with_item(entry, index);
            if let Some(test) = &self.when
                && !test.test(&scope)?
            {
                continue;
            }
            list.extend(self.shape.eval(&scope)?);
        }
        Ok(list)
    }
}
