//! Every name in every expression: whether it exists, and whether it is known at its place.

use std::sync::Arc;

use super::view::{Connection, Credentials, Seen, View};
use crate::{
    diag::{Diagnostic, Diagnostics, codes},
    expr::{Each, Expr, Marker, Shape, Text},
    spec::{
        Account, Action, Apply, Body, Connector, ErrorRule, Events, Http, Lookup, OAuth2, Object, Part, PartContent,
        Plan, ProviderEvent, Reply, Request, RequestStep, Scheme, SchemeKind, Step, StepKind, Target, Url, Wait,
    },
};

/// Goes through everything that has expressions.
pub(super) struct Names<'d> {
    pub(super) diagnostics: &'d mut Diagnostics,
    pub(super) seen: Seen,
}

/// What `connection` holds for an account.
pub(super) fn of_account(account: &Account) -> Connection {
    let mut connection = Connection { names: vec!["id".to_owned(), "label".to_owned()], secrets: Vec::new() };
    for (name, _) in account.fields.iter() {
        let secret = account.secret_fields.iter().any(|it| it == name);
        if secret { &mut connection.secrets } else { &mut connection.names }.push(name.to_owned());
    }
    for scheme in account.schemes.values() {
        if let SchemeKind::OAuth2(oauth2) = &scheme.kind {
            let callback = oauth2.callback.iter().map(|(name, _)| name);
            connection.names.extend(callback.chain(oauth2.capture.iter().map(|(name, _)| name)).cloned());
        }
    }
    connection
}

/// What `connection` holds when the browser has come back from a consent.
fn of_redirect(account: &Account, oauth2: &OAuth2) -> Connection {
    let shown = account.fields.iter().map(|(name, _)| name).filter(|it| !account.secret_fields.iter().any(|s| s == it));
    let names = ["id", "label"].into_iter().chain(shown).chain(oauth2.callback.iter().map(|(name, _)| name.as_str()));
    Connection { names: names.map(str::to_owned).collect(), secrets: account.secret_fields.clone() }
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

    fn scheme(&mut self, account: &Account, scheme: &Scheme, connection: &Connection) {
        let token = matches!(scheme.kind, SchemeKind::OAuth2(_) | SchemeKind::TokenExchange(_));
        let credentials = Credentials { fields: &account.fields, secrets: true, token };
        let signing = View { auth: Some(credentials), connection: Some(connection), request: true, ..View::default() };
        match &scheme.apply {
            Apply::None => {}
            Apply::Basic { username, password } => {
                self.text(username, View { request: false, ..signing });
                self.text(password, View { request: false, ..signing });
            }
            Apply::Fields { headers, query } => {
                headers.iter().chain(query).for_each(|(_, it)| self.text(it, signing));
            }
        }
        scheme.fill.iter().for_each(|(_, it)| self.text(it, View { request: false, ..signing }));
        let of_answers = View { connection: Some(connection), ..View::default() };
        self.rules(&scheme.expired, of_answers);
        match &scheme.kind {
            SchemeKind::None | SchemeKind::Static => {}
            SchemeKind::OAuth2(oauth2) => {
                let public = Credentials { secrets: false, token: false, ..credentials };
                let view = View { auth: Some(public), ..View::default() };
                self.url(&oauth2.authorize_url, view);
                // A code is exchanged before the token answer can tell anything.
                let returned = of_redirect(account, oauth2);
                self.url(&oauth2.token_url, View { connection: Some(&returned), ..view });
                oauth2.revoke_url.iter().for_each(|it| self.url(it, View { connection: Some(connection), ..view }));
                self.rules(&oauth2.token_errors, of_answers);
                self.rules(&oauth2.dead, of_answers);
            }
            SchemeKind::TokenExchange(exchange) => {
                let before = Credentials { token: false, ..credentials };
                let view = View { auth: Some(before), connection: Some(connection), ..View::default() };
                self.request(&exchange.request, view);
                self.rules(&exchange.errors, of_answers);
            }
        }
    }

    pub(super) fn action(&mut self, connector: &Connector, action: &Action, connection: &Connection) {
        let view = View {
            input: Some(&action.input),
            config: Some(&action.config),
            connection: Some(connection),
            connector: Some(connector),
            execution: true,
            record: action.plan.object.is_some(),
            ..View::default()
        };
        self.plan(&action.plan, view);
    }

    pub(super) fn object(&mut self, connector: &Connector, object: &Object, connection: &Connection) {
        let value = View { value: true, ..View::default() };
        object.write.iter().for_each(|(_, it)| self.expr(it, value));
        let view = View {
            config: Some(&object.config),
            connection: Some(connection),
            connector: Some(connector),
            ..View::default()
        };
        object.describe.iter().for_each(|it| self.plan(it, view));
    }

    pub(super) fn lookup(&mut self, connector: &Connector, lookup: &Lookup, connection: &Connection) {
        let view = View {
            config: Some(&lookup.config),
            connection: Some(connection),
            connector: Some(connector),
            ..View::default()
        };
        self.plan(&lookup.plan, view);
    }

    /// What a provider tells. The subscription's secret is there to verify by and to subscribe with, and nowhere else.
    pub(super) fn events(&mut self, connector: &Connector, events: &Events, connection: &Connection) {
        let mut told = vec!["key"];
        if let Some(Shape::Map(output)) = events.subscribe.as_ref().map(|it| &it.subscribe.output) {
            told.extend(output.iter().map(|(name, _)| name.as_str()));
        }
        let with_secret: Vec<&str> = told.iter().copied().chain(["secret"]).collect();
        let base = View { connection: Some(connection), connector: Some(connector), ..View::default() };
        let item = events.receive.each.is_some();
        let delivered = View { delivery: true, subscription: Some(&told), ..base };
        if let Some(handshake) = &events.receive.handshake {
            let view = View { subscription: None, ..delivered };
            self.expr(&handshake.when, view);
            self.reply(&handshake.answer, view);
        }
        if let Some(verify) = &events.receive.verify {
            let credentials = Credentials { fields: &connector.account.fields, secrets: true, token: false };
            let view = View { auth: Some(credentials), subscription: Some(&with_secret), item, ..delivered };
            self.text(&verify.given, view);
            self.text(&verify.expected, view);
            verify.timestamp.iter().for_each(|(it, _)| self.expr(it, view));
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

    fn wait(&mut self, wait: &Wait, view: View<'_>) {
        if let Some(event) = &wait.event {
            self.text(&event.of, view);
            let declared = view.connector.and_then(|it| it.events.as_ref()?.types.get(&event.name));
            let output = declared.and_then(ProviderEvent::output);
            event.until.iter().for_each(|it| self.expr(it, View { event: output, ..view }));
        }
        if let Some(poll) = &wait.poll {
            self.request_step(&poll.step, view, 0);
            let answered = View { answer: true, ..view };
            self.expr(&poll.until, answered);
            poll.output.iter().for_each(|it| self.shape(it, answered));
        }
        wait.on_timeout.iter().for_each(|it| self.shape(it, view));
    }

    /// What is captured after connecting is not there before.
    pub(super) fn after_connect(&mut self, connector: &Connector, plan: &Plan) {
        let connection = of_account(&connector.account);
        let view = View { connection: Some(&connection), connector: Some(connector), ..View::default() };
        self.plan(plan, view);
    }

    fn plan(&mut self, plan: &Plan, view: View<'_>) {
        let mut single = false;
        for (at, step) in plan.steps.iter().enumerate() {
            let view = View { steps: Some((&plan.steps, at)), ..view };
            step.when.iter().for_each(|it| self.expr(it, view));
            step.each.iter().for_each(|it| self.shape(&it.over, view));
            self.step(step, View { item: view.item || step.each.is_some(), ..view }, at);
            single = plan.steps.len() == 1 && matches!(step.kind, StepKind::Request(_)) && step.each.is_none();
        }
        self.shape(&plan.output, View { steps: Some((&plan.steps, plan.steps.len())), answer: single, ..view });
    }

    fn step(&mut self, step: &Step, view: View<'_>, at: usize) {
        match &step.kind {
            StepKind::Request(request) => self.request_step(request, view, at),
            StepKind::Set(shape) => self.shape(shape, view),
            StepKind::Fail { say, .. } => say.iter().for_each(|it| self.text(it, view)),
            StepKind::Call { input, .. } => self.shape(input, view),
            StepKind::Wait(wait) => self.wait(wait, view),
        }
        let answer = matches!(step.kind, StepKind::Request(_));
        step.output.iter().for_each(|it| self.shape(it, View { answer, ..view }));
    }

    fn request_step(&mut self, step: &RequestStep, view: View<'_>, at: usize) {
        self.request(&step.request, view);
        self.rules(&step.errors, view);
        if let Some(verify) = &step.verify {
            self.request(&verify.request, view);
            let tests = verify.holds.iter().chain(&verify.absent);
            tests.for_each(|it| self.expr(it, View { answer: true, ..view }));
        }
        if let Some(undo) = &step.undo {
            let steps = view.steps.map(|(steps, _)| (steps, at + 1));
            self.request(undo, View { steps, own_round: true, ..view });
        }
    }

    fn request(&mut self, request: &Request, view: View<'_>) {
        match &request.target {
            Target::Path { path, .. } => self.text(path, view),
            Target::Url(url) => self.text(url, view),
        }
        request.query.iter().for_each(|(_, it)| self.shape(it, view));
        request.headers.iter().for_each(|(_, it)| self.text(it, view));
        match &request.body {
            Body::None => {}
            Body::Json(shape) | Body::Form(shape) => self.shape(shape, view),
            Body::Text(text) | Body::Base64(text) => self.text(text, view),
            Body::Multipart(multipart) => multipart.parts.iter().for_each(|it| self.part(it, view)),
            Body::Xml(text) | Body::Ics(text) => self.escaped_text(text, view, &[Marker::Raw]),
        }
    }

    fn part(&mut self, part: &Part, view: View<'_>) {
        part.each.iter().for_each(|it| self.shape(it, view));
        let view = View { item: view.item || part.each.is_some(), ..view };
        part.when.iter().for_each(|it| self.expr(it, view));
        let texts = [&part.name, &part.filename, &part.content_type].into_iter().flatten();
        texts.chain(part.headers.iter().map(|(_, it)| it)).for_each(|it| self.text(it, view));
        match &part.content {
            PartContent::Value(shape) | PartContent::Json(shape) | PartContent::File(shape) => self.shape(shape, view),
            PartContent::Text(text) | PartContent::Base64(text) => self.text(text, view),
        }
    }

    fn rules(&mut self, rules: &[ErrorRule], view: View<'_>) {
        let view = View { answer: true, ..view };
        for rule in rules {
            rule.when.iter().for_each(|it| self.expr(it, view));
            rule.say.iter().for_each(|it| self.text(it, view));
            rule.retry_after.iter().for_each(|it| self.shape(it, view));
        }
    }

    fn url(&mut self, url: &Url, view: View<'_>) {
        if let Url::Choice { by, .. } = url {
            self.expr(by, view);
        }
        url.texts().for_each(|it| self.text(it, view));
    }

    fn text(&mut self, text: &Text, view: View<'_>) {
        text.for_each_expr(&mut |it| self.expr(it, view));
    }

    /// Text that escapes what is put into it, but for what one of the `known` markers puts in otherwise.
    fn escaped_text(&mut self, text: &Text, view: View<'_>, known: &[Marker]) {
        text.for_each_expr(&mut |it| match it.marker {
            Some(marker) if known.contains(&marker) => {
                if marker == Marker::Raw {
                    let message = "this value is put in as it is";
                    let diagnostic = Diagnostic::warning(codes::RAW, it.span, message);
                    self.diagnostics.push(diagnostic.help("make sure that nobody else decides what it is"));
                }
                view.check(it, &mut self.seen, self.diagnostics);
            }
            _ => self.expr(it, view),
        });
    }

    fn shape(&mut self, shape: &Shape, view: View<'_>) {
        match shape {
            Shape::Literal(_) | Shape::Path(_) => {}
            Shape::Expr(expr) => self.expr(expr, view),
            Shape::Text(text) => self.text(text, view),
            Shape::Query(text, _) => {
                self.escaped_text(text, view, &[Marker::Raw, Marker::Identifier, Marker::Time]);
            }
            Shape::List(entries) => entries.iter().for_each(|it| self.shape(it, view)),
            Shape::Map(entries) => entries.iter().for_each(|(_, it)| self.shape(it, view)),
            Shape::When(test, inner) => {
                self.expr(test, view);
                self.shape(inner, view);
            }
            Shape::Each(each) => self.each(each, view),
        }
    }

    fn each(&mut self, each: &Each, view: View<'_>) {
        self.shape(&each.over, view);
        let inner = View { item: true, ..view };
        each.when.iter().for_each(|it| self.expr(it, inner));
        self.shape(&each.shape, inner);
    }

    fn expr(&mut self, expr: &Arc<Expr>, view: View<'_>) {
        let message = match expr.marker {
            Some(Marker::Raw) => {
                Some("`raw` means nothing here: only `xml`, `ics` and queries escape what is put into their text")
            }
            Some(Marker::Identifier) => Some("`identifier` means nothing here: only queries have names"),
            Some(Marker::Time) => Some("`time_literal` means nothing here: only queries have literals"),
            None => None,
        };
        if let Some(message) = message {
            self.diagnostics.push(Diagnostic::error(codes::RAW, expr.span, message).help("remove it"));
        }
        view.check(expr, &mut self.seen, self.diagnostics);
    }
}
