//! Ends a consent: the provider has sent the browser back.

use serde_json::{Map, Value as Json};
use tracing::info;

use super::{
    Connections, Error, Shared, context,
    credential::{self, Credential, Found, Pending},
    provider::Provider,
    sorted,
    start::Attempt,
};
use crate::{
    base::{Code, Secret},
    crypto::{Digest, Purpose, org_token},
    spec::Consent,
    store::{Authorization, Connection},
};

/// The redirect comes by way of the browser, which may say anything: at most so many characters of each part are kept.
const LONGEST_WORDS: usize = 300;

/// What the provider's redirect says (RFC 6749 §4.1.2).
#[derive(Debug, Clone)]
pub enum Answered {
    /// It was consented.
    Consented {
        /// All parameters. The account says which of them is the code that is exchanged for a token, if there is one, and which
        /// are kept.
        parameters: Vec<(String, Secret)>,
    },
    /// It was not: `error` and `error_description`.
    Refused {
        /// Such as `access_denied`.
        error: String,
        /// For people; may be empty.
        description: String,
    },
}

/// How a consent ended.
#[derive(Debug)]
pub struct Returned {
    /// Connected, failed, or as it was before if it was connected already.
    pub connection: Connection,
    /// Where the browser goes now.
    pub return_to: Option<String>,
    /// Why it came to nothing.
    pub problem: Option<Error>,
}

impl Connections {
    /// Ends the consent that `state` belongs to. It can be done once.
    ///
    /// # Errors
    /// [`Error::UnknownState`], or if the store fails. That the provider or the person refused is no error here, but a
    /// [`Returned::problem`]: the browser has somewhere to go.
    pub async fn callback(&self, state: &Secret, answered: Answered) -> Result<Returned, Error> {
        let (now, store) = (self.0.setup.clock.now(), &self.0.setup.store);
        let org = org_token::org(state.expose()).ok_or(Error::UnknownState)?;
        let taken = store.authorizations().take(org, Digest::of(state.expose()), now).await?;
        let authorization = taken.ok_or(Error::UnknownState)?;
        let (org, id) = (authorization.org, authorization.connection);
        let problem = self.0.accept(&authorization, answered).await.err();
        if let Some(problem) = &problem {
            store.connections().fail(org, id, &problem.to_string(), now).await?;
            info!(org.id = %org, connection.id = %id, %problem, "an account was not connected");
        }
        Ok(Returned { connection: self.get(org, id).await?, return_to: authorization.return_to, problem })
    }
}

impl Shared {
    /// Exchanges the code, asks whose account it is, and only then stores it.
    async fn accept(&self, authorization: &Authorization, answered: Answered) -> Result<(), Error> {
        let parameters = match answered {
            Answered::Consented { parameters } => parameters,
            Answered::Refused { error, description } => return Err(refused(&error, &description)),
        };
        let connector = self.connector(authorization.org, &authorization.connector).await?;
        let mut connection = self.get(authorization.org, authorization.connection).await?;
        let context = context(&connection, Purpose::Authorization);
        let pending: Pending = credential::open(self.keys()?, &context, &authorization.sealed)?;
        connection.metadata.extend(pending.shown.clone());
        must_be_of(&pending.found, &parameters)?;
        let mut credential = Credential::of(pending.fields.clone());
        credential.found = pending.found.clone();
        // A connector can have been replaced by a version that asks for no consent.
        let code = match connector.account.consent() {
            Some(consent) => {
                connection.metadata.extend(returned(consent, &parameters)?);
                consent.code.as_ref()
            }
            None => None,
        };
        let mut scopes = None;
        if let Some(parameter) = code {
            let code = value(&parameters, parameter).ok_or_else(|| refused("no code", ""))?;
            let provider =
                Provider { shared: self, connector: &connector, connection: &connection, credential: &credential };
            let got = provider.first(Some((code, &pending))).await?;
            credential.take(&connector.account, &got, self.setup.clock.now());
            connection.metadata.extend(got.token.captured);
            scopes = got.token.scopes;
        }
        // A provider that doesn't say what it granted has granted what was asked for (RFC 6749 §5.1).
        let scopes = sorted(scopes.unwrap_or_else(|| authorization.scopes.clone()));
        let identity = self.identify_new(&connector, &mut connection, &credential).await?;
        let attempt = Attempt { connection, is_stored: true };
        self.store_connected(&connector, attempt, Some(&credential), scopes, identity).await?;
        Ok(())
    }
}

/// A parameter, unless it is empty.
fn value<'p>(parameters: &'p [(String, Secret)], name: &str) -> Option<&'p Secret> {
    parameters.iter().find(|(it, _)| it == name).map(|(_, value)| value).filter(|it| !it.expose().is_empty())
}

/// A redirect that says who sends it is of nobody else (RFC 9207 §2.4): a code would go to whoever is asked for a token, and all
/// providers send the browser to one address.
fn must_be_of(found: &Found, parameters: &[(String, Secret)]) -> Result<(), Error> {
    let Some(issuer) = found.names.get("issuer") else { return Ok(()) };
    match value(parameters, "iss") {
        Some(told) if told.expose() == issuer.0.expose() => Ok(()),
        Some(_) => Err(refused("another issuer", "")),
        None if found.tells_issuer => Err(refused("no issuer", "")),
        None => Ok(()),
    }
}

/// What the redirect told that is kept. Where that is all that it brings, all of it must be there.
fn returned(consent: &Consent, parameters: &[(String, Secret)]) -> Result<Map<String, Json>, Error> {
    let mut kept = Map::new();
    for (name, parameter) in &consent.callback {
        match value(parameters, parameter) {
            Some(value) => {
                let text: String = value.expose().chars().take(LONGEST_WORDS).collect();
                kept.insert(name.clone(), Json::from(text));
            }
            None if consent.code.is_none() => return Err(refused(&format!("no {parameter}"), "")),
            None => {}
        }
    }
    Ok(kept)
}

fn refused(error: &str, description: &str) -> Error {
    let (code, say) = match error {
        "access_denied" => (Code::PermissionDenied, "The consent was not given."),
        "temporarily_unavailable" | "server_error" => (Code::Unavailable, Code::Unavailable.say()),
        _ => (Code::ProviderError, Code::ProviderError.say()),
    };
    let [error, description] = [error, description].map(|it| it.chars().take(LONGEST_WORDS).collect::<String>());
    let detail = if description.is_empty() { error } else { format!("{error}: {description}") };
    Error::Provider { code, say: say.to_owned(), detail: format!("the provider answered the consent with {detail}") }
}
