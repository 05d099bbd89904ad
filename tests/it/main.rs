//! Integration tests: one binary, so that it is linked once.

#![allow(clippy::unwrap_used, reason = "a test that can't go on should stop here")]

mod alike;
mod api;
mod architecture;
mod auth_modes;
mod author;
mod caldav;
mod calendly;
mod calls;
mod chaos;
mod clock;
mod command_line;
mod conformance;
mod connectors;
mod consent;
mod database;
mod docs;
mod events;
mod fakes;
mod faults;
mod fuzz;
mod harness;
mod import;
mod integrations;
mod isolation;
mod lsp;
mod mappings;
mod openapi;
mod outlook;
mod own_connectors;
mod payments;
mod providers;
mod recording;
mod recovery;
mod registry;
mod replicas;
mod retention;
mod salesforce;
mod sdk;
mod secrets;
#[path = "../support/servers.rs"]
mod servers;
mod signed_webhooks;
mod subscriptions;
mod turns;
mod webhooks;
mod workspace;
mod yaml_server;
mod zoho;
