//! What makes a delivery believable.

use std::time::Duration;

use super::Lower;
use crate::{
    diag::{Diagnostic, codes},
    expr::{Piece, Text},
    signing::{Algorithm, PublicKey, PublicKeyError},
    spec::{
        Compared, Jwt, Keys, Signature, Url, Verification, hosts,
        keys::{JWT, SIGNATURE, VERIFICATION},
    },
    yaml::{Node, Reader},
};

/// How far from now a delivery may say that it was written.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

impl Lower<'_> {
    /// `verify`, of which there may be several.
    pub(super) fn verifications(&mut self, nodes: &[Node]) -> Vec<Verification> {
        let mut all: Vec<Verification> = Vec::new();
        for node in nodes {
            let reader = Reader::open(node, &VERIFICATION, self.diagnostics);
            let Some(verification) = reader.and_then(|it| self.verification(&it)) else { continue };
            if let Some(before) = all.last().filter(|it| it.when.is_none()) {
                let message = "this is for no delivery: what stands before it is for all of them";
                self.report(
                    Diagnostic::error(codes::UNREACHABLE, node.span, message)
                        .note(before.span, "this one has no `when`")
                        .help("give each but the last a `when`, over `request`"),
                );
            }
            all.push(verification);
        }
        all
    }

    fn verification(&mut self, reader: &Reader<'_>) -> Option<Verification> {
        let proofs = ["given", "expected", "signature", "jwt"];
        let none = !proofs.iter().any(|it| reader.has(it));
        if none {
            let message = "this does not say what a delivery is believed for";
            self.report(
                Diagnostic::error(codes::MISSING_KEY, reader.at(), message)
                    .help("add `given` with `expected`, a `signature`, or a `jwt`"),
            );
        }
        for (one, other) in [("given", "expected"), ("expected", "given")] {
            if let Some(entry) = reader.entry(one).filter(|_| !reader.has(other)) {
                let message = format!("`{one}` is compared with `{other}`, which is missing");
                self.report(Diagnostic::error(codes::MISSING_KEY, entry.key_span, message));
            }
        }
        let before = self.errors();
        let (given, expected) = (self.text_at(reader, "given"), self.text_at(reader, "expected"));
        // What can't be read is told; what it would be made of is not known.
        let is_read = self.errors() == before;
        let compared = given.zip(expected).filter(|_| is_read).map(|(given, expected)| Compared { given, expected });
        let signature = reader.section("signature", &SIGNATURE, self.diagnostics);
        let jwt = reader.section("jwt", &JWT, self.diagnostics);
        if !reader.has("timestamp") && jwt.is_none() {
            self.misplaced(reader, &["tolerance"], "means nothing without `timestamp` or `jwt`");
        }
        let mut verification = Verification {
            span: reader.at(),
            when: self.expr_at(reader, "when"),
            compared,
            signature: signature.and_then(|it| self.signature(&it)),
            jwt: jwt.and_then(|it| self.jwt(&it)),
            timestamp: self.expr_at(reader, "timestamp"),
            tolerance: reader.duration("tolerance", self.diagnostics).unwrap_or(TOLERANCE),
            secrets: Vec::new(),
        };
        let expected = verification.compared.iter().map(|it| &it.expected);
        verification.secrets =
            expected.chain(verification.given_keys().map(|(key, _)| key)).flat_map(secrets).collect();
        (!none).then_some(verification)
    }

    fn signature(&mut self, reader: &Reader<'_>) -> Option<Signature> {
        let [given, over, key] = ["given", "over", "key"].map(|it| self.text_at(reader, it));
        let hex = reader.word("encoding", self.diagnostics) == Some("hex");
        let algorithm = reader.word("algorithm", self.diagnostics).and_then(Algorithm::of)?;
        let key = key?;
        self.refuse_written_key(&key, algorithm);
        Some(Signature { given: given?, hex, over: over?, algorithm, key })
    }

    fn jwt(&mut self, reader: &Reader<'_>) -> Option<Jwt> {
        let [given, issuer, audience] = ["given", "issuer", "audience"].map(|it| self.text_at(reader, it));
        let algorithm = reader.word("algorithm", self.diagnostics).and_then(Algorithm::of);
        let entry = reader.exactly_one(&["keys_url", "key"], self.diagnostics)?;
        let keys = if entry.key == "key" {
            let key = self.text(&entry.value, "key");
            algorithm.into_iter().for_each(|it| self.refuse_written_key(&key, it));
            Keys::Given(key)
        } else {
            let url: Url = self.url(&entry.value, "keys_url")?;
            self.facts.hosts.extend(url.texts().filter_map(hosts::literal));
            Keys::At(url)
        };
        Some(Jwt { given: given?, algorithm: algorithm?, keys, issuer, audience })
    }

    /// A public key may be written out, since everybody may know it; one that can't be used never lets anything in.
    fn refuse_written_key(&mut self, key: &Text, algorithm: Algorithm) {
        let Some(Err(why)) = key.as_literal().filter(|it| !it.is_empty()).map(|it| PublicKey::read(it, algorithm))
        else {
            return;
        };
        let code = if why == PublicKeyError::Private { codes::WRITTEN_KEY } else { codes::BAD_VALUE };
        self.report(
            Diagnostic::error(code, key.span, format!("`key` {why}"))
                .help("write the provider's public key, or take a field of the form: `{{ auth.provider_key }}`"),
        );
    }
}

/// `auth.<field>` and `subscription.secret`, as far as `text` reads them.
fn secrets(text: &Text) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for piece in &text.pieces {
        let Piece::Expr(expr) = piece else { continue };
        for name in &expr.names {
            if let [root, part, ..] = name.path.as_slice()
                && (root == "auth" || (root == "subscription" && part == "secret"))
            {
                found.push((root.clone(), part.clone()));
            }
        }
    }
    found
}
