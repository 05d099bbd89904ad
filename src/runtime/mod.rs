//! Calls and executions: what happens between the API and the interpreter.

mod accounts;
mod attention;
mod call;
mod deliveries;
mod enabled;
mod engine;
mod error;
mod events;
pub mod functions;
mod integrations;
mod journal;
mod mappings;
mod news;
mod outliving;
mod own_connectors;
mod parked;
mod patience;
mod recorder;
mod remembered;
mod run;
mod subscriptions;
pub mod trace;
mod upkeep;
mod waker;

pub use call::Call;
pub use deliveries::Welcome;
pub use enabled::{Change, Enable};
pub use engine::{Engine, Parts, Shown};
pub use error::{Error, Result};
pub use events::About;
pub use integrations::{DryRun, Integration, LiveRun};
pub use mappings::{InUse, ObjectAt, OrgFields};
pub use own_connectors::Published;
pub use subscriptions::Webhook;
