//! Lists: `data`, and a cursor while there is more.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page<T> {
    /// Executions newest first, all else oldest first.
    pub(super) data: Vec<T>,
    /// Give it as `cursor` to get what follows; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// All there is.
    pub(super) fn whole(data: Vec<T>) -> Self {
        Self { data, next_cursor: None }
    }
}

/// Which part of a list.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct Paging {
    /// `next_cursor` of the part before.
    pub(super) cursor: Option<String>,
    /// At most so many, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub(super) limit: Option<u32>,
}

impl Paging {
    /// The limit, brought into its range.
    pub(super) fn limit(&self) -> u32 {
        self.limit.unwrap_or(50).clamp(1, 100)
    }
}
