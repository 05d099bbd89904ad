//! What is live of a connector, and how a version that is tried does.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::OrgId;

/// Which versions of a connector are live.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Live {
    /// The one that orgs have, unless they are pinned to another; without one the folder's counts.
    pub active: Option<String>,
    /// Those that were active before, the last one last; `None`: the folder's.
    pub previous: Vec<Option<String>>,
    /// The one that some calls try.
    pub canary: Option<Canary>,
    /// How the last canary ended.
    pub ended: Option<EndedCanary>,
}

/// A version that some calls try.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Canary {
    /// Which.
    pub version: String,
    /// By all calls of these orgs …
    pub orgs: Vec<OrgId>,
    /// … and by so many of a hundred conversations of the others.
    pub share: u32,
    /// When it is taken back.
    pub limits: Limits,
    /// When it began; its calls are counted under this.
    pub begun_at: Timestamp,
}

/// How much worse than the active version a canary may be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// So many calls of either version come before anything is concluded.
    pub calls: u32,
    /// So many more of a hundred calls may fail.
    pub failures: f64,
    /// So many times as long calls may take.
    pub slower: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { calls: 20, failures: 2.0, slower: 1.5 }
    }
}

/// A canary that has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndedCanary {
    /// As it was.
    pub canary: Canary,
    /// What became of it.
    pub end: CanaryEnd,
    /// In a sentence, if nobody decided it.
    pub why: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What became of a canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CanaryEnd {
    /// It is the active version now.
    Promoted,
    /// An operator took it back, or published another version.
    TakenBack,
    /// It was worse than its limits allow.
    RolledBack,
}

impl CanaryEnd {
    /// As the API says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Promoted => "promoted",
            Self::TakenBack => "taken_back",
            Self::RolledBack => "rolled_back",
        }
    }
}

/// How calls went, in numbers that add up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// All that ended.
    pub calls: i64,
    /// Those that failed.
    pub failed: i64,
    /// Those whose time counts: they did not wait for anybody.
    pub timed: i64,
    /// The sum of the logarithms of their milliseconds, in millionths.
    pub logs: i64,
    /// The sum of the squares of those logarithms, in millionths.
    pub squares: i64,
}
