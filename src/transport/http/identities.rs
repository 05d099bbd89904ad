//! Clients that show a certificate: a connection that was opened with one is never used with another, or with none.

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use reqwest::Client;
use zeroize::Zeroizing;

use super::ClientError;
use crate::{
    base::Code,
    signing::{Hash, PrivateKey, pem, sections},
    transport::{Identity, SendError},
};

/// More identities at once push out those that were not used for longest.
const MOST: u64 = 200;

/// One that nobody uses any more gives its connections up, and forgets the key.
const IDLE: Duration = Duration::from_secs(5 * 60);

/// How a client is made that shows this certificate, or why it can't be.
type Make = Box<dyn Fn(Which, reqwest::Identity) -> Result<Client, ClientError> + Send + Sync>;

/// For whom a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Which {
    /// Providers.
    Guarded,
    /// What stands in for them.
    StandIns,
}

/// One client for each certificate in use.
pub(super) struct Identities {
    clients: Cache<(Which, Vec<u8>), Client>,
    make: Arc<Make>,
}

impl Identities {
    pub(super) fn new(make: Make) -> Self {
        Self { clients: Cache::builder().max_capacity(MOST).time_to_idle(IDLE).build(), make: Arc::new(make) }
    }

    /// The client that shows `identity`.
    pub(super) async fn client(&self, which: Which, identity: &Identity) -> Result<Client, SendError> {
        let key = (which, digest(identity));
        if let Some(client) = self.clients.get(&key) {
            return Ok(client);
        }
        let (make, identity) = (Arc::clone(&self.make), identity.clone());
        // reading the system's certificates takes a while
        let made = tokio::task::spawn_blocking(move || {
            let identity = reqwest::Identity::from_pem(joined(&identity)?.as_bytes())
                .map_err(|_| "the client certificate can't be read".to_owned())?;
            make(which, identity).map_err(|why| format!("the client certificate can't be used: {why}"))
        });
        let made = made.await.unwrap_or_else(|_| Err("the client certificate can't be used".to_owned()));
        let client = made.map_err(|message| SendError::not_sent(Code::Reauthorize, message))?;
        // whoever else made one meanwhile has the same
        self.clients.insert(key, client.clone());
        Ok(client)
    }
}

impl std::fmt::Debug for Identities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} client certificates", self.clients.entry_count())
    }
}

fn digest(identity: &Identity) -> Vec<u8> {
    let Identity { certificate, key } = identity;
    let both = Zeroizing::new(format!("{}\0{}", certificate.expose(), key.expose()));
    Hash::Sha256.digest(both.as_bytes())
}

/// Key and certificates as one file, however they were pasted.
fn joined(identity: &Identity) -> Result<Zeroizing<String>, String> {
    let key = identity.key.expose();
    PrivateKey::read(key).map_err(|why| format!("the key of the client certificate {why}"))?;
    let mut all = Zeroizing::new(String::new());
    for section in sections(key).iter().chain(&sections(identity.certificate.expose())) {
        let is_key = section.label.ends_with("PRIVATE KEY");
        let Some(der) = section.der.as_ref().filter(|_| is_key || section.label == "CERTIFICATE") else { continue };
        // a file with both is often given as both
        if !all.contains("CERTIFICATE") || !is_key {
            all.push_str(&Zeroizing::new(pem(&section.label, der)));
        }
    }
    if !all.contains("CERTIFICATE") {
        return Err("the client certificate is not one in PEM, which begins with `-----BEGIN CERTIFICATE-----`".into());
    }
    Ok(all)
}
