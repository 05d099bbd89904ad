use base64::{Engine, engine::general_purpose::STANDARD};
use url::{
    Url,
    form_urlencoded::{Serializer, byte_serialize},
};

use super::{Flow, answer};
use crate::{
    auth::Token,
    base::{MASK, Secret},
    transport::{SendError, Signed},
    wire::{self, Answer},
};

impl Flow<'_> {
    /// Exchanges the code that came with the provider's redirect (RFC 6749 §4.1.3). A code works once.
    ///
    /// # Errors
    /// `reauthorize` if the code is no good any more, `permission_denied` if the provider doesn't know our client,
    /// `rate_limited` and `unavailable` if it may work later, else `provider_error`.
    pub async fn exchange_code(
        &self,
        code: &Secret,
        redirect_uri: &Url,
        verifier: &Secret,
    ) -> Result<Token, SendError> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", redirect_uri.as_str()),
        ];
        if self.oauth2.pkce {
            form.push(("code_verifier", verifier.expose()));
        }
        self.token(form, &[code, verifier]).await
    }

    /// Gets a new token with a refresh token (RFC 6749 §6). If the answer brings no refresh token, the old one stays good;
    /// if it brings one, the old one may be dead already.
    ///
    /// # Errors
    /// As [`Self::exchange_code`]: `reauthorize` if the grant is dead.
    pub async fn refresh(&self, refresh: &Secret) -> Result<Token, SendError> {
        let form = vec![("grant_type", "refresh_token"), ("refresh_token", refresh.expose())];
        self.token(form, &[refresh]).await
    }

    async fn token(&self, mut form: Vec<(&str, &str)>, sent: &[&Secret]) -> Result<Token, SendError> {
        form.extend(self.oauth2.token_params.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let answer = self.post(&self.oauth2.token_url, form).await?;
        answer::token(self.oauth2, &answer, self.scope, self.now).map_err(|error| self.hide(error, sent))
    }

    /// Posts a form as our client (RFC 6749 §2.3.1).
    pub(super) async fn post(&self, to: &crate::spec::Url, form: Vec<(&str, &str)>) -> Result<Answer, SendError> {
        let signed = self.form_request(self.endpoint(to)?, form);
        self.sender.send_signed(signed, self.http, self.http.timeout).await
    }

    fn form_request(&self, url: url::Url, form: Vec<(&str, &str)>) -> Signed {
        let mut body = Serializer::new(String::new());
        body.extend_pairs(form);
        let mut authorization = None;
        match &self.client.secret {
            Some(secret) if !self.oauth2.client_in_body => {
                // Both are form-encoded first, so that neither a colon nor an odd letter gets in the way.
                let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let pair = format!("{}:{}", encoded(&self.client.id), encoded(secret.expose()));
                authorization = Some(Secret::new(format!("Basic {}", STANDARD.encode(pair))));
            }
            secret => {
                body.append_pair("client_id", &self.client.id);
                if let Some(secret) = secret {
                    body.append_pair("client_secret", secret.expose());
                }
            }
        }
        let headers = vec![
            ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
            ("accept".to_owned(), "application/json".to_owned()),
        ];
        let request = wire::Request { method: "POST".to_owned(), url, headers, body: body.finish().into() };
        let headers = authorization.map(|value| ("authorization".to_owned(), value)).into_iter().collect();
        Signed { request, headers, query: Vec::new(), fill: Vec::new() }
    }

    /// Takes what we sent out of a message, in case the provider repeated it.
    pub(super) fn hide(&self, mut error: SendError, sent: &[&Secret]) -> SendError {
        for secret in sent.iter().copied().chain(&self.client.secret).filter(|it| !it.expose().is_empty()) {
            error.message = error.message.replace(secret.expose(), MASK);
        }
        error
    }
}
