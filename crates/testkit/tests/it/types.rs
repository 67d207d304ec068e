//! Types: resources that describe resources, and change while resources of them exist.

use admin_testkit::{Client, Sandbox, story};
use serde_json::{Value, json};

use crate::acts::*;

fn workspace() -> Value {
    json!({"type": "type", "name": "workspace", "attributes": {
        "plural": "workspaces", "statuses": ["draft", "active", "archived"],
        "schema": {"type": "object", "additionalProperties": false, "required": ["region"], "properties": {
            "region": {"type": "string", "x-index": true}, "seats": {"type": "integer", "minimum": 1}}}}})
}

/// The type with other properties.
async fn redefine(client: &Client, type_id: &str, properties: Value) -> (u16, Value) {
    let schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
    // A merge patch merges schemas; an operation replaces one.
    let operations = json!([{"op": "replace", "path": "/attributes/schema", "value": schema}]);
    let request = client.request(admin_testkit::Method::PATCH, &path(type_id));
    let body = operations.to_string();
    let reply = reply(request.header("content-type", "application/json-patch+json").body(body)).await;
    (reply.status, reply.body)
}

story!(a_type_gives_its_resources_paths_and_rules, async |sandbox: &Sandbox| {
    let type_id = create(sandbox, &workspace()).await;
    assert!(type_id.starts_with("typ_"), "{type_id}");
    let types = get(sandbox, "/v3/types").await;
    let mut names: Vec<_> = types["data"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["client", "group", "policy", "role", "role_binding", "type", "user", "webhook", "workspace"]);

    let document = json!({"name": "Production", "attributes": {"region": "eu"}});
    let (status, body) = sandbox.post_json("/v3/workspaces", &document).await;
    assert_eq!((status, &body["data"]["status"], &body["data"]["type"]), (201, &json!("draft"), &json!("workspace")));
    let by_plural = get(sandbox, &format!("/v3/workspaces/{}", id(&body["data"]))).await;
    assert_eq!(by_plural, get(sandbox, &path(&id(&body["data"]))).await);
    assert_eq!(total(sandbox, "/v3/workspaces?status=draft").await, 1);

    let wrong = json!({"name": "", "status": "gone", "attributes": {"seats": 0, "colour": "red"}});
    let answer = sandbox.post_json("/v3/workspaces", &wrong).await;
    refused(&answer, 422, "validation_failed");
    assert_eq!(pointers(&answer.1), ["/name"]);
    let wrong = json!({"name": "x", "attributes": {"seats": 0, "colour": "red"}});
    let answer = sandbox.post_json("/v3/workspaces", &wrong).await;
    let mut found = pointers(&answer.1);
    found.sort_unstable();
    assert_eq!((answer.0, found), (422, vec!["/attributes/colour", "/attributes/region", "/attributes/seats"]));
    let wrong = json!({"name": "x", "status": "gone", "attributes": {"region": "eu"}});
    let answer = sandbox.post_json("/v3/workspaces", &wrong).await;
    assert_eq!((answer.0, pointers(&answer.1)), (422, vec!["/status"]));
    refused(&sandbox.get_json("/v3/spaces").await, 404, "unknown_path");

    let openapi = get(sandbox, "/v3/openapi.json").await;
    assert!(openapi["paths"]["/v3/workspaces/{id}"]["patch"].is_object(), "{}", openapi["paths"]);
    assert_eq!(openapi["components"]["schemas"]["workspace.attributes"]["required"], json!(["region"]));
});

story!(a_type_that_makes_no_sense_is_refused_at_its_place, async |sandbox: &Sandbox| {
    create(sandbox, &workspace()).await;
    let cases = [
        ("a", json!({"x": {"type": "string", "x-foo": true}}), "/attributes/schema/properties/x/x-foo"),
        ("b", json!({"x": {"type": "string", "x-ref": "nothing"}}), "/attributes/schema/properties/x/x-ref"),
        ("c", json!({"x": {"type": "object", "x-index": true}}), "/attributes/schema/properties/x/x-index"),
        (
            "d",
            json!({"x": {"type": "string", "x-secret": true, "x-index": true}}),
            "/attributes/schema/properties/x/x-secret",
        ),
        ("e", json!({"x": {"type": "strin"}}), "/attributes/schema/properties/x/type"),
        ("Big", json!({}), "/name"),
    ];
    let mut hidden = type_named("build", &json!({}));
    for plural in ["resources", "events", "index-builds", "orgs", "Builds", "a.b"] {
        hidden["attributes"]["plural"] = json!(plural);
        let answer = sandbox.post_json("/v3/types", &hidden).await;
        assert_eq!((answer.0, pointers(&answer.1)), (422, vec!["/attributes/plural"]), "{plural}: {}", answer.1);
    }
    let before = last_seq(sandbox).await;
    for (name, properties, pointer) in cases {
        let answer = sandbox.post_json("/v3/types", &type_named(name, &properties)).await;
        refused(&answer, 422, "validation_failed");
        assert!(pointers(&answer.1).contains(&pointer), "{name}: {}", answer.1);
    }
    let answer = sandbox.post_json("/v3/types", &workspace()).await;
    refused(&answer, 409, "not_unique");
    assert_eq!(pointers(&answer.1), ["/name"]);
    let mut other = workspace();
    other["name"] = json!("place");
    let answer = sandbox.post_json("/v3/types", &other).await;
    refused(&answer, 409, "not_unique");
    assert_eq!(pointers(&answer.1), ["/attributes/plural"]);
    assert_eq!(last_seq(sandbox).await, before);
});

story!(the_built_in_types_and_a_types_name_stay, async |sandbox: &Sandbox| {
    let types = get(sandbox, "/v3/types").await;
    for built_in in types["data"].as_array().unwrap() {
        let path = path(&id(built_in));
        let patch = json!({"attributes": {"description": "mine"}});
        refused(&sandbox.patch_json(&path, &patch).await, 409, "builtin_type");
        refused(&sandbox.delete_json(&path).await, 409, "builtin_type");
        refused(&sandbox.delete_json(&format!("{path}?purge=true")).await, 409, "builtin_type");
    }
    let type_id = create(sandbox, &workspace()).await;
    let answer = sandbox.patch_json(&path(&type_id), &json!({"name": "place"})).await;
    assert_eq!((answer.0, pointers(&answer.1)), (422, vec!["/name"]));
});

story!(a_compatible_change_holds_at_once, async |sandbox: &Sandbox| {
    let type_id = define(sandbox, "device", json!({"serial": {"type": "string"}})).await;
    let old = add(sandbox, "device", "one", json!({"serial": "a"})).await;
    let patch = json!({"attributes": {"plural": "gadgets", "statuses": ["new", "active"],
        "schema": {"properties": {"weight": {"type": "number"}}}}});
    let (status, body) = sandbox.patch_json(&path(&type_id), &patch).await;
    assert_eq!((status, &body["data"]["version"]), (200, &json!(2)), "{body}");

    let document = json!({"name": "two", "attributes": {"serial": "b", "weight": 1.5}});
    let (status, body) = sandbox.post_json("/v3/gadgets", &document).await;
    assert_eq!((status, &body["data"]["status"]), (201, &json!("new")), "{body}");
    assert_eq!(get(sandbox, &path(&old)).await["data"]["status"], "active");
    refused(&sandbox.get_json("/v3/devices").await, 404, "unknown_path");
    let (status, body) = sandbox.patch_json(&path(&old), &json!({"attributes": {"weight": 2}})).await;
    assert_eq!(status, 200, "{body}");
});

story!(an_incompatible_change_is_refused_with_those_that_do_not_meet_it, async |sandbox: &Sandbox| {
    let type_id = define(sandbox, "device", json!({"serial": {"type": "string"}})).await;
    for n in 0..12 {
        add(sandbox, "device", &format!("d{n}"), json!({"serial": "long"})).await;
    }
    let good = add(sandbox, "device", "good", json!({"serial": "s"})).await;
    let (before, type_before) = (last_seq(sandbox).await, get(sandbox, &path(&type_id)).await);

    let answer = redefine(sandbox, &type_id, json!({"serial": {"type": "string", "maxLength": 1}})).await;
    refused(&answer, 409, "incompatible_type");
    assert_eq!(answer.1["count"], 12);
    let offenders = answer.1["offenders"].as_array().unwrap();
    assert_eq!((offenders.len(), &offenders[0]["name"]), (10, &json!("d0")));
    assert_eq!(offenders[0]["errors"][0]["pointer"], "/attributes/serial");
    assert!(!answer.1.to_string().contains(&good));

    // A status that resources are in cannot go.
    let patch = json!({"attributes": {"statuses": ["new"]}});
    let answer = sandbox.patch_json(&path(&type_id), &patch).await;
    refused(&answer, 409, "incompatible_type");
    assert_eq!((&answer.1["count"], pointers(&answer.1)), (&json!(13), vec!["/attributes/statuses"]));

    assert_eq!(get(sandbox, &path(&type_id)).await, type_before);
    assert_eq!(last_seq(sandbox).await, before);
    let devices = get(sandbox, "/v3/devices").await;
    for device in devices["data"].as_array().unwrap() {
        sandbox.patch_json(&path(&id(device)), &json!({"attributes": {"serial": "s"}})).await;
    }
    let (status, body) = redefine(sandbox, &type_id, json!({"serial": {"type": "string", "maxLength": 1}})).await;
    assert_eq!(status, 200, "{body}");
});

story!(uniqueness_added_later_holds_for_what_is_there, async |sandbox: &Sandbox| {
    let type_id = define(sandbox, "device", json!({"serial": {"type": "string"}})).await;
    let first = add(sandbox, "device", "one", json!({"serial": "a"})).await;
    let second = add(sandbox, "device", "two", json!({"serial": "a"})).await;
    let unique = json!({"serial": {"type": "string", "x-unique": true}});
    let answer = redefine(sandbox, &type_id, unique.clone()).await;
    refused(&answer, 409, "incompatible_type");
    let offender = &answer.1["offenders"][0];
    assert_eq!((&answer.1["count"], &offender["id"]), (&json!(1), &json!(second)), "{}", answer.1);
    assert!(offender["errors"][0]["detail"].as_str().unwrap().contains(&first), "{}", answer.1);

    sandbox.patch_json(&path(&second), &json!({"attributes": {"serial": "b"}})).await;
    let (status, body) = redefine(sandbox, &type_id, unique).await;
    assert_eq!(status, 200, "{body}");
    for taken in ["a", "b"] {
        let document = json!({"name": "three", "attributes": {"serial": taken}});
        refused(&sandbox.post_json("/v3/devices", &document).await, 409, "not_unique");
    }
    // And taken away again, it no longer holds.
    redefine(sandbox, &type_id, json!({"serial": {"type": "string"}})).await;
    add(sandbox, "device", "three", json!({"serial": "a"})).await;
});

story!(references_added_later_hold_for_what_is_there, async |sandbox: &Sandbox| {
    define(sandbox, "site", json!({})).await;
    let site = add(sandbox, "site", "here", json!({})).await;
    let type_id = define(sandbox, "device", json!({"site": {"type": "string"}})).await;
    let good = add(sandbox, "device", "good", json!({"site": site})).await;
    let lost = add(sandbox, "device", "lost", json!({"site": "res_01h455vb4pex5vsknk084sn02q"})).await;
    let word = add(sandbox, "device", "word", json!({"site": "over there"})).await;
    let refers = json!({"site": {"type": "string", "x-ref": "site"}});
    let answer = redefine(sandbox, &type_id, refers.clone()).await;
    refused(&answer, 409, "incompatible_type");
    let offenders: Vec<_> = answer.1["offenders"].as_array().unwrap().iter().map(|o| o["id"].clone()).collect();
    assert_eq!(offenders, [json!(lost), json!(word)], "{}", answer.1);
    assert_eq!(sandbox.delete_json(&format!("{}?dry_run=true", path(&site))).await.0, 200, "nothing refers yet");

    for id in [&lost, &word] {
        sandbox.patch_json(&path(id), &json!({"attributes": {"site": null}})).await;
    }
    let (status, body) = redefine(sandbox, &type_id, refers).await;
    assert_eq!(status, 200, "{body}");
    let answer = sandbox.delete_json(&path(&site)).await;
    refused(&answer, 409, "referenced");
    assert_eq!(answer.1["referrers"], json!([{"id": good, "field": "attributes.site"}]));
});

story!(a_type_in_use_is_not_deleted, async |sandbox: &Sandbox| {
    let type_id = define(sandbox, "site", json!({})).await;
    let device = define(sandbox, "device", json!({"site": {"type": "string", "x-ref": "site"}})).await;
    let site = add(sandbox, "site", "here", json!({})).await;
    let other = add(sandbox, "site", "there", json!({})).await;
    sandbox.delete_json(&path(&other)).await;
    let answer = sandbox.delete_json(&path(&type_id)).await;
    refused(&answer, 409, "type_in_use");
    assert_eq!((&answer.1["live"], &answer.1["trashed"]), (&json!(1), &json!(1)));
    for id in [&site, &other] {
        assert_eq!(sandbox.delete_json(&format!("{}?purge=true", path(id))).await.0, 200);
    }
    let answer = sandbox.delete_json(&path(&type_id)).await;
    refused(&answer, 409, "type_in_use");
    assert!(answer.1["detail"].as_str().unwrap().contains("`device`"), "{}", answer.1);
    for id in [&device, &type_id] {
        assert_eq!(sandbox.delete_json(&path(id)).await.0, 200);
    }
    refused(&sandbox.get_json("/v3/sites").await, 404, "unknown_path");
    let (status, body) = sandbox.post_json(&format!("{}/restore", path(&type_id)), &json!({})).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(total(sandbox, "/v3/sites").await, 0);
});
