//! Whether a failed write may have happened all the same.

use crate::base::{Code, Effect};

/// Whether a write that was answered so may have taken effect all the same.
///
/// A 4xx says that the provider looked at the request and refused it. A 5xx says only that something broke: a gateway that
/// gives up (502, 504) doesn't know what the server behind it went on to do, and a server that fails (500, 503) may have
/// failed after the write. So a 5xx on a write is never taken for "nothing happened", unless the step's own rules, which were
/// written for this very request, say what it means. The connector's and the account's rules are written for reads as well.
/// Nor does a redirect that isn't followed: many servers redirect to show what they have just made.
pub(super) fn is_unsure(effect: Effect, status: u16, code: Code, by_step: bool) -> bool {
    if effect == Effect::Read {
        return false;
    }
    match code {
        Code::UnknownOutcome => true,
        Code::Unavailable | Code::Timeout | Code::ProviderError => matches!(status, 300..=399 | 500..) && !by_step,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_answer_to_a_write_proves_nothing() {
        use Effect::*;
        assert!(is_unsure(Write, 503, Code::Unavailable, false));
        assert!(is_unsure(Money, 504, Code::Timeout, false));
        assert!(is_unsure(Delete, 500, Code::ProviderError, false), "a general rule doesn't make it sure");
        assert!(is_unsure(Write, 200, Code::UnknownOutcome, true), "the provider itself says so");
        assert!(!is_unsure(Write, 503, Code::Unavailable, true), "the step's own rule knows");
        assert!(!is_unsure(Write, 500, Code::Declined, false), "a definite meaning");
        assert!(!is_unsure(Write, 408, Code::Timeout, false), "the provider never got the whole request");
        assert!(is_unsure(Write, 303, Code::ProviderError, false), "to what was made, perhaps");
        assert!(!is_unsure(Write, 302, Code::ProviderError, true), "the step's own rule knows");
        assert!(!is_unsure(Write, 429, Code::RateLimited, false));
        assert!(!is_unsure(Read, 503, Code::Unavailable, false));
    }
}
