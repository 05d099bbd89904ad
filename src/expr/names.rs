//! What an expression refers to, found in minijinja's parse tree: names, filters, tests, functions, arguments.
//!
//! The tree is behind minijinja's `unstable_machinery`, which has no stable interface: it is used in this file only, and
//! the version is pinned.

use std::ops::Range;

use minijinja::{
    Value,
    machinery::ast::{BinOpKind, Call, CallArg, Expr as Node, Spanned},
    machinery::parse_expr,
};

use super::{
    Locate, Name,
    library::{self, Entry, Role},
};
use crate::diag::{Diagnostic, Diagnostics, codes, did_you_mean};

/// What was found in an expression that is right as far as can be seen without running it.
pub(super) struct Found {
    pub(super) names: Vec<Name>,
    /// Whether the expression ends in `| raw`.
    pub(super) raw: bool,
}

/// Parses and checks; everything wrong goes to `diagnostics`, and then there is no result.
pub(super) fn check(source: &str, locate: Locate<'_>, diagnostics: &mut Diagnostics) -> Option<Found> {
    let mut walk = Walk { locate, diagnostics, names: Vec::new(), wrong: false };
    let tree = match parse_expr(source) {
        Ok(tree) => tree,
        Err(error) => {
            let detail = error.detail().unwrap_or("it breaks off").to_owned();
            let at = error.range().filter(|it| it.end <= source.len() && !it.is_empty()).unwrap_or(0..source.len());
            // minijinja points at one byte of a character that it doesn't know.
            let at = source.floor_char_boundary(at.start)..source.ceil_char_boundary(at.end);
            walk.error(codes::EXPRESSION, at, format!("this is not an expression: {detail}"));
            return None;
        }
    };
    // `raw` is a marker, not a filter: it counts at the very end only.
    let raw = match &tree {
        Node::Filter(filter) if filter.name == "raw" => {
            walk.entry(Role::Filter, "raw", name_at_start(filter, "raw"), &filter.args);
            filter.expr.iter().for_each(|it| walk.node(it));
            true
        }
        tree => {
            walk.node(tree);
            false
        }
    };
    let (names, wrong) = (walk.names, walk.wrong);
    (!wrong).then_some(Found { names, raw })
}

struct Walk<'a> {
    locate: Locate<'a>,
    diagnostics: &'a mut Diagnostics,
    names: Vec<Name>,
    wrong: bool,
}

impl Walk<'_> {
    fn error(&mut self, code: &'static str, at: Range<usize>, message: String) {
        self.report(Diagnostic::error(code, (self.locate)(at), message));
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.wrong = true;
        self.diagnostics.push(diagnostic);
    }

    fn node(&mut self, node: &Node<'_>) {
        match node {
            Node::Var(_) | Node::GetAttr(_) | Node::GetItem(_) => self.name(node),
            Node::Const(_) => {}
            Node::Slice(it) => {
                self.node(&it.expr);
                [&it.start, &it.stop, &it.step].into_iter().flatten().for_each(|it| self.node(it));
            }
            Node::UnaryOp(it) => self.node(&it.expr),
            Node::BinOp(it) => {
                self.node(&it.left);
                self.node(&it.right);
                if let (Some(operator), Node::Filter(filter)) = (joins(&it.op), &it.right)
                    // In brackets the operation would end behind the filter, at the bracket.
                    && filter.span().end_offset == it.span().end_offset
                {
                    self.binds_tighter(operator, filter.name, name_at_start(filter, filter.name));
                }
            }
            Node::Compare(it) => {
                self.node(&it.expr);
                it.ops.iter().for_each(|it| self.node(&it.expr));
            }
            Node::IfExpr(it) => {
                self.node(&it.true_expr);
                self.node(&it.test_expr);
                it.false_expr.iter().for_each(|it| self.node(it));
            }
            Node::Filter(it) => {
                it.expr.iter().for_each(|it| self.node(it));
                let at = name_at_start(it, it.name);
                if it.name == "raw" {
                    self.error(
                        codes::RAW_NOT_LAST,
                        at.clone(),
                        "`raw` can only be the last filter of a placeholder".into(),
                    );
                }
                self.entry(Role::Filter, it.name, at, &it.args);
            }
            Node::Test(it) => {
                self.node(&it.expr);
                self.entry(Role::Test, it.name, name_at_start(it, it.name), &it.args);
            }
            Node::Call(it) => self.call(it),
            Node::List(it) => it.items.iter().for_each(|it| self.node(it)),
            Node::Tuple(it) => it.items.iter().for_each(|it| self.node(it)),
            Node::Map(it) => it.keys.iter().chain(&it.values).for_each(|it| self.node(it)),
        }
    }

    /// `a ~ b | f` is `a ~ (b | f)`, which is seldom meant.
    fn binds_tighter(&mut self, operator: &str, filter: &str, at: Range<usize>) {
        let span = (self.locate)(at);
        let message = format!("`{filter}` applies to what stands right before it, not to all of `… {operator} …`");
        let help = format!("use brackets: `(a {operator} b) | {filter}` or `a {operator} (b | {filter})`");
        self.report(Diagnostic::error(codes::FILTER_BINDS_TIGHTER, span, message).help(help));
    }

    /// A name with all the parts that are constant, and whatever is in the brackets of the others.
    fn name(&mut self, node: &Node<'_>) {
        let mut parts: Vec<(String, Range<usize>)> = Vec::new();
        if !self.parts(node, &mut parts) || parts.is_empty() {
            return;
        }
        let (path, spans) = parts.into_iter().map(|(part, at)| (part, (self.locate)(at))).unzip();
        self.names.push(Name { path, spans });
    }

    /// Collects the parts from the variable on. Tells whether `node` itself is one of them: then the next may be as well.
    fn parts(&mut self, node: &Node<'_>, parts: &mut Vec<(String, Range<usize>)>) -> bool {
        match node {
            Node::Var(it) => {
                parts.push((it.id.to_owned(), range(it)));
                true
            }
            Node::GetAttr(it) => {
                let mut inner = Vec::new();
                let goes_on = self.parts(&it.expr, &mut inner);
                let end = range(it).end;
                self.extend(parts, inner, goes_on, Some((it.name.to_owned(), end - it.name.len()..end)))
            }
            Node::GetItem(it) => {
                let mut inner = Vec::new();
                let goes_on = self.parts(&it.expr, &mut inner);
                let constant = match &it.subscript_expr {
                    Node::Const(key) => key.value.as_str().map(|name| (name.to_owned(), range(key))),
                    other => {
                        self.node(other);
                        None
                    }
                };
                self.extend(parts, inner, goes_on, constant)
            }
            other => {
                self.node(other);
                false
            }
        }
    }

    /// Adds one part to those found, if all before it were constant; else keeps what was found as a name of its own.
    fn extend(
        &mut self,
        parts: &mut Vec<(String, Range<usize>)>,
        mut inner: Vec<(String, Range<usize>)>,
        goes_on: bool,
        part: Option<(String, Range<usize>)>,
    ) -> bool {
        if let (true, Some(part)) = (goes_on, part) {
            inner.push(part);
            *parts = inner;
            return true;
        }
        if goes_on {
            let (path, spans) = inner.into_iter().map(|(part, at)| (part, (self.locate)(at))).unzip();
            self.names.push(Name { path, spans });
        }
        false
    }

    fn call(&mut self, call: &Spanned<Call<'_>>) {
        match &call.expr {
            Node::Var(name) => self.entry(Role::Function, name.id, range(name), &call.args),
            Node::GetAttr(method) => {
                let end = range(method).end;
                let message = format!("there are no methods: `{}(…)` cannot be called", method.name);
                let mut diagnostic =
                    Diagnostic::error(codes::NOT_IN_LANGUAGE, (self.locate)(end - method.name.len()..end), message);
                if library::find(Role::Filter, method.name).is_some() {
                    diagnostic = diagnostic.help(format!("use the filter: `value | {}`", method.name));
                }
                self.report(diagnostic);
            }
            _ => self.error(codes::NOT_IN_LANGUAGE, range(call), "only functions can be called".into()),
        }
    }

    /// A use of a filter, test or function: it must exist, and its arguments must fit.
    fn entry(&mut self, role: Role, name: &str, at: Range<usize>, args: &[CallArg<'_>]) {
        match library::find(role, name) {
            Some(entry) => self.arguments(entry, &at, args),
            None => self.unknown(role, name, at.clone()),
        }
        for arg in args {
            match arg {
                CallArg::Pos(value) | CallArg::Kwarg(_, value) => self.node(value),
                CallArg::PosSplat(_) | CallArg::KwargSplat(_) => {
                    self.error(
                        codes::NOT_IN_LANGUAGE,
                        at.clone(),
                        "arguments are written one by one: `*` and `**` are not part of the language".into(),
                    );
                }
            }
        }
    }

    fn unknown(&mut self, role: Role, name: &str, at: Range<usize>) {
        let word = match role {
            Role::Filter => "filter",
            Role::Test => "test",
            Role::Function => "function",
        };
        let mut diagnostic =
            Diagnostic::error(codes::UNKNOWN_FILTER, (self.locate)(at), format!("there is no {word} `{name}`"));
        let help = if role != Role::Filter && library::find(Role::Filter, name).is_some() {
            Some(format!("it is a filter: `value | {name}`"))
        } else if role != Role::Function && library::find(Role::Function, name).is_some() {
            Some(format!("it is a function: `{name}(…)`"))
        } else {
            did_you_mean(name, library::entries(role).map(|it| it.name)).map(|it| format!("did you mean `{it}`?"))
        };
        if let Some(help) = help {
            diagnostic = diagnostic.help(help);
        }
        self.report(diagnostic);
    }

    fn arguments(&mut self, entry: &'static Entry, at: &Range<usize>, args: &[CallArg<'_>]) {
        let mut given = vec![false; entry.params.len()];
        for (position, arg) in args.iter().enumerate() {
            let (slot, value) = match arg {
                CallArg::Pos(value) => (Some(position).filter(|it| *it < given.len()), value),
                CallArg::Kwarg(name, value) => {
                    let slot = entry.params.iter().position(|it| it.name == *name);
                    if slot.is_none() {
                        let names = entry.params.iter().map(|it| it.name);
                        let help = did_you_mean(name, names).map(|it| format!("did you mean `{it}`?"));
                        let message = format!("`{}` has no argument `{name}`", entry.name);
                        let diagnostic = Diagnostic::error(codes::WRONG_ARGUMENT, (self.locate)(at.clone()), message);
                        self.report(diagnostic.help(help.unwrap_or_else(|| usage(entry))));
                        continue;
                    }
                    (slot, value)
                }
                CallArg::PosSplat(_) | CallArg::KwargSplat(_) => return,
            };
            let Some(slot) = slot else {
                let message = format!("`{}` takes {} arguments at most", entry.name, entry.params.len());
                self.report(
                    Diagnostic::error(codes::WRONG_ARGUMENT, (self.locate)(at.clone()), message).help(usage(entry)),
                );
                return;
            };
            given[slot] = true;
            if let Node::Const(constant) = value {
                self.constant(entry, slot, &constant.value, range(constant));
            }
        }
        if let Some(missing) = entry.params.iter().zip(given).find(|(param, given)| param.required && !given) {
            let message = format!("`{}` needs `{}`", entry.name, missing.0.name);
            self.report(
                Diagnostic::error(codes::WRONG_ARGUMENT, (self.locate)(at.clone()), message).help(usage(entry)),
            );
        }
    }

    /// A constant argument can be checked before anything runs.
    fn constant(&mut self, entry: &Entry, slot: usize, value: &Value, at: Range<usize>) {
        let param = &entry.params[slot];
        let Err(problem) = param.kind.check(value) else { return };
        let message = format!("`{}` of `{}` must be {}", param.name, entry.name, param.kind.words());
        let mut diagnostic = Diagnostic::error(codes::WRONG_ARGUMENT, (self.locate)(at), message);
        if let Some(help) = problem {
            diagnostic = diagnostic.help(help);
        }
        self.report(diagnostic);
    }
}

/// The sign of an operator that makes one value of two.
fn joins(operator: &BinOpKind) -> Option<&'static str> {
    Some(match operator {
        BinOpKind::Concat => "~",
        BinOpKind::Add => "+",
        BinOpKind::Sub => "-",
        BinOpKind::Mul => "*",
        BinOpKind::Div => "/",
        BinOpKind::FloorDiv => "//",
        BinOpKind::Rem => "%",
        _ => return None,
    })
}

/// How an entry is written.
fn usage(entry: &Entry) -> String {
    format!("write `{}`", entry.usage())
}

fn range<T>(node: &Spanned<T>) -> Range<usize> {
    let span = node.span();
    span.start_offset as usize..span.end_offset as usize
}

/// Filters and tests begin with their names.
fn name_at_start<T>(node: &Spanned<T>, name: &str) -> Range<usize> {
    let start = range(node).start;
    start..start + name.len()
}
