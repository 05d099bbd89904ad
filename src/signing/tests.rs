//! Keys however they are written, and what is none.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    fixtures::{CERTIFICATE, ed25519, p256, rsa},
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
