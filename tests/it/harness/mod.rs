//! Real programs that tests talk to.

mod engine;
pub(crate) mod python;
pub(crate) mod radicale;
pub(crate) use engine::{Client, Options, TestApp};
