//! Providers that behave as their documentation and their users say, on loopback.
//!
//! They hold real state, check what they are sent, keep a log, and fail on demand: a test asks them what happened rather than what was said.

pub(crate) mod calendly;
mod consent;
pub(crate) mod google;
pub(crate) mod midtrans;
pub(crate) mod outlook;
