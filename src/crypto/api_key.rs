//! API keys, `key_01h455vb4pex5vsknk084sn02q.<43 characters>`, and operators' keys, `ops_…`. The first part finds the key, the
//! digest of the second proves it.

use super::{Digest, random_token};
use crate::base::{
    Random, Secret,
    id::{Id, Kind},
};

/// Makes a key: its text, which is shown once, and the digest to store.
pub fn issue<K: Kind>(id: Id<K>, random: &dyn Random) -> (Secret, Digest) {
    let token = random_token(random);
    (Secret::new(format!("{id}.{}", token.expose())), Digest::of(token.expose()))
}

/// Takes a presented key apart; `None` if it can't be one.
pub fn parse<K: Kind>(text: &str) -> Option<(Id<K>, Digest)> {
    let (id, token) = text.split_once('.')?;
    Some((id.parse().ok()?, Digest::of(token)))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{
        base::{
            ApiKeyId,
            id::{ApiKey, OperatorKey},
        },
        system::SystemRandom,
    };

    #[test]
    fn a_presented_key_is_compared_by_its_digest() {
        let id = ApiKeyId::new(Timestamp::UNIX_EPOCH, &SystemRandom);
        let (text, digest) = issue(id, &SystemRandom);
        assert_eq!(parse(text.expose()), Some((id, digest)));
        assert_ne!(parse(&format!("{}x", text.expose())), Some((id, digest)));
        for wrong in ["", "key_", "no.dot", &text.expose().replace('.', "_")] {
            assert_eq!(parse::<ApiKey>(wrong), None);
        }
        assert_eq!(parse::<OperatorKey>(text.expose()), None, "of another kind");
    }
}
