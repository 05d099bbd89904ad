//! The server itself: connections, and how long a client may take.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    BoxError, Router,
    body::{Body, Bytes, HttpBody},
};
use hyper::{
    Request,
    body::{Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::TcpListener,
    sync::Semaphore,
    time::{Sleep, sleep},
};
use tower_service::Service;

/// How slow a client may be.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until the head of the next request is here whole. A connection that is idle for so long is closed: longer than load
    /// balancers keep theirs.
    pub head: Duration,
    /// Until the next part of a body is.
    pub body: Duration,
    /// So many connections there are at most; further ones wait to be accepted.
    pub connections: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Self { head: Duration::from_secs(75), body: Duration::from_secs(15), connections: 10_000 }
    }
}

/// A request's body of which every part comes in time. Most are here whole, with the head: the time is taken only of what is
/// waited for.
struct Timely {
    body: Incoming,
    patience: Duration,
    wait: Option<Pin<Box<Sleep>>>,
}

impl HttpBody for Timely {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Self { body, patience, wait } = &mut *self;
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(context) {
            *wait = None;
            return Poll::Ready(frame.map(|it| it.map_err(Into::into)));
        }
        let wait = wait.get_or_insert_with(|| Box::pin(sleep(*patience)));
        wait.as_mut().poll(context).map(|()| Some(Err("the next part of the body did not come in time".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Serves until `stop`, then lets the requests that are under way end.
pub async fn serve(listener: TcpListener, router: Router, patience: Patience, stop: impl Future<Output = ()>) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(patience.head);
    let (graceful, mut stop) = (GracefulShutdown::new(), pin!(stop));
    let places = Arc::new(Semaphore::new(patience.connections));
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (listener.accept().await, place)
        };
        let (stream, place) = tokio::select! {
            () = &mut stop => break,
            (accepted, place) = accepted => match accepted {
                Ok((stream, _)) => (stream, place),
                Err(error) => {
                    // out of descriptors, mostly: those that end give some back
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let router = router.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let request = request.map(|body| Body::new(Timely { body, patience: patience.body, wait: None }));
            router.clone().call(request)
        });
        let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            // a client that breaks off, or is too slow, is no mistake of ours
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

#[cfg(test)]
mod tests {
    use axum::{extract::DefaultBodyLimit, routing::post};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
        sync::oneshot,
    };

    use super::*;
    use crate::api::json::Body as JsonBody;

    const SHORT: Duration = Duration::from_millis(200);
    const LONG: Duration = Duration::from_secs(60);

    async fn served(patience: Patience) -> (std::net::SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let echo = async |JsonBody(it): JsonBody<serde_json::Value>| it.to_string();
        let router = Router::new().route("/", post(echo)).layer(DefaultBodyLimit::max(100));
        let server = tokio::spawn(async move {
            serve(listener, router, patience, async {
                let _ = stopped.await;
            })
            .await;
        });
        (address, stop, server)
    }

    /// What is answered to these bytes, until the server closes the connection.
    async fn answer(address: std::net::SocketAddr, sent: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    fn request(length: usize, body: &str) -> String {
        format!(
            "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    }

    #[tokio::test]
    async fn a_client_that_is_too_slow_is_told_or_left() {
        let (address, _stop, _) = served(Patience { head: SHORT, body: LONG, connections: 9 }).await;
        for sent in ["", "POST / HT", "POST / HTTP/1.1\r\nhost: a\r\n"] {
            let answer = answer(address, sent).await;
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{sent}: {answer}");
        }
        let (address, _stop, _) = served(Patience { head: LONG, body: SHORT, connections: 9 }).await;
        let told = answer(address, &request(50, "{\"half\":")).await;
        assert!(told.starts_with("HTTP/1.1 400") && told.contains("invalid_request"), "{told}");
        let whole = answer(address, &request(7, "{\"a\":1}")).await;
        assert!(whole.starts_with("HTTP/1.1 200") && whole.ends_with("{\"a\":1}"), "{whole}");
        let long = answer(address, &request(200, &"x".repeat(200))).await;
        assert!(long.starts_with("HTTP/1.1 413"), "{long}");
    }

    #[tokio::test]
    async fn further_connections_wait_until_others_end() {
        let (address, _stop, _) = served(Patience { connections: 1, ..Patience::default() }).await;
        let first = TcpStream::connect(address).await.unwrap();
        let second = tokio::spawn(async move { answer(address, &request(1, "1")).await });
        tokio::select! {
            biased;
            () = tokio::time::sleep(SHORT) => {}
            _ = async { while !second.is_finished() { tokio::task::yield_now().await } } => panic!("it had a place"),
        }
        drop(first);
        assert!(second.await.unwrap().ends_with("\r\n\r\n1"));
    }

    #[tokio::test]
    async fn a_stop_lets_what_is_under_way_end_and_closes_idle_connections() {
        let (address, stop, server) = served(Patience::default()).await;
        let _idle = TcpStream::connect(address).await.unwrap();
        let mut half = TcpStream::connect(address).await.unwrap();
        half.write_all(request(3, "").as_bytes()).await.unwrap();
        // once this is answered, the others are accepted too
        answer(address, &request(1, "1")).await;
        stop.send(()).unwrap();
        half.write_all(b"123").await.unwrap();
        let mut told = String::new();
        half.read_to_string(&mut told).await.unwrap();
        assert!(told.ends_with("\r\n\r\n123"), "{told}");
        server.await.unwrap();
    }
}
