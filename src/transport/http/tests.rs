//! The client over real sockets.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    http::StatusCode,
    response::IntoResponse,
    routing::any,
};
use tokio::{
    io::{AsyncWriteExt, copy_bidirectional},
    net::TcpStream,
};
use url::Url;

use super::*;
use crate::{
    base::{Code, Secret},
    spec::{self, Http},
    transport::{
        SendError, Sender, Signed,
        fixtures::{Served, http, read_head, text},
    },
    wire::{self, Answer},
};

const API: &str = "https://api.example.com";

fn signed(method: &str, url: &str, headers: &[(&str, &str)], body: &'static str) -> Signed {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let request =
        wire::Request { method: method.to_owned(), url: Url::parse(url).unwrap(), headers, body: body.into() };
    Signed {
        request: request.into(),
        headers: vec![("authorization".to_owned(), Secret::new("Bearer token"))],
        query: vec![("key".to_owned(), Secret::new("a secret"))],
        members: Vec::new(),
        path: None,
        fill: Vec::new(),
        identity: None,
    }
}

fn get(path: &str) -> Signed {
    let mut get = signed("GET", &format!("{API}{path}"), &[], "");
    get.query.clear();
    get
}

fn declared(redirects: u8) -> Http {
    let mut http = http();
    http.hosts = vec!["api.example.com".to_owned(), "p*.example.com".to_owned()];
    http.redirects = redirects;
    http
}

fn client(base: &str) -> HttpClient {
    let overrides = [(API, base), ("https://p7.example.com", base)];
    client_with(&ClientConfig { overrides: EndpointOverrides::new(overrides).unwrap(), ..ClientConfig::default() })
}

fn client_with(config: &ClientConfig) -> HttpClient {
    HttpClient::new(config).unwrap()
}

async fn send(client: &HttpClient, signed: Signed, http: &Http) -> Result<Answer, SendError> {
    client.send_signed(signed, http, Duration::from_secs(20)).await
}

#[track_caller]
fn check(result: Result<Answer, SendError>, code: Code, may_have_arrived: bool, message: &str) {
    let error = result.expect_err("an error");
    assert_eq!((error.code, error.may_have_arrived), (code, may_have_arrived), "{error:?}");
    assert!(error.message.contains(message), "{error:?}");
    assert!(!error.message.contains("secret") && !error.message.contains("token"), "{error:?}");
}

/// What arrived, one line each.
type Seen = Arc<Mutex<Vec<String>>>;

/// Notes every request and answers those to `/to…` with a redirect: `/to<status>?<location>`.
async fn redirecting(seen: &Seen) -> Served {
    let seen = Arc::clone(seen);
    let answer = async move |request: Request| {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let of = |name| parts.headers.get(name).map_or("", |it| it.to_str().unwrap());
        let line = format!(
            "{} {} [{}] [{}] {}",
            parts.method,
            parts.uri,
            of("authorization"),
            of("content-type"),
            String::from_utf8_lossy(&body)
        );
        seen.lock().unwrap().push(line);
        let Some(status) = parts.uri.path().strip_prefix("/to") else { return "there".into_response() };
        let status = StatusCode::from_bytes(status.as_bytes()).unwrap();
        let location = parts.uri.query().unwrap().split('&').next().unwrap().to_owned();
        (status, [("location", location)]).into_response()
    };
    Served::start(Router::new().fallback(any(answer))).await
}

#[tokio::test]
async fn the_exact_request_arrives_and_the_answer_is_given_whatever_its_status() {
    let answer = async |request: Request| {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = format!("{} {} {:?} {}", parts.method, parts.uri, parts.headers, String::from_utf8_lossy(&body));
        (StatusCode::IM_A_TEAPOT, [("X-Odd", "é")], text)
    };
    let server = Served::start(Router::new().fallback(any(answer))).await;
    let url = format!("{API}/a%2Fb/%20?q=%2f&q=+");
    let answer = send(&client(&server.base), signed("REPORT", &url, &[("depth", "1")], "<x/>"), &declared(0)).await;
    let answer = answer.unwrap();
    assert_eq!((answer.status, answer.header("x-odd")), (418, Some("é")));
    assert_eq!(answer.url.as_str(), url, "without the secret parameter, and of the declared host");
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(text.starts_with("REPORT /a%2Fb/%20?q=%2f&q=+&key=a+secret "), "{text}");
    assert!(text.ends_with(" <x/>"), "{text}");
    for header in ["\"depth\": \"1\"", "\"authorization\": \"Bearer token\"", "\"user-agent\": \"closeloop/"] {
        assert!(text.contains(header), "{header}: {text}");
    }
}

#[tokio::test]
async fn redirects_to_declared_hosts_keep_method_body_and_credentials() {
    let seen = Seen::default();
    let server = redirecting(&seen).await;
    let client = client(&server.base);
    let check = async |status: u16, location: &str, at: &str, last: &str| {
        let url = format!("{API}/to{status}?{location}");
        let request = signed("PROPFIND", &url, &[("content-type", "text/xml")], "<x/>");
        let answer = send(&client, request, &declared(2)).await.unwrap();
        assert_eq!((answer.status, answer.url.as_str()), (200, at), "{status} {location}");
        assert_eq!(std::mem::take(&mut *seen.lock().unwrap()).last().unwrap(), last);
    };
    let kept = "PROPFIND /there?key=a+secret [Bearer token] [text/xml] <x/>";
    let there = "https://api.example.com/there";
    check(301, "/there", there, kept).await;
    check(302, "there", there, kept).await;
    check(307, "https://p7.example.com/there", "https://p7.example.com/there", kept).await;
    check(308, &format!("{}/there", server.base), there, kept).await;
    check(303, "/there", there, "GET /there?key=a+secret [Bearer token] [] ").await;
    check(301, "/to302?/there", there, kept).await;
    check(308, "/there?key=a+secret", there, kept).await;
}

#[tokio::test]
async fn a_post_is_sent_again_only_where_that_is_clearly_meant() {
    let seen = Seen::default();
    let server = redirecting(&seen).await;
    let client = client(&server.base);
    let check = async |status: u16, expected: u16, last: &str| {
        let request = signed("POST", &format!("{API}/to{status}?/there"), &[], "{}");
        assert_eq!(send(&client, request, &declared(2)).await.unwrap().status, expected, "{status}");
        let all = std::mem::take(&mut *seen.lock().unwrap());
        assert!(all.last().unwrap().starts_with(last), "{status}: {all:?}");
    };
    check(301, 301, "POST /to301").await;
    check(302, 302, "POST /to302").await;
    check(303, 200, "GET /there").await;
    check(307, 200, "POST /there").await;
    check(308, 200, "POST /there").await;
}

#[tokio::test]
async fn redirects_that_must_not_be_followed_are_not() {
    let seen = Seen::default();
    let server = redirecting(&seen).await;
    let client = client(&server.base);
    let to = async |location: &str| send(&client, get(&format!("/to302?{location}")), &declared(1)).await;
    let never = (Code::Unsupported, true);
    for (location, message) in [
        ("https://evil.test/", "evil.test is never called: the connector does not declare this host"),
        ("http://api.example.com/", "not https"),
        ("https://127.0.0.1/", "does not declare"),
        ("https://api.example.com:8443/", "does not declare"),
        ("https://me@api.example.com/", "carries a user"),
        ("file:///etc/passwd", "not https"),
    ] {
        check(to(location).await, never.0, never.1, message);
    }
    check(to("/to302?/there").await, Code::ProviderError, true, "api.example.com redirects more often than 1 times");
    assert!(!seen.lock().unwrap().iter().any(|it| it.contains("/there?key")), "{seen:?}");
    let answer = send(&client, get("/to302?https://evil.test/"), &declared(0)).await.unwrap();
    assert_eq!((answer.status, answer.header("location")), (302, Some("https://evil.test/")));
}

#[tokio::test]
async fn a_slow_provider_is_a_timeout_and_may_have_acted() {
    let head = async || std::future::pending::<&str>().await;
    let body = async || {
        let first = futures_util::stream::once(async { Ok::<_, std::io::Error>(Bytes::from("half")) });
        Body::from_stream(futures_util::StreamExt::chain(first, futures_util::stream::pending()))
    };
    let server = Served::start(Router::new().route("/head", any(head)).route("/body", any(body))).await;
    let client = client(&server.base);
    for path in ["/head", "/body"] {
        let result = client.send_signed(get(path), &declared(0), Duration::from_millis(200)).await;
        check(result, Code::Timeout, true, "no whole answer from api.example.com within 200 ms");
    }
}

#[tokio::test]
async fn a_lost_connection_may_have_acted() {
    for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", "SSH-2.0-OpenSSH_9.2\r\n", "\u{0}\u{1}"] {
        let server = Served::raw(move |mut stream| async move {
            read_head(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let server = server.await;
        let result = send(&client(&server.base), signed("POST", API, &[], "{}"), &declared(0)).await;
        check(result, Code::Unavailable, true, "the connection to api.example.com was lost");
    }
}

#[tokio::test]
async fn a_refused_connection_means_that_nothing_arrived() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let result = send(&client(&format!("http://{free}")), get("/"), &declared(0)).await;
    check(result, Code::Unavailable, false, "can't connect to api.example.com: ");
}

#[tokio::test]
async fn too_long_an_answer_is_refused_with_and_without_its_length() {
    let chunked =
        async || Body::from_stream(futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>("0123456789")));
    let sized = async || vec![b'x'; 10 << 20];
    let fits = async || vec![b'x'; 4 << 20];
    let router = Router::new().route("/chunked", any(chunked)).route("/sized", any(sized)).route("/fits", any(fits));
    let server = Served::start(router).await;
    let client = client(&server.base);
    for path in ["/chunked", "/sized"] {
        check(send(&client, get(path), &declared(0)).await, Code::ProviderError, true, "longer than 4194304 bytes");
    }
    assert_eq!(send(&client, get("/fits"), &declared(0)).await.unwrap().body.len(), 4 << 20);
}

#[tokio::test]
async fn addresses_of_ours_are_never_called_though_declared() {
    let hits = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&hits);
    let server = Served::raw(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        std::future::ready(())
    });
    let server = server.await;
    let port = Url::parse(&server.base).unwrap().port().unwrap();
    let client = client_with(&ClientConfig::default());
    for host in [
        "localhost",
        "LOCALHOST",
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "2130706433",
        "127.0.0.1.",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "0",
    ] {
        let base = format!("https://{host}:{port}");
        let mut http = http();
        http.servers.insert("main".to_owned(), spec::Url::Text(text(&base)).into());
        let result = send(&client, signed("GET", &base, &[], ""), &http).await;
        check(result, Code::Unsupported, false, "is never called: its address is not on the public internet");
    }
    let mut http = http();
    http.servers.insert("main".to_owned(), spec::Url::Text(text("https://api.example.com")).into());
    let result = send(&client, signed("GET", &server.base, &[], ""), &http).await;
    check(result, Code::Unsupported, false, "the address is not https");
    assert_eq!(hits.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn what_can_not_be_a_header_is_refused_before_anything_is_sent() {
    let server = Served::start(Router::new()).await;
    let client = client(&server.base);
    let result = send(&client, signed("GET", API, &[("x-a", "a\r\nx-b: b")], ""), &declared(0)).await;
    check(result, Code::InvalidInput, false, "`x-a`");
    let mut request = signed("GET", API, &[], "");
    request.headers[0].1 = Secret::new("secret\n");
    check(send(&client, request, &declared(0)).await, Code::InvalidInput, false, "`authorization`");
    check(send(&client, signed("G T", API, &[], ""), &declared(0)).await, Code::ProviderError, false, "`G T`");
}

/// A server that answers every request with 200 and `secure`, over TLS with the certificate in `tests/data/tls`.
async fn tls_server() -> Served {
    use tokio_rustls::rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    };
    let certificates =
        vec![CertificateDer::from_pem_slice(include_bytes!("../../../tests/data/tls/server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../../tests/data/tls/server.key")).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(certificates, key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    Served::raw(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(tokio::io::AsyncReadExt::read_u8(&mut stream).await.unwrap());
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecure").await.unwrap();
            stream.shutdown().await.unwrap();
        }
    })
    .await
}

const CA: &[u8] = include_bytes!("../../../tests/data/tls/ca.pem");

#[tokio::test]
async fn an_extra_ca_is_trusted_and_without_it_the_server_is_not() {
    let server = tls_server().await;
    let base = server.base.replace("http://127.0.0.1", "https://localhost");
    let overrides = EndpointOverrides::new([(API, base.as_str())]).unwrap();
    let config = ClientConfig { overrides, extra_ca: Some(CA.to_vec()), ..ClientConfig::default() };
    let answer = send(&client_with(&config), get("/"), &declared(0)).await.unwrap();
    assert_eq!(&answer.body[..], b"secure");
    let strange = client_with(&ClientConfig { extra_ca: None, ..config });
    let result = send(&strange, get("/"), &declared(0)).await;
    check(result, Code::Unavailable, false, "can't connect to api.example.com: invalid peer certificate");
}

#[test]
fn settings_that_can_not_be_used_are_refused() {
    let refused = |config: &ClientConfig| HttpClient::new(config).unwrap_err().to_string();
    let no_ca = ClientConfig { extra_ca: Some(b"nothing".to_vec()), ..ClientConfig::default() };
    assert_eq!(refused(&no_ca), "the extra CA file holds no PEM certificate");
    let proxy = Some(Url::parse("socks5://proxy.test").unwrap());
    let no_proxy = ClientConfig { proxy, ..ClientConfig::default() };
    assert_eq!(refused(&no_proxy), "the proxy must be an http or https URL with a host");
}

/// A proxy that answers CONNECT with `verdict`, notes it, and joins the two ends if the verdict is 200.
async fn proxy(seen: &Seen, verdict: &'static str, to: &str) -> Served {
    let (seen, to) = (Arc::clone(seen), to.trim_start_matches("http://").to_owned());
    Served::raw(move |mut stream| {
        let (seen, to) = (Arc::clone(&seen), to.clone());
        async move {
            let head = read_head(&mut stream).await;
            seen.lock().unwrap().push(head.lines().next().unwrap_or_default().to_owned());
            stream.write_all(format!("HTTP/1.1 {verdict}\r\n\r\n").as_bytes()).await.unwrap();
            if verdict.starts_with("200") {
                let mut end = TcpStream::connect(to).await.unwrap();
                // Either side may close first.
                let _ = copy_bidirectional(&mut stream, &mut end).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn calls_go_through_the_proxy_though_it_is_inside() {
    let (seen, server) = (Seen::default(), tls_server().await);
    let config = |proxy: &Served, host: &str| ClientConfig {
        proxy: Some(Url::parse(&proxy.base.replace("127.0.0.1", host)).unwrap()),
        extra_ca: Some(CA.to_vec()),
        ..ClientConfig::default()
    };
    let open = proxy(&seen, "200 Connected", &server.base).await;
    for host in ["127.0.0.1", "localhost"] {
        let answer = send(&client_with(&config(&open, host)), get("/"), &declared(0)).await.unwrap();
        assert_eq!(&answer.body[..], b"secure");
        assert_eq!(seen.lock().unwrap().pop().unwrap(), "CONNECT api.example.com:443 HTTP/1.1");
    }
    let closed = proxy(&seen, "403 Forbidden", &server.base).await;
    let client = client_with(&config(&closed, "127.0.0.1"));
    check(send(&client, get("/"), &declared(0)).await, Code::Unavailable, false, "can't connect to api.example.com");
    seen.lock().unwrap().clear();
    let mut http = http();
    http.servers.insert("main".to_owned(), spec::Url::Text(text("https://169.254.169.254")).into());
    let result = send(&client, signed("GET", "https://169.254.169.254/", &[], ""), &http).await;
    check(result, Code::Unsupported, false, "169.254.169.254 is never called");
    assert!(seen.lock().unwrap().is_empty());
}
