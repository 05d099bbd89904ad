//! Who is calling: the org that the API key belongs to.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};

use super::problem::{Kind, Problem};
use crate::{
    base::{OrgId, Secret},
    runtime::Engine,
};

/// The org of the request's API key. Unknown, revoked and missing keys look the same from outside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller(pub(super) OrgId);

impl FromRequestParts<Arc<Engine>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, engine: &Arc<Engine>) -> Result<Self, Problem> {
        let refused = || Problem::new(Kind::Unauthorized, "This needs the API key of an org.");
        let key = parts
            .headers
            .get("authorization")
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, key)| Secret::new(key.trim()))
            .ok_or_else(refused)?;
        engine.org_of_key(&key).await?.map(Self).ok_or_else(refused)
    }
}
