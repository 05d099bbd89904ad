//! The machine's own doors: its clock and its randomness.

mod clock;
mod random;

pub use clock::SystemClock;
pub use random::SystemRandom;
