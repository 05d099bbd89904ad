//! Moves stored credentials to the key that seals now. Afterwards older keys can leave the key ring.

use super::{Connections, Error};
use crate::{
    crypto::{Context, Purpose},
    store::Kept,
};

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
            let Some((_, last, ..)) = page.last() else { return Ok(resealed + self.reseal_kept().await?) };
            after = Some(*last);
            for (org, connection, seen, sealed) in page.iter().filter(|(.., sealed)| !keys.is_current(sealed)) {
                let context = Context { org: *org, connection: *connection, purpose: Purpose::Credential };
                let again = keys.seal(&context, &keys.open(&context, sealed)?, random);
                resealed += u64::from(connections.reseal(*org, *connection, *seen, &again).await?);
            }
        }
    }

    /// The same for what is sealed beside credentials.
    async fn reseal_kept(&self) -> Result<u64, Error> {
        let (keys, random) = (self.0.keys()?, &*self.0.setup.random);
        let store = &self.0.setup.store;
        let mut resealed = 0;
        for kind in Kept::ALL {
            let mut after = String::new();
            loop {
                let page = store.kept(kind, &after, PAGE).await?;
                let Some(last) = page.last() else { break };
                after.clone_from(&last.key);
                for it in page.iter().filter(|it| !keys.is_current(&it.sealed)) {
                    let context = Context { org: it.org, connection: it.connection, purpose: kind.purpose() };
                    // what was kept while there was no key is not sealed
                    let Ok(plain) = keys.open(&context, &it.sealed) else { continue };
                    resealed += u64::from(store.reseal_kept(kind, it, &keys.seal(&context, &plain, random)).await?);
                }
            }
        }
        Ok(resealed)
    }
}
