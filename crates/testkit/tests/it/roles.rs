//! Who may do what: every endpoint for nobody and for each role, as a table.

use std::collections::BTreeSet;

use admin_testkit::{Backend, Client, Method, Sandbox};
use serde_json::{Value, json};

use crate::acts::*;

/// A call, and its status for nobody, a stranger (a user without roles), a viewer, an editor, an auditor, an admin and an
/// owner. `{live}`, `{trash}`, `{type}`, `{user}`, `{client}`, `{secret}`, `{key}`, `{empty}` and `{event}` stand for ids of what is there afresh for each call.
type Row = (&'static str, &'static str, fn() -> Value, [u16; 7]);

fn nothing() -> Value {
    Value::Null
}

fn device() -> Value {
    json!({"type": "device", "name": "new"})
}

fn kind() -> Value {
    json!({"type": "type", "name": "site", "attributes": {"schema": {"type": "object"}}})
}

fn user() -> Value {
    json!({"type": "user", "name": "bob", "attributes": {"roles": ["owner"]}})
}

fn plain_user() -> Value {
    json!({"type": "user", "name": "bob"})
}

fn rule() -> Value {
    json!({"type": "policy", "name": "p", "attributes": {"cedar": "permit (principal, action, resource);"}})
}

fn why_held() -> Value {
    json!({"reason": "a lawsuit"})
}

fn named() -> Value {
    json!({"name": "Acme"})
}

fn failed() -> Value {
    json!({"failed": true})
}

fn empty() -> Value {
    json!({})
}

fn rename() -> Value {
    json!({"name": "renamed"})
}

fn describe() -> Value {
    json!({"attributes": {"description": "described with {live}"}})
}

fn why() -> Value {
    json!({"action": "device.read", "resource": "{live}"})
}

fn draft() -> Value {
    json!({"policies": [{"name": "p", "cedar": rule()["attributes"]["cedar"]}]})
}

fn question() -> Value {
    json!({"subject": {"type": "user", "id": "{user}"}, "action": {"name": "read"},
        "resource": {"type": "device", "id": "{live}"}})
}

fn question_of_many() -> Value {
    json!({"evaluations": [question()]})
}

const ALL: [u16; 7] = [200; 7];
const LIST: [u16; 7] = [401, 200, 200, 200, 200, 200, 200];
const READ: [u16; 7] = [401, 404, 200, 200, 200, 200, 200];
const WRITE: [u16; 7] = [401, 404, 403, 200, 403, 200, 200];
const CREATE: [u16; 7] = [401, 403, 403, 201, 403, 201, 201];
const TRY: [u16; 7] = [401, 403, 403, 200, 403, 200, 200];
const RULE: [u16; 7] = [401, 404, 403, 403, 403, 200, 200];
/// Of a client, which viewers and editors do not see.
const CREDENTIALS: [u16; 7] = [401, 404, 404, 404, 403, 200, 200];
const RULE_CREATE: [u16; 7] = [401, 403, 403, 403, 403, 201, 201];
const OWN_CREATE: [u16; 7] = [401, 403, 403, 403, 403, 403, 201];
const KNOW: [u16; 7] = [401, 403, 403, 403, 200, 200, 200];

#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("GET", "/livez", nothing, ALL),
    ("GET", "/readyz", nothing, ALL),
    ("GET", "/metrics", nothing, ALL),
    ("GET", "/reference", nothing, ALL),
    ("GET", "/sign-in", nothing, ALL),
    ("GET", "/errors/not_found", nothing, ALL),
    ("GET", "/.well-known/authzen-configuration", nothing, ALL),
    ("GET", "/.well-known/openid-configuration", nothing, ALL),
    ("GET", "/.well-known/oauth-authorization-server", nothing, ALL),
    ("GET", "/oauth/jwks", nothing, ALL),
    ("GET", "/oauth/userinfo", nothing, [401, 403, 403, 403, 403, 403, 403]),
    ("GET", "/v3/openapi.json", nothing, LIST),
    ("GET", "/v3/asyncapi.json", nothing, LIST),
    ("GET", "/v3/resources", nothing, LIST),
    ("GET", "/v3/resources?trashed=true", nothing, LIST),
    ("GET", "/v3/resources:export", nothing, LIST),
    ("GET", "/v3/resources/{live}", nothing, READ),
    ("GET", "/v3/resources/{trash}?trashed=true", nothing, READ),
    ("GET", "/v3/resources/{type}", nothing, READ),
    ("GET", "/v3/resources/{user}", nothing, READ),
    ("GET", "/v3/types", nothing, LIST),
    ("GET", "/v3/users", nothing, LIST),
    ("GET", "/v3/policies", nothing, LIST),
    ("GET", "/v3/devices", nothing, LIST),
    ("GET", "/v3/devices/{live}", nothing, READ),
    ("GET", "/v3/devices:export", nothing, LIST),
    ("GET", "/v3/events", nothing, LIST),
    ("GET", "/v3/events/{event}", nothing, READ),
    // A stream that goes on does not end; one behind what is not there is refused to whoever may open one.
    ("GET", "/v3/events/stream?after=evt_01h455vb4pex5vsknk084sn02q", nothing, [401, 410, 410, 410, 410, 410, 410]),
    ("GET", "/v3/events/readers", nothing, [401, 403, 403, 403, 200, 200, 200]),
    ("GET", "/v3/audit", nothing, KNOW),
    ("GET", "/v3/audit/export", nothing, KNOW),
    ("GET", "/v3/audit/log", nothing, KNOW),
    ("GET", "/v3/audit/key", nothing, LIST),
    ("GET", "/v3/audit/checkpoint", nothing, KNOW),
    ("GET", "/v3/audit/tile/0/000.p/1", nothing, KNOW),
    ("GET", "/v3/audit/{event}/receipt", nothing, READ),
    ("PUT", "/v3/audit/hold", why_held, [401, 403, 403, 403, 403, 403, 200]),
    ("DELETE", "/v3/audit/hold", nothing, [401, 403, 403, 403, 403, 403, 200]),
    ("POST", "/v3/events/readers/webhooks/retry", nothing, [401, 403, 403, 403, 403, 403, 200]),
    ("POST", "/v3/events/readers/nobody/retry", nothing, [401, 403, 403, 403, 403, 403, 404]),
    ("GET", "/v3/index-builds", nothing, [401, 403, 200, 200, 200, 200, 200]),
    ("GET", "/v3/nothing", nothing, [401, 404, 404, 404, 404, 404, 404]),
    ("POST", "/v3/resources", device, CREATE),
    ("POST", "/v3/resources?dry_run=true", device, TRY),
    ("POST", "/v3/resources", kind, RULE_CREATE),
    ("POST", "/v3/resources", user, OWN_CREATE),
    ("POST", "/v3/resources", plain_user, RULE_CREATE),
    ("POST", "/v3/resources?dry_run=true", rule, [401, 403, 403, 403, 403, 403, 200]),
    ("POST", "/v3/devices", device, CREATE),
    ("POST", "/v3/types", kind, RULE_CREATE),
    ("POST", "/v3/users", user, OWN_CREATE),
    ("PATCH", "/v3/resources/{live}", rename, WRITE),
    ("PATCH", "/v3/devices/{live}", rename, WRITE),
    ("PATCH", "/v3/resources/{type}", describe, RULE),
    ("PATCH", "/v3/resources/{user}", rename, RULE),
    ("PUT", "/v3/resources/{live}", rename, WRITE),
    ("PUT", "/v3/devices/{live}", rename, WRITE),
    ("PUT", "/v3/users/{user}", rename, RULE),
    ("DELETE", "/v3/resources/{live}", nothing, WRITE),
    ("DELETE", "/v3/resources/{live}?purge=true", nothing, WRITE),
    ("DELETE", "/v3/devices/{live}", nothing, WRITE),
    ("DELETE", "/v3/resources/{user}", nothing, RULE),
    ("DELETE", "/v3/types/{empty}", nothing, RULE),
    ("POST", "/v3/resources/{trash}/restore", nothing, WRITE),
    ("POST", "/v3/devices/{trash}/restore", nothing, WRITE),
    ("GET", "/v3/clients/{client}/secrets", nothing, CREDENTIALS),
    ("POST", "/v3/users/{user}/invitation", nothing, [401, 404, 403, 403, 403, 201, 201]),
    ("POST", "/v3/clients/{client}/secrets", empty, [401, 404, 404, 404, 403, 201, 201]),
    ("POST", "/v3/clients/{client}/secrets?dry_run=true", empty, CREDENTIALS),
    ("DELETE", "/v3/clients/{client}/secrets/{secret}", nothing, [401, 404, 404, 404, 403, 204, 204]),
    // The webhook shows the view of an owner, as whom an admin may not act.
    ("GET", "/v3/webhooks/{webhook}/secrets", nothing, [401, 404, 404, 404, 403, 403, 200]),
    ("POST", "/v3/webhooks/{webhook}/secrets", empty, [401, 404, 404, 404, 403, 403, 201]),
    ("POST", "/v3/webhooks/{webhook}/secrets?dry_run=true", empty, [401, 404, 404, 404, 403, 403, 200]),
    ("DELETE", "/v3/webhooks/{webhook}/secrets/{secret}", nothing, [401, 404, 404, 404, 403, 403, 204]),
    ("GET", "/v3/webhooks/{webhook}/deliveries", nothing, [401, 404, 404, 404, 200, 200, 200]),
    // Nothing is sent there, so there is nothing to read: but who may not read the webhook does not learn that it is there.
    ("GET", "/v3/webhooks/{webhook}/deliveries/{event}", nothing, [401, 404, 404, 404, 404, 404, 404]),
    ("GET", "/v3/webhooks/{webhook}/health", nothing, [401, 404, 404, 404, 200, 200, 200]),
    ("POST", "/v3/webhooks/{webhook}/replay", failed, [401, 404, 404, 404, 403, 200, 200]),
    ("POST", "/v3/webhooks/{webhook}/test?dry_run=true", empty, [401, 404, 404, 404, 403, 200, 200]),
    ("GET", "/v3/api-keys", nothing, [401, 200, 403, 403, 403, 200, 200]),
    ("GET", "/v3/api-keys?principal={client}", nothing, CREDENTIALS),
    ("POST", "/v3/api-keys", named, [401, 201, 403, 403, 403, 403, 201]),
    ("POST", "/v3/api-keys?dry_run=true", named, [401, 200, 403, 403, 403, 403, 200]),
    ("POST", "/v3/api-keys/{key}/rotate?principal={client}", empty, [401, 404, 404, 404, 403, 201, 201]),
    ("DELETE", "/v3/api-keys/{key}?principal={client}", nothing, [401, 404, 404, 404, 403, 204, 204]),
    ("GET", "/v3/orgs", nothing, LIST),
    // Only who has an account makes orgs, which none of these has: what else is asked is in `sign_in::orgs`.
    ("POST", "/v3/orgs", named, [401, 403, 403, 403, 403, 403, 403]),
    ("POST", "/v3/access/explain", why, [401, 422, 200, 200, 200, 200, 200]),
    ("POST", "/v3/access/simulate", draft, KNOW),
    ("GET", "/v3/access/matrix", nothing, KNOW),
    ("GET", "/v3/access/decisions", nothing, KNOW),
    ("POST", "/access/v1/evaluation", question, KNOW),
    ("POST", "/access/v1/evaluations", question_of_many, LIST),
    ("POST", "/access/v1/search/subject", question, LIST),
    ("POST", "/access/v1/search/resource", question, KNOW),
    ("POST", "/access/v1/search/action", question, KNOW),
];

/// What the calls of one row are about.
async fn fill(owner: &Client, path: &str, type_id: &str) -> String {
    let live = add(owner, "device", "live", json!({})).await;
    let trash = add(owner, "device", "trash", json!({})).await;
    owner.delete_json(&self::path(&trash)).await;
    let mut path = path.replace("{live}", &live).replace("{trash}", &trash).replace("{type}", type_id);
    if path.contains("{user}") {
        path = path.replace("{user}", &add(owner, "user", "ada", json!({})).await);
    }
    if path.contains("{client}") {
        let client = add(owner, "client", "tool", json!({})).await;
        let secret = owner.post_json(&format!("/v3/clients/{client}/secrets"), &json!({})).await.1;
        let key = owner.post_json("/v3/api-keys", &json!({"name": "key", "principal": client})).await.1;
        path = path.replace("{client}", &client).replace("{key}", &self::id(&key["data"]));
        path = path.replace("{secret}", &self::id(&secret["data"]));
    }
    if path.contains("{webhook}") {
        let attributes = json!({"url": "https://hooks.example.org/", "events": ["user.restored"]});
        let webhook = add(owner, "webhook", "hook", attributes).await;
        let secrets = format!("/v3/webhooks/{webhook}/secrets");
        let secret = get(owner, &secrets).await["data"][0].clone();
        assert_eq!(owner.post_json(&secrets, &json!({})).await.0, 201);
        path = path.replace("{webhook}", &webhook).replace("{secret}", &self::id(&secret));
    }
    if path.contains("{empty}") {
        let name = format!("empty_{}", last_seq(owner).await);
        path = path.replace("{empty}", &define(owner, &name, json!({})).await);
    }
    if path.contains("{event}") {
        let event = get(owner, "/v3/events?limit=1").await["data"][0]["id"].as_str().expect("an id").to_owned();
        path = path.replace("{event}", &event);
    }
    path
}

/// Makes room for what a call of a type or a user created.
async fn undo(owner: &Client, body: &Value) {
    if body["data"]["type"] == "type" && body["data"]["name"] == "site" {
        owner.delete_json(&format!("{}?purge=true", path(&id(&body["data"])))).await;
    }
}

#[tokio::test]
async fn each_role_may_do_what_the_table_says() {
    let sandbox = Sandbox::start_on(Backend::Sqlite).await;
    let type_id = define(&sandbox, "device", json!({})).await;
    let stranger = add(&sandbox, "user", "stranger", json!({})).await;
    let stranger = sandbox.with_token(sandbox.cli(&["token", "create", "--user", &stranger]).trim());
    let token = |role: &str| sandbox.with_token(sandbox.cli(&["token", "create", "--role", role]).trim());
    let [viewer, editor, auditor, admin, owner] = ["viewer", "editor", "auditor", "admin", "owner"].map(token);
    let callers = [sandbox.anonymous(), stranger, viewer, editor, auditor, admin, owner];
    let mut wrong = vec![];
    for (method, template, body, expected) in TABLE {
        let mut found = [0; 7];
        for (caller, found) in callers.iter().zip(&mut found) {
            // Path and body speak of the same.
            let filled = fill(&sandbox, &format!("{template}\n{}", body()), &type_id).await;
            let (path, document) = filled.split_once('\n').expect("two lines");
            let before = last_seq(&sandbox).await;
            let mut request = caller.request(method.parse::<Method>().expect("a method"), path);
            if document != "null" {
                request = request.header("content-type", "application/json").body(document.to_owned());
            }
            let reply = reply(request).await;
            *found = reply.status;
            let changed = last_seq(&sandbox).await > before;
            let asks =
                *method == "GET" || ["dry_run", "/access/", "/replay", "/retry"].iter().any(|word| path.contains(word));
            let changes = (200..300).contains(&reply.status) && !asks;
            assert_eq!(changed, changes, "{method} {template} {}", reply.status);
            undo(&sandbox, &reply.body).await;
        }
        if found != *expected {
            wrong.push(format!("{method} {template}: {found:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn an_import_may_do_no_more_than_its_caller() {
    let sandbox = Sandbox::start_on(Backend::Sqlite).await;
    define(&sandbox, "device", json!({})).await;
    let lines = ndjson(&[device(), kind(), user()]);
    for (role, created, failed) in [("viewer", 0, 3), ("editor", 1, 2), ("admin", 2, 1), ("owner", 2, 1)] {
        let caller = sandbox.with_token(sandbox.cli(&["token", "create", "--role", role]).trim());
        let before = last_seq(&sandbox).await;
        let report = import(&caller, "/v3/resources:import", lines.clone()).await;
        assert_eq!((&report["created"], &report["failed"]), (&json!(created), &json!(failed)), "{role}: {report}");
        for error in report["errors"].as_array().expect("errors") {
            let code = error["code"].as_str().expect("a code");
            assert!(matches!(code, "forbidden" | "not_yours_to_give" | "not_unique"), "{role}: {error}");
        }
        assert_eq!(last_seq(&sandbox).await, before + created);
    }
    let request = sandbox.anonymous().request(Method::POST, "/v3/resources:import");
    assert_eq!(reply(request.header("content-type", "application/x-ndjson").body(lines)).await.status, 401);
}

/// Every operation of the API's own description is in the table.
#[tokio::test]
async fn the_table_leaves_no_endpoint_out() {
    let sandbox = Sandbox::start_on(Backend::Sqlite).await;
    let openapi = get(&sandbox, "/v3/openapi.json").await;
    let plain = |path: &str| {
        let path = path.split('?').next().unwrap_or_default();
        ["{live}", "{trash}", "{type}", "{user}", "{client}", "{key}", "{webhook}", "{empty}"]
            .iter()
            .fold(path.to_owned(), |path, id| path.replace(id, "{id}"))
            .replace("/v3/events/{event}", "/v3/events/{id}")
            .replace("/v3/audit/tile/0/000.p/1", "/v3/audit/tile/{path}")
            .replace("/readers/webhooks/retry", "/readers/{reader}/retry")
    };
    let mut table: BTreeSet<_> = TABLE.iter().map(|(method, path, ..)| (method.to_lowercase(), plain(path))).collect();
    // In a test of its own: its status is that of the whole, the roles decide each line.
    table.insert(("post".into(), "/v3/resources:import".into()));
    let paths = openapi["paths"].as_object().expect("paths");
    let of_types = [
        "/v3/types",
        "/v3/users",
        "/v3/clients",
        "/v3/groups",
        "/v3/roles",
        "/v3/role-bindings",
        "/v3/policies",
        "/v3/webhooks",
    ];
    // What each type has alike; more than that is for the table.
    let alike = ["", "/{id}", "/{id}/restore"];
    let generic =
        |path: &str| !of_types.iter().any(|of| path.strip_prefix(of).is_some_and(|rest| alike.contains(&rest)));
    for (path, item) in paths.iter().filter(|(path, _)| generic(path)) {
        for method in item.as_object().expect("methods").keys() {
            assert!(table.contains(&(method.clone(), path.clone())), "{method} {path} is not in the table");
        }
    }
}
