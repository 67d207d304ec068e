//! Resources: create, read, change, replace, delete, restore, purge; and what holds between many callers at once.

use std::collections::BTreeMap;

use admin_testkit::{Client, Method, Sandbox, story};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::acts::*;

async fn define_device(client: &Client) -> String {
    let properties = json!({"serial": {"type": "string", "x-unique": true}, "weight": {"type": "number"},
        "tags": {"type": "array", "items": {"type": "string"}}, "born": {"type": "string", "x-immutable": true}});
    define(client, "device", properties).await
}

async fn restore(client: &Client, id: &str) -> (u16, Value) {
    client.post_json(&format!("{}/restore", path(id)), &json!({})).await
}

/// A change of one resource that only holds for a version.
async fn change_if(client: &Client, method: Method, id: &str, if_match: &str, body: &Value) -> Reply {
    reply(client.request(method, &path(id)).header("if-match", if_match).json(body)).await
}

story!(the_life_of_a_resource, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    for collection in ["/v3/resources", "/v3/devices"] {
        let document =
            json!({"type": "device", "name": "Sonde", "attributes": {"weight": 1.5}, "labels": {"team": "core"}});
        let created = reply(sandbox.request(Method::POST, collection).json(&document)).await;
        assert_eq!((created.status, created.header("etag")), (201, "\"1\""), "{}", created.body);
        let (resource, at) = (&created.body["data"], created.header("location"));
        assert_eq!(at, path(&id(resource)));
        let one = format!("{collection}/{}", id(resource));
        let read = reply(sandbox.request(Method::GET, &one)).await;
        assert_eq!((read.status, read.header("etag"), &read.body), (200, "\"1\"", &created.body));
        assert_eq!(read.header("content-type"), "application/json");

        let patch = json!({"status": "active", "attributes": {"weight": null, "serial": collection}, "labels": {"team": "x", "b": "c"}});
        let (status, body) = sandbox.patch_json(&one, &patch).await;
        assert_eq!((status, &body["data"]["version"]), (200, &json!(2)));
        assert_eq!(
            (&body["data"]["attributes"], &body["data"]["labels"]),
            (&json!({"serial": collection}), &json!({"team": "x", "b": "c"}))
        );
        assert_eq!(body["data"]["created_at"], resource["created_at"]);
        assert!(body["data"]["updated_at"].as_str() > resource["updated_at"].as_str());

        let (status, body) = sandbox.put_json(&one, &json!({"name": "Probe"})).await;
        assert_eq!((status, &body["data"]["attributes"], &body["data"]["labels"]), (200, &json!({}), &json!({})));
        assert_eq!(get(sandbox, &one).await, body);

        let (status, body) = sandbox.delete_json(&one).await;
        assert_eq!((status, &body["data"]["version"], body["data"]["deleted_at"].is_string()), (200, &json!(4), true));
        refused(&sandbox.get_json(&one).await, 404, "not_found");
        for answer in [sandbox.patch_json(&one, &json!({})).await, sandbox.delete_json(&one).await] {
            refused(&answer, 404, "not_found");
        }
        assert_eq!(get(sandbox, &format!("{one}?trashed=true")).await, body);
        assert_eq!(total(sandbox, collection).await, 0);
        let trash = get(sandbox, &format!("{collection}?trashed=true")).await;
        assert_eq!(trash["data"], json!([body["data"]]));

        let (status, body) = sandbox.post_json(&format!("{one}/restore"), &json!({})).await;
        assert_eq!((status, &body["data"]["version"], body["data"].get("deleted_at")), (200, &json!(5), None));
        refused(&sandbox.post_json(&format!("{one}/restore"), &json!({})).await, 409, "not_in_trash");
        assert_eq!(sandbox.delete_json(&format!("{one}?purge=true")).await.0, 200);
        refused(&sandbox.get_json(&format!("{one}?trashed=true")).await, 404, "not_found");
        assert_eq!(total(sandbox, &format!("{collection}?trashed=true")).await, 0);
    }
});

story!(a_purge_also_empties_the_trash, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    let id = add(sandbox, "device", "d", json!({})).await;
    sandbox.delete_json(&path(&id)).await;
    assert_eq!(sandbox.delete_json(&format!("{}?purge=true", path(&id))).await.0, 200);
    refused(&restore(sandbox, &id).await, 404, "not_found");
});

story!(a_change_holds_only_for_the_version_that_it_names, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    let id = add(sandbox, "device", "d", json!({})).await;
    let before = last_seq(sandbox).await;
    let body = json!({"name": "e"});
    for method in [Method::PATCH, Method::PUT, Method::DELETE] {
        let stale = change_if(sandbox, method, &id, "\"7\"", &body).await;
        assert_eq!((stale.status, &stale.body["code"]), (412, &json!("version_mismatch")));
        assert_eq!(stale.body["version"], 1);
    }
    let bad = change_if(sandbox, Method::PATCH, &id, "seven", &body).await;
    assert_eq!((bad.status, &bad.body["code"]), (400, &json!("invalid_parameter")));
    assert_eq!(last_seq(sandbox).await, before);
    assert_eq!(change_if(sandbox, Method::PATCH, &id, "\"1\"", &body).await.header("etag"), "\"2\"");
    assert_eq!(change_if(sandbox, Method::PUT, &id, "\"2\"", &json!({"name": "f"})).await.header("etag"), "\"3\"");
    assert_eq!(change_if(sandbox, Method::PATCH, &id, "*", &json!({"name": "g"})).await.status, 200);

    // Of many that saw the same version, one may change it.
    let names: Vec<Value> = (0..10).map(|n| json!({"name": format!("n{n}")})).collect();
    let all = join_all(names.iter().map(|name| change_if(sandbox, Method::PATCH, &id, "\"4\"", name))).await;
    let mut statuses: Vec<u16> = all.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (200, &[412; 9][..]));
    assert_eq!(change_if(sandbox, Method::DELETE, &id, "\"5\"", &json!({})).await.status, 200);
});

story!(a_change_of_nothing_leaves_no_trace, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    let attributes = json!({"serial": "a", "weight": 1.5, "tags": ["x"]});
    let id = add(sandbox, "device", "d", attributes.clone()).await;
    let (before, resource) = (last_seq(sandbox).await, get(sandbox, &path(&id)).await);
    let same = [
        json!({}),
        json!({"name": "d"}),
        json!({"attributes": attributes}),
        json!({"labels": {"gone": null}}),
        json!({"version": 1}),
    ];
    for patch in same {
        let (status, body) = sandbox.patch_json(&path(&id), &patch).await;
        assert_eq!((status, &body), (200, &resource), "{patch}");
    }
    let (status, body) = sandbox.put_json(&path(&id), &resource["data"]).await;
    assert_eq!((status, &body), (200, &resource), "what was read may be sent back");
    assert_eq!(last_seq(sandbox).await, before);
});

story!(a_json_patch_is_carried_out_whole_or_not_at_all, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    let id = add(sandbox, "device", "d", json!({"weight": 1, "tags": ["a", "b"]})).await;
    let send = async |kind: &str, body: &str| {
        let request = sandbox.request(Method::PATCH, &path(&id)).header("content-type", kind);
        let reply = reply(request.body(body.to_owned())).await;
        (reply.status, reply.body)
    };
    let patch = "application/json-patch+json";
    let operations = json!([{"op": "test", "path": "/attributes/weight", "value": 1}, {"op": "add", "path": "/attributes/tags/1", "value": "ab"},
        {"op": "move", "from": "/attributes/weight", "path": "/attributes/serial"}, {"op": "replace", "path": "/attributes/serial", "value": "s"}]);
    let (status, body) = send(patch, &operations.to_string()).await;
    assert_eq!(
        (status, &body["data"]["attributes"]),
        (200, &json!({"serial": "s", "tags": ["a", "ab", "b"]})),
        "{body}"
    );

    let before = get(sandbox, &path(&id)).await;
    let failing =
        json!([{"op": "replace", "path": "/name", "value": "e"}, {"op": "test", "path": "/name", "value": "d"}]);
    let answer = send(patch, &failing.to_string()).await;
    refused(&answer, 409, "patch_failed");
    assert_eq!(pointers(&answer.1), ["/1"]);
    refused(&send(patch, r#"{"name": "e"}"#).await, 400, "invalid_patch");
    let answer = send(patch, r#"[{"op": "remove", "path": "/labels/a"}, {"op": "frob", "path": "/name"}]"#).await;
    refused(&answer, 400, "invalid_patch");
    assert_eq!(pointers(&answer.1), ["/1/op"], "{}", answer.1);
    refused(&send(patch, r#"[{"op": "replace", "path": "/id", "value": "x"}]"#).await, 422, "validation_failed");
    refused(&send("text/plain", "{}").await, 415, "unsupported_media_type");
    refused(&send("application/json", r#"{"name": "e""#).await, 400, "invalid_json");
    refused(&send("application/json", r#"{"name": "e", "name": "f"}"#).await, 400, "invalid_json");
    assert_eq!(get(sandbox, &path(&id)).await, before);
});

story!(ids_may_be_chosen_once, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    define(sandbox, "site", json!({})).await;
    let mine = "res_01jgfjjzt4fba91f8bbfmp74fw";
    let document = json!({"id": mine, "type": "device", "name": "d"});
    assert_eq!(create(sandbox, &document).await, mine);
    refused(&sandbox.post_json("/v3/resources", &document).await, 409, "already_exists");
    sandbox.delete_json(&path(mine)).await;
    refused(&sandbox.post_json("/v3/resources", &document).await, 409, "already_exists");
    for wrong in ["usr_01jgfjjzt4fba91f8bbfmp74fx", "res_x", "RES_01JGFJJZT4FBA91F8BBFMP74FX"] {
        let answer = sandbox.post_json("/v3/devices", &json!({"id": wrong, "name": "d"})).await;
        assert_eq!((answer.0, pointers(&answer.1)), (422, vec!["/id"]), "{}", answer.1);
    }
    // Under another prefix, or at the path of another type, it is not there.
    restore(sandbox, mine).await;
    for path in [path("usr_01jgfjjzt4fba91f8bbfmp74fw"), format!("/v3/sites/{mine}")] {
        refused(&sandbox.get_json(&path).await, 404, "not_found");
        refused(&sandbox.patch_json(&path, &json!({"name": "e"})).await, 404, "not_found");
        refused(&sandbox.delete_json(&path).await, 404, "not_found");
    }
    refused(&sandbox.get_json("/v3/resources/nonsense").await, 400, "invalid_id");
    let answer = sandbox.post_json("/v3/sites", &json!({"type": "device", "name": "d"})).await;
    assert_eq!((answer.0, pointers(&answer.1)), (422, vec!["/type"]));
});

story!(what_only_admin_writes_and_what_is_immutable_stays, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    let id = add(sandbox, "device", "d", json!({"born": "here"})).await;
    let (before, resource) = (last_seq(sandbox).await, get(sandbox, &path(&id)).await);
    let cases = [
        (json!({"version": 9}), "/version"),
        (json!({"created_at": "2020-01-01T00:00:00Z"}), "/created_at"),
        (json!({"deleted_at": "2020-01-01T00:00:00Z"}), "/deleted_at"),
        (json!({"type": "type"}), "/type"),
        (json!({"id": "res_01jgfjjzt4fba91f8bbfmp74fw"}), "/id"),
        (json!({"colour": "red"}), "/colour"),
        (json!({"name": null}), "/name"),
        (json!({"attributes": {"born": "there"}}), "/attributes/born"),
        (json!({"attributes": {"born": null}}), "/attributes/born"),
        (json!({"labels": {"Bad Key": "x"}}), "/labels/Bad Key"),
    ];
    for (patch, pointer) in cases {
        let answer = sandbox.patch_json(&path(&id), &patch).await;
        assert_eq!((answer.0, pointers(&answer.1)), (422, vec![pointer]), "{}", answer.1);
    }
    let answer = sandbox.put_json(&path(&id), &json!({"name": "d"})).await;
    refused(&answer, 422, "immutable");
    let late = add(sandbox, "device", "late", json!({})).await;
    refused(&sandbox.patch_json(&path(&late), &json!({"attributes": {"born": "now"}})).await, 422, "immutable");
    assert_eq!((last_seq(sandbox).await, get(sandbox, &path(&id)).await), (before + 1, resource));
});

story!(the_trash_lets_go_of_unique_values, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    let first = add(sandbox, "device", "one", json!({"serial": "s"})).await;
    sandbox.delete_json(&path(&first)).await;
    let second = add(sandbox, "device", "two", json!({"serial": "s"})).await;
    let answer = restore(sandbox, &first).await;
    refused(&answer, 409, "not_unique");
    assert_eq!((&answer.1["conflicting"], pointers(&answer.1)), (&json!(second), vec!["/attributes/serial"]));
    refused(&sandbox.get_json(&path(&first)).await, 404, "not_found");

    sandbox.patch_json(&path(&second), &json!({"attributes": {"serial": "t"}})).await;
    assert_eq!(restore(sandbox, &first).await.0, 200);
    let swap = sandbox.patch_json(&path(&second), &json!({"attributes": {"serial": "s"}})).await;
    refused(&swap, 409, "not_unique");
});

story!(of_fifty_at_once_one_gets_a_unique_value, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    let documents: Vec<Value> =
        (0..50).map(|n| json!({"name": format!("n{n}"), "attributes": {"serial": "s"}})).collect();
    let answers = join_all(documents.iter().map(|document| sandbox.post_json("/v3/devices", document))).await;
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    for (status, body) in &answers {
        *statuses.entry(*status).or_default() += 1;
        assert!(*status == 201 || body["code"] == "not_unique", "{body}");
    }
    assert_eq!(statuses, BTreeMap::from([(201, 1), (409, 49)]));
    assert_eq!(total(sandbox, "/v3/devices").await, 1);
});

story!(totals_hold_while_changes_of_types_are_refused_or_tried, async |sandbox: &Sandbox| {
    let type_id = path(&define_device(sandbox).await);
    let (one, dry) = (json!({"name": "d"}), format!("{type_id}?dry_run=true"));
    let index = json!({"attributes": {"schema": {"properties": {"weight": {"x-index": true}}}}});
    add(sandbox, "device", "first", json!({})).await;
    for round in 1..=5 {
        let creations = join_all((0..30).map(|_| sandbox.post_json("/v3/devices", &one)));
        let deletions = join_all((0..30).map(|_| sandbox.delete_json(&type_id)));
        let tries = join_all((0..10).map(|_| sandbox.patch_json(&dry, &index)));
        let (created, deleted, tried) = tokio::join!(creations, deletions, tries);
        for (answers, expected) in [(created, 201), (deleted, 409), (tried, 200)] {
            assert!(answers.iter().all(|(status, _)| *status == expected), "{expected}: {answers:?}");
        }
        assert_eq!(total(sandbox, "/v3/devices").await, 1 + 30 * round, "the total of round {round}");
    }
    assert_eq!(export(sandbox, "/v3/devices:export").await.len(), 151);
    assert_eq!(total(sandbox, "/v3/devices?status=active").await, 151);
    assert_eq!(total(sandbox, "/v3/resources").await, 151);
});
