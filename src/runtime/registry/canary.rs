//! Counts how the calls of a version that is tried go, beside those of the active one, and takes it back if it is worse.
//!
//! Each replica counts in memory and adds to the store once a second; any of them judges by the sums. A difference counts only
//! where chance is no likely reason for it: it has to exceed its limit by three times its standard error, since it is looked at
//! again and again. Times are compared by their logarithms: so one call that hangs decides nothing, and "half as long again"
//! means the same for a quick and for a slow action.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use jiff::Timestamp;

use super::{Engine, Result};
use crate::{
    base::lock,
    store::{Execution, Limits, Tally},
};

/// So many standard errors are beyond chance.
const SURE: f64 = 3.0;

/// Without calls of the active version to compare with, so many of a hundred calls may fail.
const FAILURES_ALONE: f64 = 50.0;

/// Logarithms are kept in these.
const MILLIONTH: f64 = 1e-6;

/// The counts of one canary for one version.
type Of = (String, Timestamp, String);

/// What was counted here and is not in the store yet.
#[derive(Debug, Default)]
pub(in crate::runtime) struct Counts(Mutex<HashMap<Of, Tally>>);

impl Counts {
    fn add(&self, of: Of, tally: Tally) {
        let mut all = lock(&self.0);
        let sum = all.entry(of).or_default();
        *sum = sum.and(tally);
    }

    fn take(&self) -> HashMap<Of, Tally> {
        std::mem::take(&mut *lock(&self.0))
    }
}

impl Engine {
    /// Counts an execution that has ended, if its connector has a version that is tried. Its time counts if it waited for nobody:
    /// then it ended at `at`.
    pub(in crate::runtime) fn counted(&self, it: &Execution, failed: bool, at: Option<Timestamp>) {
        let snapshot = self.catalog.snapshot();
        let Some(published) = snapshot.registry.get(&it.connector) else { return };
        let Some(canary) = published.live.canary.as_ref().filter(|canary| canary.begun_at <= it.started_at) else {
            return;
        };
        let current = published.active.as_ref().or_else(|| snapshot.folder.get(&it.connector));
        let is_compared =
            it.connector_version == canary.version || current.is_some_and(|at| at.version == it.connector_version);
        if !is_compared {
            return;
        }
        let took = at.map(|at| at.duration_since(it.started_at).as_secs_f64() * 1000.0);
        let of = (it.connector.clone(), canary.begun_at, it.connector_version.clone());
        self.counts.add(of, Tally::of(failed, took));
    }

    /// Adds what was counted here to what others counted, and takes back what is worse than it may be.
    pub(in crate::runtime) async fn judge(self: &Arc<Self>) -> Result<()> {
        let registry = self.store.registry();
        for (of, tally) in self.counts.take() {
            let (connector, begun_at, version) = &of;
            if let Err(error) = registry.count(connector, *begun_at, version, &tally).await {
                self.counts.add(of, tally);
                return Err(error.into());
            }
        }
        let snapshot = self.catalog.snapshot();
        for (id, published) in &snapshot.registry {
            let Some(canary) = &published.live.canary else { continue };
            let Some(current) = published.active.as_ref().or_else(|| snapshot.folder.get(id)) else { continue };
            let counts = registry.counts(id, canary.begun_at).await?;
            let of = |version: &str| counts.get(version).copied().unwrap_or_default();
            if let Some(why) = worse(&canary.limits, of(&current.version), of(&canary.version)) {
                self.give_up(id, canary, why).await?;
            }
        }
        Ok(())
    }
}

impl Tally {
    /// Of one call, and its milliseconds if they count.
    #[expect(clippy::cast_possible_truncation, reason = "a logarithm of milliseconds is small")]
    fn of(failed: bool, milliseconds: Option<f64>) -> Self {
        let log = milliseconds.map_or(0.0, |it| it.max(1.0).ln());
        Self {
            calls: 1,
            failed: i64::from(failed),
            timed: i64::from(milliseconds.is_some()),
            logs: (log / MILLIONTH) as i64,
            squares: (log * log / MILLIONTH) as i64,
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            failed: self.failed + other.failed,
            timed: self.timed + other.timed,
            logs: self.logs + other.logs,
            squares: self.squares + other.squares,
        }
    }

    /// The share of calls that fail, from 0 to 1, and its standard error. One success and one failure that did not happen
    /// (Agresti and Coull) keep both from being certain after a few calls.
    fn failures(&self) -> (f64, f64) {
        let calls = number(self.calls) + 2.0;
        let share = (number(self.failed) + 1.0) / calls;
        (share, (share * (1.0 - share) / calls).sqrt())
    }

    /// The mean of the logarithms of milliseconds, and its standard error; nothing without two calls.
    fn log_time(&self) -> Option<(f64, f64)> {
        let timed = number(self.timed);
        let mean = number(self.logs) * MILLIONTH / timed;
        let spread = (number(self.squares) * MILLIONTH / timed - mean * mean).max(0.0) / (timed - 1.0);
        (self.timed > 1).then(|| (mean, spread.sqrt()))
    }

    /// What a call usually takes, in milliseconds.
    pub fn usual_milliseconds(&self) -> Option<f64> {
        self.log_time().map(|(mean, _)| mean.exp())
    }
}

/// In what a version is worse than it may be, if it is beyond chance.
fn worse(limits: &Limits, active: Tally, canary: Tally) -> Option<String> {
    let enough = i64::from(limits.calls);
    if canary.calls < enough {
        return None;
    }
    let (share, error) = canary.failures();
    let failed = format!("{} of {} calls failed", canary.failed, canary.calls);
    if active.calls < enough {
        let is_worse = share - SURE * error > FAILURES_ALONE / 100.0;
        return is_worse.then(|| format!("{failed}, and there are hardly any of the active version to compare with"));
    }
    let (usual, other) = active.failures();
    if share - usual - SURE * error.hypot(other) > limits.failures / 100.0 {
        return Some(format!("{failed}, of the active version {} of {}", active.failed, active.calls));
    }
    let ((log, error), (usual, other)) = (canary.log_time()?, active.log_time()?);
    if log - usual - SURE * error.hypot(other) > limits.slower.ln() {
        return Some(format!("calls take {:.0} ms, of the active version {:.0} ms", log.exp(), usual.exp()));
    }
    None
}

#[expect(clippy::cast_precision_loss, reason = "no count comes near what a float can't tell apart")]
fn number(count: i64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many calls, of which some fail, and which take about so long, half of them twice as long as the others.
    fn calls(calls: i64, failed: i64, milliseconds: f64) -> Tally {
        (0..calls).fold(Tally::default(), |sum, at| {
            let took = if at % 2 == 0 { milliseconds } else { milliseconds * 2.0 };
            sum.and(Tally::of(at < failed, Some(took)))
        })
    }

    #[test]
    fn what_is_worse_is_told_and_what_may_be_chance_is_not() {
        let limits = Limits::default();
        let of = |active, canary| worse(&limits, active, canary);
        let usual = calls(1000, 10, 100.0);
        for (canary, expected) in [
            (calls(19, 19, 100.0), None),
            (calls(20, 20, 100.0), Some("20 of 20 calls failed, of the active version 10 of 1000")),
            (calls(1000, 10, 100.0), None),
            (calls(20, 2, 100.0), None),
            (calls(1000, 100, 100.0), Some("100 of 1000 calls failed, of the active version 10 of 1000")),
            (calls(1000, 40, 100.0), None),
            (calls(1000, 10, 140.0), None),
            (calls(1000, 10, 200.0), Some("calls take 283 ms, of the active version 141 ms")),
            (calls(1000, 0, 10.0), None),
        ] {
            assert_eq!(of(usual, canary).as_deref(), expected, "{canary:?}");
        }
        let alone = of(Tally::default(), calls(40, 40, 100.0));
        let expected = "40 of 40 calls failed, and there are hardly any of the active version to compare with";
        assert_eq!(alone.as_deref(), Some(expected));
        assert_eq!(of(Tally::default(), calls(40, 20, 100.0)), None);
    }

    /// A version that is as good as the active one is judged at every second of a long canary, and stays.
    #[test]
    fn what_is_as_good_is_hardly_ever_taken_back() {
        let mut state: u64 = 1;
        let mut chance = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from(u32::try_from(state >> 40).unwrap_or_default()) / f64::from(1_u32 << 24)
        };
        let mut call = || Tally::of(chance() < 0.05, Some(50.0 + 400.0 * chance()));
        let taken_back = (0..200).filter(|_| {
            let (mut active, mut canary) = (Tally::default(), Tally::default());
            (0..500).any(|_| {
                (active, canary) = (active.and(call()), canary.and(call()));
                worse(&Limits::default(), active, canary).is_some()
            })
        });
        assert!(taken_back.count() <= 2);
    }
}
