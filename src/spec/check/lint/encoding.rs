//! What is escaped twice, or not at all.

use crate::{
    diag::{Diagnostic, Diagnostics, Fix, Span, codes},
    expr::{Expr, Piece, Shape, Text},
    spec::{Body, Request, RequestStep, Target},
};

/// Reports both.
pub(super) fn check(step: &RequestStep, found: &mut Diagnostics) {
    let verify = step.verify.as_ref().map(|it| &it.request);
    for request in [Some(&step.request), verify, step.undo.as_ref()].into_iter().flatten() {
        encoded_twice(request, found);
        by_hand(request, found);
        request.query.iter().for_each(|(_, it)| in_quotes(it, found));
    }
}

/// Parts of an address and forms are encoded anyway.
fn encoded_twice(request: &Request, found: &mut Diagnostics) {
    let mut report = |expr: &Expr| {
        let Some(rest) = expr.source.trim_end().strip_suffix("urlencode") else { return };
        let Some(inner) = rest.trim_end().strip_suffix('|').map(str::trim_end) else { return };
        let diagnostic = Diagnostic::warning(
            codes::ENCODED_TWICE,
            expr.span,
            "this is encoded twice: it is encoded for its place anyway",
        );
        let whole = expr.span;
        let diagnostic = diagnostic.help("leave out `| urlencode`");
        found.push(match whole.end - whole.start == expr.source.len() {
            true => {
                let tail = Span::new(whole.file, whole.start + inner.len(), whole.end);
                diagnostic.fix(Fix::replace(tail, "", "leave out `| urlencode`"))
            }
            false => diagnostic,
        });
    };
    match &request.target {
        Target::Path { path, .. } => path.for_each_expr(&mut |it| report(it)),
        Target::SignIn(_) => {}
        // An address that the provider gave stays as it is.
        Target::Url(url) => url.pieces.iter().skip(1).for_each(|it| {
            if let Piece::Expr(expr) = it {
                report(expr);
            }
        }),
    }
    request.query.iter().for_each(|(_, it)| it.for_each_expr(&mut |it| report(it)));
    if let Body::Form(form) = &request.body {
        form.for_each_expr(&mut |it| report(it));
    }
}

/// JSON and XML put together as text: nothing in it is escaped.
fn by_hand(request: &Request, found: &mut Diagnostics) {
    if let Body::Json(Shape::Text(text)) = &request.body
        && matches!(text.pieces.first(), Some(Piece::Literal(it)) if it.trim_start().starts_with(['{', '[']))
    {
        let message = "this sends a text that looks like JSON, in quotes, and nothing escapes the values in it";
        let diagnostic = Diagnostic::warning(codes::UNESCAPED, text.span, message);
        found
            .push(diagnostic.help("write the body as YAML, without the quotes around it: `body: {name: \"{{ … }}\"}`"));
        return;
    }
    let Body::Text(text) = &request.body else { return };
    let Some(Piece::Literal(first)) = text.pieces.first() else { return };
    let key = match first.trim_start().chars().next() {
        Some('{' | '[') => "body",
        Some('<') => "xml",
        _ => return,
    };
    if text.pieces.iter().any(|it| matches!(it, Piece::Expr(_))) {
        let message = "nothing escapes the values in this text: one with a quote or a bracket breaks it";
        let diagnostic = Diagnostic::warning(codes::UNESCAPED, text.span, message);
        found.push(diagnostic.help(format!("use `{key}`, which escapes what is put into it")));
    }
}

/// A query put together as text: a value with a quote ends its literal.
fn in_quotes(shape: &Shape, found: &mut Diagnostics) {
    match shape {
        Shape::Text(text) => {
            // A phrase as a whole has its quotes from the connector.
            let is_phrase = text.pieces.len() == 3
                && text.pieces.iter().all(|it| !matches!(it, Piece::Literal(it) if it.len() > 1));
            for (before, expr, after) in quoted(text) {
                if before != after || is_phrase {
                    continue;
                }
                let message =
                    format!("a value with a `{before}` in it ends this literal, and may change what the query means");
                let diagnostic = Diagnostic::warning(codes::UNESCAPED, expr.span, message);
                found.push(diagnostic.help("write the query as `{literals: <language>, text: …}`, without the quotes"));
            }
        }
        Shape::Map(entries) => entries.iter().for_each(|(_, it)| in_quotes(it, found)),
        Shape::List(entries) => entries.iter().for_each(|it| in_quotes(it, found)),
        Shape::When(_, inner) => in_quotes(inner, found),
        _ => {}
    }
}

/// Placeholders right between quotes.
fn quoted(text: &Text) -> impl Iterator<Item = (char, &Expr, char)> {
    text.pieces.windows(3).filter_map(|it| match it {
        [Piece::Literal(before), Piece::Expr(expr), Piece::Literal(after)] => {
            let before = before.chars().last().filter(|it| matches!(it, '\'' | '"'))?;
            let after = after.chars().next()?;
            Some((before, &**expr, after))
        }
        _ => None,
    })
}
