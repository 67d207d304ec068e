//! TLS: who the peer is is checked against what the URL says.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::super::{Kind, Outbound, PrivateHosts};
use super::server::{OK, Server, answer_all};
use super::{Limits, Names, SOON, post};

async fn secure(names: &[&str]) -> (Server, CertificateDer<'static>) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server = Server::start(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                answer_all(stream, OK.as_bytes().into()).await;
            }
        }
    })
    .await;
    (server, cert.der().clone())
}

fn trusting(hosts: &str, roots: &[CertificateDer<'static>]) -> Outbound {
    let answers: &[(&str, &[&[&str]])] = &[("app.example", &[&["127.0.0.1"]]), ("other.example", &[&["127.0.0.1"]])];
    Outbound::with(PrivateHosts::read(hosts).unwrap(), Limits::default(), Arc::new(Names::of(answers)), roots).unwrap()
}

#[tokio::test]
async fn a_trusted_certificate_of_the_same_name_is_needed() {
    let (server, root) = secure(&["app.example", "127.0.0.1"]).await;
    let port = server.address.port();
    let url = |host: &str| format!("https://{host}:{port}/");
    let roots = [root];
    let known = trusting("127.0.0.1", &roots);
    for host in ["app.example", "127.0.0.1"] {
        let response = known.send(post(&url(host)), SOON).await.unwrap();
        assert_eq!(response.status, 200);
        assert!(response.timing.tls.is_some());
        let again = known.send(post(&url(host)), SOON).await.unwrap();
        assert!(again.timing.tls.is_none() && again.timing.connect.is_none(), "the connection was kept");
    }
    assert_eq!(server.connections(), 2, "one for each name");
    // Also the operator's word about a host takes nothing from TLS.
    let unknown = trusting("127.0.0.1, app.example, other.example", &[]);
    assert_eq!(unknown.send(post(&url("app.example")), SOON).await.unwrap_err().kind, Kind::Tls);
    let stranger = known.send(post(&url("other.example")), SOON).await.unwrap_err();
    assert_eq!(stranger.kind, Kind::Tls);
    assert!(stranger.detail.contains("certificate"), "{stranger}");
}
