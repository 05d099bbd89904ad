//! What the tests of transport and auth share.

use std::{future::Future, time::Duration};

use indexmap::IndexMap;
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
};

use crate::{
    diag::{FileId, Span},
    expr::{Piece, Text},
    spec::{Http, Xml},
};

pub(crate) const SPAN: Span = Span { file: FileId(0), start: 0, end: 0 };

/// Nothing declared: no server, no host, no redirect.
pub(crate) fn http() -> Http {
    Http {
        servers: IndexMap::new(),
        hosts: Vec::new(),
        headers: Vec::new(),
        timeout: Duration::from_secs(10),
        redirects: 0,
        rate_limit: None,
        xml: Xml::default(),
        reason: Vec::new(),
        message: Vec::new(),
        errors: Vec::new(),
    }
}

/// Text without placeholders.
pub(crate) fn literal(text: &str) -> Text {
    Text { span: SPAN, pieces: vec![Piece::Literal(text.to_owned())] }
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
