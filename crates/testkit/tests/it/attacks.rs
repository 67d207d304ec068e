//! What somebody who means ill tries against the policies: nothing of it shows more, or does more, than they say.

mod bombs;
mod credentials;
mod escalation;
mod hidden_fields;
mod hidden_rows;
mod lost_rights;
mod types;

use admin_testkit::{Client, Method, Sandbox, story};
use serde_json::{Value, json};

use crate::access::{declare_facts, ids, policy, user};
use crate::acts::*;

/// No resource has this id.
const ABSENT: &str = "res_01h455vb4pex5vsknk084sn02q";

/// A JSON Patch.
async fn operations(client: &Client, path: &str, operations: Value) -> (u16, Value) {
    let request = client.request(Method::PATCH, path).header("content-type", "application/json-patch+json");
    let reply = reply(request.body(operations.to_string())).await;
    (reply.status, reply.body)
}

/// A role of that name, with what a policy gives it.
async fn role(sandbox: &Sandbox, name: &str, cedar: &str) {
    add(sandbox, "role", name, json!({})).await;
    policy(sandbox, name, cedar).await;
}
