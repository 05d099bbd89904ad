//! What `auth` holds at a place: the fields, and what a token call sees and keeps.

use super::{
    File, FileKind,
    names::{Name, Names},
    outline::{Entry, Node},
};
use crate::spec;

/// The lists of requests that a scheme may have, each of which may keep something for those after it.
const LISTS: &[&[&str]] = &[&["exchange", "steps"], &["steps"], &["then"], &["refresh", "steps"], &["revoke", "steps"]];

/// What a provider is found by.
const FINDS: &[&str] = &["issuer", "resource"];

/// What is asked before a consent, whose names are gone when it is over.
const BEFORE: &[&str] = &["before"];

impl<'a> Names<'a> {
    /// Where the sign-in is written: the account's file, or `auth` of the connector.
    pub(super) fn sign_in_at(&self) -> Option<(&'a File, &'a Node)> {
        if let Some(account) = self.of(FileKind::Account) {
            return Some((account, &account.root));
        }
        let connector = self.connector()?;
        Some((connector, connector.root.get("auth")?))
    }

    /// What `auth`, or a part of it, holds.
    pub(super) fn sign_in(&self, inner: &[&str]) -> Vec<Name> {
        let Some((file, auth)) = self.sign_in_at() else { return Vec::new() };
        let scheme = self.scheme().filter(|_| inner.is_empty());
        let is_seen = scheme.as_ref().is_some_and(|it| matches!(it.key, "authorize_url" | "params"));
        let fields = self.declared_fields(file, auth, "fields").into_iter();
        let fields = fields.filter(|(_, entry)| !is_seen || is_shown(file, entry)).collect();
        let mut all = self.inside(file, fields, inner);
        if inner.is_empty() && !is_seen {
            all.push(Name::known("token", "the token, once there is one"));
        }
        all.extend(scheme.into_iter().flat_map(|it| it.names(self.file)));
        all
    }

    /// The scheme that the place is in.
    fn scheme(&self) -> Option<Scheme<'a>> {
        let path = self.place.path();
        let (auth, path) = match (self.file.kind, path.as_slice()) {
            (FileKind::Account, path) => (&self.file.root, path),
            (FileKind::Connector, ["auth", path @ ..]) => (self.file.root.get("auth")?, path),
            _ => return None,
        };
        let (node, inner) = match path {
            ["schemes", name, inner @ ..] => (auth.at(&["schemes", name])?, inner),
            inner => (auth, inner),
        };
        let here = self.place.last().node.range.start;
        Some(Scheme { node, key: inner.first()?, keeps: inner.contains(&"keep"), here })
    }
}

/// A scheme, and where in it the place is.
struct Scheme<'a> {
    node: &'a Node,
    /// Which key's value it is in.
    key: &'a str,
    /// Whether it says what is kept of an answer.
    keeps: bool,
    here: usize,
}

impl Scheme<'_> {
    /// What is in `auth` there beside the fields and the token.
    fn names(&self, file: &File) -> Vec<Name> {
        let [client, given, consent] = ["client", "given", "consent"].map(spec::parts_of);
        let own = ["nonce", "refresh_token", "client_assertion"];
        let finds = FINDS.iter().any(|it| self.node.get(it).is_some());
        let found = if finds { spec::FOUND } else { &[] };
        let (known, kept): (Vec<&[&str]>, _) = match self.key {
            key @ ("register" | "register_params") => {
                (vec![found, &["redirect_uri", "scope"]], self.kept(file, &[key, "steps"], self.here))
            }
            "authorize_url" | "params" => (vec![consent, found], self.kept(file, BEFORE, usize::MAX)),
            "before" => (vec![client, consent, found], self.kept(file, BEFORE, self.here)),
            "exchange" | "request" | "steps" | "then" => {
                let kept = self.of_lists(file, self.here);
                let renews = self.key == "then" || self.keeps || !kept.is_empty() || self.node.get("from").is_some();
                let more = if renews { &own[1..2] } else { &[] };
                (
                    vec![client, given, more, found],
                    self.kept(file, BEFORE, usize::MAX).into_iter().chain(kept).collect(),
                )
            }
            "token_url" | "refresh_url" | "revoke_url" => (vec![&client[..1], found], Vec::new()),
            key @ ("refresh" | "revoke") => {
                (vec![client, &own[1..2], found], self.kept(file, &[key, "steps"], self.here))
            }
            "token" | "capture" => (vec![client, &own[1..2]], self.of_lists(file, usize::MAX)),
            "headers" | "query" | "body" | "path" | "fill" => (vec![&own[..1]], self.of_lists(file, usize::MAX)),
            "token_params" | "token_headers" | "refresh_params" => {
                (vec![client, given, &own[1..], found], self.kept(file, BEFORE, usize::MAX))
            }
            _ => return Vec::new(),
        };
        let mut all = kept;
        for name in known.concat() {
            if !all.iter().any(|it| it.name == name) {
                all.push(Name::known(name, meaning(name)));
            }
        }
        all
    }

    fn of_lists(&self, file: &File, until: usize) -> Vec<Name> {
        LISTS.iter().flat_map(|it| self.kept(file, it, until)).collect()
    }

    /// What the requests of a list keep that stand before a byte.
    fn kept(&self, file: &File, list: &[&str], until: usize) -> Vec<Name> {
        let steps = self.node.at(list).map(Node::items).unwrap_or_default();
        let earlier = steps.iter().filter(|it| it.range.end <= until);
        let kept = earlier.flat_map(|it| it.get("keep").map(Node::entries).unwrap_or_default());
        kept.map(|it| Name::declared(file, it, "kept by an earlier request")).collect()
    }
}

/// Whether everybody may see a field.
pub(super) fn is_shown(file: &File, field: &Entry) -> bool {
    field.value.get("secret").and_then(|it| it.text(&file.text)) == Some("false")
}

/// What a name is that is in `auth` without having been declared.
fn meaning(name: &str) -> &'static str {
    match name {
        "client_id" => "of the app that is registered at the provider",
        "client_secret" => "the secret of that app",
        "nonce" => "made anew for each request",
        "code" => "what a consent gave, to be exchanged",
        "state" => "by which a consent is known when it comes back",
        "redirect_uri" => "where a consent comes back to",
        "code_verifier" => "what `code_challenge` was made of (PKCE)",
        "code_challenge" => "the digest of `code_verifier` (PKCE)",
        "scope" => "the scopes that are asked for",
        "refresh_token" => "what the next token is got with",
        "issuer" => "who issues the tokens, as its metadata says",
        "resource" => "what the tokens are for, as its metadata says",
        "token_endpoint_auth_method" => "how the client shows itself, as both know",
        found if spec::FOUND.contains(&found) => "an address that the provider's metadata tells",
        "client_assertion" => "the JWT by which the client authenticates",
        _ => "",
    }
}
