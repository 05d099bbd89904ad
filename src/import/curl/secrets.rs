//! What signs in, taken out of a command: its values are dropped, and become fields that the builder fills in.

use super::command::Command;
use crate::{
    base::credentials::may_be_credential,
    import::{
        emit::Map,
        name,
        scheme::{Auth, Scheme, Seen, filled},
    },
};

/// What is left of a command.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Vec<(String, String)>,
}

/// Whether a name is one of a credential, or has a part that only credentials have.
pub(super) fn is_secret(called: &str) -> bool {
    let words = name::words(called);
    let has = |word: &str| words.iter().any(|it| it == word);
    let joined = words.join("");
    let cursor = ["page", "next", "continuation", "cursor", "sync"].iter().any(|it| has(it));
    may_be_credential(called)
        || ["apikey", "accesskey", "secretkey", "privatekey", "subscriptionkey", "appkey", "authkey", "sessionid"]
            .iter()
            .any(|it| joined.contains(it))
        || ["secret", "password", "passwd", "pwd", "signature", "sig", "credential", "credentials", "jwt", "bearer"]
            .iter()
            .any(|it| has(it))
        || (has("token") && !cursor)
        || (has("auth") && !has("author"))
        || called.eq_ignore_ascii_case("key")
        || called.eq_ignore_ascii_case("appid")
}

/// The sign-in of a command, and what else is in its query and headers.
pub(super) fn take(command: &Command) -> (Auth, Kept) {
    let mut kept = Kept::default();
    let mut auth = Auth::default();
    let (mut headers, mut sent) = (Map::default(), Vec::new());
    let (mut query, mut sent_query) = (Map::default(), Vec::new());
    let mut bearer = None;
    for (called, value) in &command.headers {
        if !is_secret(called) {
            kept.headers.push((called.clone(), value.clone()));
            continue;
        }
        // what stands before the credential is the same for everybody: `Token …`, `Bearer …`
        let (prefix, has_prefix) = match value.split_once(' ') {
            Some((word, rest))
                if !rest.trim().is_empty()
                    && word.len() < 20
                    && word.bytes().all(|it| it.is_ascii_alphabetic() || it == b'-') =>
            {
                (format!("{word} "), true)
            }
            _ => (String::new(), false),
        };
        let is_bearer = called == "authorization" && prefix.eq_ignore_ascii_case("bearer ");
        let field = if called == "authorization" && has_prefix { "api_token".to_owned() } else { free(&auth, called) };
        let title = if called == "authorization" { "API token".to_owned() } else { name::title(called) };
        let test = auth.field(&field, &title, Seen::Secret);
        if is_bearer {
            bearer = Some((field, test));
            continue;
        }
        headers = headers.set(&super::header(called), format!("{prefix}{}", filled(&field)));
        sent.push((called.clone(), format!("{prefix}{test}")));
    }
    for (called, value) in &command.query {
        if !is_secret(called) {
            kept.query.push((called.clone(), value.clone()));
            continue;
        }
        let field = free(&auth, called);
        let test = auth.field(&field, &name::title(called), Seen::Secret);
        query = query.set(called, filled(&field));
        sent_query.push((called.clone(), test));
    }
    if !command.cookies.is_empty() {
        let (mut written, mut shown) = (Vec::new(), Vec::new());
        for (called, _) in &command.cookies {
            let field = free(&auth, &format!("cookie_{called}"));
            let test = auth.field(&field, &format!("Cookie {called}"), Seen::Secret);
            written.push(format!("{called}={{{{ auth.{field} | urlencode }}}}"));
            shown.push(format!("{called}={test}"));
        }
        headers = headers.set("Cookie", written.join("; "));
        sent.push(("cookie".to_owned(), shown.join("; ")));
    }
    let alone = headers.is_empty() && query.is_empty();
    match (&command.user, bearer) {
        (Some(_), _) if alone => return (Auth::basic(), kept),
        (Some(_), _) => {
            let (user, password) =
                (auth.field("username", "User name", Seen::Public), auth.field("password", "Password", Seen::Secret));
            headers = headers.set("Authorization", "Basic {{ (auth.username ~ ':' ~ auth.password) | base64 }}");
            sent.push(("authorization".to_owned(), crate::import::scheme::basic_header(&user, &password)));
        }
        (None, Some((field, test))) if alone => {
            let scheme = Scheme::new("bearer", "bearer").key("token", filled(&field));
            auth.schemes.push(scheme.header("authorization", &format!("Bearer {test}")));
            return (auth, kept);
        }
        (None, Some((field, test))) => {
            headers = headers.set("Authorization", format!("Bearer {}", filled(&field)));
            sent.push(("authorization".to_owned(), format!("Bearer {test}")));
        }
        (None, None) if alone => return (Auth::none(), kept),
        (None, None) => {}
    }
    let mut scheme = Scheme::new("api_key", "api_key");
    if !headers.is_empty() {
        scheme = scheme.key("headers", headers);
    }
    if !query.is_empty() {
        scheme = scheme.key("query", query);
    }
    (scheme.headers, scheme.query) = (sent, sent_query);
    auth.schemes.push(scheme);
    (auth, kept)
}

/// A name for a field that no other has.
fn free(auth: &Auth, called: &str) -> String {
    let wanted = name::snake(called, "key");
    let wanted = if matches!(wanted.as_str(), "id" | "label" | "token" | "webhook_url") {
        format!("api_{wanted}")
    } else {
        wanted
    };
    name::free(&wanted, |name| auth.fields.iter().any(|(it, _)| it == name))
}
