//! A connection that needs neither a store nor an API.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use closeloop::{
    auth::{Authenticated, Caller, Client, Credentials, Given, Tokens, Used},
    base::{BoxFuture, Clock, Code, Failure, Secret},
    catalog::folder,
    interpreter::{self, ExecutionNames, Run, Unobserved},
    spec::{Connector, Plan, Scheme, SchemeKind},
    transport::{
        SendError,
        http::{ClientConfig, EndpointOverrides, HttpClient},
    },
};
use serde_json::{Value as Json, json};

use crate::clock::ManualClock;

/// A connector with an account connected.
pub(super) struct Live {
    pub(super) connector: Arc<Connector>,
    pub(super) sender: HttpClient,
    clock: ManualClock,
    /// What `connection` holds.
    pub(super) connection: Arc<Json>,
    credentials: Mutex<Credentials>,
    /// The app at the provider and the grant, for those with a consent.
    pub(super) grant: Option<(Client, Secret)>,
}

impl Live {
    /// Whoever is called by a declared origin is called at the address beside it.
    pub(super) fn new(connector: &str, hosts: &[(&str, &str)], clock: ManualClock) -> Self {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/connectors")).join(connector);
        let loaded = folder::load_one(&path).expect("the folder can be read");
        let connector = loaded.connectors.into_iter().next().expect("the shipped connectors are without a mistake");
        let overrides = EndpointOverrides::new(hosts.iter().copied()).expect("the test's addresses are right");
        let sender = HttpClient::new(&ClientConfig { overrides, ..ClientConfig::default() }).expect("a client");
        let connection = json!({"id": "test"}).into();
        Self { connector, sender, clock, connection, credentials: Mutex::default(), grant: None }
    }

    /// Fills in a field of the sign-in form.
    pub(super) fn field(mut self, name: &str, value: &str) -> Self {
        let secret = self.connector.account.secret_fields.iter().any(|it| it == name);
        if !secret {
            Arc::make_mut(&mut self.connection)[name] = value.into();
        }
        Arc::make_mut(&mut self.credentials().fields).insert(name.to_owned(), Secret::new(value));
        self
    }

    /// Connects: identifies the account and keeps what is captured.
    pub(super) async fn after_connect(&mut self) -> Result<Json, Failure> {
        let connector = Arc::clone(&self.connector);
        let plan = &connector.after_connect.as_ref().expect("the connector has one").plan;
        let output = self.run(plan, json!({}), json!({}), "connect").await?;
        for (name, value) in output["capture"].as_object().into_iter().flatten() {
            Arc::make_mut(&mut self.connection)[name] = value.clone();
        }
        Ok(output)
    }

    pub(super) async fn look_up(&self, lookup: &str) -> Result<Json, Failure> {
        let plan = &self.connector.lookup(lookup).expect("the connector has it").plan;
        self.run(plan, json!({}), json!({}), "look-up").await
    }

    /// Runs an action. `key` is the execution's: the same for a repetition of the same call.
    pub(super) async fn act(&self, action: &str, key: &str, config: Json, input: Json) -> Result<Json, Failure> {
        let action = self.connector.action(action).expect("the connector has it");
        let (config, input) = (action.config.with_defaults(config), action.input.with_defaults(input));
        let unfit: Vec<_> = action.config.check(&config).into_iter().chain(action.input.check(&input)).collect();
        assert!(unfit.is_empty(), "{unfit:?}");
        self.run(&action.plan, config, input, key).await
    }

    async fn run(&self, plan: &Plan, config: Json, input: Json, key: &str) -> Result<Json, Failure> {
        let used = Used::default();
        let transport = Authenticated {
            sender: &self.sender,
            tokens: self,
            connection: &self.connection,
            connector: &self.connector.id,
            traffic: None,
            clock: &self.clock,
            used: &used,
        };
        let run = Run {
            connector: &self.connector,
            plan,
            input: input.into(),
            config: config.into(),
            connection: Arc::clone(&self.connection),
            execution: ExecutionNames::new(key, key, "org", "agent").into(),
            mappings: Default::default(),
            beside: closeloop::expr::Scope::new(),
            transport: &transport,
            clock: &self.clock,
            observer: &Unobserved,
        };
        Box::pin(interpreter::run(run)).await
    }

    pub(super) fn credentials(&self) -> std::sync::MutexGuard<'_, Credentials> {
        self.credentials.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for tokens.
    pub(super) fn caller(&self) -> Caller<'_> {
        Caller {
            account: &self.connector.account.http,
            connector: &self.connector.http,
            connection: &self.connection,
            sender: &self.sender,
            now: self.clock.now(),
            registered: false,
        }
    }

    /// A new token, by whatever way the scheme has.
    async fn get(&self, scheme: &Scheme) -> Result<Credentials, SendError> {
        let known = self.credentials().clone();
        let (call, answers) = match &scheme.kind {
            SchemeKind::None | SchemeKind::Static => return Ok(known),
            SchemeKind::TokenExchange(exchange) => (&exchange.call, &exchange.answers),
            SchemeKind::OAuth2(oauth2) => (oauth2.refresh.as_ref().expect("it is refreshed"), &oauth2.answers),
        };
        let mut given = Given::clone(&known.fields);
        if matches!(scheme.kind, SchemeKind::OAuth2(_)) {
            let Some((client, refresh)) = &self.grant else {
                return Err(SendError::not_sent(Code::Reauthorize, "no consent was given"));
            };
            given.extend(of_client(client));
            given.insert("refresh_token".to_owned(), refresh.clone());
        }
        let token = self.caller().get(call, answers, given).await?.token;
        self.credentials().token = Some(token.access);
        Ok(self.credentials().clone())
    }
}

/// What a token call is given of the app at the provider.
pub(super) fn of_client(client: &Client) -> Given {
    let secret = client.secret.clone().map(|it| ("client_secret".to_owned(), it));
    [("client_id".to_owned(), Secret::new(client.id.as_str()))].into_iter().chain(secret).collect()
}

impl Tokens for Live {
    fn credentials<'a>(&'a self, scheme: &'a Scheme) -> BoxFuture<'a, Result<Credentials, SendError>> {
        Box::pin(async move {
            let known = self.credentials().clone();
            let needs = matches!(scheme.kind, SchemeKind::OAuth2(_) | SchemeKind::TokenExchange(_));
            if needs && known.token.is_none() { self.get(scheme).await } else { Ok(known) }
        })
    }

    fn renew<'a>(&'a self, scheme: &'a Scheme, _: &'a Credentials) -> BoxFuture<'a, Result<Credentials, SendError>> {
        Box::pin(self.get(scheme))
    }
}
