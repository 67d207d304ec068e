//! However large an answer, and however many that never answer: what is held is bounded.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::AsyncWriteExt;

use super::super::Kind;
use super::server::{OK, Server, request};
use super::{Limits, SOON, outbound, post};

#[tokio::test]
async fn the_beginning_of_a_body_is_kept() {
    let limits = Limits::default();
    for (length, truncated) in [(limits.body, false), (limits.body + 1, true), (1 << 20, true)] {
        let answer = format!("HTTP/1.1 500 Oh\r\ncontent-length: {length}\r\n\r\n{}", "x".repeat(length));
        let server = Server::answering(answer).await;
        let outbound = outbound("127.0.0.1", limits, &[]);
        let response = outbound.send(post(&server.url()), SOON).await.unwrap();
        assert_eq!((response.body.len(), response.truncated), (limits.body, truncated));
        assert_eq!(outbound.kept(), usize::from(!truncated), "what was not read to its end is not used again");
    }
}

#[tokio::test]
async fn a_body_without_an_end_is_cut_and_one_that_trickles_is_late() {
    let endless = Server::start(|mut stream| async move {
        request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.ok();
        while stream.write_all(b"400\r\n").await.is_ok()
            && stream.write_all(&[b'x'; 1_024]).await.is_ok()
            && stream.write_all(b"\r\n").await.is_ok()
        {}
    })
    .await;
    let outbound = outbound("127.0.0.1", Limits::default(), &[]);
    let response = outbound.send(post(&endless.url()), SOON).await.unwrap();
    assert_eq!((response.body.len(), response.truncated), (4_096, true));
    let trickling = Server::start(|mut stream| async move {
        request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4000\r\n\r\nx").await.ok();
        std::future::pending().await
    })
    .await;
    let late = outbound.send(post(&trickling.url()), Duration::from_millis(500)).await.unwrap_err();
    assert_eq!(late.kind, Kind::Timeout);
    assert!(late.detail.contains("while reading the answer"), "{late}");
}

#[tokio::test]
async fn a_head_has_an_end() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 0\r\n\r\n", "x".repeat(20_000));
    let many = format!("HTTP/1.1 200 OK\r\n{}content-length: 0\r\n\r\n", "x: y\r\n".repeat(200));
    for answer in [long, many] {
        let server = Server::answering(answer).await;
        let outbound = outbound("127.0.0.1", Limits::default(), &[]);
        assert_eq!(outbound.send(post(&server.url()), SOON).await.unwrap_err().kind, Kind::Broken);
    }
}

#[tokio::test]
async fn those_that_hang_hold_no_more_than_their_turns() {
    let silent = Server::start(|mut stream| async move {
        request(&mut stream).await;
        std::future::pending().await
    })
    .await;
    let limits = Limits { under_way: 8, ..Limits::default() };
    let outbound = outbound("127.0.0.1", limits, &[]);
    let url = silent.url();
    let holding = join_all((0..8).map(|_| outbound.send(post(&url), Duration::from_secs(2))));
    let waiting = async {
        let waiting = (0..32).map(|_| outbound.send(post(&url), Duration::from_millis(100)));
        join_all(waiting).await.into_iter().map(Result::unwrap_err).collect::<Vec<_>>()
    };
    let (held, waited) = tokio::join!(holding, waiting);
    assert!(held.into_iter().all(|held| held.unwrap_err().detail.contains("while waiting for the answer")));
    assert!(waited.iter().all(|late| late.kind == Kind::Timeout && late.detail.contains("waiting for a turn")));
    assert_eq!(silent.connections(), 8);
    // And turns come back.
    let server = Server::answering(OK).await;
    assert_eq!(outbound.send(post(&server.url()), SOON).await.unwrap().status, 200);
}

#[tokio::test]
async fn few_connections_are_kept_and_not_for_long() {
    let mut servers = vec![];
    for _ in 0..5 {
        servers.push(Server::answering(OK).await);
    }
    let limits = Limits { kept: 3, idle: Duration::from_millis(200), ..Limits::default() };
    let outbound = outbound("127.0.0.1", limits, &[]);
    for server in &servers {
        outbound.send(post(&server.url()), SOON).await.unwrap();
    }
    assert!(outbound.kept() <= 3, "{}", outbound.kept());
    let started = std::time::Instant::now();
    while outbound.kept() > 0 {
        assert!(started.elapsed() < SOON, "{}", outbound.kept());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn who_is_given_up_holds_no_connection() {
    // One never answers, one stops in the middle of an answer, and one does not even read.
    let begun: [&[u8]; 2] = [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx"];
    for begun in begun {
        let (gone, mut hears) = tokio::sync::mpsc::unbounded_channel();
        let server = Server::start(move |mut stream| {
            let gone = gone.clone();
            async move {
                request(&mut stream).await;
                stream.write_all(begun).await.ok();
                // Ends with the connection.
                tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.ok();
                gone.send(()).ok();
            }
        })
        .await;
        let outbound = outbound("127.0.0.1", Limits::default(), &[]);
        let late = outbound.send(post(&server.url()), Duration::from_millis(500)).await.unwrap_err();
        assert_eq!(late.kind, Kind::Timeout);
        tokio::time::timeout(SOON, hears.recv()).await.expect("the connection ends");
    }
    let (go, goes) = tokio::sync::mpsc::unbounded_channel::<()>();
    let (gone, mut hears) = tokio::sync::mpsc::unbounded_channel();
    let goes = Arc::new(tokio::sync::Mutex::new(goes));
    let server = Server::start(move |mut stream| {
        let (gone, goes) = (gone.clone(), Arc::clone(&goes));
        async move {
            goes.lock().await.recv().await;
            let read = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
            gone.send(read.unwrap_or_default()).ok();
        }
    })
    .await;
    let outbound = outbound("127.0.0.1", Limits::default(), &[]);
    let large = super::Request { body: vec![b'x'; 64 << 20].into(), ..post(&server.url()) };
    assert_eq!(outbound.send(large, Duration::from_millis(200)).await.unwrap_err().kind, Kind::Timeout);
    go.send(()).unwrap();
    let read = tokio::time::timeout(SOON, hears.recv()).await.expect("the connection ends").unwrap();
    assert!(read < 64 << 20, "{read}");
}
