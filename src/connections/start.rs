//! Begins to connect an account: at once by fields or in the sandbox, or by a consent in the browser.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Map, Value as Json};
use url::Url;

use super::{
    Connections, Error, Shared, context,
    credential::{self, Credential, Hidden, Pending, hidden},
    fields::{self, Filled},
    identify::Identity,
    idle,
    provider::Provider,
    sorted,
};
use crate::{
    base::{ConnectionId, OrgId},
    crypto::{Digest, Purpose, org_token, random_token},
    spec::Connector,
    store::{self, Authorization, Connection, Mode, Status},
};

/// How long a consent may take.
pub(super) const CONSENT_TIME: SignedDuration = SignedDuration::from_mins(15);

/// What is to be connected. It has no `Debug`: its fields are secrets.
#[derive(Clone)]
pub struct Start {
    /// For whom.
    pub org: OrgId,
    /// For which connector; the connection then serves all that share its account.
    pub connector: String,
    /// What the builder filled in.
    pub fields: Json,
    /// Needed beside those that all of the connector's actions need.
    pub scopes: Vec<String>,
    /// Whether the provider is real.
    pub mode: Mode,
    /// Where the browser goes in the end.
    pub return_to: Option<String>,
    /// The connection to connect again, with more scopes or because it has to be; `None` makes a new one.
    pub again: Option<ConnectionId>,
}

/// A connection while it is being connected.
pub(super) struct Attempt {
    pub(super) connection: Connection,
    /// Whether the store has it.
    pub(super) is_stored: bool,
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct Started {
    /// Connected, or pending until the provider's redirect comes.
    pub connection: Connection,
    /// Where the browser has to go for the consent.
    pub authorization_url: Option<Url>,
}

impl Connections {
    /// Begins to connect an account, and ends it unless a consent is needed.
    ///
    /// # Errors
    /// If the fields can't be used, the provider refuses them, or credentials can't be stored at all.
    pub async fn start(&self, start: Start) -> Result<Started, Error> {
        let connector = self.0.connector(start.org, &start.connector).await?;
        let attempt = self.0.begin(&start, &connector).await?;
        if start.mode == Mode::Sandbox {
            let connection = self.0.connect_sandbox(attempt, &connector, start.fields).await?;
            return Ok(Started { connection, authorization_url: None });
        }
        // What can't be stored is not asked for.
        self.0.keys()?;
        let filled = fields::check(&connector.account, start.fields.clone())?;
        if connector.account.consent().is_some() {
            return self.0.ask_consent(attempt, &connector, start, filled).await;
        }
        let connection = self.0.connect_by_fields(attempt, &connector, filled).await?;
        Ok(Started { connection, authorization_url: None })
    }

    /// Fails what waits for a consent that can't come any more, and tells how many.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn fail_abandoned(&self) -> Result<u64, Error> {
        let (now, store) = (self.0.setup.clock.now(), &self.0.setup.store);
        store.authorizations().prune(now).await?;
        let problem = "the consent was not given in time";
        Ok(store.connections().fail_abandoned(now - CONSENT_TIME, problem, now).await?)
    }
}

impl Shared {
    /// The connection to connect again, or a new one.
    async fn begin(&self, start: &Start, connector: &Connector) -> Result<Attempt, Error> {
        let now = self.setup.clock.now();
        let Some(id) = start.again else {
            let connection = Connection {
                org: start.org,
                id: ConnectionId::new(now, &*self.setup.random),
                account: connector.account.id.clone(),
                connector: connector.id.clone(),
                mode: start.mode,
                status: Status::Pending,
                problem: None,
                label: None,
                scopes: Vec::new(),
                metadata: Map::new(),
                webhook: org_token::issue(start.org, &*self.setup.random).expose().to_owned(),
                token_version: 0,
                created_at: now,
                updated_at: now,
            };
            return Ok(Attempt { connection, is_stored: false });
        };
        let connection = self.get(start.org, id).await?;
        let same = connection.account == connector.account.id && connection.mode == start.mode;
        if same { Ok(Attempt { connection, is_stored: true }) } else { Err(Error::OtherAccount) }
    }

    /// The sandbox's answers need no credential: of what was filled in, only fields that aren't secret are kept. What a live
    /// account would have told is written in `tests.yaml`.
    async fn connect_sandbox(&self, attempt: Attempt, connector: &Connector, given: Json) -> Result<Connection, Error> {
        let account = &connector.account;
        let mut captured = connector.sandbox_connection.clone();
        captured.extend(account.shown(given));
        let label = Some(format!("{} sandbox", account.title));
        self.store_connected(connector, attempt, None, Vec::new(), Identity { label, captured }).await
    }

    /// Nothing is stored until the provider has accepted the fields.
    async fn connect_by_fields(
        &self,
        mut attempt: Attempt,
        connector: &Arc<Connector>,
        filled: Filled,
    ) -> Result<Connection, Error> {
        attempt.connection.metadata.extend(filled.shown);
        let mut credential = Credential::of(filled.fields);
        credential.found = self.introduce(connector, &attempt.connection, &credential, &[]).await?;
        let mut scopes = Vec::new();
        if connector.account.oauth2().is_some() {
            let provider =
                Provider { shared: self, connector, connection: &attempt.connection, credential: &credential };
            let got = provider.first(None).await?;
            credential.take(&connector.account, &got, self.setup.clock.now());
            attempt.connection.metadata.extend(got.token.captured);
            scopes = sorted(got.token.scopes.unwrap_or_default());
        }
        let identity = self.identify_new(connector, &mut attempt.connection, &credential).await?;
        self.store_connected(connector, attempt, Some(&credential), scopes, identity).await
    }

    async fn ask_consent(
        &self,
        attempt: Attempt,
        connector: &Connector,
        start: Start,
        filled: Filled,
    ) -> Result<Started, Error> {
        let setup = &self.setup;
        let connection = attempt.connection;
        let scopes = sorted([connection.scopes.clone(), connector.scopes.clone(), start.scopes].concat());
        let state = org_token::issue(connection.org, &*setup.random);
        let verifier = random_token(&*setup.random);
        let mut wanted = connection.clone();
        wanted.metadata.extend(filled.shown.clone());
        let mut credential = Credential::of(filled.fields);
        credential.found = self.introduce(connector, &wanted, &credential, &scopes).await?;
        let provider = Provider { shared: self, connector, connection: &wanted, credential: &credential };
        let (url, kept) = provider.consent(&scopes, &state, &verifier).await?;
        let pending = Pending {
            verifier: Hidden(verifier),
            state: Some(Hidden(state.clone())),
            kept: hidden(kept),
            found: credential.found,
            fields: credential.fields,
            shown: filled.shown,
        };
        let context = context(&connection, Purpose::Authorization);
        let authorization = Authorization {
            org: connection.org,
            connection: connection.id,
            connector: connector.id.clone(),
            sealed: credential::seal(self.keys()?, &context, &pending, &*setup.random),
            scopes,
            return_to: start.return_to,
            expires_at: setup.clock.now() + CONSENT_TIME,
        };
        if !attempt.is_stored {
            setup.store.connections().insert(&connection).await?;
        }
        setup.store.authorizations().insert(Digest::of(state.expose()), &authorization).await?;
        // as it is stored: an instant has fewer digits there
        let connection = self.get(connection.org, connection.id).await?;
        Ok(Started { connection, authorization_url: Some(url) })
    }

    /// Makes a connection usable, with all that was learnt of it.
    pub(super) async fn store_connected(
        &self,
        connector: &Connector,
        attempt: Attempt,
        credential: Option<&Credential>,
        scopes: Vec<String>,
        identity: Identity,
    ) -> Result<Connection, Error> {
        let Attempt { mut connection, is_stored } = attempt;
        let (setup, now) = (&self.setup, self.setup.clock.now());
        let sealed = match credential {
            Some(credential) => {
                let context = context(&connection, Purpose::Credential);
                Some(credential::seal(self.keys()?, &context, credential, &*setup.random))
            }
            None => None,
        };
        if !is_stored {
            setup.store.connections().insert(&connection).await?;
        }
        connection.metadata.extend(identity.captured);
        let label = identity.label.or(connection.label);
        let renew_by = idle::renew_by(connector, credential.and_then(|it| it.grant.as_ref()), now);
        let metadata = &connection.metadata;
        let row = store::Credential { scopes: &scopes, metadata, sealed: sealed.as_ref(), renew_by };
        setup.store.connections().connect(connection.org, connection.id, label.as_deref(), &row, now).await?;
        self.changed(connection.org, connection.id);
        self.get(connection.org, connection.id).await
    }
}
