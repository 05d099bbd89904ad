use super::{Hash, private_key::der_of};

const LABEL: &str = "CERTIFICATE";

/// Whether `text` holds a certificate in PEM. Whether it can be used, whoever it is shown to decides.
pub fn is_certificate(text: &str) -> bool {
    // a certificate is a sequence
    der_of(text, LABEL).is_some_and(|it| it.first() == Some(&0x30))
}

/// The digest of the first certificate in `text`, as `x5t` (RFC 7515 §4.1.7) has it before its encoding.
pub fn fingerprint(text: &str, hash: Hash) -> Option<Vec<u8>> {
    der_of(text, LABEL).map(|der| hash.digest(&der))
}
