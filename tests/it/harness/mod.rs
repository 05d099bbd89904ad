//! Engines, and the providers behind them.

pub(crate) mod calendar;
mod engine;
pub(crate) mod language_client;
pub(crate) mod npm;
mod payments;
pub(crate) mod python;
pub(crate) mod radicale;
mod workspace;
pub(crate) use calendar::Calendar;
pub(crate) use engine::{Client, Options, TestApp};
pub(crate) use payments::Payments;
pub(crate) use workspace::{Workspace, scope};
