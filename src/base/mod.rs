//! Words that every layer uses.

pub mod clock;
pub mod code;
pub mod secret;

pub use clock::Clock;
pub use code::{Code, Effect};
pub use secret::Secret;
