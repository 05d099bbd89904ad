//! Real programs that tests talk to.

pub(crate) mod python;
pub(crate) mod radicale;
