//! What answers mean.

use super::{Lower, value::Paths};
use crate::{
    base::Code,
    diag::{Diagnostic, Fix, Span, codes},
    spec::{ErrorRule, keys},
    yaml::{Node, Reader, Section, typed},
};

impl Lower<'_> {
    /// The rules at a key.
    pub(super) fn rules(&mut self, reader: &Reader<'_>, key: &str) -> Vec<ErrorRule> {
        let nodes = reader.list(key, self.diagnostics);
        nodes.iter().filter_map(|it| self.rule(it)).collect()
    }

    fn rule(&mut self, node: &Node) -> Option<ErrorRule> {
        let reader = Reader::open(node, &keys::ERROR_RULE, self.diagnostics)?;
        let word = reader.word("is", self.diagnostics);
        let is = word.and_then(|word| word.parse::<Code>().ok());
        let mut rule = self.conditions(&reader, "reason");
        rule.is = is;
        rule.say = self.text_at(&reader, "say");
        rule.retry_after = self.shape_at(&reader, "retry_after", Paths::Allowed);
        rule.schema_changed = reader.bool("schema_changed", self.diagnostics).unwrap_or(false);
        let is_ok = word.is_some() && is.is_none();
        for key in ["say", "retry_after", "schema_changed"] {
            if let (true, Some(entry)) = (is_ok, reader.entry(key)) {
                self.error(codes::MISPLACED_KEY, entry.key_span, format!("`{key}` means nothing beside `is: ok`"));
            }
        }
        Some(rule)
    }

    /// Rules that only match: the answers that mean what the key says.
    pub(super) fn matches(
        &mut self,
        reader: &Reader<'_>,
        key: &str,
        section: &'static Section,
        default: impl FnOnce(Span) -> ErrorRule,
    ) -> Vec<ErrorRule> {
        if !reader.has(key) {
            return vec![default(reader.at())];
        }
        let reason = if section.key("error").is_some() { "error" } else { "reason" };
        let mut rules = Vec::new();
        for node in reader.list(key, self.diagnostics) {
            if let Some(reader) = Reader::open(node, section, self.diagnostics) {
                rules.push(self.conditions(&reader, reason));
            }
        }
        rules
    }

    /// What token answers mean.
    pub(super) fn token_errors(&mut self, reader: &Reader<'_>) -> Vec<ErrorRule> {
        let mut rules = Vec::new();
        for node in reader.list("token_errors", self.diagnostics) {
            let Some(reader) = Reader::open(node, &keys::TOKEN_ERROR, self.diagnostics) else { continue };
            let is = reader.word("is", self.diagnostics).and_then(|word| word.parse::<Code>().ok());
            let mut rule = self.conditions(&reader, "error");
            rule.is = is;
            rule.retry_after = self.shape_at(&reader, "retry_after", Paths::Allowed);
            rules.push(rule);
        }
        rules
    }

    fn conditions(&mut self, reader: &Reader<'_>, reason: &str) -> ErrorRule {
        let conditions = ["status", reason, "when"];
        if !conditions.iter().any(|it| reader.has(it)) {
            self.report(
                Diagnostic::error(
                    codes::MISSING_KEY,
                    reader.at(),
                    format!("this {} matches every answer", reader.name()),
                )
                .help(format!("give it `status`, `{reason}` or `when`")),
            );
        }
        let status = reader.one_or_many("status").iter().filter_map(|it| self.status(it)).collect();
        let reason = reader.texts(reason, self.diagnostics).into_iter().map(|(text, _)| text.to_owned()).collect();
        ErrorRule {
            span: reader.source().span,
            status,
            reason,
            when: self.expr_at(reader, "when"),
            is: Some(Code::Reauthorize),
            say: None,
            retry_after: None,
            schema_changed: false,
        }
    }

    /// `404` or `4xx`.
    fn status(&mut self, node: &Node) -> Option<(u16, u16)> {
        let text = node.as_text().unwrap_or_default();
        let range = match text.strip_suffix("xx") {
            Some(class) => class.parse::<u16>().ok().map(|it| (it * 100, it * 100 + 99)),
            None => text.parse::<u16>().ok().map(|it| (it, it)),
        };
        let range = range.filter(|(first, _)| (100..600).contains(first));
        if range.is_none() {
            let message = format!("expected a status for `status`, found {}", typed::found(node));
            let diagnostic = Diagnostic::error(codes::WRONG_TYPE, node.span, message);
            let lower = text.to_ascii_lowercase();
            let is_class =
                lower.len() == 3 && lower.ends_with("xx") && lower.starts_with(|it: char| ('1'..='5').contains(&it));
            let fix = Fix::respell(node.span, text, &lower);
            let diagnostic = if is_class { diagnostic.help(format!("write `{lower}`")).fix(fix) } else { diagnostic };
            self.report(diagnostic.or_help(|| "for example `status: 404`, `status: 4xx` or `status: [409, 412]`"));
        }
        range
    }
}

/// An answer of this status.
pub(super) fn of_status(span: Span, status: u16) -> ErrorRule {
    ErrorRule {
        span,
        status: vec![(status, status)],
        reason: Vec::new(),
        when: None,
        is: Some(Code::Reauthorize),
        say: None,
        retry_after: None,
        schema_changed: false,
    }
}

/// An answer with this reason.
pub(super) fn of_reason(span: Span, reason: &str) -> ErrorRule {
    ErrorRule { status: Vec::new(), reason: vec![reason.to_owned()], ..of_status(span, 0) }
}
