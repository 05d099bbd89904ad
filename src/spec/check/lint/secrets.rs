//! Secrets where others would see them: in what is kept in the open, handed on to a model, or asked of one.

use crate::{
    base::credentials::is_credential,
    diag::{Diagnostic, Diagnostics, Span, codes},
    expr::Shape,
    spec::{
        Connector, SchemeKind, StepKind,
        facts::{Facts, Owner},
    },
};

/// Reports them.
pub(super) fn check(connector: &Connector, own_account: bool, facts: &Facts, found: &mut Diagnostics) {
    asked(facts, found);
    if own_account {
        for scheme in connector.account.schemes.values() {
            if let SchemeKind::OAuth2(oauth2) = &scheme.kind {
                for (_, shape) in &oauth2.answers.capture {
                    each_credential(shape, &mut |name, span| found.push(kept(name, span)));
                }
            }
        }
        let captured = connector.after_connect.iter().filter_map(|it| match &it.plan.output {
            Shape::Map(output) => output.iter().find(|(key, _)| key == "capture").map(|(_, it)| it),
            _ => None,
        });
        for shape in captured {
            each_credential(shape, &mut |name, span| found.push(kept(name, span)));
        }
    }
    for action in connector.actions.values() {
        each_credential(&action.plan.output, &mut |name, span| {
            let message = format!("`{name}` would be handed on to whoever called, and kept with the execution");
            let diagnostic = Diagnostic::warning(codes::SECRET_HANDED_ON, span, message);
            found.push(diagnostic.help("leave it out: what signs requests belongs to `auth`"));
        });
        for step in &action.plan.steps {
            if let StepKind::Fail { say: Some(say), .. } = &step.kind {
                say.for_each_expr(&mut |it| {
                    if let Some(name) = it.names.iter().find_map(|it| credential(&it.path)) {
                        let message = format!("`{name}` would be said to the customer");
                        found.push(Diagnostic::warning(codes::SECRET_HANDED_ON, it.span, message).help("leave it out"));
                    }
                });
            }
        }
    }
}

fn kept(name: &str, span: Span) -> Diagnostic {
    let message = format!("`{name}` would be kept in `connection`, which is neither sealed nor hidden");
    let diagnostic = Diagnostic::warning(codes::SECRET_HANDED_ON, span, message);
    diagnostic.help("leave it out: the token of a scheme is kept sealed, and renewed, without that")
}

/// Fields that ask an agent, or whoever sets one up, for a credential.
fn asked(facts: &Facts, found: &mut Diagnostics) {
    for field in facts.fields.iter().filter(|it| is_credential(&it.name)) {
        let (who, help) = match field.owner {
            Owner::Input(_) | Owner::ObjectField(_) => {
                ("a model would have to know it, and it stands in every trace", "let people sign in with it")
            }
            Owner::Config(_) | Owner::Lookup(_) | Owner::Object(_) => {
                ("what a builder fixes is neither sealed nor hidden", "let people sign in with it")
            }
            Owner::SignIn | Owner::Shared => continue,
        };
        let message = format!("`{}` is a credential: {who}", field.name);
        let diagnostic = Diagnostic::warning(codes::SECRET_ASKED, field.span, message);
        found.push(diagnostic.help(format!("{help}: declare it in `fields` of `auth`")));
    }
}

/// Every value in a shape that is a credential by its name, or is taken from where one is.
fn each_credential(shape: &Shape, report: &mut dyn FnMut(&str, Span)) {
    match shape {
        Shape::Map(entries) => entries.iter().for_each(|(_, it)| each_credential(it, report)),
        Shape::List(entries) => entries.iter().for_each(|it| each_credential(it, report)),
        Shape::When(_, inner) => each_credential(inner, report),
        Shape::Each(each) => each_credential(&each.shape, report),
        Shape::Path(path) => {
            if let Some(name) = last_name(&path.source).filter(|it| is_credential(it)) {
                report(name, path.span);
            }
        }
        Shape::Expr(_) | Shape::Text(_) | Shape::Query(..) => shape.for_each_expr(&mut |it| {
            if let Some(name) = it.names.iter().find_map(|it| credential(&it.path)) {
                report(name, it.span);
            }
        }),
        Shape::Literal(_) => {}
    }
}

/// The last part of a dotted name, if that is a credential's; our own address holds one too.
fn credential(path: &[String]) -> Option<&str> {
    let [root, .., last] = path else { return None };
    let is_ours = root == "connection" && last == "webhook_url";
    (is_ours || root != "auth" && is_credential(last)).then_some(last)
}

/// `$.token.access_token` → `access_token`
fn last_name(path: &str) -> Option<&str> {
    path.trim_end_matches(['\'', '"', ']']).rsplit(['.', '\'', '"']).next().filter(|it| !it.is_empty())
}
