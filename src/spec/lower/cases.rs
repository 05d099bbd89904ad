//! `tests.yaml`: the author's cases.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::{Lower, sandbox::Answers, value::Paths};
use crate::{
    base::{Code, pointer},
    diag::{Diagnostic, Severity, Span, codes},
    expr::Shape,
    spec::{
        Case, CaseOf, Connector, Expect, Mapping, Object, OrgSchema, SandboxAnswer, SandboxEvent,
        facts::{Owner, Part},
        keys,
        mapping::Document,
    },
    yaml::{Kind, Node, Reader, Style, Type, at_pointer, typed},
};

/// What cases have to know of the connector that they belong to, beside its [`super::Facts`].
pub(crate) struct Tested<'a> {
    /// `connector.yaml`.
    pub(crate) connector: &'a Node,
    /// The fields that the builder fills in to sign in; `None` if they are not known.
    pub(crate) sign_in: Option<Vec<&'a str>>,
    /// Whether there is an `after_connect`, the connector's or the account's.
    pub(crate) identifies: bool,
    /// The connector itself, as far as it could be lowered.
    pub(crate) lowered: Option<&'a Connector>,
}

/// What `tests.yaml` holds.
pub(crate) struct Tests {
    pub(crate) cases: Vec<Case>,
    pub(crate) sandbox: Vec<SandboxAnswer>,
    pub(crate) sandbox_connection: Map<String, Json>,
    pub(crate) sandbox_events: Vec<SandboxEvent>,
}

impl Lower<'_> {
    /// `tests.yaml`, after the connector that it belongs to.
    pub(crate) fn tests(&mut self, file: Option<&Node>, of: &Tested<'_>) -> Tests {
        let mut cases: Vec<Case> = Vec::new();
        let mut answers = Answers::default();
        let mut sandbox_connection = Map::new();
        let before = self.errors();
        if let Some(reader) = file.and_then(|it| Reader::open(it, &keys::TESTS, self.diagnostics)) {
            for node in reader.list("cases", self.diagnostics) {
                if let Some(case) = self.case(node, of) {
                    self.refuse_same_name(&case, &cases);
                    cases.push(case);
                }
            }
            for node in reader.list("sandbox", self.diagnostics) {
                answers.add(node, self);
            }
            if let Json::Object(captured) = self.json_map(&reader, "sandbox_connection") {
                sandbox_connection = captured;
            }
        }
        // A case with a mistake is not a case that is missing.
        if self.errors() == before {
            self.warn_of_missing_cases(of.connector, &cases);
            self.warn_of_missing_events(of.connector, &cases);
        }
        let (sandbox, sandbox_events) = answers.finish();
        Tests { cases, sandbox, sandbox_connection, sandbox_events }
    }

    pub(super) fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|it| it.severity == Severity::Error).count()
    }

    fn refuse_same_name(&mut self, case: &Case, others: &[Case]) {
        if let Some(first) = others.iter().find(|it| it.name == case.name) {
            self.report(
                Diagnostic::error(codes::DUPLICATE_CASE, case.span, format!("two cases are called `{}`", case.name))
                    .note(first.span, "the first one")
                    .help("say in the name what this one shows"),
            );
        }
    }

    /// An action is proved by a case in which it succeeds and one in which it fails.
    fn warn_of_missing_cases(&mut self, connector: &Node, cases: &[Case]) {
        for action in connector.get("actions").and_then(Node::as_map).unwrap_or_default() {
            let ends = |is_output: bool| {
                cases.iter().any(|it| {
                    matches!(&it.of, CaseOf::Action(name) if *name == action.key)
                        && matches!(it.expect, Expect::Output(_)) == is_output
                })
            };
            let lacks = match (ends(true), ends(false)) {
                (true, true) => continue,
                (false, false) => "has no case",
                (false, true) => "has no case that ends with an `output`",
                (true, false) => "has no case that ends with an `error`",
            };
            let message = format!("the action `{}` {lacks}", action.key);
            self.report(
                Diagnostic::warning(codes::MISSING_CASE, action.key_span, message)
                    .help("add one to `tests.yaml`: each action needs a case that succeeds and one that fails"),
            );
        }
    }

    /// An event is proved by a delivery that means it, and what verifies deliveries by one that is refused.
    fn warn_of_missing_events(&mut self, connector: &Node, cases: &[Case]) {
        let Some(events) = connector.get("events") else { return };
        let mut ends = cases.iter().filter_map(|it| match &it.of {
            CaseOf::Event(name, _) => Some((name, &it.expect)),
            _ => None,
        });
        for event in events.get("types").and_then(Node::as_map).unwrap_or_default() {
            if !ends.clone().any(|(name, end)| *name == event.key && matches!(end, Expect::Event(..))) {
                let message = format!("the event `{}` has no case that ends with an `output`", event.key);
                self.report(
                    Diagnostic::warning(codes::MISSING_CASE, event.key_span, message)
                        .help("add one to `tests.yaml`: a `delivery` and what it hands on"),
                );
            }
        }
        let verify = events.get("receive").and_then(|it| it.get("verify"));
        if let Some(verify) = verify
            && !ends.any(|(_, end)| matches!(end, Expect::Refused))
        {
            let message = "no case shows that a forged delivery is refused";
            self.report(
                Diagnostic::warning(codes::MISSING_CASE, verify.span, message)
                    .help("add one to `tests.yaml`: a `delivery` with a wrong signature, and `refused: true`"),
            );
        }
    }

    fn case(&mut self, node: &Node, tested: &Tested<'_>) -> Option<Case> {
        let reader = Reader::open(node, &keys::CASE, self.diagnostics)?;
        let name = reader.text("name", self.diagnostics);
        let of = self.case_of(&reader, tested);
        let expect = self.expect(&reader);
        let now = self.or_default(&reader, "now", |it, lower| it.instant("now", lower.diagnostics));
        let of_action = of.as_ref().and_then(|it| written_by(it, tested));
        // Of a connector that can't be read nobody knows which objects its actions write.
        let (mapping, org_fields) = match tested.lowered {
            Some(_) => (self.case_mapping(&reader, of_action), self.org_fields(&reader, of_action.is_some())),
            None => (None, None),
        };
        if let Some(of) = &of {
            self.check_arguments(&reader, of, expect.as_ref(), mapping.as_deref());
        }
        let execution_key = self.or_default(&reader, "execution_key", |it, lower| {
            it.text("execution_key", lower.diagnostics)?.parse().ok()
        });
        let credentials = self.credentials(&reader, tested);
        // as connecting does: of what is filled in, the connection shows what is not secret
        let mut connection = tested.lowered.map(|it| it.account.shown_of_texts(&credentials)).unwrap_or_default();
        if let Json::Object(given) = self.json_map(&reader, "connection") {
            connection.extend(given);
        }
        let (exchanges, deliveries) = self.exchanges(&reader);
        Some(Case {
            exchanges,
            deliveries,
            subscription: self.json_map(&reader, "subscription"),
            connection: Json::Object(connection).into(),
            config: self.json_map(&reader, "config"),
            input: self.json_map(&reader, "input"),
            credentials,
            mapping,
            org_fields,
            name: name?.to_owned(),
            span: reader.node("name")?.span,
            of: of?,
            now: now?,
            execution_key: execution_key?,
            expect: expect?,
        })
    }

    /// What a key says or, when it is missing, its default in the table.
    fn or_default<T: std::str::FromStr>(
        &mut self,
        reader: &Reader<'_>,
        key: &str,
        read: impl FnOnce(&Reader<'_>, &mut Self) -> Option<T>,
    ) -> Option<T> {
        match reader.has(key) {
            true => read(reader, self),
            false => keys::CASE.key(key)?.default?.parse().ok(),
        }
    }

    fn case_of(&mut self, reader: &Reader<'_>, tested: &Tested<'_>) -> Option<CaseOf> {
        let kinds = ["action", "lookup", "object", "after_connect", "event", "handshake"];
        let entry = reader.exactly_one(&kinds, self.diagnostics)?;
        if !matches!(entry.key.as_str(), "event" | "handshake") {
            self.refuse_key(reader, "delivery", "only an `event` or a `handshake` is delivered");
        }
        match entry.key.as_str() {
            "action" => self.reference(reader, "action", Part::Action).map(CaseOf::Action),
            "lookup" => self.reference(reader, "lookup", Part::Lookup).map(CaseOf::Lookup),
            "object" => self.reference(reader, "object", Part::Object).map(CaseOf::Object),
            "event" => {
                let name = self.reference(reader, "event", Part::Event);
                let delivery = self.delivered(reader, entry);
                Some(CaseOf::Event(name?, delivery?))
            }
            "handshake" => {
                self.is_true(reader, "handshake")?;
                self.delivered(reader, entry).map(CaseOf::Handshake)
            }
            _ => {
                self.is_true(reader, "after_connect")?;
                if !tested.identifies {
                    let message = "neither the connector nor its account has an `after_connect`";
                    self.error(codes::UNKNOWN_REFERENCE, entry.key_span, message);
                }
                Some(CaseOf::AfterConnect)
            }
        }
    }

    /// A key that can only be switched on.
    pub(super) fn is_true(&mut self, reader: &Reader<'_>, key: &str) -> Option<()> {
        if reader.bool(key, self.diagnostics)? {
            return Some(());
        }
        let help = format!("write `{key}: true`, or leave it out");
        self.report(
            Diagnostic::error(codes::BAD_VALUE, reader.node(key)?.span, format!("`{key}` can only be `true`"))
                .help(help),
        );
        None
    }

    fn expect(&mut self, reader: &Reader<'_>) -> Option<Expect> {
        let ends = ["output", "error", "refused", "answer"];
        let entry = reader.exactly_one(&ends, self.diagnostics)?;
        let is_delivered = reader.has("event") || reader.has("handshake");
        match entry.key.as_str() {
            "output" if is_delivered => {
                let correlate = reader.text("correlate", self.diagnostics).map(str::to_owned);
                return Some(Expect::Event(correlate, self.json(&entry.value)));
            }
            "output" => return Some(Expect::Output(self.json(&entry.value))),
            "error" => {}
            other if !is_delivered => {
                self.refuse_key(reader, other, "only a delivery can be answered or refused");
                return None;
            }
            "refused" => {
                self.is_true(reader, "refused")?;
                return Some(Expect::Refused);
            }
            _ => return self.expected_reply(reader),
        }
        let reader = reader.section("error", &keys::EXPECTED_ERROR, self.diagnostics)?;
        let say = reader.text("say", self.diagnostics).map(str::to_owned);
        let code: Code = reader.word("code", self.diagnostics)?.parse().ok()?;
        Some(Expect::Error(code, say))
    }

    /// `config` and `input` name only what is declared: anything else is a slip of the author's, unless the case shows
    /// that it is refused.
    fn check_arguments(
        &mut self,
        reader: &Reader<'_>,
        of: &CaseOf,
        expect: Option<&Expect>,
        mapping: Option<&Mapping>,
    ) {
        let extra: Vec<_> = mapping.iter().flat_map(|it| it.extra.keys().map(String::as_str)).collect();
        let is_refused = matches!(expect, Some(Expect::Error(Code::InvalidInput, _)));
        match of {
            CaseOf::Action(name) if self.facts.names(Part::Action).any(|it| it == name) => {
                self.check_names(reader, "config", &Owner::Config(name.clone()), &[]);
                // Which inputs a mapping with a mistake would bring, nobody knows.
                let is_known = mapping.is_some() || !reader.has("mapping");
                if !is_refused && is_known {
                    self.check_names(reader, "input", &Owner::Input(name.clone()), &extra);
                }
            }
            CaseOf::Lookup(name) if self.facts.names(Part::Lookup).any(|it| it == name) => {
                self.check_names(reader, "config", &Owner::Lookup(name.clone()), &[]);
                self.refuse_key(reader, "input", "a lookup has no input");
            }
            CaseOf::Object(name) if self.facts.names(Part::Object).any(|it| it == name) => {
                self.check_names(reader, "config", &Owner::Object(name.clone()), &[]);
                self.refuse_key(reader, "input", "a description has no input");
            }
            CaseOf::AfterConnect => {
                self.refuse_key(reader, "config", "`after_connect` has no config");
                self.refuse_key(reader, "input", "`after_connect` has no input");
            }
            _ => {}
        }
    }

    pub(super) fn refuse_key(&mut self, reader: &Reader<'_>, key: &str, message: &str) {
        if let Some(entry) = reader.entry(key) {
            self.report(Diagnostic::error(codes::MISPLACED_KEY, entry.key_span, message).help("remove it"));
        }
    }

    fn check_names(&mut self, reader: &Reader<'_>, key: &str, owner: &Owner, extra: &[&str]) {
        let declared = self.facts.fields.iter().filter(|it| it.owner == *owner).map(|it| &it.name);
        let joined = self.facts.joined.iter().filter(|(it, _)| it == owner).map(|(_, name)| name);
        let declared: Vec<_> = declared.chain(joined).cloned().collect();
        let declared: Vec<_> = declared.iter().map(String::as_str).chain(extra.iter().copied()).collect();
        for entry in reader.mapping(key, self.diagnostics) {
            if !declared.contains(&entry.key.as_str()) {
                self.unknown_field(&format!("`{key}` declares"), &entry.key, entry.key_span, &declared);
            }
        }
    }

    fn unknown_field(&mut self, who: &str, name: &str, span: Span, known: &[&str]) {
        let diagnostic = Diagnostic::error(codes::UNKNOWN_FIELD, span, format!("{who} no `{name}`"));
        self.report(diagnostic.did_you_mean(name, known.iter().copied()));
    }

    /// The mapping that a builder would have saved.
    fn case_mapping(&mut self, reader: &Reader<'_>, object: Option<&Object>) -> Option<Arc<Mapping>> {
        let node = reader.node("mapping")?;
        let Some(object) = object else {
            self.refuse_key(reader, "mapping", "there is no object whose fields could be mapped");
            return None;
        };
        let written = self.json(node);
        match Document::read(&written).and_then(|it| Mapping::read(&it, object)) {
            Ok(mapping) => Some(Arc::new(mapping)),
            Err(errors) => {
                for error in errors {
                    self.error(
                        codes::BAD_MAPPING,
                        at_pointer(node, error.path.split('/').skip(1).map(pointer::key)),
                        error.message,
                    );
                }
                None
            }
        }
    }

    fn org_fields(&mut self, reader: &Reader<'_>, has_object: bool) -> Option<Arc<OrgSchema>> {
        reader.node("org_fields")?;
        if !has_object {
            self.refuse_key(reader, "org_fields", "there is no object whose fields these could be");
            return None;
        }
        let nodes = reader.list("org_fields", self.diagnostics);
        for node in nodes.iter().filter(|it| it.get("name").is_none()) {
            self.error(codes::MISSING_KEY, node.span, "a field of the org has at least a `name`");
        }
        let fields = nodes.iter().map(|it| self.json(it)).collect();
        Some(Arc::new(OrgSchema::read(&fields)))
    }

    fn credentials(&mut self, reader: &Reader<'_>, tested: &Tested<'_>) -> Vec<(String, String)> {
        let pairs = self.plain_texts(reader, "credentials");
        if let Some(known) = &tested.sign_in {
            for entry in reader.mapping("credentials", self.diagnostics) {
                if entry.key != "token" && !known.contains(&entry.key.as_str()) {
                    self.unknown_field("the sign-in has", &entry.key, entry.key_span, known);
                }
            }
        }
        pairs
    }

    fn json_map(&mut self, reader: &Reader<'_>, key: &str) -> Json {
        match reader.node(key) {
            Some(node) if node.as_map().is_some() => self.json(node),
            Some(_) => {
                reader.mapping(key, self.diagnostics);
                json!({})
            }
            None => json!({}),
        }
    }

    /// A tree taken as it is, with the traps of YAML's numbers refused.
    pub(super) fn json(&mut self, node: &Node) -> Json {
        match &node.kind {
            Kind::List(items) => items.iter().map(|it| self.json(it)).collect(),
            Kind::Map(entries) => {
                let entries = entries.iter().map(|it| (it.key.clone(), self.json(&it.value)));
                Json::Object(entries.collect())
            }
            Kind::Scalar(text, style) if *style == Style::Plain && !text.contains(['{', '$']) => {
                match self.shape(node, Paths::Literal) {
                    Shape::Literal(value) => value,
                    _ => Json::Null,
                }
            }
            Kind::Scalar(text, _) => Json::String(text.clone()),
        }
    }

    /// The entries of a mapping from name to literal text, which may be empty.
    pub(super) fn plain_texts(&mut self, reader: &Reader<'_>, key: &str) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for entry in reader.mapping(key, self.diagnostics) {
            match entry.value.as_text() {
                Some(text) => pairs.push((entry.key.clone(), text.to_owned())),
                None => typed::refuse(&entry.value, &format!("`{}`", entry.key), &Type::Text, None, self.diagnostics),
            }
        }
        pairs
    }
}

/// The object that a case's action writes.
fn written_by<'a>(of: &CaseOf, tested: &Tested<'a>) -> Option<&'a Object> {
    let CaseOf::Action(name) = of else { return None };
    let connector = tested.lowered?;
    connector.objects.get(&connector.action(name)?.plan.object.as_ref()?.object)
}
