//! Events as CloudEvents 1.0 (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md>): what every event carries
//! when it leaves Admin, whether in a queue, a webhook or a stream.
//!
//! The data is the event as `GET /v3/events/{id}` shows it. In the binary mode the data is the body, and the attributes are headers;
//! in the structured mode one JSON document holds both.

use serde::{Deserialize, Serialize};

use crate::{Event, EventId, OrgId};

/// The version of the specification.
pub const SPEC_VERSION: &str = "1.0";
/// The media type of the structured mode.
pub const STRUCTURED: &str = "application/cloudevents+json";
/// The media type of several in the structured mode, as a JSON array.
pub const BATCH: &str = "application/cloudevents-batch+json";
/// The media type of the data.
pub const DATA: &str = "application/json";

/// An event that goes out.
#[derive(Clone, Copy, Debug)]
pub struct CloudEvent<'e> {
    /// The address of this Admin, such as `https://admin.example.org`, or nothing; the source is the org's below it.
    pub base: &'e str,
    /// The org.
    pub org: OrgId,
    /// The W3C trace of which the event is part.
    pub traceparent: Option<&'e str>,
    /// What happened.
    pub event: &'e Event,
}

impl<'e> CloudEvent<'e> {
    /// An event that is part of no trace.
    pub fn new(base: &'e str, org: OrgId, event: &'e Event) -> CloudEvent<'e> {
        CloudEvent { base, org, traceparent: None, event }
    }

    /// The context attributes by their names, but `datacontenttype`, which each protocol has a header of its own for.
    pub fn attributes(&self) -> Vec<(&'static str, String)> {
        let event = self.event;
        let mut attributes = vec![
            ("specversion", SPEC_VERSION.to_owned()),
            ("id", event.id.to_string()),
            ("source", self.source()),
            ("type", event.kind.clone()),
            ("subject", event.resource.id.to_string()),
            ("time", event.at.to_string()),
            ("org", self.org.to_string()),
            ("sequence", self.sequence()),
            ("partitionkey", event.resource.id.to_string()),
        ];
        attributes.extend(self.traceparent.map(|trace| ("traceparent", trace.to_owned())));
        attributes
    }

    fn source(&self) -> String {
        format!("{}/orgs/{}", self.base.trim_end_matches('/'), self.org)
    }

    /// The event's number in its org, so long that texts sort as the numbers do (extension `sequence`).
    fn sequence(&self) -> String {
        format!("{:019}", self.event.seq)
    }
}

/// The structured mode.
impl Serialize for CloudEvent<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.attributes() {
            map.serialize_entry(name, &value)?;
        }
        map.serialize_entry("datacontenttype", DATA)?;
        map.serialize_entry("data", self.event)?;
        map.end()
    }
}

/// An event that came in.
#[derive(Clone, Debug)]
pub struct Received {
    /// The org.
    pub org: OrgId,
    /// What happened.
    pub event: Event,
}

/// What came in is no event of Admin's, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotAnEvent(pub String);

impl std::fmt::Display for NotAnEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "not an event of Admin's: {}", self.0)
    }
}

impl std::error::Error for NotAnEvent {}

/// Reads the structured mode.
///
/// # Errors
/// It is no event of Admin's.
pub fn structured(body: &[u8]) -> Result<Received, NotAnEvent> {
    #[derive(Deserialize)]
    struct Document {
        specversion: String,
        id: EventId,
        #[serde(rename = "type")]
        kind: String,
        org: OrgId,
        #[serde(default)]
        datacontenttype: Option<String>,
        data: Event,
    }
    let document: Document = serde_json::from_slice(body).map_err(|error| refuse(error.to_string()))?;
    if document.datacontenttype.is_some_and(|media_type| !is_json(&media_type)) {
        return Err(refuse("its data is not JSON"));
    }
    fits(&document.specversion, document.id, &document.kind, &document.data)?;
    Ok(Received { org: document.org, event: document.data })
}

/// Reads the binary mode: `attribute` finds a context attribute by its name, `media_type` is that of the body.
///
/// # Errors
/// It is no event of Admin's.
pub fn binary<'a>(
    attribute: impl Fn(&str) -> Option<&'a str>,
    media_type: &str,
    body: &[u8],
) -> Result<Received, NotAnEvent> {
    let required = |name: &str| attribute(name).ok_or_else(|| refuse(format!("the attribute {name} is missing")));
    if !is_json(media_type) {
        return Err(refuse("its data is not JSON"));
    }
    let id = EventId::parse(required("id")?).ok_or_else(|| refuse("its id is not an event's"))?;
    let org = OrgId::parse(required("org")?).ok_or_else(|| refuse("its org is not one"))?;
    let event: Event = serde_json::from_slice(body).map_err(|error| refuse(error.to_string()))?;
    fits(required("specversion")?, id, required("type")?, &event)?;
    Ok(Received { org, event })
}

/// Whether a media type is that of the structured mode.
pub fn is_structured(media_type: &str) -> bool {
    essence(media_type).eq_ignore_ascii_case(STRUCTURED)
}

fn is_json(media_type: &str) -> bool {
    essence(media_type).eq_ignore_ascii_case(DATA)
}

/// A media type without its parameters.
fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

fn fits(version: &str, id: EventId, kind: &str, event: &Event) -> Result<(), NotAnEvent> {
    match () {
        () if version != SPEC_VERSION => Err(refuse(format!("its specversion is {version}, not {SPEC_VERSION}"))),
        () if id != event.id => Err(refuse("its id is not that of the event in its data")),
        () if kind != event.kind => Err(refuse("its type is not that of the event in its data")),
        () => Ok(()),
    }
}

fn refuse(reason: impl std::fmt::Display) -> NotAnEvent {
    NotAnEvent(reason.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, EventResource, RequestId, ResourceId, SystemRandom, Timestamp};

    const AT: Timestamp = Timestamp(1_736_497_800_000_000);

    fn event(org: OrgId) -> Event {
        Event {
            id: EventId::new(org, 42, AT, &SystemRandom),
            seq: 42,
            kind: "workspace.created".to_owned(),
            at: AT,
            actor: Actor { kind: "user".into(), id: ResourceId::new("user", AT, &SystemRandom), via: None },
            resource: EventResource {
                type_name: "workspace".to_owned(),
                id: ResourceId::new("workspace", AT, &SystemRandom),
                version: 1,
            },
            before: None,
            after: Some(serde_json::value::to_raw_value(&serde_json::json!({"name": "ä"})).expect("JSON")),
            request_id: RequestId::accept("req_1").expect("sane"),
            outcome: None,
            address: None,
            details: None,
        }
    }

    fn value(of: &impl Serialize) -> serde_json::Value {
        serde_json::to_value(of).expect("JSON")
    }

    #[test]
    fn the_structured_mode_comes_back() {
        let org = OrgId::new(AT, &SystemRandom);
        let event = event(org);
        let cloud_event = CloudEvent::new("https://admin.example.org/", org, &event);
        let document = value(&cloud_event);
        let expected = serde_json::json!({
            "specversion": "1.0", "id": event.id.to_string(), "source": format!("https://admin.example.org/orgs/{org}"),
            "type": "workspace.created", "subject": event.resource.id.to_string(), "time": "2025-01-10T08:30:00Z",
            "org": org.to_string(), "sequence": "0000000000000000042", "partitionkey": event.resource.id.to_string(),
            "datacontenttype": "application/json", "data": value(&event),
        });
        assert_eq!(document, expected);
        let received = structured(document.to_string().as_bytes()).expect("an event");
        assert_eq!((received.org, value(&received.event)), (org, value(&event)));
    }

    #[test]
    fn the_binary_mode_comes_back() {
        let org = OrgId::new(AT, &SystemRandom);
        let event = event(org);
        let cloud_event = CloudEvent { traceparent: Some("00-0a-0b-01"), ..CloudEvent::new("", org, &event) };
        let attributes = cloud_event.attributes();
        let find =
            |name: &str| attributes.iter().find(|(attribute, _)| *attribute == name).map(|(_, value)| value.as_str());
        assert_eq!(find("source"), Some(&*format!("/orgs/{org}")));
        assert_eq!(find("traceparent"), Some("00-0a-0b-01"));
        let body = serde_json::to_vec(&event).expect("JSON");
        let received = binary(find, "application/json; charset=utf-8", &body).expect("an event");
        assert_eq!((received.org, value(&received.event)), (org, value(&event)));
        for missing in ["specversion", "id", "type", "org"] {
            let without = |name: &str| find(name).filter(|_| name != missing);
            assert!(binary(without, DATA, &body).is_err(), "{missing}");
        }
        assert!(binary(find, "text/plain", &body).is_err());
    }

    #[test]
    fn names_of_attributes_are_as_the_specification_wants_them() {
        let org = OrgId::new(AT, &SystemRandom);
        let event = event(org);
        let cloud_event = CloudEvent { traceparent: Some("00-0a-0b-01"), ..CloudEvent::new("", org, &event) };
        for (name, value) in cloud_event.attributes() {
            assert!(name.len() <= 20 && name.bytes().all(|byte| byte.is_ascii_lowercase()), "{name}");
            assert!(!value.is_empty() && !value.contains(char::is_control), "{name}: {value:?}");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let org = OrgId::new(AT, &SystemRandom);
        let event = event(org);
        let document = value(&CloudEvent::new("", org, &event));
        for (name, wrong) in [
            ("specversion", "0.3".to_owned()),
            ("id", EventId::new(org, 43, AT, &SystemRandom).to_string()),
            ("type", "workspace.updated".to_owned()),
            ("org", "here".to_owned()),
            ("datacontenttype", "text/xml".to_owned()),
            ("data", "an event".to_owned()),
        ] {
            let mut document = document.clone();
            document[name] = wrong.into();
            assert!(structured(document.to_string().as_bytes()).is_err(), "{name}");
        }
        assert!(is_structured("application/CloudEvents+json; charset=UTF-8") && !is_structured(DATA));
    }
}
