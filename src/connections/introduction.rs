//! What is done before an account is signed in to: its provider is found, and knows a client of ours.
//!
//! A client that registers itself (RFC 7591) serves all orgs. It is kept under what was asked, and of whom; replicas that register
//! at the same time use the one that was stored first, and one that was never stored harms nobody. Each grant keeps the client
//! that it was made with.

use indexmap::IndexMap;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use super::{
    Error, Shared, as_scope,
    credential::{self, Credential, Found, Hidden, hidden},
    provider::Provider,
    start::CONSENT_TIME,
};
use crate::{
    auth::{Caller, Given, USUAL_METHOD},
    base::{Code, Secret},
    crypto::{Context, Digest, Purpose},
    spec::{Connector, TokenAnswers, TokenCall},
    store::{Connection, RegisteredClient},
    transport::SendError,
};

/// A client is registered anew after so long: providers take off those that nobody uses, and say so to the browser only.
const ANEW_AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Of what a registration answers, what a grant needs.
const OF_GRANTS: [&str; 3] = ["client_id", "client_secret", "token_endpoint_auth_method"];

/// What a provider told of a client that registered itself. What it could be changed by can't be got again.
#[derive(Debug, Serialize, Deserialize)]
struct Registered {
    /// As it is kept: it opens as no other.
    key: String,
    /// By the names of [`crate::spec::REGISTERED`].
    told: IndexMap<String, Hidden>,
}

impl Registered {
    /// Whether its secret outlives a consent that begins now; 0: it does not end.
    fn works(&self, now: Timestamp) -> bool {
        let end = self.told.get("client_secret_expires_at").and_then(|it| it.0.expose().parse::<f64>().ok());
        // a fraction of a second is nothing here
        end.is_none_or(|it| it <= 0.0 || it as i64 > (now + CONSENT_TIME).as_second())
    }

    fn id(&self) -> Option<&str> {
        self.told.get("client_id").map(|it| it.0.expose())
    }
}

impl Shared {
    /// Finds the provider of a connection that is about to sign in, for these scopes.
    pub(super) async fn introduce(
        &self,
        connector: &Connector,
        connection: &Connection,
        credential: &Credential,
        scopes: &[String],
    ) -> Result<Found, Error> {
        let provider = Provider { shared: self, connector, connection, credential };
        let Some((scheme, introduction)) = provider.account().introduction() else { return Ok(Found::default()) };
        let known = as_scope(connection);
        let caller = provider.caller(&known);
        let mut given: Given = credential::given(&credential.fields).collect();
        let (mut names, mut tells_issuer) = (Given::new(), false);
        if let Some(discovery) = &introduction.discovery {
            let discovered = caller.discover(discovery, &given).await?;
            (names, tells_issuer) = (discovered.found, discovered.tells_issuer);
        }
        names.entry("token_endpoint_auth_method".to_owned()).or_insert_with(|| Secret::new(USUAL_METHOD));
        let mut registration = None;
        if let (Some(call), Some(answers), Err(none)) =
            (&introduction.registration, scheme.answers(), provider.client())
        {
            if call.reads("registration_endpoint") && !names.contains_key("registration_endpoint") {
                return Err(none);
            }
            let separator = scheme.consent().map_or(" ", |it| &it.scope_separator);
            given.extend(names.clone());
            given.insert("redirect_uri".to_owned(), Secret::new(self.setup.redirect_uri.as_str()));
            given.insert("scope".to_owned(), Secret::new(scopes.join(separator)));
            let registered =
                self.registered(&caller, connection, &provider.account().id, (call, answers), given).await?;
            let told = |name: &&str| registered.told.get(*name).filter(|it| !it.0.expose().is_empty());
            names.extend(OF_GRANTS.iter().filter_map(|it| Some(((*it).to_owned(), told(it)?.0.clone()))));
            registration = Some(registered.key);
        }
        Ok(Found { names: hidden(names), tells_issuer, registration })
    }

    /// The client that is kept for this, or a new one.
    async fn registered(
        &self,
        caller: &Caller<'_>,
        connection: &Connection,
        account: &str,
        (call, answers): (&TokenCall, &TokenAnswers),
        given: Given,
    ) -> Result<Registered, Error> {
        let (now, clients) = (self.setup.clock.now(), self.setup.store.clients());
        let asked = caller.preview(call, answers, &given)?;
        let redirect = self.setup.redirect_uri.as_str();
        let key = Digest::of(&format!("{account}\n{redirect}\n{}", asked.expose())).to_string();
        let row = clients.get(&key).await?;
        let kept = row.as_ref().and_then(|it| self.opened(it)).filter(|it| it.works(now));
        let is_old = row.as_ref().is_some_and(|it| now.duration_since(it.registered_at) >= ANEW_AFTER);
        let kept = match kept {
            Some(kept) if !is_old => return Ok(kept),
            kept => kept,
        };
        let told = match register(caller, call, answers, given).await {
            Ok(told) => told,
            Err(error) => {
                info!(account, error = error.message, "a client could not be registered");
                return kept.ok_or_else(|| error.into());
            }
        };
        let new = Registered { key: key.clone(), told: hidden(told) };
        let context = Context { org: connection.org, connection: connection.id, purpose: Purpose::Client };
        let sealed = credential::seal(self.keys()?, &context, &new, &*self.setup.random);
        let new_row = RegisteredClient {
            key: key.clone(),
            org: connection.org,
            connection: connection.id,
            sealed,
            registered_at: now,
        };
        if clients.put(&new_row, row.as_ref().map(|it| &it.sealed)).await? {
            info!(account, client.id = new.id(), "a client registered itself");
            return Ok(new);
        }
        // Somebody else was first. There is one for all.
        let first = clients.get(&key).await?;
        Ok(first.and_then(|it| self.opened(&it)).unwrap_or(new))
    }

    /// `None` if its key is gone: another one can be registered.
    fn opened(&self, row: &RegisteredClient) -> Option<Registered> {
        let context = Context { org: row.org, connection: row.connection, purpose: Purpose::Client };
        let opened = credential::open::<Registered>(self.keys().ok()?, &context, &row.sealed);
        let opened =
            opened.inspect_err(|error| warn!(%error, "a registered client can't be read; another is registered"));
        opened.ok().filter(|it| it.key == row.key)
    }
}

impl Provider<'_> {
    /// The provider does not know the client of this connection any more: whoever signs in next gets another.
    pub(super) async fn forget_client(&self) {
        let found = &self.credential.found;
        let Some(key) = &found.registration else { return };
        let clients = self.shared.setup.store.clients();
        let forgotten = match clients.get(key).await {
            Ok(Some(row)) => {
                let kept = self.shared.opened(&row);
                let is_it = kept.is_some_and(|it| it.id() == found.names.get("client_id").map(|it| it.0.expose()));
                if is_it { clients.remove(key, &row.sealed).await } else { Ok(()) }
            }
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = forgotten {
            warn!(%error, "a client that the provider does not know could not be forgotten");
        }
    }
}

async fn register(
    caller: &Caller<'_>,
    call: &TokenCall,
    answers: &TokenAnswers,
    given: Given,
) -> Result<Given, SendError> {
    let failed = |error: SendError| SendError {
        message: format!("no client could be registered at the provider: {}", error.message),
        ..error
    };
    let told = caller.ask(call, answers, given).await.map_err(failed)?;
    if told.get("client_id").is_none_or(|it| it.expose().is_empty()) {
        return Err(failed(SendError::not_sent(Code::ProviderError, "it answered without a client_id")));
    }
    Ok(told)
}
