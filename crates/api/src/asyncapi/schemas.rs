//! The schemas of events: the same envelope for all, around the resource before and after as its type describes it.

use admin_core::{Catalogue, EventType};
use serde_json::{Value, json};

use super::{draft_07, reference};
use crate::openapi;

/// What a resource's id looks like.
const RESOURCE: &str = "^[a-z]{3}_[0-7][0-9a-hjkmnp-tv-z]{25}$";

/// The attributes of CloudEvents that every event has.
const ATTRIBUTES: [&str; 9] =
    ["specversion", "id", "source", "type", "subject", "time", "org", "sequence", "partitionkey"];

/// All schemas: of the resources of each type, of each type of event, and of headers.
pub(super) fn all(catalogue: &Catalogue, events: &[EventType]) -> Value {
    let mut schemas = json!({});
    schemas["Resource"] = openapi::document()["components"]["schemas"]["Resource"].clone();
    for entry in catalogue.all() {
        openapi::types::add_resource(&mut schemas, entry);
    }
    schemas.as_object_mut().into_iter().flat_map(|schemas| schemas.values_mut()).for_each(draft_07::translate);
    schemas["Event"] = event();
    schemas["ThinEvent"] = thin();
    for event in events {
        schemas[&event.kind] = of_type(event);
    }
    let signed = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(str::to_owned);
    schemas["BrokerHeaders"] = headers(ATTRIBUTES.map(|name| format!("cloudEvents_{name}")));
    schemas["WebhookHeaders"] = headers(ATTRIBUTES.map(|name| format!("ce-{name}")).into_iter().chain(signed.clone()));
    schemas["TestHeaders"] = headers(signed);
    schemas
}

/// What every event has.
pub(crate) fn event() -> Value {
    let actor = json!({"type": "object", "required": ["type", "id"], "properties": {
        "type": {"type": "string"},
        "id": {"type": "string", "pattern": RESOURCE},
        "via": {"type": "string", "pattern": RESOURCE, "description": "The client that acted for it"},
    }});
    json!({
        "type": "object",
        "required": ["id", "seq", "type", "at", "actor", "resource", "before", "after", "request_id"],
        "properties": {
            "id": {"type": "string", "pattern": "^evt_[0-7][0-9a-hjkmnp-tv-z]{25}$"},
            "seq": {"type": "integer", "minimum": 1, "description": "The event's number in its org, without gaps"},
            "type": {"type": "string", "description": "`<type>.<verb>`"},
            "at": {"type": "string", "format": "date-time"},
            "actor": actor,
            "resource": resource(),
            "before": {"description": "The resource before; null if it was not there"},
            "after": {"description": "The resource after; null if it is gone"},
            "request_id": {"type": "string"},
            "outcome": {"enum": ["denied", "failed"], "description": "Of an attempt that came to nothing: how"},
            "address": {"type": "string", "description": "Where the request came from, for those who may read the audit log"},
            "details": {"type": "object", "description": "What else is known of what is no change"},
        },
    })
}

fn resource() -> Value {
    json!({"type": "object", "required": ["type", "id", "version"], "properties": {
        "type": {"type": "string"},
        "id": {"type": "string", "pattern": RESOURCE},
        "version": {"type": "integer", "minimum": 0, "description": "The version that the event made; 0 if it is no change"},
    }})
}

/// What a webhook sends that asked for no more.
fn thin() -> Value {
    json!({"type": "object", "required": ["id", "seq", "resource"], "additionalProperties": false,
        "properties": {"id": {"type": "string"}, "seq": {"type": "integer"}, "resource": resource()}})
}

fn of_type(event: &EventType) -> Value {
    let state = |there: bool| if there { reference("schemas", &event.type_name) } else { json!({"type": "null"}) };
    json!({"allOf": [reference("schemas", "Event"), {"type": "object", "properties": {
        "type": {"const": event.kind},
        "resource": {"type": "object", "properties": {"type": {"const": event.type_name}}},
        "before": state(event.before),
        "after": state(event.after),
    }}]})
}

/// Headers that are all there, each a text.
fn headers(names: impl IntoIterator<Item = String>) -> Value {
    let mut schema = json!({"type": "object", "required": [], "properties": {}});
    for name in names {
        schema["properties"][&name] = json!({"type": "string"});
        schema["required"].as_array_mut().into_iter().for_each(|required| required.push(json!(name)));
    }
    schema
}
