//! Where events go out, and in which shape.

use admin_core::EventType;
use admin_core::webhooks::WEBHOOK_TEST;
use admin_types::OrgId;
use serde_json::{Map, Value, json};

use super::{described, reference};

/// The stream, the exchange, and webhooks.
pub(super) fn all(events: &[EventType], org: OrgId) -> Value {
    json!({"stream": stream(events), "exchange": exchange(events, org), "webhooks": webhooks(events)})
}

/// What Admin does with each channel: it sends.
pub(super) fn operations() -> Value {
    let operation = |channel: &str, summary: &str| json!({"action": "send", "channel": {"$ref": format!("#/channels/{channel}")}, "summary": summary});
    let mut webhooks = operation("webhooks", "Delivers the events that a webhook asked for.");
    webhooks["bindings"] = json!({"http": {"method": "POST", "bindingVersion": "0.3.0"}});
    json!({
        "watch_events": operation("stream", "Tells each event that the caller may see, as it is committed."),
        "publish_events": operation("exchange", "Publishes every event of every org, in order of each resource."),
        "deliver_webhooks": webhooks,
    })
}

/// The live stream: the messages are those of the components.
fn stream(events: &[EventType]) -> Value {
    let messages: Map<String, Value> =
        events.iter().map(|event| (event.kind.clone(), reference("messages", &event.kind))).collect();
    let query = json!({"type": "object", "properties": {
        "type": {"type": "string", "description": "Kinds, separated by commas: `workspace.created`, `workspace.*`"},
        "resource": {"type": "string", "description": "Only about this resource"},
        "filter": {"type": "string", "maxLength": 8192, "description": "Only events whose resource meets this filter"},
        "after": {"type": "string", "description": "Go on behind this event; `0` begins with the first"},
    }});
    json!({
        "address": "/v3/events/stream",
        "title": "The live stream",
        "description": "Server-sent events whose data is the message; over a WebSocket, a text message each.",
        "servers": [{"$ref": "#/servers/http"}, {"$ref": "#/servers/socket"}],
        "messages": messages,
        "bindings": {"ws": {"method": "GET", "query": query, "bindingVersion": "0.1.0"}},
    })
}

/// The exchange of RabbitMQ: the same, with the attributes of CloudEvents as headers.
fn exchange(events: &[EventType], org: OrgId) -> Value {
    let messages = events.iter().map(|event| {
        let mut message = described(event);
        message.insert("payload".into(), reference("schemas", &event.kind));
        message.insert("headers".into(), reference("schemas", "BrokerHeaders"));
        message.insert("bindings".into(), json!({"amqp": {"messageType": event.kind, "bindingVersion": "0.3.0"}}));
        (event.kind.clone(), Value::Object(message))
    });
    json!({
        "address": "{org}.{partition}.{type}.{verb}",
        "title": "The exchange of RabbitMQ",
        "description": "The address is the routing key. Bind a queue of your own to the exchange, such as by `*.*.workspace.*`.",
        "servers": [{"$ref": "#/servers/broker"}],
        "parameters": {
            "org": {"description": "The org", "default": org.to_string()},
            "partition": {"description": "The same for all events of a resource",
                "enum": (0..admin_core::PARTITIONS).map(|n| n.to_string()).collect::<Vec<_>>()},
            "type": {"description": "The name of the resource's type"},
            "verb": {"description": "What happened to it"},
        },
        "messages": messages.collect::<Map<_, _>>(),
        "bindings": {"amqp": {
            "is": "routingKey",
            "exchange": {"name": "admin.events", "type": "topic", "durable": true, "autoDelete": false},
            "bindingVersion": "0.3.0",
        }},
    })
}

/// Webhooks: the payload of Standard Webhooks around the event, or around which event it is.
fn webhooks(events: &[EventType]) -> Value {
    let message = |event: &EventType, headers: &str, data: Value| {
        let mut message = described(event);
        message.insert("headers".into(), reference("schemas", headers));
        message.insert(
            "payload".into(),
            json!({"type": "object", "required": ["type", "timestamp", "data"], "properties": {
                "type": {"const": event.kind},
                "timestamp": {"type": "string", "format": "date-time"},
                "data": data,
            }}),
        );
        (event.kind.clone(), Value::Object(message))
    };
    let of = |event: &EventType| {
        let data = json!({"oneOf": [reference("schemas", &event.kind), reference("schemas", "ThinEvent")]});
        message(event, "WebhookHeaders", data)
    };
    let mut messages: Map<String, Value> = events.iter().map(of).collect();
    let test = EventType {
        kind: WEBHOOK_TEST.to_owned(),
        type_name: "webhook".to_owned(),
        summary: "A webhook is tried; nothing happened.".to_owned(),
        before: false,
        after: false,
    };
    let data = json!({"type": "object", "required": ["webhook", "message"],
        "properties": {"webhook": {"type": "string"}, "message": {"type": "string"}}});
    messages.extend([message(&test, "TestHeaders", data)]);
    json!({
        "address": null,
        "title": "Webhooks",
        "description": "Each is sent to its own `url`, signed as Standard Webhooks says.",
        "messages": messages,
    })
}
