//! What one replica does for all, now and then: it is due at a time that the store knows, and whoever comes first does it.
//!
//! What is done twice all the same, by one that took too long and the next, does no harm.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;

use super::{Engine, Result};
use crate::base::BoxFuture;

/// How often each replica looks whether something is due, more or less.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// A duty that took longer than this is ended; then another replica may do it.
const LONGEST: SignedDuration = SignedDuration::from_mins(5);

struct Duty {
    name: &'static str,
    every: SignedDuration,
    work: fn(&Engine) -> BoxFuture<'_, Result<()>>,
}

const DUTIES: [Duty; 6] = [
    Duty { name: "upkeep", every: SignedDuration::from_mins(1), work: |engine| Box::pin(engine.keep_up()) },
    // what is not over when it is to be erased is erased when it is
    Duty { name: "erasures", every: SignedDuration::from_mins(1), work: |engine| Box::pin(engine.erase_pending()) },
    // if there is more than it can do at a time, it goes on where it was
    Duty { name: "retention", every: SignedDuration::from_mins(10), work: |engine| Box::pin(engine.sweep()) },
    // what a crash kept from being wanted
    Duty {
        name: "subscriptions",
        every: SignedDuration::from_mins(10),
        work: |engine| Box::pin(engine.want_all_subscriptions()),
    },
    Duty { name: "org schemas", every: SignedDuration::from_mins(1), work: |engine| Box::pin(engine.describe_due()) },
    Duty {
        name: "idle grants",
        every: SignedDuration::from_mins(1),
        work: |engine| Box::pin(async { Ok(engine.connections.keep_alive().await?) }),
    },
];

impl Engine {
    /// Does them until the engine is gone or stops. Needs a tokio runtime.
    pub fn start_duties(self: &Arc<Self>) {
        let engine = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                let pause = {
                    let Some(engine) = engine.upgrade() else { return };
                    if engine.is_stopping() {
                        return;
                    }
                    if let Err(error) = engine.begin_duties().await {
                        tracing::warn!(%error, "what is due for all could not be looked up; it is tried again");
                    }
                    engine.about(LOOK_EVERY)
                };
                tokio::time::sleep(pause).await;
            }
        });
    }

    /// Begins what is due and nobody does.
    async fn begin_duties(self: &Arc<Self>) -> Result<()> {
        let (now, owner) = (self.now(), self.replica.id());
        let not_due = self.store.duties().not_due(now).await?;
        for duty in DUTIES.iter().filter(|it| !not_due.iter().any(|name| name == it.name)) {
            let duties = self.store.duties();
            match duties.take(duty.name, &owner, now, now + LONGEST).await {
                Ok(true) => drop(tokio::spawn(Arc::clone(self).do_duty(duty, Arc::clone(&owner)))),
                Ok(false) => {}
                // this replica may have it, and never hears of it
                Err(error) if error.may_have_been_done() => {
                    self.until_kept(|| duties.done(duty.name, &owner, now)).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn do_duty(self: Arc<Self>, duty: &'static Duty, owner: Arc<str>) {
        let longest = Duration::try_from(LONGEST).unwrap_or_default();
        match tokio::time::timeout(longest, (duty.work)(&self)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(duty = duty.name, %error, "a duty failed; it is done again when it is due");
            }
            Err(_) => {
                tracing::warn!(duty = duty.name, "a duty took too long; what is left of it is done when it is due");
            }
        }
        let every = self.about(Duration::try_from(duty.every).unwrap_or_default());
        let next = self.now() + SignedDuration::try_from(every).unwrap_or_default();
        let duties = self.store.duties();
        if let Err(error) = self.until_kept(|| duties.done(duty.name, &owner, next)).await {
            tracing::warn!(duty = duty.name, %error, "a duty could not be called done; it is done again");
        }
    }

    /// Up to a quarter more or less, so that replicas don't do the same at the same time.
    fn about(&self, duration: Duration) -> Duration {
        let mut byte = [0];
        self.random.fill(&mut byte);
        duration.mul_f64(0.75 + f64::from(byte[0]) / 510.0)
    }
}
