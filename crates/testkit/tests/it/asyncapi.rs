//! The AsyncAPI document: the parser of its makers takes it, and everything that Admin sends is as it says.

use admin_testkit::sink::{Answer, Sink};
use admin_testkit::{Sandbox, node, story};
use serde_json::{Value, json};

use crate::acts::*;

/// A type with keywords that JSON Schema has called otherwise before.
async fn define_workspace(sandbox: &Sandbox) {
    let schema = json!({"type": "object", "additionalProperties": false,
    "$defs": {"word": {"type": "string", "title": "A word"}},
    "dependentRequired": {"place": ["contact"]},
    "properties": {
        "contact": {"$ref": "#/$defs/word", "minLength": 1},
        "place": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": false},
        "key": {"type": "string", "x-secret": true},
    }});
    create(sandbox, &json!({"type": "type", "name": "workspace", "attributes": {"schema": schema}})).await;
}

/// Everything that may happen to a workspace.
async fn live_through(sandbox: &Sandbox) {
    let attributes = json!({"contact": "Ada", "place": ["Zürich", 8001], "key": "hidden"});
    let workspace = add(sandbox, "workspace", "berlin", attributes).await;
    let path = path(&workspace);
    assert_eq!(sandbox.patch_json(&path, &json!({"name": "Berlin"})).await.0, 200);
    for (method, path) in [
        ("DELETE", path.clone()),
        ("POST", format!("{path}/restore")),
        ("DELETE", path.clone()),
        ("DELETE", format!("{path}?purge=true")),
    ] {
        let reply = reply(sandbox.request(method.parse().expect("a method"), &path)).await;
        assert!((200..300).contains(&reply.status), "{method} {path}: {}", reply.body);
    }
}

story!(
    what_admin_sends_is_as_the_asyncapi_document_says,
    &[("ADMIN_PRIVATE_HOSTS", "127.0.0.1")],
    async |sandbox: &Sandbox| {
        let sink = Sink::start().await;
        define_workspace(sandbox).await;
        for (path, payload) in [("/full", "full"), ("/thin", "thin")] {
            let attributes = json!({"url": sink.at(path), "events": ["workspace.*"], "payload": payload});
            let hook = add(sandbox, "webhook", payload, attributes).await;
            assert_eq!(
                sandbox.post_json(&format!("/v3/webhooks/{hook}/test"), &json!({})).await.1["data"]["state"],
                "delivered"
            );
        }
        sink.always("/gone", Answer::status(410));
        let attributes = json!({"url": sink.at("/gone"), "events": ["workspace.*"]});
        let gone = add(sandbox, "webhook", "gone", attributes).await;
        live_through(sandbox).await;
        for path in ["/full", "/thin"] {
            sink.wait(path, 6).await;
        }
        eventually("the webhook whose endpoint is gone is disabled", async || {
            let webhook = get(sandbox, &crate::acts::path(&gone)).await;
            (webhook["data"]["status"] == "disabled").then_some(())
        })
        .await;
        let nobody = sandbox.with_token(sandbox.cli(&["token", "create", "--role", "viewer"]).trim());
        assert_eq!(nobody.post_json("/v3/users", &json!({"name": "eve"})).await.0, 403);
        eventually("the refusal is an event", async || {
            (query(sandbox, "/v3/events", &[("type", "user.denied")]).await["data"] != json!([])).then_some(())
        })
        .await;
        let shown = |message: admin_testkit::sink::Message| json!({"headers": message.headers, "body": String::from_utf8(message.body).expect("UTF-8")});
        let messages: Vec<Value> = ["/full", "/thin"].iter().flat_map(|path| sink.messages(path)).map(shown).collect();
        node::run(sandbox, "asyncapi.mjs", &[("ADMIN_MESSAGES", &Value::from(messages).to_string())]);
    }
);
