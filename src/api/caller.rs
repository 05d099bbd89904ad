//! Who is calling: the org that an API key belongs to, or whoever runs the engine.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};

use super::problem::{Kind, Problem};
use crate::{
    base::{OrgId, Secret},
    runtime::{Engine, registry},
};

/// The org of the request's API key. Unknown and revoked keys look the same from outside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller(pub(super) OrgId);

/// Whoever runs the engine, by a key of their own. No org's key opens what is everybody's.
#[derive(Debug, Clone)]
pub(super) struct Operator(pub(super) registry::Operator);

impl FromRequestParts<Arc<Engine>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, engine: &Arc<Engine>) -> Result<Self, Problem> {
        let key = key(parts)?;
        let org = engine.org_of_key(&key).await?.ok_or_else(|| {
            Problem::new(Kind::Unauthorized, "The API key is of no org: it is mistyped, was revoked, or is in another database.")
                .with_fix(
                    "Use a key that is valid. Whoever runs the engine makes one by `closeloop keys api --org NAME`, with the settings of the engine (`--config`).",
                )
                .with_wrong_key()
        })?;
        engine.admit(org)?;
        Ok(Self(org))
    }
}

impl FromRequestParts<Arc<Engine>> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, engine: &Arc<Engine>) -> Result<Self, Problem> {
        let key = key(parts)?;
        if let Some(operator) = engine.operator_of_key(&key).await? {
            return Ok(Self(operator));
        }
        if engine.org_of_key(&key).await?.is_some() {
            return Err(Problem::new(Kind::Forbidden, "This is an org's key, and what it asks for concerns all orgs."));
        }
        let problem = Problem::new(
            Kind::Unauthorized,
            "The key is no operator's: it is mistyped, was revoked, or is in another database.",
        );
        Err(problem
            .with_fix(
                "Use a key that is valid. Whoever runs the engine makes one by `closeloop keys operator --name NAME`, with the settings of the engine (`--config`).",
            )
            .with_wrong_key())
    }
}

fn key(parts: &Parts) -> Result<Secret, Problem> {
    let Some(given) = parts.headers.get("authorization") else {
        return Err(Problem::new(Kind::Unauthorized, "The header `Authorization` is missing."));
    };
    given
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, key)| Secret::new(key.trim()))
        .ok_or_else(|| Problem::new(Kind::Unauthorized, "The header `Authorization` has no key behind `Bearer `."))
}
