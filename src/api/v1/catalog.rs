//! The Action drawer: what there is, and how it stands for this org.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{caller::Caller, problem::Problem},
    runtime::Engine,
    spec::Connector,
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

/// A connector as the drawer shows it.
#[derive(Debug, Serialize, ToSchema)]
struct Row {
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

/// Show the catalog
///
/// Every connector in its group, with this org's connections.
#[utoipa::path(get, path = "/catalog", operation_id = "show_catalog", tag = "catalog", responses((status = 200, body = Catalog)))]
pub(super) async fn show(State(engine): State<Arc<Engine>>, Caller(org): Caller) -> Result<Json<Catalog>, Problem> {
    let connections = engine.connections().list(org).await?;
    let mut groups: Vec<Group> = Vec::new();
    for connector in &engine.connectors(org).await? {
        let rows = connections.iter().filter(|it| it.account == connector.account.id);
        let row = row(
            connector,
            rows.map(|it| RowConnection {
                id: it.id.to_string(),
                label: it.label.clone(),
                status: it.status.as_str(),
                mode: it.mode.as_str(),
            })
            .collect(),
        );
        match groups.iter_mut().find(|it| it.id == connector.catalog.group) {
            Some(group) => group.rows.push(row),
            None => groups.push(Group { id: connector.catalog.group.clone(), rows: vec![row] }),
        }
    }
    Ok(Json(Catalog { groups }))
}

fn row(connector: &Connector, connections: Vec<RowConnection>) -> Row {
    Row {
        connector: connector.id.clone(),
        title: connector.title.clone(),
        summary: connector.summary.clone(),
        phase: connector.catalog.phase.clone(),
        brand: Brand { color: connector.brand.color.clone(), logo: connector.brand.logo.clone() },
        account: connector.account.id.clone(),
        connections,
    }
}
