//! Every name in every expression: whether it exists, and whether it is known at its place.

use super::{
    context::Context,
    types::{Types, of_fields},
    view::{Connection, Credentials, Seen, View},
};
use crate::{
    diag::Diagnostics,
    expr::{
        Shape,
        types::{Type, of_schema},
    },
    spec::{Account, Action, Connector, Events, Http, Jwt, Keys, Lookup, Object, Plan, ProviderEvent, Reply},
};

/// Goes through everything that has expressions.
pub(super) struct Names<'d> {
    pub(super) diagnostics: &'d mut Diagnostics,
    pub(super) seen: Seen,
    pub(super) context: &'d Context<'d>,
}

/// What `connection` holds for an account.
pub(super) fn of_account(account: &Account) -> Connection {
    let mut connection = Connection { names: vec!["id".to_owned(), "label".to_owned()], ..Connection::default() };
    for (name, schema) in account.fields.iter() {
        let secret = account.secret_fields.iter().any(|it| it == name);
        if secret {
            connection.secrets.push(name.to_owned());
            continue;
        }
        let is_there = account.fields.is_required(name) || schema.get("default").is_some();
        let field = of_schema(schema);
        connection.fields.push((name.to_owned(), if is_there { field } else { field.or_undefined() }));
        connection.names.push(name.to_owned());
    }
    for scheme in account.schemes.values() {
        let callback = scheme.consent().into_iter().flat_map(|it| it.callback.iter().map(|(name, _)| name));
        let captured = scheme.answers().into_iter().flat_map(|it| it.capture.iter().map(|(name, _)| name));
        connection.names.extend(callback.chain(captured).cloned());
    }
    connection
}

/// What `connection` holds for a connector, once it is connected.
pub(super) fn of_connector(connector: &Connector) -> Connection {
    let mut connection = of_account(&connector.account);
    if let Some(after) = &connector.after_connect
        && let Shape::Map(output) = &after.plan.output
    {
        for (_, shape) in output.iter().filter(|(key, _)| key == "capture") {
            if let Shape::Map(captured) = shape {
                connection.names.extend(captured.iter().map(|(name, _)| name.clone()));
            }
        }
    }
    if connector.events.is_some() {
        connection.names.push("webhook_url".to_owned());
    }
    connection
}

impl Names<'_> {
    pub(super) fn http(&mut self, http: &Http, connection: &Connection) {
        let view = View { connection: Some(connection), ..View::default() };
        http.servers.values().for_each(|it| self.url(&it.url, view));
        http.headers.iter().for_each(|(_, it)| self.text(it, view));
        if let Some(usage) = &http.usage {
            let view = View { answer: true, ..View::default() };
            let all = [&usage.used, &usage.limit, &usage.remaining];
            all.into_iter().flatten().for_each(|it| self.expr(it, view));
        }
        self.rules(&http.errors, view);
    }

    pub(super) fn account(&mut self, account: &Account) {
        let connection = of_account(account);
        for scheme in account.schemes.values() {
            self.scheme(account, scheme, &connection);
        }
        self.rules(&account.errors, View { connection: Some(&connection), ..View::default() });
        if let Some(after) = &account.after_connect {
            self.plan(&after.plan, View { connection: Some(&connection), ..View::default() });
        }
    }

    /// Goes through an action, and tells what it hands on.
    pub(super) fn action(&mut self, action: &Action) -> Type {
        let (input, config) = (self.inputs(action), of_fields(&action.config));
        let view = View {
            input: Some(&action.input),
            config: Some(&action.config),
            connection: Some(&self.context.connection),
            execution: true,
            record: action.plan.object.is_some(),
            types: Types { input: Some(&input), config: Some(&config), ..Types::default() },
            ..View::default()
        };
        self.of_plan(&action.plan, view)
    }

    pub(super) fn object(&mut self, object: &Object, connection: &Connection) {
        let value = View { value: true, ..View::default() };
        object.write.iter().for_each(|(_, it)| self.expr(it, value));
        let config = of_fields(&object.config);
        let types = Types { config: Some(&config), ..Types::default() };
        let view = View { config: Some(&object.config), connection: Some(connection), types, ..View::default() };
        object.describe.iter().for_each(|it| self.plan(it, view));
    }

    pub(super) fn lookup(&mut self, lookup: &Lookup, connection: &Connection) {
        let config = of_fields(&lookup.config);
        let types = Types { config: Some(&config), ..Types::default() };
        let view = View { config: Some(&lookup.config), connection: Some(connection), types, ..View::default() };
        self.plan(&lookup.plan, view);
    }

    /// What a provider tells. The subscription's secret is there to verify by and to subscribe with, and nowhere else.
    pub(super) fn events(&mut self, connector: &Connector, events: &Events, connection: &Connection) {
        let mut told = vec!["key"];
        if let Some(Shape::Map(output)) = events.subscribe.as_ref().map(|it| &it.subscribe.output) {
            told.extend(output.iter().map(|(name, _)| name.as_str()));
        }
        let with_secret: Vec<&str> = told.iter().copied().chain(["secret"]).collect();
        let base = View { connection: Some(connection), ..View::default() };
        let item = events.receive.each.is_some();
        let delivered = View { delivery: true, subscription: Some(&told), ..base };
        if let Some(handshake) = &events.receive.handshake {
            let view = View { subscription: None, ..delivered };
            self.expr(&handshake.when, view);
            self.reply(&handshake.answer, view);
        }
        for verify in &events.receive.verify {
            let fields = &connector.account.fields;
            let credentials = Credentials { fields, secrets: true, token: false, more: &[] };
            let view = View { auth: Some(credentials), subscription: Some(&with_secret), item, ..delivered };
            verify.when.iter().for_each(|it| self.expr(it, delivered));
            verify.texts().for_each(|it| self.text(it, view));
            verify.timestamp.iter().for_each(|it| self.expr(it, view));
            if let Some(Jwt { keys: Keys::At(url), .. }) = &verify.jwt {
                self.url(url, View { item, ..delivered });
            }
        }
        events.receive.each.iter().for_each(|it| self.shape(it, delivered));
        self.reply(&events.receive.answer, delivered);
        for event in events.types.values() {
            self.event_type(event, View { item, ..delivered });
        }
        if let Some(subscribe) = &events.subscribe {
            let first = ["key", "secret"];
            self.plan(&subscribe.subscribe, View { subscription: Some(&first), ..base });
            for plan in subscribe.renew.iter().chain(&subscribe.remove) {
                self.plan(plan, View { subscription: Some(&with_secret), ..base });
            }
        }
    }

    fn event_type(&mut self, event: &ProviderEvent, view: View<'_>) {
        event.when.iter().for_each(|it| self.expr(it, view));
        self.text(&event.id, view);
        self.plan(&event.plan, view);
    }

    fn reply(&mut self, reply: &Reply, view: View<'_>) {
        reply.headers.iter().for_each(|(_, it)| self.text(it, view));
        reply.body.iter().for_each(|it| self.shape(it, view));
        reply.text.iter().for_each(|it| self.text(it, view));
    }

    /// What is captured after connecting is not there before.
    pub(super) fn after_connect(&mut self, connector: &Connector, plan: &Plan) {
        let connection = of_account(&connector.account);
        let view = View { connection: Some(&connection), ..View::default() };
        self.plan(plan, view);
    }
}
