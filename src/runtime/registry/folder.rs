//! What has changed in the folder is held to what is published is held to.

use std::cmp::Ordering;

use super::{compared, publish::breaking};
use crate::{spec::Connector, testing};

/// So many reasons are told.
const MOST_TOLD: usize = 5;

/// Why a connector of the folder is not taken over in place of the one that is there: its tests fail, or it breaks what orgs rely on
/// and its version doesn't say so. A lower version goes back to what was there once, and is only tested.
pub(in crate::runtime) async fn refused(next: &Connector, current: Option<&Connector>) -> Option<String> {
    let report = testing::run_all(next).await;
    let failed: Vec<_> = report.cases.iter().filter(|it| !it.passed()).collect();
    if !failed.is_empty() {
        let told = failed.iter().map(|it| {
            let problems: Vec<_> = it.problems.iter().map(ToString::to_string).collect();
            format!("`{}`: {}", it.name, problems.join("; "))
        });
        return Some(format!("{} of its {} tests fail: {}", failed.len(), report.cases.len(), listed(told)));
    }
    let current = current.filter(|it| compared(&next.version, &it.version) != Ordering::Less)?;
    let broken = current.peek(|current| breaking(current, next));
    (!broken.is_empty()).then(|| {
        let (from, to) = (&current.version, &next.version);
        format!(
            "it breaks what orgs rely on, and version {to} after {from} doesn't say so: {}",
            listed(broken.into_iter())
        )
    })
}

fn listed(all: impl ExactSizeIterator<Item = String>) -> String {
    let more = all.len().saturating_sub(MOST_TOLD);
    let told = all.take(MOST_TOLD).collect::<Vec<_>>().join("; ");
    if more == 0 { told } else { format!("{told}; and {more} more") }
}
