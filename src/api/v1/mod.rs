//! `/v1`, one file a resource.

mod actions;
mod calls;
mod catalog;
mod connections;
mod connectors;
mod erasures;
mod events;
mod executions;
mod integrations;
mod mappings;
mod own_connectors;
mod page;
mod registry;
mod retention;

use std::sync::Arc;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::runtime::Engine;

/// Every route of `/v1`.
pub(super) fn routes() -> OpenApiRouter<Arc<Engine>> {
    OpenApiRouter::new()
        .routes(routes!(catalog::show))
        .routes(routes!(connectors::list))
        .routes(routes!(connectors::show, own_connectors::publish, own_connectors::unpublish))
        .routes(routes!(own_connectors::check))
        .routes(routes!(own_connectors::versions))
        .routes(routes!(own_connectors::version))
        .routes(routes!(connectors::look_up))
        .merge(registry::routes())
        .routes(routes!(integrations::list))
        .routes(routes!(integrations::show, integrations::put, integrations::remove))
        .routes(routes!(integrations::test))
        .routes(routes!(connections::list, connections::start))
        .routes(routes!(connections::show, connections::disconnect))
        .routes(routes!(connections::authorize))
        .routes(routes!(connections::test))
        .routes(routes!(mappings::objects))
        .routes(routes!(mappings::fields))
        .routes(routes!(mappings::show, mappings::save, mappings::remove))
        .routes(routes!(mappings::check))
        .routes(routes!(mappings::suggest))
        .routes(routes!(actions::list, actions::enable))
        .routes(routes!(actions::show, actions::change, actions::disable))
        .routes(routes!(calls::functions))
        .routes(routes!(calls::call))
        .routes(routes!(executions::list))
        .routes(routes!(executions::show))
        .routes(routes!(executions::resolve))
        .routes(routes!(events::list))
        .routes(routes!(retention::show, retention::set))
        .routes(routes!(erasures::conversation))
        .routes(routes!(erasures::customer))
        .routes(routes!(erasures::list))
        .routes(routes!(erasures::export))
}
