//! What no HTTP client would send, over bare sockets.

use std::time::{Duration, Instant};

use admin_testkit::{Sandbox, story};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// More than the server waits for the head of a request, 10 seconds.
const PATIENCE: Duration = Duration::from_secs(60);

async fn connect(sandbox: &Sandbox) -> TcpStream {
    TcpStream::connect(sandbox.base_url.trim_start_matches("http://")).await.expect("the server listens")
}

/// Reads until the server closes the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = vec![];
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    // A server that closes while it is still being sent to may reset the connection; what came before counts.
    let _ = read.expect("the server closes the connection");
    String::from_utf8(bytes).expect("answers are UTF-8")
}

/// Sends bytes on a connection of their own and reads all that comes back.
async fn say(sandbox: &Sandbox, bytes: &[u8]) -> String {
    let mut stream = connect(sandbox).await;
    let _ = stream.write_all(bytes).await;
    rest(&mut stream).await
}

/// A GET with more header lines, on a connection that ends with it.
fn head(sandbox: &Sandbox, path: &str, more: &str) -> String {
    let token = &sandbox.owner_token;
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n{more}\r\n")
}

#[track_caller]
fn status(answer: &str) -> u16 {
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.unwrap_or_else(|| panic!("no answer: {answer:?}"))
}

fn code(answer: &str) -> String {
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let body: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON: {answer}"));
    body["code"].as_str().expect("a code").to_owned()
}

story!(header_lines_cannot_be_injected, async |sandbox: &Sandbox| {
    for injected in ["a\r\nSet-Cookie: x=1", "a\nSet-Cookie: x=1", "a\rSet-Cookie: x=1", "a\0b", "a\x1b[31m"] {
        let answer =
            say(sandbox, head(sandbox, "/v3/resources", &format!("X-Request-Id: {injected}\r\n")).as_bytes()).await;
        assert!(!answer.to_lowercase().contains("set-cookie"), "{injected:?} → {answer}");
        assert!(status(&answer) < 500, "{injected:?} → {answer}");
        let (head, _) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(!head.contains(['\0', '\x1b']), "{injected:?} → {head:?}");
    }
});

story!(heads_have_bounds, async |sandbox: &Sandbox| {
    let long = head(sandbox, "/v3/resources", &format!("X-Long: {}\r\n", "a".repeat(300 * 1024)));
    assert_eq!(status(&say(sandbox, long.as_bytes()).await), 431);
    let many: String = (0..200).map(|n| format!("X-{n}: a\r\n")).collect();
    assert_eq!(status(&say(sandbox, head(sandbox, "/v3/resources", &many).as_bytes()).await), 431);
    let path = format!("/v3/{}", "a".repeat(20_000));
    let answer = say(sandbox, head(sandbox, &path, "").as_bytes()).await;
    assert_eq!((status(&answer), code(&answer).as_str()), (414, "uri_too_long"));
    let path = format!("/v3/{}", "a".repeat(70_000));
    assert_eq!(status(&say(sandbox, head(sandbox, &path, "").as_bytes()).await), 414);
});

story!(targets_that_are_no_paths_are_refused, async |sandbox: &Sandbox| {
    crate::bad_input::define_thing(sandbox).await;
    for (path, expected) in [
        ("/v3/%zz", 404),
        ("/v3/%", 404),
        ("/v3/things/%ff", 400),
        ("/v3/%ff", 400),
        ("/v3/things/%00", 400),
        ("/v3/resources?filter=name:%zz", 400),
        ("/v3/resources?%ff=1", 400),
        ("/v3/resources?filter=name:\u{e4}", 400),
        ("/v3/../../etc/passwd", 404),
        ("/v3/%2e%2e/%2e%2e/etc/passwd", 404),
        ("/reference/..%2f..%2fCargo.toml", 404),
        ("/errors/..%2f..%2fCargo", 404),
        ("*", 404),
        ("nonsense", 404),
    ] {
        let answer = say(sandbox, head(sandbox, path, "").as_bytes()).await;
        assert_eq!(status(&answer), expected, "{path} → {answer}");
        if path.starts_with("/v3") && answer.contains("content-type") {
            assert!(answer.contains("application/problem+json") && !code(&answer).is_empty(), "{path} → {answer}");
        }
    }
});

story!(what_is_not_http_is_refused, async |sandbox: &Sandbox| {
    let token = &sandbox.owner_token;
    let post = |more: &str| {
        format!(
            "POST /v3/resources HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nConnection: close\r\n{more}"
        )
    };
    for bytes in [
        "\r\n\r\nnonsense\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "GET /v3/resources HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n".to_owned(),
        post("Content-Length: -1\r\n\r\n"),
        post("Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
        post("Content-Length: 99999999999999999999999\r\n\r\n{}"),
        post("Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
        post("Transfer-Encoding: gzip\r\n\r\n{}"),
    ] {
        let answer = say(sandbox, bytes.as_bytes()).await;
        assert!((400..500).contains(&status(&answer)), "{bytes:?} → {answer}");
    }
    assert_eq!(sandbox.get_json("/v3/resources").await.0, 200);
});

story!(a_client_that_sends_half_a_head_is_cut_off, async |sandbox: &Sandbox| {
    let mut slow = connect(sandbox).await;
    let mut drop_by_drop = connect(sandbox).await;
    let started = Instant::now();
    slow.write_all(b"GET /v3/resources HTTP/1.1\r\nHost:").await.expect("half a head is taken");
    let dripping = tokio::spawn(async move {
        for byte in b"GET /v3/resources HTTP/1.1\r\nHost: x\r\n".iter().cycle() {
            if drop_by_drop.write_all(&[*byte]).await.is_err() {
                break;
            }
            let mut answer = [0; 512];
            let pause = tokio::time::timeout(Duration::from_millis(250), drop_by_drop.read(&mut answer)).await;
            if matches!(pause, Ok(Ok(0) | Err(_))) {
                break;
            }
        }
    });
    rest(&mut slow).await;
    let closed = started.elapsed();
    assert!(closed >= Duration::from_secs(8) && closed < PATIENCE, "{closed:?}");
    let remaining = PATIENCE.saturating_sub(started.elapsed());
    tokio::time::timeout(remaining, dripping)
        .await
        .expect("one who sends byte by byte is cut off too")
        .expect("no panic");
});

story!(a_body_that_stops_half_way_harms_nobody, async |sandbox: &Sandbox| {
    let token = &sandbox.owner_token;
    let mut stalled = vec![];
    for _ in 0..50 {
        let mut stream = connect(sandbox).await;
        let head = format!(
            "POST /v3/resources HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{\"type\":"
        );
        stream.write_all(head.as_bytes()).await.expect("half a body is taken");
        stalled.push(stream);
    }
    let started = Instant::now();
    assert_eq!(sandbox.get_json("/v3/resources").await.0, 200);
    assert!(started.elapsed() < Duration::from_secs(20), "others wait for bodies that do not come");
    let mut cut = stalled.pop().expect("a connection");
    cut.shutdown().await.expect("the connection ends");
    let answer = rest(&mut cut).await;
    assert!(answer.is_empty() || code(&answer) == "body_cut_off", "{answer}");
});

story!(requests_in_one_write_are_answered_in_their_order, async |sandbox: &Sandbox| {
    let token = &sandbox.owner_token;
    let line = |path: &str, id: &str, more: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nX-Request-Id: {id}\r\n{more}\r\n")
    };
    let requests = [
        line("/v3/resources?limit=1", "first", ""),
        line("/v3/nonsense", "second", ""),
        line("/v3/events?limit=1", "third", "Connection: close\r\n"),
    ];
    let answer = say(sandbox, requests.concat().as_bytes()).await;
    let places: Vec<_> = ["first", "second", "third"].map(|id| answer.find(&format!("x-request-id: {id}"))).into();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}: {answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 3, "{answer}");
});
