//! Live events: as server-sent events, or over a WebSocket.

use std::time::Duration;

use admin_core::{Frame, Start, Watch, watch_events};
use admin_types::{Error, EventId, Result};
use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::socket;
use crate::App;
use crate::authenticate::{self, SOCKET_PROTOCOL};
use crate::call::Call;
use crate::params::Params;
use crate::problem::Problem;

const PARAMS: &[&str] = &["type", "resource", "filter", "after"];
const LAST_EVENT_ID: &str = "last-event-id";
/// How often the token is looked at again.
const CHECK: Duration = Duration::from_secs(1);
/// After how many looks at the token something is sent, so that everybody between knows that the connection is alive.
const BEATS: u32 = 15;
/// After how many milliseconds a browser connects again.
const RETRY_MS: u32 = 2000;

/// Watch events
///
/// Sends each event that the caller may see, as it is committed, until the caller goes or its token ends. `Last-Event-ID`
/// (or `after`) goes on behind an event that was received before, with nothing left out; without it the stream begins with the next event. With
/// `Upgrade: websocket` the same events come as messages, one each; a program that cannot set headers sends its token as the
/// subprotocol `bearer.TOKEN` beside `admin.events`.
#[utoipa::path(get, path = "/v3/events/stream", tag = "events", operation_id = "watch_events",
    params(
        ("type" = Option<String>, Query, description = "Kinds of events, separated by commas: `workspace.created`, or `workspace.*`"),
        ("resource" = Option<String>, Query, description = "Only about this resource"),
        ("filter" = Option<String>, Query, description = "Only events whose resource meets this filter: as it is after the event, or as it was before when it is gone"),
        ("after" = Option<String>, Query, description = "Go on behind this event; `0` begins with the first"),
        ("Last-Event-ID" = Option<String>, Header, description = "The same; wins over `after`")),
    responses((status = 200, description = "Server-sent events: `id`, `event` (the kind) and `data` (the event as JSON)", content_type = "text/event-stream"),
        (status = 101, description = "The same over a WebSocket"),
        (status = 410, description = "The event to go on behind is not there, so what followed it cannot be told")))]
pub(crate) async fn watch_events_live(
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    call: Call,
) -> Result<Response, Problem> {
    let socket = call.headers.contains_key(header::UPGRADE);
    let session = Session::open(&call).await?;
    match (socket, upgrade) {
        (false, _) => Ok(server_sent(session)),
        (true, Ok(upgrade)) => {
            let upgrade = upgrade.protocols([SOCKET_PROTOCOL]).max_message_size(1024).max_frame_size(1024);
            Ok(upgrade.on_upgrade(|socket| socket::serve(socket, session)))
        }
        (true, Err(rejection)) => {
            Err(Error::invalid("bad_upgrade", format!("This is no WebSocket handshake: {}", rejection.body_text()))
                .into())
        }
    }
}

/// One who watches, and by what right.
pub(super) struct Session {
    app: App,
    watch: Watch,
    token: SecretString,
    ticks: Interval,
    beats: u32,
}

/// What happens to a session.
pub(super) enum Happening {
    Event(Frame),
    /// Nothing happened for a while.
    Beat,
    /// Nothing more will come.
    End(Error),
}

impl Session {
    async fn open(call: &Call) -> Result<Session> {
        let mut params = call.params(PARAMS)?;
        let start = start(call, &mut params)?;
        let (kinds, resource, filter) = (params.list("type"), params.id("resource")?, params.text("filter"));
        let op = call.op(false)?;
        let watch = watch_events(&call.app.core, op, &kinds, resource, filter.as_deref(), start).await?;
        let token = authenticate::token_of(&call.headers).map(|(_, token)| token.to_owned()).unwrap_or_default();
        let mut ticks = interval_at(Instant::now() + CHECK, CHECK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Session { app: call.app.clone(), watch, token: token.into(), ticks, beats: 0 })
    }

    /// What happens next.
    pub(super) async fn next(&mut self) -> Happening {
        loop {
            tokio::select! {
                biased;
                _ = self.ticks.tick() => {
                    if let Err(error) = authenticate::still_good(&self.app, self.token.expose_secret()).await {
                        return Happening::End(error);
                    }
                    self.beats = (self.beats + 1) % BEATS;
                    if self.beats == 0 {
                        return Happening::Beat;
                    }
                }
                frame = self.watch.next() => return frame.map_or_else(Happening::End, Happening::Event),
            }
        }
    }
}

fn start(call: &Call, params: &mut Params) -> Result<Start> {
    let (name, text) = match call.headers.get(LAST_EVENT_ID) {
        Some(value) => ("Last-Event-ID", Some(value.to_str().unwrap_or_default().to_owned())),
        None => ("after", params.text("after")),
    };
    let _ = params.text("after");
    match text.as_deref() {
        None | Some("") => Ok(Start::Now),
        Some("0") => Ok(Start::First),
        Some(text) => {
            let id = EventId::parse(text);
            id.map(Start::After).ok_or_else(|| Error::parameter(name, "must be the id of an event, evt_…, or 0"))
        }
    }
}

fn server_sent(session: Session) -> Response {
    let first =
        stream::once(async { Ok::<_, std::convert::Infallible>(Bytes::from(format!("retry: {RETRY_MS}\n\n"))) });
    let frames = stream::unfold(Some(session), async |session| {
        let mut session = session?;
        match session.next().await {
            Happening::Event(Frame { id, kind, data }) => {
                // JSON has no line breaks of its own, and a kind is two words.
                let text = format!("id: {id}\nevent: {kind}\ndata: {data}\n\n");
                Some((Ok(Bytes::from(text)), Some(session)))
            }
            Happening::Beat => Some((Ok(Bytes::from_static(b":\n\n")), Some(session))),
            Happening::End(error) => {
                let data = serde_json::json!({"code": error.code, "detail": error.detail});
                Some((Ok(Bytes::from(format!("event: end\ndata: {data}\n\n"))), None))
            }
        }
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    // A proxy that collects answers would hold events back.
    let buffering = [("x-accel-buffering", "no")];
    (headers, buffering, Body::from_stream(futures_util::StreamExt::chain(first, frames))).into_response()
}
