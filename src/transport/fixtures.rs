//! What the tests of transport and auth share.

use std::{future::Future, sync::Arc};

use serde_json::Value as Json;
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
};

use crate::{
    diag::{Diagnostics, FileId, Span},
    expr::{Expr, Path, Shape, Text},
    spec::{AnswerKind, Body, ErrorRule, Http, Request, Target},
    yaml::Style,
};

pub(crate) const SPAN: Span = Span { file: FileId(0), start: 0, end: 0 };

/// Nothing declared: no server, no host, no redirect.
pub(crate) fn http() -> Http {
    Http::default()
}

/// A server on this machine that lives as long as the value.
pub(crate) struct Served {
    /// Such as `http://127.0.0.1:4010`.
    pub(crate) base: String,
    task: tokio::task::JoinHandle<()>,
}

impl Served {
    /// Serves `router` on a free port.
    pub(crate) async fn start(router: axum::Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base, task }
    }

    /// Hands each connection to `serve`.
    pub(crate) async fn raw<F: Future<Output = ()> + Send + 'static>(
        serve: impl Fn(TcpStream) -> F + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(serve(stream));
            }
        });
        Self { base, task }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads up to the end of an HTTP head.
pub(crate) async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

fn compiled<T>(source: &str, compile: impl FnOnce(&mut Diagnostics) -> Option<T>) -> T {
    let mut diagnostics = Diagnostics::default();
    compile(&mut diagnostics).unwrap_or_else(|| panic!("{source}: {diagnostics:?}"))
}

/// Text with placeholders.
pub(crate) fn text(source: &str) -> Text {
    compiled(source, |found| Text::compile(source, &|_| SPAN, found))
}

/// An expression, without braces.
pub(crate) fn expr(source: &str) -> Arc<Expr> {
    Arc::new(compiled(source, |found| Expr::compile(source, &|_| SPAN, found)))
}

/// A path.
pub(crate) fn path(source: &str) -> Arc<Path> {
    Arc::new(compiled(source, |found| Path::compile(source, &|_| SPAN, found)))
}

/// A tree whose texts may be placeholders, as in a connector.
pub(crate) fn shape(value: Json) -> Shape {
    match value {
        Json::String(source) => {
            compiled(&source, |found| Shape::compile_scalar(&source, Style::Quoted, false, &|_| SPAN, found))
        }
        Json::Array(list) => Shape::List(list.into_iter().map(shape).collect()),
        Json::Object(map) => Shape::Map(map.into_iter().map(|(key, value)| (key, shape(value))).collect()),
        literal => Shape::Literal(literal),
    }
}

/// A request with nothing but a method and a target.
pub(crate) fn request(method: &str, target: Target) -> Request {
    Request {
        span: SPAN,
        method: method.to_owned(),
        target,
        auth: None,
        query: Vec::new(),
        headers: Vec::new(),
        body: Body::None,
        content_type: None,
        answer: AnswerKind::Auto,
    }
}

/// A rule with these conditions.
pub(crate) fn rule(status: &[(u16, u16)], reason: &[&str], when: Option<&str>) -> ErrorRule {
    ErrorRule {
        span: SPAN,
        status: status.to_vec(),
        reason: reason.iter().map(|&it| it.to_owned()).collect(),
        when: when.map(expr),
        is: None,
        say: None,
        retry_after: None,
        schema_changed: false,
    }
}
