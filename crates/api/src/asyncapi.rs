//! The AsyncAPI document: which events there are in the org, as its types say, and where they go out: the live stream, the
//! exchange of RabbitMQ, and webhooks. Its schemas are those of the OpenAPI document.

mod channels;
mod draft_07;
mod schemas;

use admin_core::{Catalogue, EventType, event_types};
use admin_types::{Error, OrgId};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::problem::Problem;

pub(crate) use schemas::event;

/// `GET /v3/asyncapi.json`.
pub(crate) async fn asyncapi(call: Call) -> Result<Response, Problem> {
    call.params(&[])?;
    admin_core::check_caller(&call.app.core, &call.principal).await?;
    let org = call.principal.org;
    let catalogue = call.app.core.catalogue(org).await?;
    let document = document(&catalogue, org, &call.app.public_url);
    let text = serde_json::to_string(&document).map_err(Error::internal)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// The document of an org. `url`: where clients reach this Admin.
fn document(catalogue: &Catalogue, org: OrgId, url: &str) -> Value {
    let events = event_types(catalogue);
    json!({
        "asyncapi": "3.0.0",
        "id": format!("{url}/orgs/{org}"),
        "info": {
            "title": "Admin's events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Every change leaves exactly one event. They are told live, published to RabbitMQ if Admin has one, and \
                sent to webhooks; everywhere by the same names, and as CloudEvents 1.0 where a message has headers.",
        },
        "defaultContentType": "application/json",
        "servers": servers(url),
        "channels": channels::all(&events, org),
        "operations": channels::operations(),
        "components": {
            "schemas": schemas::all(catalogue, &events),
            "messages": messages(&events),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    })
}

/// Where events are fetched. The broker's address is for its operator to tell.
fn servers(url: &str) -> Value {
    let (scheme, host) = url.split_once("://").unwrap_or(("http", url));
    let socket = if scheme == "https" { "wss" } else { "ws" };
    let bearer = json!([{"$ref": "#/components/securitySchemes/bearer"}]);
    json!({
        "http": {"host": host, "protocol": scheme, "security": bearer},
        "socket": {"host": host, "protocol": socket, "security": bearer},
        "broker": {
            "host": "{broker}", "protocol": "amqp", "protocolVersion": "0-9-1",
            "description": "If `queue` names a RabbitMQ.",
            "variables": {"broker": {"default": "localhost:5672", "description": "As `queue` names it"}},
        },
    })
}

/// One message for each type of event.
fn messages(events: &[EventType]) -> Value {
    let messages = events.iter().map(|event| {
        let mut message = described(event);
        message.insert("payload".into(), reference("schemas", &event.kind));
        (event.kind.clone(), Value::Object(message))
    });
    Value::Object(messages.collect())
}

/// What a message says of itself wherever it goes.
fn described(event: &EventType) -> Map<String, Value> {
    let described = [
        ("name", json!(event.kind)),
        ("title", json!(event.kind)),
        ("summary", json!(event.summary)),
        ("tags", json!([{"name": event.type_name}])),
    ];
    described.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn reference(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}
