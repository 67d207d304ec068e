//! Webhooks: other programs are sent what happens, signed, as far as somebody may see it, until it has arrived.

mod addresses;
mod aging;
mod command_line;
mod crashes;
mod lending;
mod matching;
mod messages;
mod order;
mod retries;
mod rights;
mod secrets;
mod verified;
mod view;

use admin_testkit::sink::{Answer, Message, Sink};
use admin_testkit::{Client, Method, Sandbox, story};
use serde_json::{Value, json};

use crate::access::{policy, user};
use crate::acts::*;

/// Messages may go to this machine.
const HERE: (&str, &str) = ("ADMIN_PRIVATE_HOSTS", "127.0.0.1");
/// Retries at once: five tries in all.
const QUICK: (&str, &str) = ("ADMIN_WEBHOOK_SCHEDULE", "0s,0s,0s,0s,0s");

async fn define_workspace(client: &Client) {
    let text = json!({"type": "string"});
    define(client, "workspace", json!({"region": {"type": "string", "x-index": true}, "notes": text})).await;
}

async fn workspace(client: &Client, name: &str, region: &str) -> String {
    add(client, "workspace", name, json!({"region": region, "notes": "n"})).await
}

/// Makes a webhook for all that happens to workspaces, with more attributes; answers its id.
async fn webhook(client: &Client, url: &str, more: Value) -> String {
    let mut attributes = json!({"url": url, "events": ["workspace.*"]});
    for (name, value) in more.as_object().expect("attributes") {
        attributes[name] = value.clone();
    }
    add(client, "webhook", "hook", attributes).await
}

fn of(webhook: &str, rest: &str) -> String {
    format!("/v3/webhooks/{webhook}/{rest}")
}

/// Deliveries, newest first.
async fn deliveries(client: &Client, webhook: &str) -> Vec<Value> {
    get(client, &of(webhook, "deliveries")).await["data"].as_array().expect("a list").clone()
}

/// One delivery with its tries, as soon as it is in this state.
async fn delivery(client: &Client, webhook: &str, event: &str, state: &str) -> Value {
    eventually(&format!("a delivery that is {state}"), async || {
        let (status, body) = client.get_json(&of(webhook, &format!("deliveries/{event}"))).await;
        (status == 200 && body["data"]["state"] == state).then(|| body["data"].clone())
    })
    .await
}

/// The newest event of a resource.
async fn event_of(client: &Client, resource: &str) -> String {
    id(&query(client, "/v3/events", &[("resource", resource), ("limit", "1"), ("order", "desc")]).await["data"][0])
}

/// The names of the resources that messages are about.
fn names(messages: &[Message]) -> Vec<String> {
    let name = |message: &Message| message.json()["data"]["after"]["name"].as_str().unwrap_or("-").to_owned();
    messages.iter().map(name).collect()
}

/// The text of the first secret of a webhook.
async fn secret(client: &Client, webhook: &str) -> String {
    let secrets = get(client, &of(webhook, "secrets")).await;
    secrets["data"][0]["secret"].as_str().expect("a secret").to_owned()
}
