//! What is sent: the payload of Standard Webhooks (`type`, `timestamp`, `data`), which is the data of a CloudEvent in the binary
//! mode, whose attributes are headers.

use admin_core::webhooks::{Signatures, SigningKey};
use admin_types::cloud_event::CloudEvent;
use admin_types::{Error, Event, OrgId, Result, Timestamp};
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

/// How much of an event is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Payload {
    /// The event with the resource before and after.
    Full,
    /// Which resource alone.
    Thin,
}

impl Payload {
    /// What the attribute `payload` says.
    #[must_use]
    pub(crate) fn read(value: Option<&Value>) -> Payload {
        if value.and_then(Value::as_str) == Some("thin") { Payload::Thin } else { Payload::Full }
    }

    /// The body of a message about an event.
    ///
    /// # Errors
    /// The event cannot be written as JSON.
    pub(crate) fn body(self, event: &Event) -> Result<Bytes> {
        match self {
            Payload::Full => body(&event.kind, event.at, event),
            Payload::Thin => {
                let data = json!({"id": event.id, "seq": event.seq, "resource": event.resource});
                body(&event.kind, event.at, &data)
            }
        }
    }
}

/// The body of a message.
pub(crate) fn body(kind: &str, at: Timestamp, data: &impl Serialize) -> Result<Bytes> {
    #[derive(Serialize)]
    struct Body<'b, D> {
        #[serde(rename = "type")]
        kind: &'b str,
        timestamp: Timestamp,
        data: &'b D,
    }
    let body = serde_json::to_vec(&Body { kind, timestamp: at, data });
    body.map(Bytes::from).map_err(Error::internal)
}

/// The whole message about an event as a webhook sends it that says nothing special: headers, and the body. `seconds`: when, since
/// 1970.
///
/// # Errors
/// The event cannot be written as JSON.
pub fn signed(
    (base, org): (&str, OrgId),
    event: &Event,
    key: SigningKey,
    seconds: i64,
) -> Result<(Vec<(String, String)>, Bytes)> {
    let body = Payload::Full.body(event)?;
    let mut all = headers(base, org, event);
    all.push(("content-type".to_owned(), "application/json".to_owned()));
    let signatures = Signatures::of(&[key], &event.id.to_string(), seconds, &body);
    all.extend(signatures.headers().map(|(name, value)| (name.to_owned(), value.to_owned())));
    Ok((all, body))
}

/// The attributes of an event as headers.
pub(crate) fn headers(base: &str, org: OrgId, event: &Event) -> Vec<(String, String)> {
    let attributes = CloudEvent::new(base, org, event).attributes();
    attributes.into_iter().map(|(name, value)| (format!("ce-{name}"), value)).collect()
}
