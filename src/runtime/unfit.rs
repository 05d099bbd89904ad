//! What builders enabled, held against the version of the connector that their org has now: what that version lacks, or wants
//! otherwise, is noted at the enabled action and told, before a customer meets it.

use std::{collections::HashMap, sync::Arc};

use super::{Engine, Result};
use crate::{spec::Connector, store::EnabledAction};

/// So many enabled actions of a connector that changes are looked at at once; those beyond are when an engine starts.
const MOST_ENABLED: u32 = 10_000;

/// So many verdicts are remembered while all that is enabled is looked at.
const MOST_VERDICTS: usize = 10_000;

impl Engine {
    /// Looks at what is enabled of connectors that are others now. Whoever changed them does not wait for it.
    pub(super) fn look_after(self: &Arc<Self>, connectors: Vec<String>) {
        let engine = Arc::clone(self);
        self.tasks.spawn(async move {
            for connector in connectors {
                if let Err(error) = engine.look_after_one(&connector).await {
                    tracing::warn!(connector, %error, "whether what is enabled still fits is not known before the next start");
                }
            }
        });
    }

    /// Looks at all that is enabled: the folder may have changed while no engine was there, and one that changed something may
    /// have died before it looked. Needs a tokio runtime.
    pub fn start_looking_after(self: &Arc<Self>) {
        let engine = Arc::clone(self);
        self.tasks.spawn(async move {
            if let Err(error) = engine.look_after_all().await {
                tracing::warn!(%error, "whether what is enabled still fits is not known before the next start");
            }
        });
    }

    async fn look_after_one(&self, connector: &str) -> Result<()> {
        for row in self.store.enabled_actions().of_connector(connector, MOST_ENABLED).await? {
            if self.is_stopping() {
                break;
            }
            match self.catalog.connector(row.org, connector).await? {
                Some(connector) => self.attend(&row, &connector, true).await?,
                None => self.note(&row, &[gone(connector)], true).await?,
            }
        }
        Ok(())
    }

    /// Only what does not fit, or did not, is looked at more closely: a mapping is when the org's fields are.
    async fn look_after_all(&self) -> Result<()> {
        let mut verdicts: HashMap<_, Option<String>> = HashMap::new();
        for org in self.store.orgs().list().await? {
            for row in self.store.enabled_actions().list(org.id, None).await? {
                if self.is_stopping() {
                    return Ok(());
                }
                let Some(connector) = self.catalog.connector(row.org, &row.connector).await? else {
                    self.note(&row, &[gone(&row.connector)], true).await?;
                    continue;
                };
                if verdicts.len() >= MOST_VERDICTS {
                    verdicts.clear();
                }
                // many orgs use a connector in the same way, and one that nobody calls is not to stay compiled for this
                let of = (connector.digest.clone(), row.action.clone(), row.config.to_string());
                let verdict = verdicts.entry(of).or_insert_with(|| connector.peek(|it| misfit(&row, it)));
                if verdict.is_some() || !row.attention.is_empty() {
                    self.attend(&row, &connector, true).await?;
                }
            }
        }
        Ok(())
    }
}

/// Why what a builder enabled would not work with a version, if it would not: what the version does.
pub(super) fn misfit(row: &EnabledAction, connector: &Connector) -> Option<String> {
    let Some(action) = connector.actions.get(&row.action) else {
        return Some(format!("has no action `{}`", row.action));
    };
    let errors = action.config.accept(row.config.clone()).err()?;
    let all: Vec<_> = errors.into_iter().map(|it| it.message).collect();
    Some(format!("needs another config: {}", all.join("; ")))
}

/// The same as a sentence.
pub(super) fn in_version(connector: &Connector, misfit: &str) -> String {
    format!("version {} of `{}` {misfit}", connector.version, connector.id)
}

fn gone(connector: &str) -> String {
    format!("there is no connector `{connector}` any more")
}
