//! Live events over a WebSocket (RFC 6455): each is a text message. What the client sends is read and passed over.

use std::borrow::Cow;

use admin_types::{Error, Kind};
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use bytes::Bytes;

use super::stream::{Happening, Session};

/// The code with which a connection ends whose token does not hold any more: 4000 and on are for applications.
const TOKEN_ENDED: u16 = 4401;
/// The most bytes of a reason (RFC 6455, section 5.5: a control frame has 125, of which the code takes two).
const MAX_REASON: usize = 123;

/// Sends events until either side ends it.
pub(super) async fn serve(mut socket: WebSocket, mut session: Session) {
    loop {
        let sent = tokio::select! {
            happening = session.next() => match happening {
                Happening::Event(frame) => socket.send(Message::Text((*frame.data).into())).await,
                Happening::Beat => socket.send(Message::Ping(Bytes::new())).await,
                Happening::End(error) => {
                    let _ = socket.send(Message::Close(Some(end(&error)))).await;
                    return;
                }
            },
            received = socket.recv() => match received {
                Some(Ok(_)) => Ok(()),
                Some(Err(_)) | None => return,
            },
        };
        if sent.is_err() {
            return;
        }
    }
}

fn end(error: &Error) -> CloseFrame {
    let code = match error.kind {
        Kind::Unauthenticated => TOKEN_ENDED,
        Kind::Unavailable => close_code::RESTART,
        _ => close_code::ERROR,
    };
    let text = format!("{}: {}", error.code, error.detail);
    let end = (0..=MAX_REASON.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    CloseFrame { code, reason: Cow::<str>::Borrowed(&text[..end]).into_owned().into() }
}
