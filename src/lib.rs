//! Closeloop: YAML connectors become actions that an AI agent can call.
//!
//! The layers, from the top; an arrow only ever points down (`docs/architecture.md`):
//!
//! ```text
//! cli · api                 what people and programs touch
//! runtime                   calls, executions, idempotency
//! catalog · connections     connectors loaded │ OAuth flows, tokens
//! testing                   runs a connector's own tests
//! interpreter               runs a compiled plan over a transport
//! transport · auth          outbound HTTP with its guard │ schemes that sign and refresh
//! store · crypto            SQLite │ sealed credentials
//! spec                      YAML → checked, compiled connector, with diagnostics
//! expr · format             values, templates, paths, escaping │ XML, iCalendar, forms
//! yaml · diag · wire · base text to trees │ diagnostics │ words everyone uses
//! ```
#![forbid(unsafe_code)]

pub mod api;
pub mod app;
pub mod auth;
pub mod base;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod connections;
pub mod crypto;
pub mod diag;
pub mod expr;
pub mod format;
pub mod interpreter;
pub mod runtime;
pub mod spec;
pub mod store;
pub mod system;
pub mod testing;
pub mod transport;
pub mod wire;
pub mod yaml;
