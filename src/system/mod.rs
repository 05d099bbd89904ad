//! The machine's own doors: its clock and its randomness.

mod clock;
mod random;
#[cfg(test)]
pub(crate) mod simulation;

pub use clock::SystemClock;
pub use random::SystemRandom;
