//! How long what is kept, and the work of taking away what is not.

use jiff::{SignedDuration, Timestamp};

use super::{Engine, Error, Result};
use crate::{
    base::OrgId,
    coordination::News,
    store::{Part, Policy, Retention},
};

/// An expired key whose execution waits lives on for so long, and then again.
const RENEWED: SignedDuration = SignedDuration::from_hours(1);

/// So many rows go by one statement: others write in between.
const AT_ONCE: u32 = 500;

/// The record of an erasure is kept for so long after it was done.
const ERASURE_DAYS: u32 = 3 * 365;

impl Engine {
    /// How long an org keeps what.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn retention(&self, org: OrgId) -> Result<Retention> {
        if let Some(known) = self.kept_by.get(&org) {
            return Ok(known);
        }
        let mark = self.kept_by.mark();
        let retention = self.keeps.with(&self.policy(org).await?);
        self.kept_by.keep(mark, org, retention);
        Ok(retention)
    }

    /// Where an org differs from the settings.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn policy(&self, org: OrgId) -> Result<Policy> {
        Ok(self.store.retention().policy(org).await?)
    }

    /// Where an org differs from now on. Other replicas notice within seconds; what is to go, goes within minutes.
    ///
    /// # Errors
    /// When something would be kept for too short or too long.
    pub async fn set_policy(&self, org: OrgId, policy: &Policy) -> Result<Retention> {
        let retention = self.keeps.with(policy);
        retention.check().map_err(|(name, range)| Error::BadRequest(format!("`{name}` can be {range}")))?;
        self.store.retention().set_policy(org, policy, self.now()).await?;
        self.kept_by.forget(&org);
        self.coordination.tell(News::Org(org));
        Ok(retention)
    }

    /// Takes away all that no org keeps any longer, in small batches.
    ///
    /// # Errors
    /// When the store fails; what is left then goes the next time.
    pub async fn sweep(&self) -> Result<()> {
        let (now, retention) = (self.now(), self.store.retention());
        while retention.forget_keys(now, now + RENEWED, AT_ONCE).await? {}
        for org in self.store.orgs().list().await? {
            let keeps = self.retention(org.id).await?;
            for part in Part::ALL {
                let before = days_before(now, days_of(part, &keeps));
                while retention.sweep(org.id, part, before, AT_ONCE).await? {}
                while retention.sweep_passed_over(org.id, part, before, AT_ONCE).await? {}
            }
            while retention.forget_events(org.id, days_before(now, keeps.events_days), AT_ONCE).await? {}
            self.store.erasures().forget(org.id, days_before(now, ERASURE_DAYS), AT_ONCE).await?;
        }
        Ok(())
    }
}

fn days_of(part: Part, keeps: &Retention) -> u32 {
    match part {
        Part::Inputs => keeps.inputs_days,
        Part::Outputs => keeps.outputs_days,
        Part::Traces => keeps.traces_days,
        Part::Executions => keeps.executions_days,
    }
}

fn days_before(now: Timestamp, days: u32) -> Timestamp {
    now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN)
}
