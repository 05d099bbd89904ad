//! Calls and executions.

pub mod functions;
pub mod redact;
pub mod trace;
