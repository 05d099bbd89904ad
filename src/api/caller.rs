//! Who is calling: the org that the API key belongs to.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};

use super::problem::{Kind, Problem};
use crate::{
    base::{OrgId, Secret},
    runtime::Engine,
};

/// The org of the request's API key. Unknown and revoked keys look the same from outside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller(pub(super) OrgId);

impl FromRequestParts<Arc<Engine>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, engine: &Arc<Engine>) -> Result<Self, Problem> {
        let Some(given) = parts.headers.get("authorization") else {
            return Err(Problem::new(Kind::Unauthorized, "The header `Authorization` is missing."));
        };
        let key = given
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, key)| Secret::new(key.trim()))
            .ok_or_else(|| {
                Problem::new(Kind::Unauthorized, "The header `Authorization` has no key behind `Bearer `.")
            })?;
        let org = engine.org_of_key(&key).await?.ok_or_else(|| {
            Problem::new(Kind::Unauthorized, "The API key is of no org: it is mistyped, or was revoked.")
                .with_fix(
                    "Use a key that is valid. Whoever runs the engine makes one by `closeloop keys api --org NAME`.",
                )
                .with_wrong_key()
        })?;
        engine.admit(org)?;
        Ok(Self(org))
    }
}
