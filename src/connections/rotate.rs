//! Moves stored credentials to the key that seals now. Afterwards older keys can leave the key ring.

use super::{Connections, Error};
use crate::crypto::{Context, Purpose};

/// Credentials read at a time.
const PAGE: u32 = 100;

impl Connections {
    /// Seals again what an older key sealed, and tells how many. It can be stopped and begun again at any time.
    ///
    /// # Errors
    /// If a credential doesn't open, or the store fails.
    pub async fn reseal(&self) -> Result<u64, Error> {
        let (keys, random) = (self.0.keys()?, &*self.0.setup.random);
        let connections = self.0.setup.store.connections();
        let (mut after, mut resealed) = (None, 0);
        loop {
            let page = connections.sealed(after, PAGE).await?;
            let Some((_, last, ..)) = page.last() else { return Ok(resealed) };
            after = Some(*last);
            for (org, connection, seen, sealed) in page.iter().filter(|(.., sealed)| !keys.is_current(sealed)) {
                let context = Context { org: *org, connection: *connection, purpose: Purpose::Credential };
                let again = keys.seal(&context, &keys.open(&context, sealed)?, random);
                resealed += u64::from(connections.reseal(*org, *connection, *seen, &again).await?);
            }
        }
    }
}
