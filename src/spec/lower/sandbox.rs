//! `tests.yaml`: the answers that sandbox connections get.

use std::{collections::HashSet, sync::Arc, time::Duration};

use super::{Lower, http::HeadersOf, value::Paths};
use crate::{
    diag::{Diagnostic, codes},
    expr::{Expr, Name},
    spec::{SandboxAnswer, SandboxEvent, facts::Part, keys},
    yaml::{Node, Reader, section::all_of, typed},
};

/// The answers so far.
#[derive(Default)]
pub(super) struct Answers(Vec<SandboxAnswer>, Vec<SandboxEvent>);

impl Answers {
    pub(super) fn finish(self) -> (Vec<SandboxAnswer>, Vec<SandboxEvent>) {
        (self.0, self.1)
    }

    /// Takes an entry of `sandbox` in.
    pub(super) fn add(&mut self, node: &Node, lower: &mut Lower<'_>) {
        let Some(reader) = Reader::open(node, &keys::SANDBOX_ANSWER, lower.diagnostics) else { return };
        match reader.exactly_one(&["request", "event"], lower.diagnostics) {
            Some(entry) if entry.key == "event" => self.1.extend(lower.sandbox_event(&reader)),
            Some(_) => self.add_answer(&reader, lower),
            None => {}
        }
    }

    fn add_answer(&mut self, reader: &Reader<'_>, lower: &mut Lower<'_>) {
        let Some(answer) = lower.sandbox_answer(reader) else { return };
        if let Some(first) = self.0.iter().find(|it| it.when.is_none() && same_requests(it, &answer)) {
            lower.report(
                Diagnostic::warning(codes::NEVER_ANSWERS, answer.span, "this answer is never given")
                    .note(first.span, "this one is tried first, and answers the same requests")
                    .help("move it before the other one, or remove it"),
            );
        }
        self.0.push(answer);
    }
}

/// Whether `first` answers all that `second` does, their `when` aside.
fn same_requests(first: &SandboxAnswer, second: &SandboxAnswer) -> bool {
    let covers = |(first, second): (&String, &String)| first == second || is_parameter(first);
    first.method == second.method
        && (first.server.is_none() || first.server == second.server)
        && first.path.len() == second.path.len()
        && first.path.iter().zip(&second.path).all(covers)
}

fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{')
}

impl Lower<'_> {
    fn sandbox_event(&mut self, reader: &Reader<'_>) -> Option<SandboxEvent> {
        self.refuse_key(reader, "answer", "an event has an `output`, and no answer");
        let event = self.reference(reader, "event", Part::Event);
        let after = reader.duration("after", self.diagnostics).unwrap_or(SOON);
        let when = self.expr_at(reader, "when");
        let output = self.shape_at(reader, "output", Paths::Refused);
        if !reader.has("output") {
            let message = "`event` needs `output` beside it: what it hands on";
            let diagnostic = Diagnostic::error(codes::MISSING_KEY, reader.at(), message);
            self.report(diagnostic.help("for example `output: {id: \"{{ correlate }}\", status: paid}`"));
        }
        let mut names = Vec::new();
        let mut gather = |it: &Arc<Expr>| names.extend(it.names.iter().cloned());
        when.iter().for_each(&mut gather);
        output.iter().for_each(|it| it.for_each_expr(&mut |it| gather(it)));
        for name in &names {
            of_event(name).into_iter().for_each(|it| self.report(it));
        }
        Some(SandboxEvent { span: reader.at(), event: event?, after, when, output: output? })
    }

    fn sandbox_answer(&mut self, reader: &Reader<'_>) -> Option<SandboxAnswer> {
        for key in ["after", "output"] {
            self.refuse_key(reader, key, &format!("`{key}` belongs to an `event`"));
        }
        if !reader.has("answer") {
            let message = "`request` needs `answer` beside it: what it gets";
            let diagnostic = Diagnostic::error(codes::MISSING_KEY, reader.at(), message);
            self.report(diagnostic.help("for example `answer: {body: {id: \"{{ id }}\"}}`"));
        }
        let when = self.expr_at(reader, "when");
        let reply = reader.section("answer", &keys::SANDBOX_REPLY, self.diagnostics);
        let request = reader.section("request", &keys::SANDBOX_REQUEST, self.diagnostics)?;
        let method = self.method(&request);
        let server = self.reference(&request, "server", Part::Server);
        let path = self.sandbox_path(&request);

        let reply = reply?;
        reply.at_most_one(&["body", "text"], self.diagnostics);
        let headers = self.headers(&reply, HeadersOf::Answers);
        let body = self.shape_at(&reply, "body", Paths::Literal);
        let text = self.text_at(&reply, "text");
        let status = self.answer_status(&reply);

        let path = path?;
        let known =
            Known { parameters: path.iter().filter_map(|it| it.strip_prefix('{')?.strip_suffix('}')).collect() };
        let mut names = Vec::new();
        let mut gather = |it: &Arc<Expr>| names.extend(it.names.iter().cloned());
        when.iter().for_each(&mut gather);
        body.iter().for_each(|it| it.for_each_expr(&mut |it| gather(it)));
        headers.iter().map(|(_, it)| it).chain(&text).for_each(|it| it.for_each_expr(&mut |it| gather(it)));
        for name in &names {
            known.check(name).into_iter().for_each(|it| self.report(it));
        }
        Some(SandboxAnswer {
            span: reader.at(),
            method: method?,
            server,
            path,
            when,
            status: status?,
            headers,
            body,
            text,
        })
    }

    /// Segments, each literal or one `{name}`. A slash at the end says nothing, as for the sandbox itself.
    fn sandbox_path(&mut self, reader: &Reader<'_>) -> Option<Vec<String>> {
        const HELP: &str = "for example `path: \"/v1/items/{item}\"`";
        let path = self.expected_path(reader, HELP)?;
        let segments: Vec<_> = path.split('/').filter(|it| !it.is_empty()).map(str::to_owned).collect();
        let mut parameters = HashSet::new();
        for segment in &segments {
            let is_literal = !segment.contains(['{', '}']);
            let name = segment.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
            let problem = match name {
                _ if is_literal => continue,
                Some(name) if !typed::is_name(name) => "`{…}` has a name in lower_case_with_underscores",
                Some(name) if !parameters.insert(name) => "a path has each name once",
                Some(_) => continue,
                None => "`{name}` stands for a whole segment",
            };
            self.report(Diagnostic::error(codes::NEVER_MATCHES, reader.node("path")?.span, problem).help(HELP));
            return None;
        }
        Some(segments)
    }
}

/// How long after it is waited for an event of the sandbox comes.
const SOON: Duration = Duration::from_secs(2);

/// What expressions of a sandbox event may read.
fn of_event(name: &Name) -> Option<Diagnostic> {
    const ROOTS: &[&str] = &["correlate", "now", "id", "item", "index"];
    let (word, span) = (name.path.first()?, *name.spans.first()?);
    if ROOTS.contains(&word.as_str()) {
        return None;
    }
    let diagnostic = Diagnostic::error(codes::UNKNOWN_NAME, span, format!("a sandbox event can't read `{word}`"));
    let diagnostic = diagnostic.did_you_mean(word, ROOTS.iter().copied());
    Some(diagnostic.or_help(|| format!("known are {}", all_of(ROOTS))))
}

/// What expressions of a sandbox answer may read.
struct Known<'a> {
    parameters: Vec<&'a str>,
}

impl Known<'_> {
    fn check(&self, name: &Name) -> Option<Diagnostic> {
        const ROOTS: &[&str] = &["request", "now", "id", "item", "index"];
        const REQUEST: &[&str] = &["method", "path", "params", "query", "body"];
        let part = |at: usize| name.path.get(at).map(String::as_str);
        let unknown = |at: usize, code, what: &str, known: &[&str]| {
            let word = part(at)?;
            let span = name.spans.get(at).copied()?;
            let diagnostic = Diagnostic::error(code, span, format!("{what} `{word}`"));
            if known.is_empty() {
                return Some(diagnostic);
            }
            let diagnostic = diagnostic.did_you_mean(word, known.iter().copied());
            Some(diagnostic.or_help(|| format!("known are {}", all_of(known))))
        };
        match (part(0)?, part(1), part(2)) {
            (root, ..) if !ROOTS.contains(&root) => {
                unknown(0, codes::UNKNOWN_NAME, "a sandbox answer can't read", ROOTS)
            }
            ("request", Some(field), _) if !REQUEST.contains(&field) => {
                unknown(1, codes::UNKNOWN_FIELD, "`request` has no", REQUEST)
            }
            ("request", Some("params"), Some(parameter)) if !self.parameters.contains(&parameter) => {
                unknown(2, codes::UNKNOWN_FIELD, "the path has no", &self.parameters)
            }
            _ => None,
        }
    }
}
