//! Two living orgs: nobody of one learns anything of the other, or changes it, by any endpoint.

use super::*;
use crate::oauth::{form, program, token};

/// In every name and value of the other org, and nowhere else.
const MARK: &str = "zebra";

/// An org with something of every kind.
struct Org {
    owner: Client,
    /// Its ids, by what they are of.
    ids: BTreeMap<&'static str, String>,
}

/// What both orgs describe alike.
fn gadget() -> Value {
    json!({"code": {"type": "string", "x-unique": true, "x-index": true}, "pin": {"type": "string", "x-secret": true},
        "of": {"type": "string", "x-ref": "gadget"}})
}

async fn other_org(sandbox: &Sandbox) -> Org {
    sandbox.cli(&["org", "create", "zebra incorporated"]);
    let listed = sandbox.cli(&["org", "list"]);
    let org = listed.lines().find(|line| line.contains(MARK)).and_then(|line| line.split(' ').next()).expect("an org");
    let owner = sandbox.with_token(sandbox.cli(&["token", "create", "--role", "owner", "--org", org]).trim());
    let mut ids = BTreeMap::from([("org", org.to_owned())]);
    ids.insert("type", define(&owner, "gadget", gadget()).await);
    define(&owner, "stripe", json!({MARK: {"type": "string"}})).await;
    let attributes = json!({"code": "zebra 1", "pin": "zebra pin"});
    ids.insert("resource", add(&owner, "gadget", "zebra one", attributes).await);
    for n in 2..5 {
        add(&owner, "gadget", "zebra more", json!({"code": format!("zebra {n}")})).await;
    }
    ids.insert("user", add(&owner, "user", "zebra user", json!({"email": "zebra@example.org"})).await);
    let client = program(&owner, "zebra client", json!({"roles": ["viewer"]})).await;
    ids.insert("token", token(&owner, &client).await);
    let secrets = get(&owner, &format!("/v3/clients/{}/secrets", client.id)).await;
    ids.insert("secret", id(&secrets["data"][0]));
    let (status, key) = owner.post_json("/v3/api-keys", &json!({"name": "zebra key", "principal": client.id})).await;
    assert_eq!(status, 201, "{key}");
    ids.insert("key", id(&key["data"]));
    ids.insert("client", client.id);
    let cedar = "permit (principal in group::\"zebra\", action, resource);";
    ids.insert("group", add(&owner, "group", MARK, json!({})).await);
    ids.insert("policy", add(&owner, "policy", "zebra policy", json!({"cedar": cedar})).await);
    let sent = json!({"url": "https://zebra.example.org/", "events": ["stripe.created"]});
    ids.insert("webhook", add(&owner, "webhook", "zebra webhook", sent).await);
    let event = get(&owner, "/v3/events?limit=1").await["data"][0]["id"].as_str().expect("an event").to_owned();
    ids.insert("event", event);
    Org { owner, ids }
}

/// The same id with another last letter: there is nothing of it.
fn absent(id: &str) -> String {
    let last = if id.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &id[..id.len() - 1])
}

/// What a call is sent with, by its method and path.
fn body_for(method: &str, path: &str, id: &str, user: &str) -> Option<(&'static str, Value)> {
    let json = "application/json";
    match (method, path) {
        ("PATCH", _) => Some(("application/merge-patch+json", json!({"name": "taken over"}))),
        ("PUT", _) => Some((json, json!({"name": "taken over", "attributes": {}}))),
        ("POST", path) if ["/secrets", "/invitation", "/rotate", "/test"].iter().any(|end| path.ends_with(end)) => {
            Some((json, json!({})))
        }
        ("POST", path) if path.ends_with("/replay") => Some((json, json!({"failed": true}))),
        ("POST", "/v3/access/explain") => {
            Some((json, json!({"action": "gadget.read", "resource": id, "principal": user})))
        }
        ("POST", path) if path.contains("/search/") || path.contains("/evaluation") => {
            let question = json!({"subject": {"type": "user", "id": user}, "action": {"name": "read"},
                "resource": {"type": "gadget", "id": id}});
            Some((json, question))
        }
        _ => None,
    }
}

/// Calls an endpoint: its answer, without what is never the same twice, and with `id` blotted out.
async fn call(caller: &Client, method: &str, path: &str, (id, user): (&str, &str)) -> (u16, String) {
    let mut filled = path.replace("{id}", id).replace("{secret}", id).replace("{event}", id);
    if path.starts_with("/v3/api-keys") {
        filled = format!("{filled}?principal={user}");
    }
    if path.ends_with("/stream") {
        // A stream that goes on does not end.
        let event = if id.starts_with("evt_") { id } else { "evt_01h455vb4pex5vsknk084sn02q" };
        filled = format!("{filled}?after={event}");
    }
    let mut request = caller.request(method.parse().expect("a method"), &filled);
    if let Some((media_type, body)) = body_for(method, path, id, user) {
        request = request.header("content-type", media_type).body(body.to_string());
    }
    let response = request.send().await.expect("an answer");
    let (status, text) = (response.status().as_u16(), response.text().await.expect("a text"));
    let mut body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    if let Some(body) = body.as_object_mut() {
        body.remove("request_id");
    }
    (status, body.to_string().replace(id, "(id)").replace(user, "(user)"))
}

story!(no_endpoint_shows_or_changes_what_is_of_another_org, async |sandbox: &Sandbox| {
    define(sandbox, "gadget", gadget()).await;
    let other = other_org(sandbox).await;
    let before = last_seq(&other.owner).await;
    // The paths of both: those of the other org's own types, too.
    let document = get(&other.owner, "/v3/openapi.json").await;
    let paths = document["paths"].as_object().expect("paths");
    assert!(
        paths.len() > 30 && paths.contains_key("/v3/stripes/{id}") && paths.contains_key("/v3/orgs"),
        "{}",
        paths.len()
    );
    let kinds = ["type", "resource", "user", "client", "group", "policy", "webhook", "event", "secret", "key", "org"];
    let mut calls = 0;
    for (path, item) in paths {
        for method in item.as_object().expect("methods").keys().map(|method| method.to_uppercase()) {
            if !path.contains('{') && method != "GET" && body_for(&method, path, "", "").is_none() {
                // What makes something makes it here.
                continue;
            }
            for kind in kinds {
                // A key is asked for by whose it is, too.
                let (id, user) = (&other.ids[kind], &other.ids[if kind == "key" { "client" } else { "user" }]);
                // A secret of theirs is asked for below its own client.
                let path = match kind {
                    "secret" => &path.replace("/clients/{id}/", &format!("/clients/{}/", other.ids["client"])),
                    _ => path,
                };
                let theirs = call(sandbox, &method, path, (id, user)).await;
                let nothing = call(sandbox, &method, path, (&absent(id), &absent(user))).await;
                assert!(!theirs.1.contains(MARK), "{method} {path} {kind}: {}", theirs.1);
                if path.contains('{') {
                    let no_such_id = theirs.0 == 400 && theirs.1.contains("invalid_id");
                    assert!(theirs.0 == 404 || no_such_id, "{method} {path} {kind}: {} {}", theirs.0, theirs.1);
                }
                // Lists grow by what is decided and refused meanwhile.
                if path != "/v3/access/decisions" {
                    assert_eq!(theirs, nothing, "{method} {path} {kind}: as if it were not there");
                }
                calls += 1;
            }
        }
    }
    assert!(calls > 400, "{calls}");
    for path in
        ["/v3/resources:export", "/v3/gadgets:export", "/v3/events?limit=200", "/v3/resources?q=zebra&limit=200"]
    {
        let text = sandbox.request(Method::GET, path).send().await.expect("an answer").text().await.expect("a text");
        assert!(!text.contains(MARK), "{path}");
    }
    assert_eq!(last_seq(&other.owner).await, before, "nothing happened there");
});

story!(names_values_keys_and_cursors_of_two_orgs_do_not_touch, async |sandbox: &Sandbox| {
    define(sandbox, "gadget", gadget()).await;
    let other = other_org(sandbox).await;
    let before = last_seq(&other.owner).await;
    // The same unique values, names and addresses.
    add(sandbox, "gadget", "one", json!({"code": "zebra 1"})).await;
    add(sandbox, "user", "one", json!({"email": "zebra@example.org"})).await;
    add(sandbox, "group", MARK, json!({})).await;
    // The same idempotency key for the same request: two effects.
    let keyed = async |caller: &Client| {
        let request = caller.request(Method::POST, "/v3/gadgets").header("idempotency-key", "key-1");
        reply(request.json(&json!({"name": "keyed"}))).await
    };
    let (here, there) = (keyed(sandbox).await, keyed(&other.owner).await);
    assert_eq!((here.status, there.status, there.header("idempotency-replayed")), (201, 201, ""));
    assert_ne!(here.body["data"]["id"], there.body["data"]["id"]);
    // What refers across is refused as what refers to nothing.
    let theirs = &other.ids["resource"];
    for id in [theirs.clone(), absent(theirs)] {
        for document in [json!({"name": "a", "attributes": {"of": id}}), json!({"name": "a", "parent": id})] {
            let answer = sandbox.post_json("/v3/gadgets", &document).await;
            assert_eq!(answer.0, 422, "{document}: {}", answer.1);
            assert!(!answer.1.to_string().contains(MARK), "{}", answer.1);
        }
    }
    // A cursor of there shows nothing of there.
    let page = get(&other.owner, "/v3/gadgets?limit=1&sort=attributes.code").await;
    let cursor = page["pagination"]["next_cursor"].as_str().expect("more");
    let (status, body) = sandbox.get_json(&format!("/v3/gadgets?limit=1&sort=attributes.code&cursor={cursor}")).await;
    let own: Vec<&str> = body["data"].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect();
    assert!(status == 400 || own.iter().all(|name| !name.contains(MARK)), "{status} {body}");
    // An id of there may be taken here, and is another resource; but not that of a client, which says its id alone.
    let mine = json!({"type": "gadget", "id": theirs, "name": "mine"});
    assert_eq!(sandbox.post_json("/v3/resources", &mine).await.0, 201);
    assert_eq!(get(&other.owner, &path(theirs)).await["data"]["name"], "zebra one");
    let client = json!({"type": "client", "id": other.ids["client"], "name": "mine"});
    refused(&sandbox.post_json("/v3/resources", &client).await, 409, "already_exists");
    let report = import(sandbox, "/v3/resources:import", ndjson(&[client])).await;
    assert_eq!((&report["failed"], &report["created"]), (&json!(1), &json!(0)), "{report}");
    assert_eq!(last_seq(&other.owner).await, before + 1, "the one that was made there");
});

story!(tokens_and_decisions_of_one_org_are_nothing_to_the_other, async |sandbox: &Sandbox| {
    let other = other_org(sandbox).await;
    let curious = program(sandbox, "curious", json!({"roles": ["owner"]})).await;
    let theirs = other.ids["token"].as_str();
    let inactive = form(sandbox, "/oauth/introspect", curious.basic(), &[("token", theirs)]).await;
    assert_eq!((inactive.status, &inactive.body), (200, &json!({"active": false})));
    let own = token(sandbox, &curious).await;
    assert_eq!(form(sandbox, "/oauth/introspect", curious.basic(), &[("token", &own)]).await.body["active"], true);
    assert_eq!(form(sandbox, "/oauth/revoke", curious.basic(), &[("token", theirs)]).await.status, 200);
    let viewer = sandbox.with_token(theirs);
    assert_eq!(viewer.get_json("/v3/gadgets").await.0, 200, "it goes on");
    // A refusal there is recorded there.
    refused(&viewer.post_json("/v3/gadgets", &json!({"name": "x"})).await, 403, "forbidden");
    eventually("the record of a refusal", async || {
        let decisions = get(&other.owner, "/v3/access/decisions").await;
        decisions["data"]
            .as_array()?
            .iter()
            .any(|one| one["resource"]["type"] == "gadget" || one.to_string().contains("gadget"))
            .then_some(())
    })
    .await;
    let here = get(sandbox, "/v3/access/decisions").await;
    assert!(!here.to_string().contains("gadget"), "{here}");
    // A user of there is nobody here, whatever the token of the operator says.
    let denied = sandbox.try_cli(&["token", "create", "--user", &other.ids["user"]]);
    assert!(!denied.status.success(), "a user of another org than the one named");
    let there = sandbox.cli(&["token", "create", "--user", &other.ids["user"], "--org", &other.ids["org"]]);
    refused(&sandbox.with_token(there.trim()).get_json(&path(&other.ids["policy"])).await, 404, "not_found");
});
