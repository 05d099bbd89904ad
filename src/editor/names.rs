//! What names mean at a place: the parts of `input`, `steps` and the others that expressions read, and what the values of
//! `action`, `lookup` and their like refer to.

use super::{
    File, FileKind, Project, Target,
    outline::{Entry, Kind, Node},
    place::Place,
    sign_in::is_shown,
};
use crate::spec;

/// Something that can be named.
#[derive(Debug)]
pub(super) struct Name {
    /// As it is written.
    pub(super) name: String,
    /// What kind of thing it is, in a few words.
    pub(super) detail: String,
    /// What its author says of it.
    pub(super) doc: String,
    /// Where it is declared.
    pub(super) target: Option<Target>,
}

impl Name {
    pub(super) fn known(name: &str, detail: &str) -> Self {
        Self { name: name.to_owned(), detail: detail.to_owned(), doc: String::new(), target: None }
    }

    /// What an entry declares.
    pub(super) fn declared(file: &File, entry: &Entry, detail: &str) -> Self {
        let text = |key: &str| entry.value.get(key).and_then(|it| it.text(&file.text)).unwrap_or_default();
        let doc = [text("title"), text("description"), text("describe")];
        let doc: Vec<_> = doc.into_iter().filter(|it| !it.is_empty()).map(one_line).collect();
        let target = Target { path: file.path.clone(), range: entry.key_range.clone() };
        Self { name: entry.key.clone(), detail: detail.to_owned(), doc: doc.join("\n\n"), target: Some(target) }
    }
}

/// A folded text as one line.
fn one_line(text: &str) -> String {
    let text = text.trim().trim_start_matches(['|', '>', '-', '+']);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The names at a place of `file`, which is the project's own file, perhaps with something typed into it.
pub(super) struct Names<'a> {
    pub(super) project: &'a Project,
    pub(super) file: &'a File,
    pub(super) place: &'a Place<'a>,
}

impl<'a> Names<'a> {
    pub(super) fn of(&self, kind: FileKind) -> Option<&'a File> {
        if self.file.kind == kind { Some(self.file) } else { self.project.of(kind) }
    }

    pub(super) fn connector(&self) -> Option<&'a File> {
        self.of(FileKind::Connector)
    }

    /// The action, lookup, object, … that the place is in.
    fn owner(&self) -> Option<(&'a File, &'a Node)> {
        let path = self.place.path();
        let depth = match path.first().copied()? {
            "actions" | "lookups" | "objects" => 2,
            _ => 1,
        };
        Some((self.file, self.place.owner(depth)?))
    }

    /// What can follow a dotted name: without parts, what a name can begin with.
    pub(super) fn members(&self, parts: &[&str]) -> Vec<Name> {
        match *parts {
            [] => self.roots(),
            [root @ ("input" | "config"), ref inner @ ..] => self.fields(root, inner),
            ["auth", ref inner @ ..] => self.sign_in(inner),
            ["connection"] => self.connection(),
            ["steps"] => self.steps().map(|(file, it)| step(file, it)).collect(),
            ["steps", id, ref inner @ ..] => self.step_output(id, inner),
            ["subscription"] => self.subscription(),
            ["event", ref inner @ ..] => self.event(inner),
            ["answer"] => spec::parts_of("answer").iter().map(|it| Name::known(it, "of the answer")).collect(),
            ["execution"] => spec::parts_of("execution").iter().map(|it| Name::known(it, "of the execution")).collect(),
            ["request"] => {
                let root = if self.place.path().first() == Some(&"events") { "delivery" } else { "request" };
                spec::parts_of(root).iter().map(|it| Name::known(it, "of the request")).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The name that a dotted name means.
    pub(super) fn find(&self, parts: &[&str], name: &str) -> Option<Name> {
        self.members(parts).into_iter().find(|it| it.name == name)
    }

    /// What names can begin with in this part of a file; whether it is there at this very place is the checker's to say.
    fn roots(&self) -> Vec<Name> {
        let path = self.place.path();
        let part = if self.file.kind == FileKind::Account { "auth" } else { path.first().copied().unwrap_or_default() };
        let roots: &[&str] = match (self.file.kind, part) {
            (FileKind::Tests, _) => &["request", "correlate", "now", "id", "item", "index"],
            (_, "actions") => &[
                "input",
                "config",
                "connection",
                "steps",
                "item",
                "index",
                "answer",
                "execution",
                "event",
                "record",
                "now",
            ],
            (_, "lookups" | "objects") => &["config", "connection", "steps", "item", "index", "answer", "value", "now"],
            (_, "auth") => &["auth", "connection", "request", "answer", "now"],
            (_, "events") => &["request", "subscription", "connection", "auth", "item", "index", "answer", "now"],
            _ => &["connection", "steps", "item", "index", "answer", "now"],
        };
        let used = |root: &&&str| match **root {
            "steps" => self.steps().next().is_some(),
            "record" => self.owner().is_some_and(|(_, it)| it.get("object").is_some()),
            "event" => path.contains(&"wait"),
            "item" | "index" => self.file.kind == FileKind::Tests || self.is_in_each(),
            _ => true,
        };
        roots.iter().filter(used).map(|it| Name::known(it, meaning(it))).collect()
    }

    fn is_in_each(&self) -> bool {
        self.place.levels.iter().any(|it| it.node.get("each").is_some())
    }

    /// The fields of `input` or `config`, and what is inside one of them.
    fn fields(&self, key: &str, inner: &[&str]) -> Vec<Name> {
        let Some((file, owner)) = self.owner() else { return Vec::new() };
        let mut all = self.declared_fields(file, owner, key);
        let object = owner.get("object").and_then(|it| it.text(&file.text));
        if let Some(object) = object.and_then(|it| file.root.at(&["objects", it])) {
            let joins = if key == "input" { "fields" } else { key };
            all.extend(self.declared_fields(file, object, joins));
        }
        self.inside(file, all, inner)
    }

    /// The fields that a mapping of them declares; a shared one is the field of that name in `fields`.
    pub(super) fn declared_fields(&self, file: &'a File, owner: &'a Node, key: &str) -> Vec<(Name, &'a Entry)> {
        let entries = owner.get(key).map(Node::entries).unwrap_or_default();
        let all = entries.iter().map(|entry| {
            let shared = entry.value.text(&file.text) == Some("shared");
            let entry = if shared {
                file.root.at(&["fields"]).and_then(|it| it.entry(&entry.key)).unwrap_or(entry)
            } else {
                entry
            };
            (Name::declared(file, entry, &kind_of(file, &entry.value)), entry)
        });
        all.collect()
    }

    /// The properties that a path leads to.
    pub(super) fn inside(&self, file: &'a File, mut all: Vec<(Name, &'a Entry)>, path: &[&str]) -> Vec<Name> {
        for part in path {
            let Some((_, entry)) = all.iter().find(|(it, _)| it.name == *part) else { return Vec::new() };
            let schema = entry.value.get("items").unwrap_or(&entry.value);
            all = self.declared_fields(file, schema, "properties");
        }
        all.into_iter().map(|(name, _)| name).collect()
    }

    fn connection(&self) -> Vec<Name> {
        let mut all = vec![Name::known("id", "of the connection"), Name::known("label", "how the account is shown")];
        if let Some((file, auth)) = self.sign_in_at() {
            let fields = self.declared_fields(file, auth, "fields").into_iter();
            all.extend(fields.filter(|(_, entry)| is_shown(file, entry)).map(|(name, _)| name));
            let schemes = auth.get("schemes").map(Node::entries).unwrap_or_default();
            for scheme in schemes.iter().map(|it| &it.value).chain([auth]) {
                all.extend(captured(file, scheme, &["callback"]));
                all.extend(captured(file, scheme, &["capture"]));
            }
            all.extend(captured(file, auth, &["after_connect", "capture"]));
        }
        if let Some(connector) = self.connector() {
            all.extend(captured(connector, &connector.root, &["after_connect", "capture"]));
            if connector.root.get("events").is_some() {
                all.push(Name::known("webhook_url", "where the provider sends what happens"));
            }
        }
        all
    }

    fn subscription(&self) -> Vec<Name> {
        let mut all =
            vec![Name::known("key", "of the subscription"), Name::known("secret", "known to us and the provider")];
        if let Some(connector) = self.connector() {
            all.extend(captured(connector, &connector.root, &["events", "subscribe", "output"]));
        }
        all
    }

    /// The output of the event that is waited for.
    fn event(&self, inner: &[&str]) -> Vec<Name> {
        let waited = self.place.innermost(|it| it.node.get("event").is_some()).and_then(|(_, it)| it.node.get("event"));
        let (Some(connector), Some(name)) = (self.connector(), waited.and_then(|it| it.text(&self.file.text))) else {
            return Vec::new();
        };
        let path: Vec<&str> = ["events", "types", name, "output"].into_iter().chain(inner.iter().copied()).collect();
        captured(connector, &connector.root, &path)
    }

    /// The steps that have run before the place, with their file.
    fn steps(&self) -> impl Iterator<Item = (&'a File, &'a Node)> + use<'a> {
        let inside = self.place.innermost(|it| it.entry.is_some_and(|it| it.key == "steps"));
        let (file, steps, ran): (&File, &[Node], usize) = match inside {
            Some((at, steps)) => {
                let current = self.place.levels.get(at + 1).map(|it| it.node.range.start);
                let ran = steps.node.items().iter().filter(|it| Some(it.range.start) < current).count();
                // What undoes a step sees what it gave.
                let undoes = self.place.path().contains(&"undo");
                (self.file, steps.node.items(), ran + usize::from(undoes))
            }
            None => match self.owner().and_then(|(file, it)| Some((file, it.get("steps")?.items()))) {
                Some((file, items)) => (file, items, items.len()),
                None => (self.file, &[], 0),
            },
        };
        steps.iter().take(ran).map(move |it| (file, it))
    }

    fn step_output(&self, id: &str, inner: &[&str]) -> Vec<Name> {
        let found = self.steps().find(|(file, it)| it.get("id").and_then(|it| it.text(&file.text)) == Some(id));
        let Some((file, step)) = found else { return Vec::new() };
        let key = if step.get("set").is_some() { "set" } else { "output" };
        captured(file, step, &[&[key], inner].concat())
    }

    /// What the value at a key can refer to. `None` if it refers to nothing.
    pub(super) fn references(&self) -> Option<Vec<Name>> {
        let last = self.place.last();
        let (section, key) = last.key?;
        let connector = self.connector();
        let of = |path: &[&str], detail: &str| {
            let (Some(file), Some(node)) = (connector, connector.and_then(|it| it.root.at(path))) else {
                return Vec::new();
            };
            node.entries().iter().map(|it| Name::declared(file, it, detail)).collect()
        };
        Some(match (section.name, key.name) {
            (_, "server") => of(&["http", "servers"], "server"),
            (_, "lookup") => of(&["lookups"], "lookup"),
            ("case" | "action", "object") => of(&["objects"], "object"),
            (_, "event") => of(&["events", "types"], "event"),
            ("case" | "call", "action") => of(&["actions"], "action"),
            (_, "auth") if section.name != "connector" => {
                let (file, auth) = self.sign_in_at()?;
                let schemes = auth.get("schemes").map(Node::entries).unwrap_or_default().iter();
                let mut all: Vec<_> = schemes.map(|it| Name::declared(file, it, "sign-in")).collect();
                all.push(Name::known("none", "without sign-in"));
                all
            }
            ("auth", "account") => self.accounts(),
            (_, "scopes") => {
                let account = self.of(FileKind::Account)?;
                let scopes = account.root.get("scopes").map(Node::entries).unwrap_or_default().iter();
                let words = |it: &Entry| it.value.text(&account.text).map(one_line).unwrap_or_default();
                scopes.map(|it| Name { doc: words(it), ..Name::declared(account, it, "scope") }).collect()
            }
            _ => return None,
        })
    }

    /// The field that a `shared` stands for.
    pub(super) fn shared(&self) -> Option<Name> {
        let last = self.place.last();
        let entry = last.entry.filter(|_| last.node.text(&self.file.text) == Some("shared"))?;
        let shared = self.file.root.get("fields")?.entry(&entry.key)?;
        Some(Name::declared(self.file, shared, &kind_of(self.file, &shared.value)))
    }

    fn accounts(&self) -> Vec<Name> {
        let of = |id: &String| {
            let account =
                self.of(FileKind::Account).filter(|it| it.path.file_stem().is_some_and(|it| it == id.as_str()));
            let target = account.map(|it| Target { path: it.path.clone(), range: 0..0 });
            Name { target, ..Name::known(id, "account") }
        };
        self.project.accounts.iter().map(of).collect()
    }

    /// The keys that a mapping with names of somebody's choice can have here: arguments, settings, shared fields.
    pub(super) fn free_keys(&self) -> Vec<Name> {
        let path = self.place.path();
        let last = self.place.last();
        let Some(connector) = self.connector() else { return Vec::new() };
        let parent = self.place.levels.iter().rev().nth(1).map(|it| it.node);
        let named = |key: &str| parent.and_then(|it| it.get(key)).and_then(|it| it.text(&self.file.text));
        match (last.key.map(|(section, key)| (section.name, key.name)), path.as_slice()) {
            (Some(("case" | "call", key @ ("input" | "config"))), _) => {
                let action = named("action").and_then(|it| connector.root.at(&["actions", it]));
                let Some(owner) = action.or_else(|| named("lookup").and_then(|it| connector.root.at(&["lookups", it])))
                else {
                    return Vec::new();
                };
                let mut all = self.declared_fields(connector, owner, key);
                let object = owner.get("object").and_then(|it| it.text(&connector.text));
                if let Some(object) = object.and_then(|it| connector.root.at(&["objects", it])) {
                    all.extend(self.declared_fields(connector, object, if key == "input" { "fields" } else { key }));
                }
                all.into_iter().map(|(name, _)| name).collect()
            }
            (Some(("case", "credentials")), _) => self.sign_in(&[]),
            (Some(("case", "connection")), _) => self.connection(),
            (Some((_, "input" | "config")), _) => {
                let fields = connector.root.get("fields").map(Node::entries).unwrap_or_default();
                fields.iter().map(|it| Name::declared(connector, it, "shared field")).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The keys of the mapping that a path leads to.
fn captured(file: &File, node: &Node, path: &[&str]) -> Vec<Name> {
    let entries = node.at(path).map(Node::entries).unwrap_or_default();
    entries.iter().map(|it| Name::declared(file, it, "kept by this connector")).collect()
}

fn step(file: &File, step: &Node) -> Name {
    let kinds = ["request", "call", "wait", "set", "fail"];
    let kind = kinds.into_iter().find(|it| step.get(it).is_some()).unwrap_or("step");
    let id = step.get("id");
    let name = id.and_then(|it| it.text(&file.text)).unwrap_or_default();
    let target = id.map(|it| Target { path: file.path.clone(), range: it.range.clone() });
    Name { target, ..Name::known(name, &format!("step: {kind}")) }
}

/// The type that a field's schema gives.
fn kind_of(file: &File, schema: &Node) -> String {
    let list = |node: &Node| match &node.kind {
        Kind::List(items) => items.iter().filter_map(|it| it.text(&file.text)).collect::<Vec<_>>().join(" or "),
        _ => node.text(&file.text).unwrap_or_default().to_owned(),
    };
    let kind = schema.get("type").map(list).filter(|it| !it.is_empty()).unwrap_or_else(|| "field".to_owned());
    match schema.get("format").and_then(|it| it.text(&file.text)) {
        Some(format) => format!("{kind} ({format})"),
        None => kind,
    }
}

/// What a root holds.
pub(super) fn meaning(root: &str) -> &'static str {
    match root {
        "input" => "what the agent filled in",
        "config" => "what the builder fixed",
        "connection" => "what is known of the account",
        "steps" => "what the steps before gave",
        "item" => "the entry of `each`",
        "index" => "its number from 0",
        "answer" => "the provider's answer",
        "execution" => "this execution",
        "now" => "the instant",
        "auth" => "the credentials",
        "request" => "the request",
        "record" => "the mapped record",
        "value" => "the value that is written",
        "subscription" => "the subscription",
        "event" => "the event that was waited for",
        "correlate" => "what it is waited for by",
        "id" => "a new id",
        _ => "",
    }
}
