use super::{Flow, answer};
use crate::{base::Secret, transport::SendError};

impl Flow<'_> {
    /// Takes a grant back (RFC 7009), by its refresh token if it has one. Tells whether the provider can do that at all.
    ///
    /// # Errors
    /// If the provider refuses for another reason than that it does not know the token (any more).
    pub async fn revoke(&self, token: &Secret) -> Result<bool, SendError> {
        let Some(url) = &self.oauth2.revoke_url else { return Ok(false) };
        let answer = self.post(url, vec![("token", token.expose())]).await?;
        match answer::failure(&answer, self.now) {
            Some(failure) if failure.reason.as_deref() != Some("invalid_token") => {
                Err(self.hide(failure.into_error(), &[token]))
            }
            _ => Ok(true),
        }
    }
}
