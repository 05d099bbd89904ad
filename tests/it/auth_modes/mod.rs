//! What docs/auth.md shows, against a provider that enforces it: each test takes the YAML of a section of that page, connects
//! an account and calls an action, and the provider refuses whatever is not as the section says.

mod around;
mod bench;
mod calls;
mod certificates;
mod consents;
mod coverage;
mod grants;
mod introduction;
mod keys;
mod lifetimes;
mod provider;
mod recipes;
mod returns;
mod several;
mod signatures;

pub(crate) use bench::{Bench, StandingClock};
pub(crate) use provider::{Answer, Asked, Reply, me, signed_in, token};
