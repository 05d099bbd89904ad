//! Tokens that come back from outside and are all that comes: `org_01h455vb4pex5vsknk084sn02q.<43 characters>`. The first part
//! tells whose it is, so that it is looked up where the org's rows are; the second nobody can guess.

use super::random_token;
use crate::base::{OrgId, Random, Secret};

/// Makes a token.
pub fn issue(org: OrgId, random: &dyn Random) -> Secret {
    Secret::new(format!("{org}.{}", random_token(random).expose()))
}

/// Whose a token says that it is; `None` if it doesn't say.
pub fn org(token: &str) -> Option<OrgId> {
    token.split_once('.')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::system::SystemRandom;

    #[test]
    fn a_token_says_whose_it_is_and_is_another_each_time() {
        let of = OrgId::new(Timestamp::UNIX_EPOCH, &SystemRandom);
        let (one, two) = (issue(of, &SystemRandom), issue(of, &SystemRandom));
        assert_eq!((org(one.expose()), org(two.expose())), (Some(of), Some(of)));
        assert_ne!(one.expose(), two.expose());
        for other in ["", ".", "no-dot", "key_01h455vb4pex5vsknk084sn02q.x"] {
            assert_eq!(org(other), None, "{other}");
        }
    }
}
