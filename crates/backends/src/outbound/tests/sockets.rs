//! What is sent, what comes back, and which connections are kept.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderValue;
use tokio::io::AsyncWriteExt;

use super::super::Kind;
use super::server::{OK, Server, request};
use super::{Limits, SOON, outbound, post};

#[tokio::test]
async fn a_request_arrives_as_it_is_meant() {
    let seen = Arc::new(Mutex::new(String::new()));
    let sees = Arc::clone(&seen);
    let server = Server::start(move |mut stream| {
        let sees = Arc::clone(&sees);
        async move {
            let text = request(&mut stream).await.unwrap();
            *sees.lock().unwrap() = text;
            stream.write_all(b"HTTP/1.1 202 Accepted\r\nx-request: 7\r\ncontent-length: 4\r\n\r\ndone").await.unwrap();
        }
    })
    .await;
    let outbound = outbound("127.0.0.1", Limits::default(), &[]);
    let mut sent = post(&server.url());
    sent.headers.insert("webhook-id", HeaderValue::from_static("evt_1"));
    let response = outbound.send(sent, SOON).await.unwrap();
    assert_eq!((response.status.as_u16(), &response.body[..], response.truncated), (202, &b"done"[..], false));
    assert_eq!(response.headers["x-request"], "7");
    assert_eq!(response.address, server.address);
    let timing = response.timing;
    assert!(timing.connect.is_some() && timing.dns.is_none() && timing.tls.is_none());
    assert!(timing.total >= timing.first_byte.unwrap());
    let seen = seen.lock().unwrap().clone();
    assert!(seen.starts_with("POST /hook?a=1 HTTP/1.1\r\n"), "{seen}");
    for header in [format!("host: {}", server.address), "content-length: 5".into(), "webhook-id: evt_1".into()] {
        assert!(seen.contains(&format!("{header}\r\n")), "{seen}");
    }
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Server::answering(OK).await;
    let outbound = outbound("127.0.0.1", Limits::default(), &[]);
    for _ in 0..20 {
        assert_eq!(outbound.send(post(&server.url()), SOON).await.unwrap().status, 200);
    }
    assert_eq!((server.connections(), outbound.kept()), (1, 1));
}

#[tokio::test]
async fn a_connection_that_the_peer_ends_is_replaced() {
    // Says nothing of it, and hangs up after each answer.
    let server = Server::start(|mut stream| async move {
        if request(&mut stream).await.is_some() {
            stream.write_all(OK.as_bytes()).await.ok();
        }
    })
    .await;
    let outbound = outbound("127.0.0.1", Limits::default(), &[]);
    let mut answered = 0;
    for _ in 0..50 {
        match outbound.send(post(&server.url()), SOON).await {
            Ok(response) => answered += usize::from(response.status == 200),
            // It may hang up while the request is on its way; then nobody knows whether it arrived.
            Err(failure) => assert_eq!(failure.kind, Kind::Broken, "{failure}"),
        }
    }
    assert!(answered >= 25, "{answered}");
}

#[tokio::test]
async fn redirections_are_answers() {
    let elsewhere = Server::answering(OK).await;
    for status in [301, 302, 303, 307, 308] {
        let location = elsewhere.url();
        let answer = format!("HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        let server = Server::answering(answer).await;
        let outbound = outbound("127.0.0.1", Limits::default(), &[]);
        assert_eq!(outbound.send(post(&server.url()), SOON).await.unwrap().status, status);
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn headers_that_frame_a_request_cannot_be_chosen() {
    let server = Server::answering(OK).await;
    let outbound = outbound("127.0.0.1", Limits::default(), &[]);
    for name in ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"] {
        let mut sent = post(&server.url());
        sent.headers.insert(name, HeaderValue::from_static("chunked"));
        assert_eq!(outbound.send(sent, SOON).await.unwrap_err().kind, Kind::Invalid, "{name}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn what_goes_wrong_has_a_name() {
    let outbound = outbound("127.0.0.1", Limits::default(), &[]);
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    assert_eq!(outbound.send(post(&closed), SOON).await.unwrap_err().kind, Kind::Connect);
    for broken in ["nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort", ""] {
        let server = Server::start(move |mut stream| async move {
            request(&mut stream).await;
            stream.write_all(broken.as_bytes()).await.ok();
        })
        .await;
        assert_eq!(outbound.send(post(&server.url()), SOON).await.unwrap_err().kind, Kind::Broken, "{broken}");
    }
    let silent = Server::start(|mut stream| async move {
        request(&mut stream).await;
        std::future::pending().await
    })
    .await;
    let late = outbound.send(post(&silent.url()), Duration::from_millis(500)).await.unwrap_err();
    assert_eq!((late.kind, late.address), (Kind::Timeout, Some(silent.address)));
    assert!(late.detail.contains("while waiting for the answer"), "{late}");
    assert!(late.timing.total >= Duration::from_millis(500) && late.timing.connect.is_some());
}
