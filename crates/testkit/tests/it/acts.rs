//! What stories do again and again: describe a type, create a resource, read the log, wait for something.

use std::time::{Duration, Instant};

use admin_testkit::{Client, Method, RequestBuilder, Sandbox};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// How long a story waits for what happens in the background.
const WITHIN: Duration = Duration::from_secs(60);

/// An answer with its headers.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    /// A header's text, or "".
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Sends a request; the answer with its headers.
pub(crate) async fn reply(request: RequestBuilder) -> Reply {
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.expect("a whole answer");
    Reply { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}

/// A type with these properties, all others forbidden.
pub(crate) fn type_named(name: &str, properties: &Value) -> Value {
    json!({"type": "type", "name": name, "attributes": {"schema": {
        "type": "object", "properties": properties, "additionalProperties": false}}})
}

/// Creates a type with these properties; answers its id.
pub(crate) async fn define(client: &Client, name: &str, properties: Value) -> String {
    create(client, &type_named(name, &properties)).await
}

/// Creates a resource; answers its id.
pub(crate) async fn create(client: &Client, document: &Value) -> String {
    let (status, body) = client.post_json("/v3/resources", document).await;
    assert_eq!(status, 201, "{document} → {body}");
    id(&body["data"])
}

/// Creates a resource of a type from its attributes alone; answers its id.
pub(crate) async fn add(client: &Client, type_name: &str, name: &str, attributes: Value) -> String {
    create(client, &json!({"type": type_name, "name": name, "attributes": attributes})).await
}

/// The id of a resource.
pub(crate) fn id(resource: &Value) -> String {
    resource["id"].as_str().expect("a resource has an id").to_owned()
}

/// The path of a resource.
pub(crate) fn path(id: &str) -> String {
    format!("/v3/resources/{id}")
}

/// A GET that must succeed: its whole body.
pub(crate) async fn get(client: &Client, path: &str) -> Value {
    let (status, body) = client.get_json(path).await;
    assert_eq!(status, 200, "{path} → {body}");
    body
}

/// A GET of a list with parameters that need encoding; it must succeed.
pub(crate) async fn query(client: &Client, path: &str, params: &[(&str, &str)]) -> Value {
    get(client, &with_params(path, params)).await
}

/// A path with parameters, each value percent-encoded.
pub(crate) fn with_params(path: &str, params: &[(&str, &str)]) -> String {
    let encode = |value: &str| value.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let params: Vec<_> = params.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    format!("{path}?{}", params.join("&"))
}

/// Asserts the code of a problem, and the status that goes with it.
#[track_caller]
pub(crate) fn refused((status, body): &(u16, Value), expected: u16, code: &str) {
    assert_eq!((*status, body["code"].as_str()), (expected, Some(code)), "{body}");
}

/// The pointers of a problem's errors.
pub(crate) fn pointers(body: &Value) -> Vec<&str> {
    body["errors"].as_array().into_iter().flatten().filter_map(|error| error["pointer"].as_str()).collect()
}

/// The number of the last event of the org that is no refusal: those are written behind the answers.
pub(crate) async fn last_seq(client: &Client) -> u64 {
    get(client, "/v3/audit?outcome=done&limit=1").await["data"][0]["seq"].as_u64().expect("a number")
}

/// The events after a number, in order, but for refusals.
pub(crate) async fn events_after(client: &Client, seq: u64) -> Vec<Value> {
    let body = get(client, &format!("/v3/events?limit=200&cursor={seq}")).await;
    assert!(body["pagination"]["next_cursor"].is_null(), "more than 200 events after {seq}");
    let events = body["data"].as_array().expect("events").iter();
    events.filter(|event| event.get("outcome").is_none()).cloned().collect()
}

/// What events are about: their types and resources.
pub(crate) fn outline(events: &[Value]) -> Vec<(&str, &str)> {
    events.iter().map(|e| (e["type"].as_str().expect("a type"), e["resource"]["id"].as_str().expect("an id"))).collect()
}

/// The total of a list.
pub(crate) async fn total(client: &Client, path: &str) -> u64 {
    get(client, path).await["pagination"]["total_items"].as_u64().expect("a total")
}

/// Imports lines; answers the report.
pub(crate) async fn import(client: &Client, path: &str, lines: impl Into<String>) -> Value {
    let request = client.request(Method::POST, path).header("content-type", "application/x-ndjson");
    let reply = reply(request.body(lines.into())).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.body["data"].clone()
}

/// Documents as NDJSON.
pub(crate) fn ndjson(documents: &[Value]) -> String {
    documents.iter().map(|document| format!("{document}\n")).collect()
}

/// The lines of an export, as documents.
pub(crate) async fn export(client: &Client, path: &str) -> Vec<Value> {
    let response = client.request(Method::GET, path).send().await.expect("an answer");
    assert_eq!(response.status(), 200, "{path}");
    let text = response.text().await.expect("a whole export");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// Asks again and again until there is an answer.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + WITHIN;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what} did not happen within {WITHIN:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The one-time link with which the owner sets up an account.
pub(crate) fn set_up_link(sandbox: &Sandbox) -> String {
    let said = sandbox.cli(&["sign-in"]);
    said.split_whitespace().find(|word| word.contains("/set-up?token=")).expect("a link").to_owned()
}
