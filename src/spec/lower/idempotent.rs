//! Writes that may be sent twice: what tells the provider that it has had them already.

use super::Lower;
use crate::{
    base::Effect,
    diag::{Diagnostic, codes},
    expr::Expr,
    spec::{RequestStep, keys::IDEMPOTENT},
    yaml::{Kind, Reader},
};

/// Methods that mean the same however often they are sent (RFC 9110 §9.2.2).
const SAME_TWICE: &[&str] = &["PUT", "DELETE"];

impl Lower<'_> {
    /// `idempotent`: a boolean, or the value by which the provider knows the request again.
    pub(super) fn idempotent(&mut self, reader: &Reader<'_>, step: &RequestStep) -> bool {
        let Some(node) = reader.node("idempotent").filter(|it| matches!(it.kind, Kind::Map(_))) else {
            return reader.bool("idempotent", self.diagnostics).unwrap_or(false);
        };
        let by = Reader::open(node, &IDEMPOTENT, self.diagnostics).and_then(|it| self.expr_at(&it, "by"));
        if let Some(by) = by {
            self.is_sent(&by, step);
        }
        true
    }

    /// What the provider is to know it by must be in the request.
    fn is_sent(&mut self, by: &Expr, step: &RequestStep) {
        let sent = names(step);
        let problem = match by.names.iter().find(|it| !sent.contains(&it.path)) {
            Some(name) => {
                format!("`{}` is not sent, so the provider can't know the request again by it", name.path.join("."))
            }
            None if by.names.is_empty() => "this is the same for every request".to_owned(),
            None => return,
        };
        let diagnostic = Diagnostic::error(codes::BLIND_REPETITION, by.span, problem);
        self.report(
            diagnostic.help("name a value that the request carries, and that no other request of the kind has"),
        );
    }

    /// Money is never sent twice on the connector's word alone.
    pub(super) fn known_again(&mut self, reader: &Reader<'_>, step: &RequestStep) {
        let Some(node) = reader.node("idempotent").filter(|it| !matches!(it.kind, Kind::Map(_))) else { return };
        if !step.idempotent || step.effect != Effect::Money || SAME_TWICE.contains(&step.request.method.as_str()) {
            return;
        }
        let is_key = |path: &[String]| matches!(path, [root, part, ..] if root == "execution" && matches!(part.as_str(), "key" | "id"));
        if names(step).iter().any(|it| is_key(it)) {
            return;
        }
        let message = "nothing tells the provider that a repetition is the same payment";
        let diagnostic = Diagnostic::error(codes::BLIND_REPETITION, node.span, message);
        self.report(diagnostic.help(
            "send `execution.key` where the provider takes a key, or say by which value it knows it: \
             `idempotent: {by: \"{{ input.order_id }}\"}`; if it knows it by nothing, leave it out and give it `verify`",
        ));
    }
}

/// The dotted names that a request reads.
fn names(step: &RequestStep) -> Vec<Vec<String>> {
    let mut names = Vec::new();
    step.request.for_each_expr(&mut |it| names.extend(it.names.iter().map(|it| it.path.clone())));
    names
}
