//! Whatever is sent, the answer is a problem that says what is wrong and where, and never a fault of the server.

mod connections;
mod heads;
mod queries;

use std::time::Duration;

use admin_testkit::{Client, Method, Sandbox, story};
use serde_json::{Map, Value, json};

use crate::acts::{Reply, add, define, pointers, reply};

/// What is not refused at once takes for ever; this is long for what is, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// An id that nothing has.
const NOBODY: &str = "res_01h455vb4pex5vsknk084sn02q";
/// The largest body, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// The answer is a whole problem with this status and code, and it names each of `places`.
#[track_caller]
fn is_problem(reply: &Reply, status: u16, code: &str, places: &[&str], what: &str) {
    let body = &reply.body;
    assert_eq!((reply.status, body["code"].as_str()), (status, Some(code)), "{what} → {body}");
    assert_eq!(reply.header("content-type"), "application/problem+json", "{what}");
    assert_eq!((&body["status"], &body["type"]), (&json!(status), &json!(format!("/errors/{code}"))), "{what}");
    assert!(body["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{what} → {body}");
    assert_eq!(body["request_id"].as_str(), Some(reply.header("x-request-id")), "{what} → {body}");
    let found = pointers(body);
    for place in places {
        assert!(found.contains(place), "{what}: {place} is not among {found:?} in {body}");
    }
    for error in body["errors"].as_array().into_iter().flatten() {
        assert!(error["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{what} → {body}");
    }
}

async fn post(client: &Client, path: &str, body: impl Into<Vec<u8>>) -> Reply {
    let request = client.request(Method::POST, path).header("content-type", "application/json");
    reply(request.body(body.into())).await
}

/// A type with a field of each kind.
async fn define_thing(client: &Client) {
    let properties = json!({
        "code": {"type": "string", "x-index": true}, "count": {"type": "integer"}, "price": {"type": "number"},
        "done": {"type": "boolean"}, "tags": {"type": "array", "items": {"type": "string"}},
        "address": {"type": "object", "properties": {"city": {"type": "string"}}, "additionalProperties": false}});
    define(client, "thing", properties).await;
}

story!(bodies_that_are_not_json_are_refused_at_their_place, async |sandbox: &Sandbox| {
    let deep = |text: &str, times: usize| text.repeat(times);
    let cases: &[(&str, Vec<u8>, &str)] = &[
        ("nothing", vec![], ""),
        ("half an object", b"{".to_vec(), ""),
        ("no JSON", b"name=thing".to_vec(), ""),
        ("two documents", b"{} {}".to_vec(), ""),
        ("a comma too many", br#"{"type":"type",}"#.to_vec(), ""),
        ("a key that stands twice", br#"{"a":{"b":1,"b":2}}"#.to_vec(), "/a/b"),
        ("a bomb of arrays", deep("[", 100_000).into(), ""),
        ("a bomb of objects", deep("{\"a\":", 100_000).into(), ""),
        ("U+0000 in a text", br#"{"name":"a\u0000"}"#.to_vec(), "/name"),
        ("U+0000 in a key", br#"{"a\u0000":1}"#.to_vec(), ""),
        ("a bare control character", b"{\"name\":\"\x01\"}".to_vec(), "/name"),
        ("a lone high surrogate", br#"{"name":"\ud800"}"#.to_vec(), "/name"),
        ("a lone low surrogate", br#"{"name":"\udc00"}"#.to_vec(), "/name"),
        ("not UTF-8", b"{\"name\":\"\xff\"}".to_vec(), "/name"),
        ("an integer of 65 bits", br#"{"a":9223372036854775808}"#.to_vec(), "/a"),
        ("an integer of 100 digits", format!(r#"{{"a":[1,{}]}}"#, "9".repeat(100)).into(), "/a/1"),
        ("a negative integer of 65 bits", br#"{"a":-9223372036854775809}"#.to_vec(), "/a"),
        ("a number beyond doubles", br#"{"a":1e999}"#.to_vec(), "/a"),
        ("NaN", br#"{"a":NaN}"#.to_vec(), "/a"),
        ("a leading zero", br#"{"a":01}"#.to_vec(), "/a"),
    ];
    for (what, body, place) in cases {
        let reply = post(sandbox, "/v3/resources", body.clone()).await;
        let first = pointers(&reply.body).first().copied().unwrap_or("none").to_owned();
        is_problem(&reply, 400, "invalid_json", &[], what);
        assert!(first.starts_with(place), "{what}: {first} instead of {place}: {}", reply.body);
        assert!(reply.body["detail"].as_str().expect("a detail").contains("line 1"), "{what}: {}", reply.body);
    }
});

story!(wrong_documents_are_refused_with_every_place, async |sandbox: &Sandbox| {
    define_thing(sandbox).await;
    let attributes = |attributes: Value| json!({"type": "thing", "name": "a", "attributes": attributes});
    let labels = |labels: Value| json!({"type": "thing", "name": "a", "labels": labels});
    let many: Map<String, Value> = (0..65).map(|n| (format!("l{n}"), json!("x"))).collect();
    let cases: &[(&str, Value, &[&str])] = &[
        ("a text", json!("thing"), &[""]),
        ("an array", json!([{}]), &[""]),
        ("null", json!(null), &[""]),
        ("no name", json!({"type": "thing"}), &["/name"]),
        ("no type", json!({"name": "a"}), &["/type"]),
        ("an unknown type", json!({"type": "thingy", "name": "a"}), &["/type"]),
        (
            "wrong kinds everywhere",
            json!({"type": "thing", "name": 1, "status": [], "attributes": "x", "labels": [], "parent": 7, "id": true}),
            &["/name", "/status", "/attributes", "/labels", "/parent", "/id"],
        ),
        ("unknown fields", json!({"type": "thing", "name": "a", "nmae": 1, "a/b~": 2}), &["/nmae", "/a~1b~0"]),
        (
            "fields of Admin's own",
            json!({"type": "thing", "name": "a", "version": 1, "created_at": "x"}),
            &["/version", "/created_at"],
        ),
        ("an unknown status", json!({"type": "thing", "name": "a", "status": "odd"}), &["/status"]),
        ("an empty name", json!({"type": "thing", "name": ""}), &["/name"]),
        ("a name of blanks", json!({"type": "thing", "name": " \u{a0}"}), &["/name"]),
        ("a name with a line break", json!({"type": "thing", "name": "a\nb"}), &["/name"]),
        ("a long name", json!({"type": "thing", "name": "ä".repeat(201)}), &["/name"]),
        ("a parent that is no id", json!({"type": "thing", "name": "a", "parent": "res_1"}), &["/parent"]),
        ("an id of another kind", json!({"type": "thing", "name": "a", "id": NOBODY.replace("res", "typ")}), &["/id"]),
        (
            "attributes of wrong kinds",
            attributes(
                json!({"code": 1, "count": 1.5, "price": "1", "done": 0, "tags": ["a", 2], "address": {"city": 1}}),
            ),
            &[
                "/attributes/code",
                "/attributes/count",
                "/attributes/price",
                "/attributes/done",
                "/attributes/tags/1",
                "/attributes/address/city",
            ],
        ),
        ("unknown attributes", attributes(json!({"cdoe": "x"})), &["/attributes/cdoe"]),
        ("an unknown attribute further in", attributes(json!({"address": {"zip": 1}})), &["/attributes/address/zip"]),
        ("an indexed text that is too long", attributes(json!({"code": "x".repeat(1025)})), &["/attributes/code"]),
        ("labels that are no texts", labels(json!({"a": 1, "b": null})), &["/labels/a", "/labels/b"]),
        ("labels with bad keys", labels(json!({"": "x", "A b": "x"})), &["/labels/", "/labels/A b"]),
        ("a label that is too long", labels(json!({"a": "x".repeat(201)})), &["/labels/a"]),
        ("too many labels", labels(many.into()), &["/labels"]),
    ];
    for (what, document, places) in cases {
        let reply = post(sandbox, "/v3/resources", document.to_string()).await;
        is_problem(&reply, 422, "validation_failed", places, what);
    }
    let id = add(sandbox, "thing", "a", json!({})).await;
    let path = format!("/v3/things/{id}");
    for (what, patch, places) in [
        ("a patch that is no object", json!([1]), &[][..]),
        ("a patch of wrong kinds", json!({"name": 1, "attributes": {"count": "x"}}), &["/name"][..]),
        ("a patch that removes the name", json!({"name": null}), &["/name"]),
        ("a patch of the type", json!({"type": "type"}), &["/type"]),
        ("a patch of the id", json!({"id": NOBODY}), &["/id"]),
        ("a patch of the version", json!({"version": 7}), &["/version"]),
    ] {
        let request = sandbox.request(Method::PATCH, &path).header("content-type", "application/merge-patch+json");
        let reply = reply(request.body(patch.to_string())).await;
        is_problem(&reply, 422, "validation_failed", places, what);
    }
});

story!(bodies_have_a_bound, async |sandbox: &Sandbox| {
    define_thing(sandbox).await;
    let document = |size: usize| format!(r#"{{"type":"thing","name":"a","attributes":{{}}}}{}"#, " ".repeat(size));
    let most = MAX_BODY - document(0).len();
    assert_eq!(post(sandbox, "/v3/resources", document(most)).await.status, 201);
    let reply = post(sandbox, "/v3/resources", document(most + 1)).await;
    is_problem(&reply, 413, "body_too_large", &[], "a body of one byte too many");

    let request = sandbox.request(Method::POST, "/v3/resources:import").header("content-type", "application/x-ndjson");
    let line = format!("{}\n{}", document(0), document(MAX_BODY));
    let reply = crate::acts::reply(request.body(line)).await;
    is_problem(&reply, 413, "body_too_large", &[], "a line of an import");
});

story!(bodies_have_a_media_type, async |sandbox: &Sandbox| {
    define_thing(sandbox).await;
    let id = add(sandbox, "thing", "a", json!({})).await;
    let one = format!("/v3/things/{id}");
    let cases = [
        (Method::POST, "/v3/resources", "text/plain"),
        (Method::POST, "/v3/resources", "application/xml"),
        (Method::POST, "/v3/resources", "application/x-www-form-urlencoded"),
        (Method::POST, "/v3/resources", "garbage"),
        (Method::POST, "/v3/resources", ""),
        (Method::POST, "/v3/resources:import", "application/json"),
        (Method::PUT, one.as_str(), "text/plain"),
        (Method::PATCH, one.as_str(), "text/plain"),
    ];
    for (method, path, media_type) in cases {
        let request = sandbox.request(method.clone(), path).header("content-type", media_type).body("{}");
        let what = format!("{method} {path} as {media_type:?}");
        is_problem(&reply(request).await, 415, "unsupported_media_type", &[], &what);
    }
    let with_charset =
        sandbox.request(Method::POST, "/v3/things").header("content-type", "Application/JSON; charset=utf-8");
    assert_eq!(reply(with_charset.body(r#"{"name":"b"}"#)).await.status, 201);
});

story!(schema_bombs_are_refused_fast, async |sandbox: &Sandbox| {
    let doubling = |keyword: &str| {
        let mut definitions = Map::new();
        for at in 0..30 {
            let next = json!({"$ref": format!("#/$defs/a{}", at + 1)});
            definitions.insert(format!("a{at}"), json!({keyword: [next, next]}));
        }
        definitions.insert("a30".to_owned(), json!({"type": "string"}));
        json!({"type": "object", "$defs": definitions, "properties": {"p": {"$ref": "#/$defs/a0"}}})
    };
    let many: Map<String, Value> = (0..5000).map(|at| (format!("p{at}"), json!({}))).collect();
    let cases = [
        ("doubling references", doubling("allOf")),
        ("doubling choices", doubling("anyOf")),
        ("recursion", json!({"type": "object", "properties": {"p": {"$ref": "#"}}})),
        ("many properties", json!({"type": "object", "properties": many})),
        ("a long schema", json!({"type": "object", "description": "x".repeat(500_000)})),
        ("a large expression", json!({"type": "object", "properties": {"p": {"pattern": "((a{100}){100}){100}"}}})),
        (
            "a reference to the network",
            json!({"type": "object", "properties": {"p": {"$ref": "http://127.0.0.1:1/x"}}}),
        ),
    ];
    for (what, schema) in cases {
        let document = json!({"type": "type", "name": "bomb", "attributes": {"schema": schema}}).to_string();
        let reply = tokio::time::timeout(PATIENCE, post(sandbox, "/v3/resources", document)).await;
        is_problem(&reply.expect(what), 422, "validation_failed", &[], what);
    }
});
