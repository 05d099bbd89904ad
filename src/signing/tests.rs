//! Keys however they are written, what is none, and what they have signed.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use serde_json::{Map, json};

use super::{
    fixtures::{CERTIFICATE, Pair, ed25519, p256, rsa},
    *,
};

#[test]
fn a_key_is_read_however_it_is_written() {
    let pair = rsa();
    // PKCS #8 wraps the PKCS #1 key in 26 bytes, for this size
    let pkcs8 = sections(&pair.pem).remove(0).der.unwrap();
    let pkcs1 = pem("RSA PRIVATE KEY", &pkcs8[26..]);
    for written in [
        pair.pem.clone(),
        pkcs1,
        pair.pem.replace('\n', "\\n"),
        pair.pem.replace('\n', "\\r\\n"),
        pair.pem.replace('\n', "\r\n"),
        pair.pem.trim_end().replace('\n', " "),
        format!("{CERTIFICATE}{}", pair.pem),
        STANDARD.encode(&pair.pem),
        STANDARD.encode(&*pkcs8),
    ] {
        let key = PrivateKey::read(&written).unwrap();
        let signature = key.sign(Algorithm::Rs256, b"a message").unwrap();
        pair.verify("RS256", b"a message", &STANDARD.encode(signature));
    }
    assert!(
        PrivateKey::read(&format!(
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{}",
            p256().pem
        ))
        .is_ok()
    );
    assert!(PrivateKey::read(&ed25519().pem).is_ok());
}

/// Made by `openssl ecparam -genkey`.
#[test]
fn a_key_of_sec_1_is_one_too() {
    let key = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIPt9Zq1BmXq4zvulm+M7RQM+aDnTa/R6Cz7EWIHMYKFxoAoGCCqGSM49AwEHoUQDQgAEIvph7j/di3hDXsQAHyaigpxUcW0MzBisgsFMA0wT26cdRsiKA4c/qmgy9HY2oVCJz4A7e1ZRojcaTNWUCuPwjw==\n-----END EC PRIVATE KEY-----\n";
    let PrivateKey::Ec(algorithm, _) = PrivateKey::read(key).unwrap() else { panic!("a curve's key") };
    assert_eq!(algorithm, Algorithm::Es256);
}

#[test]
fn what_is_no_key_is_told_for_what_it_is() {
    let check = |text: &str, expected: KeyError| assert_eq!(PrivateKey::read(text).err(), Some(expected), "{text}");
    check("", KeyError::NotAKey);
    check("s3cret", KeyError::NotAKey);
    check("-----BEGIN PRIVATE KEY-----", KeyError::NotAKey);
    check(&pem("PRIVATE KEY", b"nothing"), KeyError::Unusable);
    check(&pem("PUBLIC KEY", b"nothing"), KeyError::Public);
    check(&pem("ENCRYPTED PRIVATE KEY", b"nothing"), KeyError::Locked);
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----";
    check(old, KeyError::Locked);
    check(CERTIFICATE, KeyError::Certificate);
}

#[test]
fn the_two_numbers_of_a_curve_become_der() {
    let mut signature = [0; 64];
    (signature[31], signature[32], signature[63]) = (1, 0x80, 2);
    let mut expected = vec![0x30, 3 + 2 + 33, 2, 1, 1, 2, 33, 0, 0x80];
    expected.extend([0; 30]);
    expected.push(2);
    assert_eq!(as_der(&signature), expected);
}

#[test]
fn what_a_token_claims_can_be_read() {
    assert_eq!(claims("e30.eyJhIjoxfQ.x").unwrap()["a"], 1);
    for text in ["", "a.b", "e30.W10.x", "e30.eyJhIjoxfQ==="] {
        assert_eq!(claims(text).is_some(), text.ends_with('='), "{text}");
    }
}

fn signed(pair: &Pair, algorithm: Algorithm) -> Vec<u8> {
    PrivateKey::read(&pair.pem).unwrap().sign(algorithm, b"a message").unwrap()
}

#[test]
fn a_public_key_is_read_however_it_is_written_and_knows_what_it_has_signed() {
    let (rsa, other, p256, ed25519) = (rsa(), rsa(), p256(), ed25519());
    let check = |text: &str, pair: &Pair, algorithm: Algorithm| {
        let key = PublicKey::read(text, algorithm).unwrap();
        let signature = signed(pair, algorithm);
        assert!(key.has_signed(b"a message", &signature), "{text}");
        assert!(!key.has_signed(b"a massage", &signature) && !key.has_signed(b"a message", b""), "{text}");
        assert!(!key.has_signed(b"a message", &signature[1..]), "{text}");
    };
    for written in [
        rsa.public_pem.clone(),
        pem("RSA PUBLIC KEY", &rsa.public),
        rsa.public_pem.replace('\n', "\\n"),
        rsa.public_pem.replace('\n', " "),
        STANDARD.encode(&rsa.public_pem),
        STANDARD.encode(&rsa.public),
        // while one takes the other's place
        format!("{}{}", other.public_pem, rsa.public_pem),
    ] {
        for algorithm in [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512, Algorithm::Ps256, Algorithm::Ps512] {
            check(&written, &rsa, algorithm);
        }
    }
    check(&p256.public_pem, &p256, Algorithm::Es256);
    let der = as_der(&signed(&p256, Algorithm::Es256));
    assert!(PublicKey::read(&p256.public_pem, Algorithm::Es256).unwrap().has_signed(b"a message", &der));
    for written in [ed25519.public_pem.clone(), hex(&ed25519.public), STANDARD.encode(&ed25519.public)] {
        check(&written, &ed25519, Algorithm::EdDsa);
    }
    assert!(
        !PublicKey::read(&other.public_pem, Algorithm::Rs256)
            .unwrap()
            .has_signed(b"a message", &signed(&rsa, Algorithm::Rs256))
    );
}

#[test]
fn what_is_no_public_key_is_told_for_what_it_is() {
    let check = |text: &str, algorithm: Algorithm, expected: PublicKeyError| {
        assert_eq!(PublicKey::read(text, algorithm).err(), Some(expected), "{text}");
    };
    let (rsa, p256) = (rsa(), p256());
    check("", Algorithm::Rs256, PublicKeyError::NotAKey);
    check("s3cret", Algorithm::Rs256, PublicKeyError::NotAKey);
    check(&rsa.pem, Algorithm::Rs256, PublicKeyError::Private);
    check(CERTIFICATE, Algorithm::Es256, PublicKeyError::Certificate);
    check(&pem("PUBLIC KEY", b"nothing"), Algorithm::Rs256, PublicKeyError::Unfit { algorithm: "RS256" });
    check(&rsa.public_pem, Algorithm::Es256, PublicKeyError::Unfit { algorithm: "ES256" });
    check(&p256.public_pem, Algorithm::Rs256, PublicKeyError::Unfit { algorithm: "RS256" });
    check(&p256.public_pem, Algorithm::Es384, PublicKeyError::Unfit { algorithm: "ES384" });
    // whoever knows the public key could sign so
    check(&rsa.public_pem, Algorithm::Hs256, PublicKeyError::Unfit { algorithm: "HS256" });
    assert!(is_public_key(&rsa.public_pem) && is_public_key(&p256.public_pem) && !is_public_key(&rsa.pem));
}

#[test]
fn a_token_is_judged_by_the_keys_that_its_owner_publishes() {
    let (rsa, other, p256) = (rsa(), rsa(), p256());
    let mut encrypts = other.jwk("enc");
    encrypts["use"] = "enc".into();
    let set = json!({"keys": [
        {"kty": "oct", "kid": "shared", "k": "c2VjcmV0"}, {"kty": "EC", "crv": "secp256k1"}, {}, 7,
        encrypts, rsa.jwk("one"), p256.jwk("two"),
        {"kty": "OKP", "crv": "Ed25519", "kid": "long", "x": "A".repeat(4_000)},
    ]});
    let keys = KeySet::read(&set).unwrap();
    let judge = |token: &str, algorithm: Algorithm| keys.judge(&Token::read(token).unwrap(), algorithm);
    let claims = json!({"iss": "it"});
    let by = |pair: &Pair, id: Option<&str>| pair.token(Algorithm::Rs256, id, &claims);
    assert_eq!(judge(&by(&rsa, Some("one")), Algorithm::Rs256), Verdict::Signed);
    assert_eq!(judge(&by(&rsa, None), Algorithm::Rs256), Verdict::Signed);
    assert_eq!(judge(&p256.token(Algorithm::Es256, Some("two"), &claims), Algorithm::Es256), Verdict::Signed);
    assert_eq!(judge(&by(&other, Some("one")), Algorithm::Rs256), Verdict::NotSigned);
    assert_eq!(judge(&by(&rsa, Some("two")), Algorithm::Rs256), Verdict::NotSigned, "a key for something else");
    for unknown in [by(&other, Some("enc")), by(&rsa, Some("long")), by(&rsa, Some("three")), by(&other, None)] {
        assert_eq!(judge(&unknown, Algorithm::Rs256), Verdict::UnknownKey);
    }
    let changed = by(&rsa, Some("one")).replace(".ey", ".eyA");
    assert!(Token::read(&changed).is_none_or(|it| keys.judge(&it, Algorithm::Rs256) == Verdict::NotSigned));
    for set in [json!([]), json!({}), json!({"keys": 1})] {
        assert!(KeySet::read(&set).is_none(), "{set}");
    }
}

/// The usual ways around a signature.
#[test]
fn which_algorithm_it_is_by_is_not_for_the_token_to_say() {
    let rsa = rsa();
    let keys = KeySet::read(&json!({"keys": [rsa.jwk("one")]})).unwrap();
    let header = |it: serde_json::Value| it.as_object().unwrap().clone();
    let id = header(json!({"kid": "one"}));
    // signed by what everybody knows
    for secret in [rsa.public_pem.as_bytes(), &rsa.public] {
        let token = jwt(&json!({}), &id, Algorithm::Hs256, secret).unwrap();
        assert_eq!(keys.judge(&Token::read(&token).unwrap(), Algorithm::Rs256), Verdict::NotSigned);
    }
    // by another algorithm of the same key
    let token = rsa.token(Algorithm::Ps256, Some("one"), &json!({}));
    assert_eq!(keys.judge(&Token::read(&token).unwrap(), Algorithm::Rs256), Verdict::NotSigned);
    // not at all: {"alg":"none"}.{}
    for token in ["eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJub25lIn0.e30"] {
        assert!(Token::read(token).is_none_or(|it| keys.judge(&it, Algorithm::Rs256) != Verdict::Signed), "{token}");
    }
    // by a key that it brings along
    let own = header(json!({"kid": "one", "jwk": rsa.jwk("one"), "jku": "https://evil.example/keys"}));
    let token = jwt(&json!({}), &own, Algorithm::Rs256, fixtures::rsa().pem.as_bytes()).unwrap();
    assert_eq!(keys.judge(&Token::read(&token).unwrap(), Algorithm::Rs256), Verdict::NotSigned);
    // with what it wants us to understand
    let critical = header(json!({"crit": ["b64"], "b64": false}));
    let token = jwt(&json!({}), &critical, Algorithm::Rs256, rsa.pem.as_bytes()).unwrap();
    assert!(Token::read(&token).is_none());
    let long = jwt(&json!({"a": "a".repeat(20_000)}), &Map::new(), Algorithm::Rs256, rsa.pem.as_bytes()).unwrap();
    assert!(Token::read(&long).is_none());
    for text in ["", ".", "..", "a.b.c", "e30.W10.", "e30.e30.!"] {
        assert!(Token::read(text).is_none(), "{text}");
    }
}
