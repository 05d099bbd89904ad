use oauth2::{
    AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, basic::BasicClient,
};
use url::Url;

use super::Flow;
use crate::{
    base::{Code, Secret},
    transport::{SendError, render::address},
};

impl Flow<'_> {
    /// Where the browser goes for the consent (RFC 6749 §4.1.1).
    ///
    /// `state` and `verifier` are secrets of 43 to 128 unreserved characters, made for this consent and never used again;
    /// the verifier counts only where the provider has PKCE.
    ///
    /// # Errors
    /// When the address can't be rendered.
    pub fn authorization_url(
        &self,
        redirect_uri: &Url,
        scopes: &[String],
        state: &Secret,
        verifier: &Secret,
    ) -> Result<Url, SendError> {
        let url = self.endpoint(&self.oauth2.authorize_url)?;
        let client = BasicClient::new(ClientId::new(self.client.id.clone()))
            .set_auth_uri(AuthUrl::from_url(url))
            .set_redirect_uri(RedirectUrl::from_url(redirect_uri.clone()));
        let mut request = client.authorize_url(|| CsrfToken::new(state.expose().to_owned()));
        if !scopes.is_empty() {
            request = request.add_scope(Scope::new(scopes.join(&self.oauth2.scope_separator)));
        }
        if self.oauth2.pkce {
            let verifier = PkceCodeVerifier::new(verifier.expose().to_owned());
            request = request.set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        }
        for (name, value) in &self.oauth2.params {
            request = request.add_extra_param(name, value);
        }
        Ok(request.url().0)
    }

    /// An endpoint's address, which must be https: a code or a token travels there.
    pub(super) fn endpoint(&self, url: &crate::spec::Url) -> Result<Url, SendError> {
        let url = Url::parse(&address(url, self.scope)?).ok().filter(|it| it.scheme() == "https" && it.has_host());
        url.ok_or_else(|| SendError::not_sent(Code::ProviderError, "the address of the sign-in is not an https URL"))
    }
}
