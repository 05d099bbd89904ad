//! The Action drawer: what there is, and how it stands for this org.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{caller::Caller, problem::Problem},
    catalog::own,
    runtime::Engine,
    spec::{Connector, SchemeKind},
    store::Connection,
};

/// Rows in groups.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Catalog {
    groups: Vec<Group>,
}

/// A group of rows.
#[derive(Debug, Serialize, ToSchema)]
struct Group {
    /// Such as `other_integration`.
    id: String,
    rows: Vec<Row>,
}

/// A row of the drawer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Row {
    /// The builder's own requests: `/v1/api-integrations` makes and changes them.
    ApiIntegrations(ApiIntegrations),
    /// A connector.
    Connector(ConnectorRow),
}

/// All of an org's API integrations.
#[derive(Debug, Serialize, ToSchema)]
struct ApiIntegrations {
    title: &'static str,
    summary: &'static str,
    phase: &'static str,
    brand: Brand,
    /// Those that there are, as connectors.
    integrations: Vec<ConnectorRow>,
}

/// A connector as the drawer shows it.
#[derive(Debug, Serialize, ToSchema)]
struct ConnectorRow {
    connector: String,
    title: String,
    summary: String,
    /// `planned`, `closed_beta`, `open_beta` or `ga`.
    phase: String,
    brand: Brand,
    /// The provider account that a connection is made to.
    account: String,
    /// This org's connections to that account, the oldest first.
    connections: Vec<RowConnection>,
}

/// How it looks.
#[derive(Debug, Serialize, ToSchema)]
struct Brand {
    /// `#RRGGBB`
    color: Option<String>,
    /// SVG text.
    logo: Option<String>,
}

/// A connection in short.
#[derive(Debug, Serialize, ToSchema)]
struct RowConnection {
    id: String,
    label: Option<String>,
    status: &'static str,
    mode: &'static str,
}

/// The group of what isn't a feature of the chatbot itself; the row of API integrations begins it.
const OTHERS: &str = "other_integration";

/// Show the catalog
///
/// Every connector in its group, with this org's connections: first what needs no account, then the providers, then the org's
/// own.
#[utoipa::path(get, path = "/v1/catalog", operation_id = "show_catalog", tag = "catalog", responses((status = 200, body = Catalog)))]
pub(super) async fn show(State(engine): State<Arc<Engine>>, Caller(org): Caller) -> Result<Json<Catalog>, Problem> {
    let connections = engine.connections().list(org).await?;
    let mut connectors = engine.connectors(org).await?;
    connectors.sort_by_key(|it| place(it));
    let (integrations, connectors): (Vec<_>, Vec<_>) =
        connectors.iter().partition(|it| it.id.starts_with(own::FROM_A_FORM));
    let integrations = integrations.into_iter().map(|it| row(it, &connections)).collect();
    let mut groups =
        vec![Group { id: OTHERS.to_owned(), rows: vec![Row::ApiIntegrations(api_integrations(integrations))] }];
    for connector in connectors {
        let row = Row::Connector(row(connector, &connections));
        match groups.iter_mut().find(|it| it.id == connector.catalog.group) {
            Some(group) => group.rows.push(row),
            None => groups.push(Group { id: connector.catalog.group.clone(), rows: vec![row] }),
        }
    }
    Ok(Json(Catalog { groups }))
}

/// Among the rows: what a builder can use at once comes first, what only this org has comes last.
fn place(connector: &Connector) -> u8 {
    let needs_account = connector.account.schemes.values().any(|it| !matches!(it.kind, SchemeKind::None));
    match (own::is_own(&connector.id), needs_account) {
        (false, false) => 0,
        (false, true) => 1,
        (true, _) => 2,
    }
}

fn api_integrations(integrations: Vec<ConnectorRow>) -> ApiIntegrations {
    let logo = include_str!("../pages/api-integrations.svg").to_owned();
    ApiIntegrations {
        title: "API Integrations",
        summary: "Lets the agent call a program of your own: one form for each request.",
        phase: "ga",
        brand: Brand { color: Some("#334155".to_owned()), logo: Some(logo) },
        integrations,
    }
}

fn row(connector: &Connector, connections: &[Connection]) -> ConnectorRow {
    let of_account = connections.iter().filter(|it| it.account == connector.account.id);
    let connections = of_account.map(|it| RowConnection {
        id: it.id.to_string(),
        label: it.label.clone(),
        status: it.status.as_str(),
        mode: it.mode.as_str(),
    });
    ConnectorRow {
        connector: connector.id.clone(),
        title: connector.title.clone(),
        summary: connector.summary.clone(),
        phase: connector.catalog.phase.clone(),
        brand: Brand { color: connector.brand.color.clone(), logo: connector.brand.logo.clone() },
        account: connector.account.id.clone(),
        connections: connections.collect(),
    }
}
