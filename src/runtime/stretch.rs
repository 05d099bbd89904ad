//! One stretch of an execution that goes on after it waited, or after the replica that ran it died.

use std::sync::Arc;

use serde_json::Value as Json;

use super::{
    Engine, Result,
    attention::OfOrg,
    enabled::Seen,
    ending::End,
    journal::{Durable, Finished, Journal},
    parked::Parking,
    recovery::AtWork,
    run::{Begin, Inputs, Watch},
    state::Beginning,
};
use crate::{
    auth::Used,
    base::{Code, Failure},
    connections::{self, Hidden},
    interpreter::{ExecutionNames, Ran},
    spec::{Action, Connector},
    store::{Execution, Mode, Owned, Write, WriteOutcome},
};

/// An execution that this replica has taken, and all that it needs to go on with it.
pub(super) struct Stretch {
    pub(super) owned: Owned,
    pub(super) row: Execution,
    beginning: Beginning<'static>,
    pub(super) connector: Arc<Connector>,
    pub(super) seen: Seen,
    of_org: OfOrg,
    /// How many writes were noted before.
    before: u32,
    pub(super) used: Used,
    _at_work: AtWork,
}

/// What an execution has sent so far, as far as it was noted.
pub(super) struct Before {
    /// How many writes.
    pub(super) number: u32,
    /// Whether one of them may have changed something.
    pub(super) changed: bool,
}

impl Before {
    fn of(writes: &[Write]) -> Self {
        let number = writes.iter().map(|it| it.number.saturating_add(1)).max().unwrap_or_default();
        Self { number, changed: writes.iter().any(|it| it.outcome != Some(WriteOutcome::NotSent)) }
    }
}

impl Stretch {
    pub(super) fn action(&self) -> &Action {
        &self.connector.actions[&self.row.action]
    }

    pub(super) fn journal<'a>(&'a self, engine: &'a Engine) -> Journal<'a> {
        let durable = Durable { owned: self.owned.clone(), connection: self.row.connection, used: &self.used };
        Journal::resumed(engine, durable, self.before)
    }

    pub(super) fn inputs(&self) -> Inputs {
        let Beginning { input, config, execution } = &self.beginning;
        Inputs {
            input: Json::clone(input).into(),
            config: Json::clone(config).into(),
            execution: ExecutionNames::clone(execution).into(),
            mappings: self.of_org.mappings.clone(),
        }
    }

    pub(super) fn parking(&self) -> Parking<'_> {
        Parking {
            owned: &self.owned,
            connection: &self.seen.connection,
            connector: &self.connector,
            action: self.action(),
            since: self.row.started_at,
        }
    }
}

impl Engine {
    /// What an execution that this replica has just taken has sent so far.
    pub(super) async fn sent_before(&self, owned: &Owned) -> Result<Before> {
        Ok(Before::of(&self.store.executions().writes(owned.org, owned.id).await?))
    }

    /// All that is needed to go on with an execution; or why that can't be, for good.
    pub(super) async fn stretch(
        &self,
        owned: Owned,
        row: Execution,
        beginning: Beginning<'static>,
        before: &Before,
        secrets: Vec<Hidden>,
    ) -> Result<std::result::Result<Stretch, Failure>> {
        let seen = match self.connections.get(row.org, row.connection).await {
            Ok(connection) => Seen::new(connection),
            Err(connections::Error::NotFound) => {
                return Ok(Err(Failure::new(Code::Unavailable, "its connection is gone")));
            }
            Err(error) => return Err(error.into()),
        };
        let connector = match self.connector_of(&row, seen.connection.mode).await? {
            Some(connector) if connector.actions.contains_key(&row.action) => connector,
            _ => {
                let why = format!(
                    "version {} of the connector `{}`, with which it began, can't be had any more",
                    row.connector_version, row.connector
                );
                return Ok(Err(Failure::new(Code::Unsupported, why)));
            }
        };
        let action = &connector.actions[&row.action];
        let of_org = Box::pin(self.of_org(row.org, &connector, action, row.connection, &beginning.config)).await?;
        let used = Used::default();
        if let Ok(fields) = self.connections.fields(Arc::clone(&connector), &seen.connection).await {
            // an answer or an event may repeat them though nothing is signed now
            used.note_fields(&fields, &seen.scope);
        }
        secrets.iter().for_each(|it| used.add(&it.0));
        let (before, _at_work) = (before.number, self.at_work(row.id));
        Ok(Ok(Stretch { owned, row, beginning, connector, seen, of_org, before, used, _at_work }))
    }

    /// Runs it for a while.
    pub(super) async fn run_stretch(&self, it: &Stretch, journal: &Journal<'_>, begin: Begin<'_>) -> Ran {
        let inputs = it.inputs();
        let watch = Watch { observer: journal, used: &it.used };
        let ran = self.run_from(&it.connector, &it.action().plan, &it.seen, inputs, &watch, begin).await;
        if journal.schema_changed() {
            self.schema_changed(it.row.org, &it.of_org.objects).await;
        }
        ran
    }

    /// Keeps what a stretch came to: it waits, or it has ended and the chatbot is told.
    pub(super) async fn keep_stretch(&self, it: &Stretch, journal: Journal<'_>, ran: Ran) -> Result<()> {
        match ran {
            Ran::Lost => {
                self.abandon(&it.owned);
                Ok(())
            }
            Ran::Waits(parked) => {
                let Finished { trace, writes, .. } = journal.finish(true, &it.used.secrets());
                let trace = self.with_earlier(&it.row, trace).await?;
                // it may wait for what came before
                self.park(&it.parking(), *parked, &it.used, Some(&trace), &writes, 0).await
            }
            Ran::Ended(result) => {
                let mut finished = journal.finish(result.is_ok(), &it.used.secrets());
                if it.seen.connection.mode == Mode::Live {
                    self.counted(&it.row, result.is_err(), None);
                }
                let doubt = finished.doubt.take().map(|doubt| Box::new(self.doubted(&it.parking(), *doubt, &it.used)));
                self.end_told(&it.owned, &it.row, result, End::new(self.now(), finished, doubt)).await
            }
        }
    }

    /// The connector with which an execution began. What a sandbox answers is only known of the one that is loaded.
    async fn connector_of(&self, row: &Execution, mode: Mode) -> Result<Option<Arc<Connector>>> {
        let digest = row.connector_digest.as_deref().filter(|_| mode == Mode::Live);
        let began = self.catalog.version(row.org, &row.connector, &row.connector_version, digest).await?;
        Ok(match (began, mode) {
            (None, Mode::Sandbox) => self.catalog.connector(row.org, &row.connector).await?,
            (began, _) => began,
        })
    }
}
