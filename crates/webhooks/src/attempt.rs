//! One try: the message is made as its principal may see the event now, signed, sent, and what came back judged.

use std::time::Duration;

use admin_backends::outbound::{Failure, Request, Response};
use admin_core::EventQuery;
use admin_core::webhooks::{Signatures, SigningKey, WEBHOOK_TEST, Webhook, signing_keys, webhook_authorization};
use admin_db::deliveries::DeliveryRow;
use admin_db::{events, webhooks};
use admin_types::{Error, Result, Timestamp};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use crate::Webhooks;
use crate::lane::pause;
use crate::message::{self, Payload};

/// How long all of one try may take.
pub(crate) const WITHIN: Duration = Duration::from_secs(15);
/// The longest pause that an endpoint may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(86_400);

/// A webhook, with all that its messages need.
pub(crate) struct Ready {
    pub(crate) webhook: Webhook,
    pub(crate) in_order: bool,
    pub(crate) pause: Option<Duration>,
    pub(crate) url: String,
    payload: Payload,
    headers: HeaderMap,
    keys: Vec<SigningKey>,
    failing_since: Option<Timestamp>,
}

/// A message, before it is signed.
struct Message {
    id: String,
    body: Bytes,
    headers: Vec<(String, String)>,
}

/// What came of a try.
pub(crate) struct Attempt {
    pub(crate) row: DeliveryRow,
    pub(crate) at: Timestamp,
    /// What there was to send; `None` when there was nothing.
    pub(crate) sent: Option<Sent>,
    /// Why there was nothing to send, or why that could not be found out.
    pub(crate) unsent: Option<Result<&'static str>>,
    /// The endpoint asked for this pause.
    pub(crate) pause: Option<Duration>,
    /// The endpoint said that it is gone for good.
    pub(crate) gone: bool,
}

/// What was sent, and what came back.
pub(crate) struct Sent {
    headers: HeaderMap,
    bytes: usize,
    url: String,
    pub(crate) answer: std::result::Result<Response, Failure>,
}

impl Ready {
    pub(crate) async fn read(all: &Webhooks, webhook: Webhook) -> Result<Ready> {
        let (org, id) = (webhook.org, webhook.id);
        let mut conn = all.core.db().read_once().await?;
        let keys = signing_keys(&all.core, &mut conn, org, id).await?;
        let known = webhooks::endpoint(&mut conn, org, id).await?;
        drop(conn);
        let mut headers = HeaderMap::new();
        let own = webhook.attributes.get("headers").and_then(Value::as_object);
        for (name, value) in own.into_iter().flatten() {
            set(&mut headers, name, value.as_str().unwrap_or_default());
        }
        if let Some(authorization) = webhook_authorization(&all.core, org, id).await? {
            set(&mut headers, AUTHORIZATION.as_str(), authorization.expose_secret());
            headers.get_mut(AUTHORIZATION).into_iter().for_each(|value| value.set_sensitive(true));
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("Admin-Webhooks/", env!("CARGO_PKG_VERSION"))));
        let attributes = &webhook.attributes;
        Ok(Ready {
            in_order: attributes.get("order").and_then(Value::as_str) == Some("fifo"),
            pause: pause(attributes.get("rate_limit")),
            url: attributes.get("url").and_then(Value::as_str).unwrap_or_default().to_owned(),
            payload: Payload::read(attributes.get("payload")),
            failing_since: known.and_then(|known| known.failing_since),
            webhook,
            headers,
            keys,
        })
    }

    pub(crate) fn failing_since(&self) -> Option<Timestamp> {
        self.failing_since
    }

    /// Tries a delivery.
    pub(crate) async fn attempt(&self, all: &Webhooks, row: DeliveryRow) -> Attempt {
        let at = all.core.clock().now();
        let unsent = match self.prepare(all, &row).await {
            Ok(Some(Message { id, body, headers })) => {
                let sent = self.send(all, (&id, body), headers).await;
                let (pause, gone) = judge(all, &sent);
                return Attempt { row, at, sent: Some(sent), unsent: None, pause, gone };
            }
            Ok(None) if row.seq < 0 => Ok("there is no such event yet that the webhook wants and may see"),
            Ok(None) => Ok("the event may not be seen any more, or is not wanted any more"),
            Err(error) => Err(error),
        };
        Attempt { row, at, sent: None, unsent: Some(unsent), pause: None, gone: false }
    }

    /// The message, made as the principal may see the event now; `None` when there is nothing to send any more.
    async fn prepare(&self, all: &Webhooks, row: &DeliveryRow) -> Result<Option<Message>> {
        let org = self.webhook.org;
        if row.seq < 0 {
            return self.prepare_test(all, row).await;
        }
        let found = events::get(&mut *all.core.db().read_once().await?, org, row.seq).await?;
        let Some(event) = found else { return Ok(None) };
        let Some(event) = self.webhook.shown(&all.core, &event).await? else { return Ok(None) };
        let headers = message::headers(&all.base, org, &event);
        Ok(Some(Message { id: event.id.to_string(), body: self.payload.body(&event)?, headers }))
    }

    /// A message of its own, or the newest event of a kind.
    async fn prepare_test(&self, all: &Webhooks, row: &DeliveryRow) -> Result<Option<Message>> {
        const LOOKED: u32 = 200;
        let (org, at) = (self.webhook.org, Timestamp(-row.seq));
        let id = format!("tst_{}", at.0);
        if row.kind == WEBHOOK_TEST {
            let data = json!({"webhook": self.webhook.id, "message": "This is a test. Nothing happened."});
            return Ok(Some(Message { id, body: message::body(WEBHOOK_TEST, at, &data)?, headers: vec![] }));
        }
        let kind = row.kind.split_once('.').map(|(of, verb)| (of.to_owned(), Some(verb.to_owned())));
        let query = EventQuery { kind, descending: true, ..EventQuery::default() };
        let found = events::list(&mut *all.core.db().scan().await?, org, &query, 0, LOOKED).await?;
        for event in &found {
            if let Some(event) = self.webhook.sight(&all.core, event).await? {
                let headers = message::headers(&all.base, org, &event);
                return Ok(Some(Message { id, body: self.payload.body(&event)?, headers }));
            }
        }
        Ok(None)
    }

    /// Signs and sends a message.
    async fn send(&self, all: &Webhooks, (id, body): (&str, Bytes), further: Vec<(String, String)>) -> Sent {
        let seconds = all.core.clock().now().0.div_euclid(1_000_000);
        let signatures = Signatures::of(&self.keys, id, seconds, &body);
        let mut headers = self.headers.clone();
        for (name, value) in &further {
            set(&mut headers, name, value);
        }
        for (name, value) in signatures.headers() {
            set(&mut headers, name, value);
        }
        let request =
            Request { method: Method::POST, url: self.url.clone(), headers: headers.clone(), body: body.clone() };
        let answer = all.outbound.send(request, WITHIN).await;
        Sent { headers, bytes: body.len(), url: self.url.clone(), answer }
    }
}

fn set(headers: &mut HeaderMap, name: &str, value: &str) {
    // What cannot be a header was refused when it was saved.
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}

/// The pause that the endpoint asked for, and whether it is gone for good.
fn judge(all: &Webhooks, sent: &Sent) -> (Option<Duration>, bool) {
    let Ok(response) = &sent.answer else { return (None, false) };
    let asked = response.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let asked = asked.filter(|_| !response.status.is_success());
    let pause = asked.and_then(|text| retry_after(text, all.core.clock().now()));
    (pause.map(|pause| pause.min(LONGEST_PAUSE)), response.status == StatusCode::GONE)
}

/// Seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    u64::try_from(date.timestamp().as_microsecond() - now.0).ok().map(Duration::from_micros)
}

impl Attempt {
    /// Whether it arrived; `None` if nothing was sent.
    pub(crate) fn arrived(&self) -> Option<bool> {
        self.sent.as_ref().map(Sent::arrived)
    }
}

impl Sent {
    pub(crate) fn arrived(&self) -> bool {
        self.answer.as_ref().is_ok_and(|response| response.status.is_success())
    }

    /// Why it did not arrive, for people.
    pub(crate) fn failure(&self) -> Option<String> {
        match &self.answer {
            Ok(response) if response.status.is_success() => None,
            Ok(response) if response.status.is_redirection() => {
                Some(format!("answered {}, and redirections are not followed", response.status.as_u16()))
            }
            Ok(response) => Some(format!("answered {}", response.status.as_u16())),
            Err(failure) => Some(format!("{}: {}", failure.kind.as_str(), failure.detail)),
        }
    }

    /// The status of the response, if there was one.
    pub(crate) fn status(&self) -> Option<i64> {
        self.answer.as_ref().ok().map(|response| response.status.as_u16().into())
    }

    /// What was sent and what came back. The body that was sent is the event, which who may not read it may not see here.
    pub(crate) fn document(&self) -> Result<String> {
        let (timing, address) = match &self.answer {
            Ok(response) => (response.timing, Some(response.address)),
            Err(failure) => (failure.timing, failure.address),
        };
        let millis = |time: Option<Duration>| time.map(|time| time.as_micros() as f64 / 1000.0);
        let response = self.answer.as_ref().ok().map(|response| {
            json!({
                "status": response.status.as_u16(),
                "headers": shown(&response.headers),
                "body": String::from_utf8_lossy(&response.body),
                "truncated": response.truncated,
            })
        });
        let document = json!({
            "request": {"url": self.url, "headers": shown(&self.headers), "bytes": self.bytes},
            "response": response,
            "timing_ms": {"dns": millis(timing.dns), "connect": millis(timing.connect), "tls": millis(timing.tls),
                "first_byte": millis(timing.first_byte), "total": millis(Some(timing.total))},
            "address": address.map(|address| address.to_string()),
        });
        serde_json::to_string(&document).map_err(Error::internal)
    }
}

fn shown(headers: &HeaderMap) -> Map<String, Value> {
    let text = |value: &HeaderValue| match value.is_sensitive() {
        true => "***".to_owned(),
        false => String::from_utf8_lossy(value.as_bytes()).into_owned(),
    };
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value).into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_seconds_or_a_date() {
        let now = Timestamp(784_111_770_000_000);
        assert_eq!(retry_after("120", now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::from_secs(7)));
        for text in ["", "soon", "-5", "Sun, 06 Nov 1994 08:49:00 GMT"] {
            assert_eq!(retry_after(text, now), None, "{text}");
        }
    }
}
