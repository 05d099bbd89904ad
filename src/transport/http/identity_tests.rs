//! Mutual TLS against a server that wants to know who calls.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::WebPkiClientVerifier,
    },
};
use url::Url;

use super::*;
use crate::{
    base::{Code, Secret},
    spec::Http,
    transport::{
        Identity, SendError, Sender, Signed,
        fixtures::{Served, http},
    },
    wire::{Answer, Request},
};

const API: &str = "https://api.example.com";
const CA: &[u8] = include_bytes!("../../../tests/data/tls/ca.pem");
const CLIENT: (&str, &str) =
    (include_str!("../../../tests/data/tls/client.pem"), include_str!("../../../tests/data/tls/client.key"));
const OTHER: (&str, &str) = (
    include_str!("../../../tests/data/tls/other-client.pem"),
    include_str!("../../../tests/data/tls/other-client.key"),
);

/// Answers each request with who called, and over which connection. Without a certificate nobody gets in.
async fn demanding() -> Served {
    let der = |pem: &[u8]| CertificateDer::from_pem_slice(pem).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(der(CA)).unwrap();
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../../tests/data/tls/server.key")).unwrap();
    let certificate = der(include_bytes!("../../../tests/data/tls/server.pem"));
    let config = ServerConfig::builder().with_client_cert_verifier(verifier);
    let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(vec![certificate], key).unwrap()));
    let connections = Arc::new(AtomicUsize::new(0));
    Served::raw(move |stream| {
        let (acceptor, connections) = (acceptor.clone(), connections.clone());
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let number = connections.fetch_add(1, Ordering::Relaxed) + 1;
            let shown = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
            let who = if shown == der(CLIENT.0.as_bytes()) { "client" } else { "other" };
            let mut head = Vec::new();
            while let Ok(byte) = stream.read_u8().await {
                head.push(byte);
                if head.ends_with(b"\r\n\r\n") {
                    let body = format!("{who} {number}");
                    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                    stream.write_all(answer.as_bytes()).await.unwrap();
                    head.clear();
                }
            }
        }
    })
    .await
}

fn client(server: &Served) -> HttpClient {
    let base = server.base.replace("http://127.0.0.1", "https://localhost");
    let overrides = EndpointOverrides::new([(API, base.as_str())]).unwrap();
    HttpClient::new(&ClientConfig { overrides, extra_ca: Some(CA.to_vec()), ..ClientConfig::default() }).unwrap()
}

async fn send(client: &HttpClient, by: Option<(&str, &str)>) -> Result<Answer, SendError> {
    let url = Url::parse(API).unwrap();
    let request = Request { method: "GET".to_owned(), url, headers: Vec::new(), body: "".into() };
    let identity =
        by.map(|(certificate, key)| Identity { certificate: Secret::new(certificate), key: Secret::new(key) });
    let http = Http { hosts: vec!["api.example.com".to_owned()], ..http() };
    client.send_signed(Signed { identity, ..Signed::unsigned(request) }, &http, Duration::from_secs(20)).await
}

async fn body(client: &HttpClient, by: (&str, &str)) -> String {
    String::from_utf8(send(client, Some(by)).await.unwrap().body.to_vec()).unwrap()
}

#[tokio::test]
async fn each_certificate_has_connections_of_its_own() {
    let server = demanding().await;
    let client = client(&server);
    assert_eq!(body(&client, CLIENT).await, "client 1");
    assert_eq!(body(&client, OTHER).await, "other 2");
    assert_eq!(body(&client, CLIENT).await, "client 1", "the connection is used again, by whoever opened it");
    assert_eq!(body(&client, OTHER).await, "other 2");
    // however they are pasted
    let pasted = CLIENT.1.replace('\n', "\\n");
    assert_eq!(body(&client, (CLIENT.0, &pasted)).await, "client 3");
    let both = format!("{}{}", CLIENT.1, CLIENT.0);
    assert_eq!(body(&client, (&both, CLIENT.1)).await, "client 4");
}

#[tokio::test]
async fn without_a_certificate_nobody_gets_in_and_the_request_did_not_happen() {
    let server = demanding().await;
    let error = send(&client(&server), None).await.unwrap_err();
    assert_eq!((error.code, error.may_have_arrived), (Code::Reauthorize, false), "{error:?}");
    assert!(error.message.contains("CertificateRequired"), "{error:?}");
}

#[tokio::test]
async fn what_is_no_certificate_is_told_without_showing_it() {
    let server = demanding().await;
    let client = client(&server);
    for (by, expected) in [
        ((CLIENT.0, "s3cret"), "the key of the client certificate is not a private key in PEM"),
        (("s3cret", CLIENT.1), "the client certificate is not one in PEM"),
        ((CLIENT.0, OTHER.1), "the client certificate can't be used: "),
    ] {
        let error = send(&client, Some(by)).await.unwrap_err();
        assert_eq!((error.code, error.may_have_arrived), (Code::Reauthorize, false), "{error:?}");
        assert!(error.message.starts_with(expected) && !error.message.contains("s3cret"), "{error:?}");
    }
}
