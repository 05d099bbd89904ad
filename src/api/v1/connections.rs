//! An org's accounts at providers.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;
use utoipa::ToSchema;

use super::page::Page;
use crate::{
    api::{
        caller::Caller,
        json::{Body, Id},
        problem::{Kind, Problem},
    },
    base::ConnectionId,
    connections::{Error as Refused, Start, Started},
    runtime::{Engine, Webhook},
    store::{Connection, Mode},
    transport::Usage,
};

/// An account of this org at a provider.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConnectionView {
    #[schema(example = "con_01jdg3k8m2e1vbnv6q4v9q8x7t")]
    id: String,
    /// The provider account; several connectors may share one.
    account: String,
    /// How the account calls itself.
    label: Option<String>,
    /// `pending`, `connected`, `reauthorize`, `failed` or `disconnected`.
    status: &'static str,
    /// `live` or `sandbox`.
    mode: &'static str,
    /// Why it can't be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// Granted by the provider.
    scopes: Vec<String>,
    /// Non-secret things known of the account.
    metadata: Value,
    created_at: String,
    /// How much of the provider's allowance is used, as its last answers told. Only where one connection is shown, and
    /// its connectors' providers tell.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    usage: Vec<UsageView>,
    /// Hosts that failed again and again and are left alone for a while: what would be sent there fails at once as
    /// `unavailable`. Only when one connection is shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_alone: Vec<LeftAloneView>,
    /// Where providers send what they tell unasked, for connectors that take it. Only when one connection is shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    webhooks: Vec<WebhookView>,
    /// Where the builder's browser goes to give consent. Only in the answer that starts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_url: Option<String>,
}

/// What a connector's last answer told of an allowance.
#[derive(Debug, Serialize, ToSchema)]
struct UsageView {
    connector: String,
    /// Calls made in the provider's current window.
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<u64>,
    /// Calls that may be made in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    /// Calls left.
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining: Option<u64>,
    /// When it was told.
    at: String,
}

impl From<Usage> for UsageView {
    fn from(it: Usage) -> Self {
        let Usage { connector, used, limit, remaining, at } = it;
        Self { connector, used, limit, remaining, at: at.to_string() }
    }
}

/// A host that is left alone for a while.
#[derive(Debug, Serialize, ToSchema)]
struct LeftAloneView {
    #[schema(example = "api.some-shop.example")]
    host: String,
    /// Then one request finds out whether it works again.
    until: String,
}

impl From<Connection> for ConnectionView {
    fn from(it: Connection) -> Self {
        Self {
            id: it.id.to_string(),
            account: it.account,
            label: it.label,
            status: it.status.as_str(),
            mode: it.mode.as_str(),
            problem: it.problem,
            scopes: it.scopes,
            metadata: it.metadata.into(),
            created_at: it.created_at.to_string(),
            usage: Vec::new(),
            left_alone: Vec::new(),
            webhooks: Vec::new(),
            authorization_url: None,
        }
    }
}

impl From<Started> for ConnectionView {
    fn from(it: Started) -> Self {
        Self { authorization_url: it.authorization_url.map(String::from), ..it.connection.into() }
    }
}

/// An address at which the connection takes what a provider tells.
#[derive(Debug, Serialize, ToSchema)]
struct WebhookView {
    /// For which connector.
    connector: String,
    /// To be entered at the provider, unless it is `subscribed` by itself.
    #[schema(example = "https://engine.example.com/webhooks/some-shop/0f3a…")]
    url: String,
    /// Whether the provider was told the address.
    subscribed: bool,
    /// Why the provider could not be told, or could not reach it. Then whoever is on the engine's own network can still send there.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// Until when the provider sends there; it is told again before.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// What came there, was believed, and is no event of the connector.
    #[serde(skip_serializing_if = "Option::is_none")]
    ignored: Option<IgnoredView>,
}

/// What meant nothing, as the replica that answers has seen it since it started.
#[derive(Debug, Serialize, ToSchema)]
struct IgnoredView {
    /// How many notifications.
    count: u64,
    /// When the last one was looked at.
    last_at: String,
}

impl From<Webhook> for WebhookView {
    fn from(it: Webhook) -> Self {
        let Webhook { connector, url, subscribed, problem, expires_at, unmeant } = it;
        let ignored = unmeant.map(|it| IgnoredView { count: it.count, last_at: it.last_at.to_string() });
        Self { connector, url, subscribed, problem, expires_at: expires_at.map(|it| it.to_string()), ignored }
    }
}

/// What to connect.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StartBody {
    /// The connector whose account is connected.
    #[schema(example = "some-calendar")]
    connector: String,
    /// `live` (default) or `sandbox`: invented answers, no account needed.
    #[schema(example = "sandbox")]
    mode: Option<String>,
    /// What the connector's sign-in form asks for; empty when there is a consent page.
    #[serde(default)]
    fields: Map<String, Value>,
    /// Scopes to ask for beside those that all of the connector's actions need.
    #[serde(default)]
    scopes: Vec<String>,
    /// An https address to which the browser goes after the consent.
    return_to: Option<String>,
}

/// List connections
#[utoipa::path(get, path = "/v1/connections", operation_id = "list_connections", tag = "connections", responses((status = 200, body = Page<ConnectionView>)))]
pub(super) async fn list(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
) -> Result<Json<Page<ConnectionView>>, Problem> {
    let all = engine.connections().list(org).await?;
    Ok(Json(Page::whole(all.into_iter().map(ConnectionView::from).collect())))
}

/// Start a connection
///
/// With a sign-in form the account is checked and connected at once. With a consent page the answer has an
/// `authorization_url` for the builder's browser, and the connection is `pending` until the browser comes back.
#[utoipa::path(
    post, path = "/v1/connections", operation_id = "start_connection", tag = "connections", request_body = StartBody,
    responses(
        (status = 201, body = ConnectionView),
        (status = 404, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem),
    ),
)]
pub(super) async fn start(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Body(body): Body<StartBody>,
) -> Result<(StatusCode, Json<ConnectionView>), Problem> {
    let mode = match body.mode.as_deref().map(str::parse) {
        None => Mode::Live,
        Some(Ok(mode)) => mode,
        Some(Err(())) => return Err(Problem::new(Kind::InvalidRequest, "mode can be `live` or `sandbox`")),
    };
    let start = Start {
        org,
        connector: body.connector,
        fields: body.fields.into(),
        scopes: body.scopes,
        mode,
        return_to: checked_return(body.return_to)?,
        again: None,
    };
    Ok((StatusCode::CREATED, Json(engine.start_connection(start).await?.into())))
}

/// Show a connection
#[utoipa::path(
    get, path = "/v1/connections/{connection}", operation_id = "show_connection", tag = "connections", params(("connection" = String, Path)),
    responses((status = 200, body = ConnectionView), (status = 404, body = Problem)),
)]
pub(super) async fn show(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Id(id): Id<ConnectionId>,
) -> Result<Json<ConnectionView>, Problem> {
    let connection = engine.connections().get(org, id).await?;
    let usage = engine.usage(id).into_iter().map(UsageView::from).collect();
    let left_alone = engine.left_alone(id).into_iter();
    let left_alone = left_alone.map(|(host, until)| LeftAloneView { host, until: until.to_string() }).collect();
    let webhooks = engine.webhooks(&connection).await?.into_iter().map(WebhookView::from).collect();
    Ok(Json(ConnectionView { usage, left_alone, webhooks, ..connection.into() }))
}

/// Connects the same account again.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AuthorizeBody {
    /// The connector that needs it.
    connector: String,
    /// What the sign-in form asks for; empty when there is a consent page.
    #[serde(default)]
    fields: Map<String, Value>,
    /// Scopes to ask for in addition to those that all of the connector's actions need.
    #[serde(default)]
    scopes: Vec<String>,
    /// An https address to which the browser goes after the consent.
    return_to: Option<String>,
}

/// Connect an account again
///
/// For a connection that must be renewed, or that lacks scopes. The connection keeps its id and its enabled actions.
#[utoipa::path(
    post, path = "/v1/connections/{connection}/authorize", operation_id = "authorize_connection", tag = "connections",
    params(("connection" = String, Path)), request_body = AuthorizeBody,
    responses((status = 200, body = ConnectionView), (status = 404, body = Problem), (status = 409, body = Problem)),
)]
pub(super) async fn authorize(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Id(id): Id<ConnectionId>,
    Body(body): Body<AuthorizeBody>,
) -> Result<Json<ConnectionView>, Problem> {
    let mode = engine.connections().get(org, id).await?.mode;
    let start = Start {
        org,
        connector: body.connector,
        fields: body.fields.into(),
        scopes: body.scopes,
        mode,
        return_to: checked_return(body.return_to)?,
        again: Some(id),
    };
    Ok(Json(engine.start_connection(start).await?.into()))
}

/// How a test ended.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TestView {
    /// Whether the account answers.
    ok: bool,
    /// The connection's status after the test.
    status: &'static str,
    /// A canonical code, if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// What is wrong, for the builder.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// Test a connection
///
/// Asks the provider who the account is.
#[utoipa::path(
    post, path = "/v1/connections/{connection}/test", operation_id = "test_connection", tag = "connections", params(("connection" = String, Path)),
    responses((status = 200, body = TestView), (status = 404, body = Problem)),
)]
pub(super) async fn test(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Id(id): Id<ConnectionId>,
) -> Result<Json<TestView>, Problem> {
    let (ok, code, detail) = match engine.connections().test(org, id).await {
        Ok(_) => (true, None, None),
        Err(ref refused @ Refused::Provider { code, .. }) => (false, Some(code.as_str()), Some(refused.told())),
        Err(refused @ Refused::NotConnected(_)) => (false, None, Some(refused.to_string())),
        Err(error) => return Err(error.into()),
    };
    let status = engine.connections().get(org, id).await?.status.as_str();
    Ok(Json(TestView { ok, status, code, detail }))
}

/// Disconnect
///
/// Takes the consent back where the provider can, and forgets the credential. Its enabled actions stop working.
#[utoipa::path(
    delete, path = "/v1/connections/{connection}", operation_id = "disconnect", tag = "connections", params(("connection" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)),
)]
pub(super) async fn disconnect(
    State(engine): State<Arc<Engine>>,
    Caller(org): Caller,
    Id(id): Id<ConnectionId>,
) -> Result<StatusCode, Problem> {
    engine.disconnect(org, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An address that a browser may be sent to from a page of ours.
fn checked_return(address: Option<String>) -> Result<Option<String>, Problem> {
    let Some(address) = address else { return Ok(None) };
    match Url::parse(&address) {
        Ok(url) if url.scheme() == "https" => Ok(Some(url.into())),
        _ => Err(Problem::new(Kind::InvalidRequest, "return_to must be an https address")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_back_by_https_only_and_to_an_address_that_a_header_can_hold() {
        for (given, expected) in [
            ("https://app.example.com/drawer?x=1", Some("https://app.example.com/drawer?x=1")),
            ("https://app.example.com/a\r\nset-cookie: b", Some("https://app.example.com/aset-cookie:%20b")),
            ("https://app.example.com/é", Some("https://app.example.com/%C3%A9")),
            ("http://app.example.com/", None),
            ("javascript:alert(1)", None),
            ("//app.example.com/", None),
        ] {
            let checked = checked_return(Some(given.to_owned())).ok().flatten();
            assert_eq!(checked.as_deref(), expected, "{given}");
        }
    }
}
