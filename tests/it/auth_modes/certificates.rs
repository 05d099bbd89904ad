//! A provider that wants to know by a certificate who calls, before it reads what is asked.

use std::{net::SocketAddr, sync::Arc};

use axum::serve::Listener;
use serde_json::{Value as Json, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::WebPkiClientVerifier,
    },
    server::TlsStream,
};

use super::{
    Bench,
    bench::snippet,
    me,
    provider::{answering, token},
};
use crate::fakes::Server;

const SECTION: &str = "A client certificate";
const CLIENT: (&str, &str) = (include_str!("../../data/tls/client.pem"), include_str!("../../data/tls/client.key"));
/// Its issuer is nobody that the provider knows.
const STRANGER: (&str, &str) =
    (include_str!("../../data/tls/stranger.pem"), include_str!("../../data/tls/stranger.key"));

/// Lets in who shows a certificate of the CA.
struct Demanding {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Demanding {
    async fn new() -> Self {
        let der = |pem: &[u8]| CertificateDer::from_pem_slice(pem).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(der(include_bytes!("../../data/tls/ca.pem"))).unwrap();
        let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../data/tls/server.key")).unwrap();
        let config = ServerConfig::builder().with_client_cert_verifier(verifier);
        let config = config.with_single_cert(vec![der(include_bytes!("../../data/tls/server.pem"))], key).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener, acceptor: TlsAcceptor::from(Arc::new(config)) }
    }
}

impl Listener for Demanding {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// The provider of the section, and an engine with this connector.
async fn bench(yaml: &str) -> Bench {
    let listener = Demanding::new().await;
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let router = answering(|asked| match asked.line().as_str() {
        "POST /token" => {
            asked.basic("c-1", "s3cret-12345")?;
            asked.form(&[("grant_type", "client_credentials")])?;
            token("t-1")
        }
        _ if asked.headers.contains_key("authorization") => {
            asked.bearer("t-1")?;
            me()
        }
        _ => me(),
    });
    Bench::at(Server::start_on(listener, url, router), yaml, "app-secret").await
}

fn fields((certificate, key): (&str, &str)) -> Json {
    json!({"client_id": "c-1", "client_secret": "s3cret-12345", "certificate": certificate, "private_key": key})
}

/// Token calls and requests get in by the certificate, and only by it.
#[tokio::test]
async fn a_client_certificate() {
    let bench = bench(&snippet(SECTION)).await;
    assert_eq!(bench.look(fields(CLIENT)).await["name"], "Ana");
    // as it is pasted into a form that has one line
    let pasted = CLIENT.1.replace('\n', "\\n");
    let connection = bench.connect(fields((CLIENT.0, &pasted))).await;
    assert_eq!(bench.try_call_of("b", &connection, "look").await["output"]["name"], "Ana");
    assert!(!bench.app.client.answers().contains("PRIVATE KEY"), "it is in no trace");
}

/// The handshake ends before anything is asked, so nothing has happened: whoever owns the account has to connect it anew.
#[tokio::test]
async fn whoever_is_not_known_by_a_certificate_has_to_connect_again() {
    // where the provider is asked while the account is connected
    let by_token = snippet(SECTION);
    for (yaml, shown) in [(by_token.clone(), STRANGER), (without_certificate(&by_token), CLIENT)] {
        let refused = bench(&yaml).await.try_connect(fields(shown)).await;
        assert_eq!(refused["code"], "connect_failed", "{refused:#}");
        assert!(!refused.to_string().contains("PRIVATE KEY"), "{refused:#}");
    }
    // and where it is asked by a call only
    let (head, _) = by_token.split_once("  scheme:").unwrap();
    let by_certificate = format!("{head}  scheme: none\n");
    assert_eq!(bench(&by_certificate).await.look(fields(CLIENT)).await["name"], "Ana");
    for (yaml, shown) in [(by_certificate.clone(), STRANGER), (without_certificate(&by_certificate), CLIENT)] {
        let bench = bench(&yaml).await;
        let connection = bench.connect(fields(shown)).await;
        let failed = bench.try_call(&connection, "look").await;
        let said = (&failed["status"], &failed["error"]["code"]);
        assert_eq!(said, (&json!("failed"), &json!("reauthorize")), "{failed:#}");
        assert!(!bench.app.client.answers().contains("PRIVATE KEY"), "{failed:#}");
    }
}

/// A connector that shows none.
fn without_certificate(yaml: &str) -> String {
    let (shown, rest): (Vec<&str>, Vec<&str>) = yaml.lines().partition(|it| it.contains("client_certificate:"));
    assert_eq!(shown.len(), 1);
    rest.join("\n") + "\n"
}
