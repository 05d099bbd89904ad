//! Sign-in, by `security` and `securitySchemes`.

use serde_json::{Map as JsonMap, Value as Json};
use url::Url;

use super::document::{At, Document};
use crate::import::{
    Refusal,
    emit::Map,
    name,
    scheme::{Auth, Scheme, Seen},
};

/// How an operation signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The names of schemes that are used together; none without sign-in.
    schemes: Vec<String>,
    pub(super) scopes: Vec<String>,
}

/// What an operation wants: the first of the ways that it offers, but rather one than none.
pub(super) fn wanted(document: &Document, operation: &At<'_>) -> Wanted {
    let security = operation.get("security").or_else(|| document.root().get("security"));
    let ways = security.into_iter().flat_map(|it| it.items().collect::<Vec<_>>()).map(|way| {
        let names = way.entries();
        let mut wanted = Wanted { schemes: Vec::new(), scopes: Vec::new() };
        for (name, scopes) in names {
            wanted.schemes.push(name.to_owned());
            wanted.scopes.extend(scopes.items().filter_map(|it| it.node.as_str()).map(str::to_owned));
        }
        wanted
    });
    let mut ways: Vec<_> = ways.collect();
    ways.sort_by_key(|it| it.schemes.is_empty());
    ways.into_iter().next().unwrap_or(Wanted { schemes: Vec::new(), scopes: Vec::new() })
}

/// The sign-in of all operations, and for each the name of the scheme that it uses where that is not the default.
pub(super) fn of(document: &Document, all: &[Wanted]) -> Result<(Auth, Vec<Option<String>>), Refusal> {
    let mut kinds: Vec<(&Vec<String>, usize)> = Vec::new();
    for wanted in all {
        match kinds.iter_mut().find(|(it, _)| *it == &wanted.schemes) {
            Some((_, count)) => *count += 1,
            None => kinds.push((&wanted.schemes, 1)),
        }
    }
    // the one that is used most is the default; what needs none says so itself
    kinds.sort_by_key(|(schemes, count)| (schemes.is_empty(), std::cmp::Reverse(*count)));
    let scopes: Vec<String> = shared_scopes(all);
    let mut auth = Auth::default();
    let mut made: Vec<(&Vec<String>, String)> = Vec::new();
    for (schemes, _) in kinds.iter().filter(|(it, _)| !it.is_empty()) {
        let wanted_scopes: Vec<_> =
            all.iter().filter(|it| &it.schemes == *schemes).flat_map(|it| it.scopes.clone()).collect();
        let scheme = combined(document, schemes, &wanted_scopes, &mut auth)?;
        let name = name::free(&scheme.name, |name| auth.schemes.iter().any(|it| it.name == name));
        made.push((schemes, name.clone()));
        auth.schemes.push(Scheme { name, ..scheme });
    }
    let asks = auth.schemes.first().is_some_and(|it| it.word == "oauth2");
    if asks {
        auth.scopes = scopes;
    }
    if auth.schemes.is_empty() {
        auth.schemes = Auth::none().schemes;
        return Ok((auth, all.iter().map(|_| None).collect()));
    }
    let used = all.iter().map(|wanted| match made.iter().position(|(it, _)| *it == &wanted.schemes) {
        Some(0) => None,
        Some(at) => Some(made[at].1.clone()),
        None => Some("none".to_owned()),
    });
    Ok((auth, used.collect()))
}

/// The scopes that every operation needs that needs any.
fn shared_scopes(all: &[Wanted]) -> Vec<String> {
    let mut with = all.iter().filter(|it| !it.schemes.is_empty());
    let Some(first) = with.next() else { return Vec::new() };
    let mut shared = first.scopes.clone();
    with.for_each(|it| shared.retain(|scope| it.scopes.contains(scope)));
    shared
}

/// One scheme of all those that a request needs together.
fn combined(document: &Document, names: &[String], scopes: &[String], auth: &mut Auth) -> Result<Scheme, Refusal> {
    let mut parts = Vec::new();
    for name in names {
        let root = document.root();
        let found = root.get("components").and_then(|it| it.get("securitySchemes")).and_then(|it| it.get(name));
        let at = found.ok_or_else(|| {
            Refusal::at("#/components/securitySchemes", format!("there is no scheme `{name}`, which `security` names"))
        })?;
        parts.push(one(document, name, &document.follow(at)?, scopes, auth)?);
    }
    let mut parts = parts.into_iter();
    let Some(first) = parts.next() else { return Ok(Scheme::new("none", "none")) };
    Ok(parts.fold(first, together))
}

/// Two schemes on one request: what signs by headers and query alone joins the other.
fn together(one: Scheme, other: Scheme) -> Scheme {
    let has_token = |it: &Scheme| matches!(it.word, "oauth2" | "token_exchange");
    let (main, extra) = if has_token(&other) { (other, one) } else { (one, other) };
    let (mut headers, mut query) = placed(&main);
    let (more_headers, more_query) = placed(&extra);
    (headers, query) = (headers.and(more_headers), query.and(more_query));
    let kept = main.keys.into_entries().filter(|(key, _)| {
        !["headers", "query", "username", "password", "token"].contains(&key.as_str()) || has_token_word(main.word)
    });
    let mut keys = kept
        .filter(|(key, _)| key != "headers" && key != "query")
        .fold(Map::default(), |map, (key, value)| map.set(&key, value));
    if !headers.is_empty() {
        keys = keys.set("headers", headers);
    }
    if !query.is_empty() {
        keys = keys.set("query", query);
    }
    Scheme {
        name: main.name,
        word: if has_token_word(main.word) { main.word } else { "api_key" },
        keys,
        headers: main.headers.into_iter().chain(extra.headers).collect(),
        query: main.query.into_iter().chain(extra.query).collect(),
    }
}

fn has_token_word(word: &str) -> bool {
    matches!(word, "oauth2" | "token_exchange")
}

/// What a scheme puts into headers and query, written out.
fn placed(scheme: &Scheme) -> (Map, Map) {
    let mut keys: JsonMap<String, Json> = JsonMap::new();
    let (mut headers, mut query) = (Map::default(), Map::default());
    for (key, value) in scheme.keys.clone().into_entries() {
        match (key.as_str(), value) {
            ("headers", crate::import::emit::Yaml::Map(map)) => headers = map,
            ("query", crate::import::emit::Yaml::Map(map)) => query = map,
            (key, crate::import::emit::Yaml::Scalar(value)) => drop(keys.insert(key.to_owned(), value)),
            _ => {}
        }
    }
    match scheme.word {
        "basic" => headers = headers.set("Authorization", "Basic {{ (auth.username ~ ':' ~ auth.password) | base64 }}"),
        "bearer" => {
            headers = headers.set("Authorization", format!("Bearer {}", keys["token"].as_str().unwrap_or_default()));
        }
        word if has_token_word(word) && headers.is_empty() && query.is_empty() => {
            headers = headers.set("Authorization", "Bearer {{ auth.token }}");
        }
        _ => {}
    }
    (headers, query)
}

fn one(document: &Document, called: &str, at: &At<'_>, scopes: &[String], auth: &mut Auth) -> Result<Scheme, Refusal> {
    let name = name::snake(called, "sign_in");
    let title = at.text("description").map(|it| name::plain(it, 60)).filter(|it| it.len() < 50);
    let kind = at.text("type").ok_or_else(|| at.refuse("this scheme does not say its `type`"))?;
    let word = at.text("scheme").unwrap_or_default().to_ascii_lowercase();
    let made = match (kind, word.as_str()) {
        ("http", "basic") => Auth::basic(),
        ("http", "bearer") => Auth::bearer(title.as_deref().unwrap_or("API token")),
        ("apiKey", _) => api_key(at, &name, title)?,
        ("oauth2", _) => oauth2(document, at, scopes, auth)?,
        ("openIdConnect", _) => {
            let url = at.text("openIdConnectUrl").unwrap_or_default();
            let issuer = url.strip_suffix("/.well-known/openid-configuration").filter(|it| it.starts_with("https://"));
            issuer.map_or_else(
                || {
                    auth.todos.push(format!("sign-in is by OpenID Connect: write `scheme: oauth2` with the `authorize_url` and `token_url` that stand in {url}"));
                    Auth::bearer("Access token")
                },
                Auth::found,
            )
        }
        (kind, word) => {
            let what = format!("{kind} {word}");
            auth.todos.push(format!(
                "sign-in by `{}` is not written yet: the keys of `auth` are in the reference",
                what.trim()
            ));
            Auth::none()
        }
    };
    Ok(joined(name, made, auth))
}

/// Takes over what a scheme declares. Two schemes of one kind have fields of their own.
fn joined(name: String, made: Auth, auth: &mut Auth) -> Scheme {
    auth.todos.extend(made.todos);
    for (field, schema) in made.fields {
        if !auth.fields.iter().any(|(it, _)| *it == field) {
            auth.fields.push((field, schema));
        }
    }
    for (field, value) in made.credentials {
        if !auth.credentials.iter().any(|(it, _)| *it == field) {
            auth.credentials.push((field, value));
        }
    }
    let scheme = made.schemes.into_iter().next().unwrap_or_else(|| Scheme::new("none", "none"));
    Scheme { name, ..scheme }
}

fn api_key(at: &At<'_>, name: &str, title: Option<String>) -> Result<Auth, Refusal> {
    let key = at.text("name").ok_or_else(|| at.refuse("this scheme does not say the `name` of its key"))?;
    let field =
        if matches!(name, "id" | "label" | "token" | "webhook_url") { format!("{name}_key") } else { name.to_owned() };
    let title = title.unwrap_or_else(|| name::title(name));
    Ok(match at.text("in") {
        Some("header") if key.eq_ignore_ascii_case("cookie") => Auth::header_key("Cookie", &field, &title),
        Some("header") => Auth::header_key(key, &field, &title),
        Some("query") => Auth::query_key(key, &field, &title),
        Some("cookie") => Auth::cookie_key(key, &field, &title),
        _ => return Err(at.refuse("a key is `in` a header, the query or a cookie")),
    })
}

fn oauth2(document: &Document, at: &At<'_>, scopes: &[String], auth: &mut Auth) -> Result<Auth, Refusal> {
    let flows = at.get("flows").ok_or_else(|| at.refuse("this scheme has no `flows`"))?;
    let url = |flow: &At<'_>, key: &str, auth: &mut Auth| {
        let given = flow.text(key).unwrap_or_default();
        let url = document.source.as_ref().map_or_else(|| Url::parse(given).ok(), |it| it.join(given).ok());
        match url.filter(|it| it.scheme() == "https") {
            Some(url) => {
                // parameters of a sign-in address have a place of their own
                let mut url = url;
                url.set_query(None);
                url.set_fragment(None);
                url.to_string()
            }
            None => {
                auth.todos.push(format!("`{given}` is no https address for `{key}`: write the right one"));
                "https://auth.example.com/oauth".to_owned()
            }
        }
    };
    let mut unique: Vec<String> = Vec::new();
    scopes.iter().for_each(|it| {
        if !unique.contains(it) {
            unique.push(it.clone());
        }
    });
    if let Some(flow) = flows.get("authorizationCode") {
        let (authorize, token) = (url(&flow, "authorizationUrl", auth), url(&flow, "tokenUrl", auth));
        return Ok(Auth::oauth2(&authorize, &token));
    }
    if let Some(flow) = flows.get("clientCredentials") {
        return Ok(Auth::exchange(&url(&flow, "tokenUrl", auth), "client_credentials", &unique));
    }
    if let Some(flow) = flows.get("password") {
        return Ok(Auth::exchange(&url(&flow, "tokenUrl", auth), "password", &unique));
    }
    auth.todos.push("the description knows the implicit flow only, by which no program can stay signed in: write `scheme: oauth2` with the provider's `authorize_url` and `token_url`".to_owned());
    Ok(Auth::bearer("Access token"))
}

/// Cookies that an operation wants beside its sign-in, as fields that join it.
pub(super) fn with_cookies(auth: &mut Auth, cookies: &[String]) {
    if cookies.is_empty() {
        return;
    }
    let mut written = Vec::new();
    let mut sent = Vec::new();
    for cookie in cookies {
        let field = format!("cookie_{}", name::snake(cookie, "value"));
        let value = auth.field(&field, &format!("Cookie {cookie}"), Seen::Secret);
        written.push(format!("{cookie}={{{{ auth.{field} | urlencode }}}}"));
        sent.push(format!("{cookie}={value}"));
    }
    let extra = Scheme::new("cookies", "api_key").key("headers", Map::default().set("Cookie", written.join("; ")));
    let extra = extra.header("cookie", &sent.join("; "));
    auth.schemes = std::mem::take(&mut auth.schemes)
        .into_iter()
        .map(|scheme| match scheme.word {
            "none" => Scheme { name: scheme.name, ..extra.clone() },
            _ => together(scheme, extra.clone()),
        })
        .collect();
}

/// A credential that stands among the parameters of operations, where no scheme is described: as a key.
pub(super) fn from_header(auth: &mut Auth, header: &str) {
    let is_none = auth.schemes.iter().all(|it| it.word == "none");
    if !is_none || header.eq_ignore_ascii_case("cookie") {
        return;
    }
    let made = match header.to_ascii_lowercase().as_str() {
        "authorization" => Auth::bearer("API token"),
        _ => Auth::header_key(header, "api_key", "API key"),
    };
    auth.schemes.clear();
    let scheme = joined("default".to_owned(), made, auth);
    auth.schemes.push(scheme);
}
