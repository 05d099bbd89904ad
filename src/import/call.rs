//! A request that is being made: as it is written, and as it is sent in a case.

use serde_json::Value as Json;

use super::{
    draft::texts,
    emit::{Map, Yaml},
    scheme::Scheme,
};
use crate::{format::query, transport::received::grouped};

/// `execution.key` in a case.
pub(super) const KEY: &str = "01940000-0000-7000-8000-000000000000";

/// A request.
#[derive(Debug, Default, Clone)]
pub(super) struct Call {
    pub(super) method: String,
    /// The base URL in a case, without a slash at its end.
    pub(super) base: String,
    pub(super) server: Option<String>,
    pub(super) auth: Option<String>,
    /// With placeholders, and as it is sent.
    pub(super) path: (String, String),
    /// Name, what is written, and what is sent if anything is.
    pub(super) query: Vec<(String, Yaml, Option<Json>)>,
    pub(super) headers: Vec<(String, String, Option<String>)>,
    pub(super) body: Body,
    pub(super) content_type: Option<String>,
    pub(super) answer: Option<&'static str>,
}

/// What is sent: as it is written, and in a case.
#[derive(Debug, Default, Clone)]
pub(super) enum Body {
    #[default]
    None,
    Json(Yaml, Json),
    Form(Yaml, Json),
    Multipart(Vec<(Map, Option<Json>)>),
    Xml(String, String),
    Text(String, String),
    Base64(String, String),
}

impl Call {
    /// `request` of an action.
    pub(super) fn yaml(&self) -> Map {
        let map = Map::default().set("method", self.method.as_str()).set("path", self.path.0.as_str());
        let map = map.maybe("server", self.server.as_deref()).maybe("auth", self.auth.as_deref());
        let query = self.query.iter().fold(Map::default(), |map, (name, value, _)| map.set(name, value.clone()));
        let map = if query.is_empty() { map } else { map.set("query", query) };
        let headers = self.headers.iter().fold(Map::default(), |map, (name, value, _)| map.set(name, value.as_str()));
        let map = if headers.is_empty() { map } else { map.set("headers", headers) };
        let map = match &self.body {
            Body::None => map,
            Body::Json(written, _) => map.set("body", written.clone()),
            Body::Form(written, _) => map.set("form", written.clone()),
            Body::Multipart(parts) => {
                let parts = parts.iter().map(|(written, _)| written.clone().into()).collect();
                map.set("multipart", Map::default().set("parts", Yaml::List(parts)))
            }
            Body::Xml(written, _) => map.set("xml", written.as_str()),
            Body::Text(written, _) => map.set("text", written.as_str()),
            Body::Base64(written, _) => map.set("base64", written.as_str()),
        };
        map.maybe("content_type", self.content_type.as_deref()).maybe("answer", self.answer)
    }

    /// With one more member in its JSON body, as it is written and as it is sent.
    pub(super) fn with_member(mut self, name: &str, value: &Json) -> Self {
        if let Body::Json(Yaml::Map(written), Json::Object(sent)) = &mut self.body {
            *written = std::mem::take(written).own(name, value.clone());
            sent.insert(name.to_owned(), value.clone());
        }
        self
    }

    /// The address in a case, without the query.
    pub(super) fn url(&self) -> String {
        format!("{}{}", self.base, self.path.1)
    }

    /// As a case names it where only the address matters.
    pub(super) fn line(&self) -> Map {
        Map::default().set("method", self.method.as_str()).set("url", self.url())
    }

    /// As a case expects it, with `more` parameters in the query.
    pub(super) fn expected(&self, scheme: Option<&Scheme>, more: &[(String, String)]) -> Map {
        let sent = self.query.iter().filter_map(|(name, _, value)| Some((name, value.as_ref()?)));
        let pairs = sent.flat_map(|(name, value)| query::pairs(name, value).unwrap_or_default());
        let signed = scheme.map(|it| it.query.clone()).unwrap_or_default();
        let query = grouped(pairs.chain(more.iter().cloned()).chain(signed));
        let own = self.headers.iter().filter_map(|(name, _, value)| Some((name.to_ascii_lowercase(), value.clone()?)));
        let typed = self.content_type.iter().map(|it| ("content-type".to_owned(), it.clone()));
        let headers: Vec<_> = scheme.into_iter().flat_map(|it| it.headers.clone()).chain(own).chain(typed).collect();
        let mut map = self.line();
        if query.as_object().is_some_and(|it| !it.is_empty()) {
            map = map.set("query", query);
        }
        if !headers.is_empty() {
            map = map.set("headers", texts(&headers));
        }
        match &self.body {
            Body::None => map,
            Body::Json(_, sent) => map.set("body", sent.clone()),
            Body::Form(_, sent) => {
                let fields = sent.as_object().into_iter().flatten();
                map.set("form", grouped(fields.flat_map(|(name, value)| query::pairs(name, value).unwrap_or_default())))
            }
            Body::Multipart(parts) => map
                .set("parts", Yaml::List(parts.iter().filter_map(|(_, sent)| sent.clone().map(Yaml::from)).collect())),
            Body::Xml(_, sent) | Body::Text(_, sent) => map.set("text", sent.as_str()),
            Body::Base64(_, sent) => map.set("base64", sent.as_str()),
        }
    }
}

/// A value as a segment of a path.
pub(super) fn segment(value: &Json) -> String {
    query::unreserved(plain(value).as_bytes())
}

/// A text as it stands in an XML document.
pub(super) fn in_xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A scalar as text.
pub(super) fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `{{ input.name }}`
pub(super) fn input(name: &str) -> String {
    format!("{{{{ input.{name} }}}}")
}
