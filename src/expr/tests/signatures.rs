//! Digests, signatures and JSON Web Tokens as connectors write them.

use serde_json::{Value as Json, json};

use super::eval;
use crate::{
    expr::Scope,
    signing::fixtures::{CERTIFICATE, ed25519, p256, rsa},
};

fn with(auth: Json) -> Scope {
    let mut scope = Scope::new();
    scope.set("auth", auth);
    scope.set_instant("now", "2026-11-22T02:30:00Z".parse().expect("an instant"));
    scope
}

#[track_caller]
fn gives(source: &str, auth: Json) -> String {
    let value = eval(source, &with(auth)).unwrap_or_else(|it| panic!("{source}: {it}"));
    value.and_then(|it| it.as_str().map(str::to_owned)).expect("text")
}

#[track_caller]
fn check_refused(source: &str, auth: Json, expected: &str) {
    let message = eval(source, &with(auth)).expect_err(source);
    assert_eq!(message.split_once("}}`: ").map(|(_, it)| it), Some(expected), "{source}");
}

#[test]
fn digests_of_text_and_of_what_it_stands_for() {
    for (source, expected) in [
        ("'abc' | digest('md5')", "900150983cd24fb0d6963f7d28e17f72"),
        ("'abc' | digest('md5', 'base64')", "kAFQmDzST7DWlj99KOF/cg=="),
        (
            "'abc' | digest('sha384')",
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        ),
        ("'616263' | digest('sha1', text_is='hex')", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("'YWJj' | digest('sha1', text_is='base64')", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    ] {
        assert_eq!(gives(source, json!({})), expected, "{source}");
    }
    let problem = "`digest`: the text is not what `text_is` says";
    check_refused("'abc' | digest('sha1', text_is='hex')", json!({}), problem);
    check_refused("'zz' | digest('sha1', text_is='hex')", json!({}), problem);
}

/// How a key is derived for a day, a region and a service: the example in that provider's documentation.
#[test]
fn a_key_can_be_derived_step_by_step() {
    let chained = "'aws4_request' | hmac('sha256', 'iam' | hmac('sha256', 'us-east-1' | hmac('sha256', '20150830' \
                   | hmac('sha256', 'AWS4' ~ auth.secret), key_is='hex'), key_is='hex'), key_is='hex')";
    let auth = json!({"secret": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"});
    assert_eq!(gives(chained, auth), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    let bytes = json!({"secret": "SmVmZQ=="});
    let source = "'what do ya want for nothing?' | hmac('sha256', auth.secret, 'hex', key_is='base64')";
    assert_eq!(gives(source, bytes), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

#[test]
fn every_algorithm_signs_what_its_public_key_verifies() {
    for (pair, algorithms) in [
        (rsa(), &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"][..]),
        (p256(), &["ES256"]),
        (ed25519(), &["EdDSA"]),
    ] {
        for algorithm in algorithms {
            let auth = json!({"key": pair.pem});
            let signature = gives(&format!("'a message' | sign('{algorithm}', auth.key)"), auth.clone());
            pair.verify(algorithm, b"a message", &signature);
            let token = gives(&format!("jwt({{'sub': 'x'}}, auth.key, '{algorithm}')"), auth);
            let (signed, signature) = token.rsplit_once('.').expect("three parts");
            pair.verify(algorithm, signed.as_bytes(), signature);
        }
    }
    let pair = p256();
    let der = gives("'a message' | sign('ES256', auth.key, der=true)", json!({"key": pair.pem}));
    pair.verify("ES256 DER", b"a message", &der);
}

#[test]
fn a_token_is_as_the_documentation_of_its_format_has_it() {
    let claims = "{'sub': '1234567890', 'name': 'John Doe', 'iat': 1516239022, 'left': auth.nothing}";
    let token = gives(&format!("jwt({claims}, auth.secret, 'HS256')"), json!({"secret": "your-256-bit-secret"}));
    let expected = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c";
    assert_eq!(token, expected);
    let hex = gives(
        &format!("jwt({claims}, auth.secret, 'HS256', key_is='hex')"),
        json!({"secret": "796f75722d3235362d6269742d736563726574"}),
    );
    assert_eq!(hex, expected, "the same key in hex");

    let header =
        "jwt({'exp': (now | epoch) + 300}, auth.secret, 'HS256', header={'kid': 'k1', 'typ': 'at+jwt', 'alg': 'none'})";
    let token = gives(header, json!({"secret": "s"}));
    assert!(
        token.starts_with("eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImsxIn0.eyJleHAiOjE3OTUzMTQ5MDB9."),
        "{token}"
    );
}

#[test]
fn a_key_that_is_none_is_told_without_showing_it() {
    let refused = |key: &str, why: &str| {
        check_refused("'a' | sign('RS256', auth.key)", json!({"key": key}), &format!("`sign`: `key` {why}"));
        check_refused("jwt({'a': 1}, auth.key, 'RS256')", json!({"key": key}), &format!("`jwt`: `key` {why}"));
    };
    refused("s3cret", "is not a private key in PEM, which begins with `-----BEGIN PRIVATE KEY-----`");
    refused(&p256().pem, "is a P-256 key, which can't sign by `RS256`");
    refused(&ed25519().pem, "is an Ed25519 key, which can't sign by `RS256`");
    refused(CERTIFICATE, "is a certificate, and the private key that belongs to it is needed");
    check_refused(
        "jwt({}, auth.key, 'ES256')",
        json!({"key": rsa().pem}),
        "`jwt`: `key` is an RSA key, which can't sign by `ES256`",
    );
    check_refused("jwt({}, auth.key, 'HS256')", json!({"key": ""}), "`jwt`: `key` is empty");
}

#[test]
fn a_fingerprint_is_that_of_the_bytes_of_the_certificate() {
    let auth = || json!({"certificate": CERTIFICATE});
    assert_eq!(gives("auth.certificate | fingerprint('sha1')", auth()), crate::signing::fixtures::CERTIFICATE_SHA1);
    let x5t = gives("auth.certificate | fingerprint('sha1', 'base64url')", auth());
    assert_eq!(x5t.len(), 27, "{x5t}");
    check_refused(
        "auth.certificate | fingerprint",
        json!({"certificate": "none"}),
        "`fingerprint`: the text is not a certificate in PEM",
    );
}
