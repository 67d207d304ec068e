//! Names that mean one thing when they are looked at and another thing after.

use super::super::Kind;
use super::server::{OK, Server};
use super::{Limits, SOON, outbound, post};

#[tokio::test]
async fn a_name_is_refused_for_any_address_that_is_private() {
    let outbound = outbound(
        "",
        Limits::default(),
        &[
            ("loop.example", &[&["127.0.0.1"]]),
            ("mapped.example", &[&["::ffff:169.254.169.254"]]),
            ("mixed.example", &[&["93.184.216.34", "2606:4700::1111", "10.0.0.1"]]),
            ("none.example", &[&[]]),
        ],
    );
    for name in ["loop.example", "mapped.example", "mixed.example"] {
        let refused = outbound.send(post(&format!("https://{name}/")), SOON).await.unwrap_err();
        assert_eq!((refused.kind, refused.address), (Kind::Blocked, None), "{refused}");
        assert!(refused.detail.contains("is a private address"), "{refused}");
    }
    for name in ["none.example", "unknown.example"] {
        assert_eq!(outbound.send(post(&format!("https://{name}/")), SOON).await.unwrap_err().kind, Kind::Dns);
    }
}

#[tokio::test]
async fn a_connection_goes_to_what_was_looked_at() {
    let server = Server::answering(OK).await;
    let port = server.address.port();
    let (url, second) = (format!("http://app.example:{port}/"), "10.9.9.9");
    // The first answer is allowed; whoever asked again to connect would get the second.
    let names: &[(&str, &[&[&str]])] = &[("app.example", &[&["127.0.0.1"], &[second]])];
    let by_name = outbound("app.example", Limits::default(), names);
    assert_eq!(by_name.send(post(&url), SOON).await.unwrap().address, server.address);
    // On the connection that is kept, no name is looked up; on a new one, it is.
    assert_eq!(by_name.send(post(&url), SOON).await.unwrap().address, server.address);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn every_new_connection_looks_again() {
    let server = Server::start(|stream| async { drop(stream) }).await;
    let url = format!("https://app.example:{}/", server.address.port());
    let names: &[(&str, &[&[&str]])] = &[("app.example", &[&["127.0.0.1"], &["127.0.0.2"]])];
    let outbound = outbound("127.0.0.1", Limits::default(), names);
    // The first gets through to a server that hangs up; the second is stopped before.
    let first = outbound.send(post(&url), SOON).await.unwrap_err();
    assert_eq!((first.kind, first.address), (Kind::Tls, Some(server.address)));
    let second = outbound.send(post(&url), SOON).await.unwrap_err();
    assert_eq!((second.kind, second.address), (Kind::Blocked, None));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn another_address_is_tried_if_one_does_not_accept() {
    let server = Server::answering(OK).await;
    let url = format!("http://app.example:{}/", server.address.port());
    // The server listens at the first address of this machine alone.
    let names: &[(&str, &[&[&str]])] = &[("app.example", &[&["127.0.0.9", "::1", "127.0.0.1"]])];
    let outbound = outbound("app.example", Limits::default(), names);
    assert_eq!(outbound.send(post(&url), SOON).await.unwrap().address, server.address);
}
