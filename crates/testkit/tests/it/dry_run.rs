//! `dry_run=true`: the answer as if done, and nothing done.

use admin_testkit::{Client, Method, Sandbox, story};
use serde_json::{Value, json};

use crate::acts::*;

/// All that a change could leave behind.
async fn everything(client: &Client) -> Value {
    json!([
        get(client, "/v3/resources").await,
        get(client, "/v3/resources?trashed=true").await,
        get(client, "/v3/types").await,
        get(client, "/v3/devices?sort=-updated_at").await,
        get(client, "/v3/events?limit=200").await,
        get(client, "/v3/index-builds").await,
    ])
}

story!(a_dry_run_of_any_change_answers_as_if_done_and_does_nothing, async |sandbox: &Sandbox| {
    let properties =
        json!({"serial": {"type": "string", "x-unique": true}, "key": {"type": "string", "x-secret": true}});
    let type_id = define(sandbox, "device", properties).await;
    let live = add(sandbox, "device", "live", json!({"serial": "a"})).await;
    let trashed = add(sandbox, "device", "trashed", json!({"serial": "b"})).await;
    sandbox.delete_json(&path(&trashed)).await;
    let new = json!({"type": "device", "name": "n", "attributes": {"serial": "c", "key": "hidden"}});
    let index = json!({"attributes": {"schema": {"properties": {"serial": {"x-index": true}}}}});
    let cases = [
        (Method::POST, "/v3/resources".to_owned(), new, "device.created"),
        (Method::POST, "/v3/resources".to_owned(), type_named("site", &json!({})), "type.created"),
        (Method::PATCH, path(&live), json!({"attributes": {"serial": "d"}}), "device.updated"),
        (Method::PUT, path(&live), json!({"name": "other"}), "device.updated"),
        (Method::PATCH, path(&type_id), index, "type.updated"),
        (Method::DELETE, path(&live), json!({}), "device.deleted"),
        (Method::POST, format!("{}/restore", path(&trashed)), json!({}), "device.restored"),
    ];
    let before = everything(sandbox).await;
    for (method, path, body, event) in cases {
        let dry = reply(sandbox.request(method.clone(), &format!("{path}?dry_run=true")).json(&body)).await;
        assert_eq!((dry.status, &dry.body["status"]), (200, &json!("success")), "{method} {path} {}", dry.body);
        let (events, data) = (&dry.body["dry_run"]["events"], &dry.body["data"]);
        assert_eq!((&dry.body["dry_run"]["decision"], events.as_array().map(Vec::len)), (&json!("allow"), Some(1)));
        assert_eq!((&events[0]["type"], &events[0]["after"]), (&json!(event), data));
        assert_eq!(everything(sandbox).await, before, "{method} {path} left something");
    }
    let purge = reply(sandbox.request(Method::DELETE, &format!("{}?purge=true&dry_run=true", path(&trashed)))).await;
    assert_eq!((purge.status, &purge.body["dry_run"]["events"][0]["type"]), (200, &json!("device.purged")));
    assert_eq!(everything(sandbox).await, before);
});

story!(a_dry_run_is_refused_as_the_change_would_be, async |sandbox: &Sandbox| {
    define(sandbox, "device", json!({"serial": {"type": "string", "x-unique": true}})).await;
    let id = add(sandbox, "device", "d", json!({"serial": "a"})).await;
    let before = everything(sandbox).await;
    let taken = json!({"type": "device", "name": "n", "attributes": {"serial": "a"}});
    refused(&sandbox.post_json("/v3/resources?dry_run=true", &taken).await, 409, "not_unique");
    let wrong = json!({"attributes": {"serial": 1}});
    refused(&sandbox.patch_json(&format!("{}?dry_run=true", path(&id)), &wrong).await, 422, "validation_failed");
    let stale = sandbox.request(Method::DELETE, &format!("{}?dry_run=true", path(&id))).header("if-match", "\"9\"");
    assert_eq!(reply(stale).await.status, 412);
    refused(&sandbox.delete_json(&format!("{}?dry_run=yes", path(&id))).await, 400, "invalid_parameter");
    assert_eq!(everything(sandbox).await, before);
    // Nor does a dry run use an idempotency key up.
    let document = json!({"type": "device", "name": "n", "attributes": {"serial": "b"}});
    for (path, status) in [("/v3/resources?dry_run=true", 200), ("/v3/resources", 201)] {
        let answer = reply(sandbox.request(Method::POST, path).header("idempotency-key", "k").json(&document)).await;
        assert_eq!((answer.status, answer.header("idempotency-replayed")), (status, ""), "{}", answer.body);
    }
});
