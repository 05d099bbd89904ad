//! Several engines, each a real process, that are one engine together.

pub(crate) mod fleet;
mod servers;
