//! The same events over a WebSocket.

use admin_testkit::{Sandbox, story};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::{define_workspace, workspace};
use crate::access::user;
use crate::acts::*;

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

async fn connect(sandbox: &Sandbox, path: &str, header: (&'static str, String)) -> Result<Socket, u16> {
    let url = format!("{}{path}", sandbox.base_url.replacen("http", "ws", 1));
    let mut request = url.into_client_request().expect("an address");
    let value = HeaderValue::from_str(&header.1).expect("a header");
    request.headers_mut().insert(HeaderName::from_static(header.0), value);
    match connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(tokio_tungstenite::tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("no socket: {error}"),
    }
}

async fn next(socket: &mut Socket) -> Message {
    let message = tokio::time::timeout(std::time::Duration::from_secs(60), socket.next()).await;
    message.expect("a message within 20 seconds").expect("a message").expect("no error")
}

async fn event(socket: &mut Socket) -> Value {
    loop {
        match next(socket).await {
            Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
            Message::Ping(_) => {}
            other => panic!("not an event: {other:?}"),
        }
    }
}

story!(events_come_as_messages, async |sandbox: &Sandbox| {
    define_workspace(sandbox).await;
    let token = sandbox.token.clone().expect("a token");
    let bearer = ("authorization", format!("Bearer {token}"));
    let mut socket = connect(sandbox, "/v3/events/stream?type=workspace.*", bearer).await.expect("a socket");
    let mut browser = connect(
        sandbox,
        "/v3/events/stream?type=workspace.*",
        ("sec-websocket-protocol", format!("admin.events, bearer.{token}")),
    )
    .await
    .expect("a socket");
    workspace(sandbox, "berlin", "eu").await;
    let first = event(&mut socket).await;
    assert_eq!(first["after"]["name"], "berlin");
    assert_eq!(event(&mut browser).await, first);
    // What a client says is passed over, up to a bound.
    socket.send(Message::Text("hello".into())).await.expect("sent");
    drop(browser);
    workspace(sandbox, "bergen", "no").await;
    assert_eq!(event(&mut socket).await["after"]["name"], "bergen");
    let behind = format!("/v3/events/stream?type=workspace.*&after={}", first["id"].as_str().expect("an id"));
    let mut resumed = connect(sandbox, &behind, ("authorization", format!("Bearer {token}"))).await.expect("a socket");
    assert_eq!(event(&mut resumed).await["after"]["name"], "bergen");
    let _ = resumed.send(Message::Text("x".repeat(5000).into())).await;
    while let Some(Ok(message)) = resumed.next().await {
        assert!(!matches!(message, Message::Text(_)), "{message:?}");
    }
});

story!(a_socket_needs_a_token_that_holds, async |sandbox: &Sandbox| {
    let stream = "/v3/events/stream";
    let none = connect(sandbox, stream, ("sec-websocket-protocol", "admin.events".into())).await;
    assert_eq!(none.err(), Some(401));
    let wrong = connect(sandbox, stream, ("sec-websocket-protocol", "admin.events, bearer.nonsense".into())).await;
    assert_eq!(wrong.err(), Some(401));
    // Only beside ours is a protocol a token.
    let token = sandbox.token.clone().expect("a token");
    let other = connect(sandbox, stream, ("sec-websocket-protocol", format!("bearer.{token}"))).await;
    assert_eq!(other.err(), Some(401));

    let (ada, as_ada) = user(sandbox, "ada", serde_json::json!({"roles": ["viewer"]})).await;
    let bearer = format!("Bearer {}", as_ada.token.as_deref().expect("a token"));
    let mut socket = connect(sandbox, stream, ("authorization", bearer)).await.expect("a socket");
    assert_eq!(sandbox.delete_json(&path(&ada)).await.0, 200);
    loop {
        match next(&mut socket).await {
            Message::Close(Some(frame)) => {
                assert_eq!(u16::from(frame.code), 4401, "{frame:?}");
                break;
            }
            Message::Text(_) | Message::Ping(_) => {}
            other => panic!("not an end: {other:?}"),
        }
    }
});
