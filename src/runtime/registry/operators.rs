//! Whoever runs the engine.

use super::{Engine, Result};
use crate::{
    base::{OperatorKeyId, Secret},
    crypto::api_key,
    store::OperatorKey,
};

/// Somebody who runs the engine.
#[derive(Debug, Clone)]
pub struct Operator {
    /// As the key was named.
    pub name: String,
}

impl Engine {
    /// The operator whose key this is; `None` for one that is unknown or revoked.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn operator_of_key(&self, key: &Secret) -> Result<Option<Operator>> {
        let Some((id, given)) = api_key::parse(key.expose()) else { return Ok(None) };
        let known = self.store.operators().get(id).await?;
        let valid = known.filter(|(row, digest)| row.revoked_at.is_none() && *digest == given);
        Ok(valid.map(|(row, _)| Operator { name: row.name }))
    }

    /// A new key of an operator of that name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn new_operator_key(&self, name: &str) -> Result<Secret> {
        let now = self.now();
        let id = OperatorKeyId::new(now, self.random.as_ref());
        let (key, digest) = api_key::issue(id, self.random.as_ref());
        let row = OperatorKey { id, name: name.to_owned(), created_at: now, revoked_at: None };
        self.store.operators().add(&row, digest).await?;
        Ok(key)
    }

    /// Refuses an operator's key from now on. `false`: there is none, or it was revoked before.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn revoke_operator_key(&self, id: OperatorKeyId) -> Result<bool> {
        Ok(self.store.operators().revoke(id, self.now()).await?)
    }
}
