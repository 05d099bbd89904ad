//! Closeloop: YAML connectors become actions that an AI agent can call.
//!
//! The layers, from the top; an arrow only ever points down (`docs/architecture.md`):
//!
//! ```text
//! cli                               the commands
//! app                               puts everything together
//! api · config                      the HTTP surface │ settings
//! runtime                           calls, executions, idempotency
//! catalog · connections · testing   connectors loaded │ accounts and their tokens │ a connector's own tests
//! coordination · delivery           what replicas share │ what providers send unasked
//! interpreter · store               runs a compiled plan over a transport │ what must survive
//! auth · transport                  schemes that sign and renew │ outbound HTTP with its guard, sandbox, dry, script
//! editor · import                   what an editor asks while one writes │ connectors made from descriptions and commands
//! crypto · system                   sealed credentials, API keys │ the real clock and randomness
//! spec                              YAML → checked, compiled connector, with diagnostics
//! expr · format · yaml              values, templates, paths, escaping │ XML, iCalendar, forms │ text to trees
//! base · wire · diag · signing      words everyone uses │ HTTP messages as data │ mistakes as values │ signatures
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
pub mod coordination;
pub mod crypto;
pub mod delivery;
pub mod diag;
pub mod editor;
pub mod expr;
pub mod format;
pub mod import;
pub mod interpreter;
pub mod runtime;
pub mod signing;
pub mod spec;
pub mod store;
pub mod system;
pub mod testing;
pub mod transport;
pub mod wire;
pub mod yaml;

#[cfg(test)]
#[path = "../tests/support/servers.rs"]
mod servers;
