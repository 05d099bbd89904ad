//! Integration tests: one binary, so that it is linked once.

mod api;
mod caldav;
mod clock;
mod connectors;
mod fakes;
mod harness;
