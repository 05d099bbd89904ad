//! Text that must not be shown.

use std::{fmt, sync::Arc};

use secrecy::{ExposeSecret, SecretString};

/// What stands in the place of a secret wherever one would be shown.
pub const MASK: &str = "•••";

/// A credential. It has no `Display` and no `Serialize`, prints as `•••`, and is wiped when its last clone is dropped: there is
/// one copy of it, however many hold it.
#[derive(Clone)]
pub struct Secret(Arc<SecretString>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Arc::new(SecretString::from(text.into())))
    }

    /// The text itself, for signing and sealing only.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}
