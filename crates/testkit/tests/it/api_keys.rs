//! API keys: what a program may do by one, how it ends, and what nobody gains by it.

mod limits;

use admin_testkit::{Client, Sandbox, story};
use serde_json::{Value, json};

use crate::acts::*;
use crate::oauth::{heard, two_processes};

const KEYS: &str = "/v3/api-keys";

/// Makes a key; its id, and a client that uses it.
async fn key(caller: &Client, document: Value) -> (String, Client) {
    let (status, body) = caller.post_json(KEYS, &document).await;
    assert_eq!(status, 201, "{body}");
    let text = body["data"]["key"].as_str().expect("a key");
    (id(&body["data"]), caller.with_token(text))
}

/// The path of a key of another principal.
fn of(principal: &str, key: &str) -> String {
    format!("{KEYS}/{key}?principal={principal}")
}

/// Whether a call with a key is let in; if not, it must be for the key.
async fn works(client: &Client) -> bool {
    match client.get_json("/v3/resources?limit=1").await {
        (200, _) => true,
        (401, body) if body["code"] == "bad_token" => false,
        other => panic!("{other:?}"),
    }
}

/// A user with these roles, by a token of its own.
async fn user(sandbox: &Sandbox, name: &str, roles: &[&str]) -> (String, Client) {
    let id = add(sandbox, "user", name, json!({"roles": roles})).await;
    let token = sandbox.cli(&["token", "create", "--user", &id]);
    (id, sandbox.with_token(token.trim()))
}

story!(a_key_does_what_its_principal_may, async |sandbox: &Sandbox| {
    define(sandbox, "thing", json!({})).await;
    let client = add(sandbox, "client", "ci", json!({"roles": ["editor"]})).await;
    let before = last_seq(sandbox).await;
    let (key_id, ci) = key(sandbox, json!({"name": "build", "principal": client})).await;
    let made = add(&ci, "thing", "a", json!({})).await;
    let events = events_after(sandbox, before).await;
    assert_eq!(outline(&events), [("client.key_created", &*client), ("thing.created", &*made)]);
    assert_eq!(events[1]["actor"], json!({"type": "client", "id": client}));
    refused(&ci.post_json("/v3/users", &json!({"name": "x"})).await, 403, "forbidden");
    let listed = get(sandbox, &format!("{KEYS}?principal={client}")).await["data"].clone();
    let known: Vec<_> = listed[0].as_object().expect("a key").keys().collect();
    assert_eq!(known, ["id", "principal", "name", "actions", "created_at", "expires_at", "last_used_at"]);
    assert_eq!(
        (&listed[0]["id"], &listed[0]["name"], &listed[0]["principal"]),
        (&json!(key_id), &json!("build"), &json!(client))
    );
    eventually("its last use is shown", async || {
        let listed = get(sandbox, &format!("{KEYS}?principal={client}")).await;
        listed["data"][0]["last_used_at"].as_str().map(|_| ())
    })
    .await;
    // It stays so when the server is killed and started again.
    sandbox.kill();
    sandbox.start().await;
    let ci = sandbox.with_token(ci.token.as_deref().expect("a key"));
    assert!(works(&ci).await);
    assert_eq!(sandbox.delete_json(&of(&client, &key_id)).await.0, 204);
    assert!(!works(&ci).await, "a key that was deleted");
    refused(&sandbox.delete_json(&of(&client, &key_id)).await, 404, "not_found");
});

story!(a_key_is_shown_once_and_nowhere_else, async |sandbox: &Sandbox| {
    let (_, mine) = key(sandbox, json!({"name": "mine"})).await;
    let text = mine.token.as_deref().expect("a key").to_owned();
    assert!(
        text.starts_with("adm_") && text.len() == 46 && text.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric())
    );
    let mut said = vec![];
    for path in [KEYS, "/v3/events?limit=200", "/v3/clients", "/v3/resources?limit=200", "/metrics"] {
        said.push(reply(mine.request(admin_testkit::Method::GET, path)).await.body.to_string());
    }
    said.push(sandbox.cli(&["export"]));
    said.push(sandbox.log());
    for file in ["admin.db", "admin.db-wal"] {
        let bytes = std::fs::read(sandbox.data_dir.join(file)).unwrap_or_default();
        said.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    assert!(said.iter().all(|said| !said.contains(&text[4..])), "a key is told");
    let tried = sandbox.post_json(&format!("{KEYS}?dry_run=true"), &json!({"name": "tried"})).await;
    assert_eq!((tried.0, tried.1["data"].get("key")), (200, None), "{}", tried.1);
    assert_eq!(get(sandbox, KEYS).await["data"].as_array().map(Vec::len), Some(1));
});

story!(a_key_is_replaced_while_it_is_in_use, async |sandbox: &Sandbox| {
    let (_, bob) = user(sandbox, "bob", &["viewer"]).await;
    let (old_id, old) = key(&bob, json!({"name": "laptop", "actions": ["resource.read"]})).await;
    let rotate = async |id: &str, body: Value| bob.post_json(&format!("{KEYS}/{id}/rotate"), &body).await;
    let (status, body) = rotate(&old_id, json!({})).await;
    assert_eq!(status, 201, "{body}");
    let (new_id, new) = (id(&body["data"]), bob.with_token(body["data"]["key"].as_str().expect("a key")));
    assert!(works(&old).await && works(&new).await);
    assert_eq!((&body["data"]["name"], &body["data"]["actions"]), (&json!("laptop"), &json!(["resource.read"])));
    let (status, body) = rotate(&new_id, json!({"overlap_seconds": 0})).await;
    assert_eq!(status, 201, "{body}");
    assert!(works(&old).await && !works(&new).await, "without an overlap");
    refused(&rotate(&new_id, json!({})).await, 404, "not_found");
    for wrong in [json!({"overlap_seconds": -1}), json!({"overlap_seconds": 1e9}), json!({"overlap": 1}), json!([])] {
        refused(&rotate(&old_id, wrong).await, 422, "validation_failed");
    }
});

story!(a_key_ends_when_it_should, async |sandbox: &Sandbox| {
    let (id, bob) = user(sandbox, "bob", &["viewer"]).await;
    let now = admin_types::Clock::now(&admin_types::SystemClock);
    let soon = now.plus_seconds(8).to_string();
    let (_, short) = key(&bob, json!({"name": "short", "expires_at": soon})).await;
    let (_, endless) = key(&bob, json!({"name": "endless", "expires_at": null})).await;
    assert!(works(&short).await && works(&endless).await);
    eventually("its end", async || (!works(&short).await).then_some(())).await;
    let keys = get(&bob, KEYS).await["data"].clone();
    assert_eq!((&keys[0]["expires_at"], &keys[1]["expires_at"]), (&json!(soon), &Value::Null));
    assert_eq!(sandbox.patch_json(&path(&id), &json!({"status": "disabled"})).await.0, 200);
    assert!(!works(&endless).await, "its user is disabled");
    assert_eq!(sandbox.patch_json(&path(&id), &json!({"status": "active"})).await.0, 200);
    assert!(works(&endless).await);
    assert_eq!(sandbox.delete_json(&path(&id)).await.0, 200);
    assert!(!works(&endless).await, "its user is in the trash");
    assert_eq!(sandbox.delete_json(&format!("{}?purge=true", path(&id))).await.0, 200);
    assert!(!works(&endless).await);
});

story!(a_principal_has_fifty_keys_at_most, async |sandbox: &Sandbox| {
    for n in 0..50 {
        key(sandbox, json!({"name": n.to_string()})).await;
    }
    refused(&sandbox.post_json(KEYS, &json!({"name": "x"})).await, 409, "too_many_keys");
});

story!(a_wrong_key_is_refused_by_name, async |sandbox: &Sandbox| {
    let (_, mine) = key(sandbox, json!({"name": "mine"})).await;
    let text = mine.token.as_deref().expect("a key").to_owned();
    let bent = format!("{}{}", &text[..45], if text.ends_with('0') { '1' } else { '0' });
    for wrong in ["adm_", &bent, &text[..45], &text.to_uppercase(), "adm_x y"] {
        let (status, body) = sandbox.with_token(wrong).get_json("/v3/resources").await;
        assert_eq!((status, body["code"].as_str()), (401, Some("bad_token")), "{wrong}: {body}");
    }
    // A key is no OAuth token.
    let reply = reply(sandbox.with_token(&text).request(admin_testkit::Method::GET, "/oauth/userinfo")).await;
    assert!(matches!(reply.status, 401 | 403), "{}", reply.body);
    for (document, pointer) in [
        (json!({}), "/name"),
        (json!({"name": " "}), "/name"),
        (json!({"name": "a\nb"}), "/name"),
        (json!({"name": "x".repeat(201)}), "/name"),
        (json!({"name": "x", "actions": []}), "/actions"),
        (json!({"name": "x", "actions": "user.read"}), "/actions"),
        (json!({"name": "x", "actions": ["user.read", "user.fly"]}), "/actions/1"),
        (json!({"name": "x", "actions": ["nothing.read"]}), "/actions/0"),
        (json!({"name": "x", "actions": ["read"]}), "/actions/0"),
        (json!({"name": "x", "expires_at": "2001-01-01T00:00:00Z"}), "/expires_at"),
        (json!({"name": "x", "expires_at": "soon"}), "/expires_at"),
        (json!({"name": "x", "principal": "bob"}), "/principal"),
        (json!({"name": "x", "secret": "mine"}), "/secret"),
    ] {
        let refusal = sandbox.post_json(KEYS, &document).await;
        refused(&refusal, 422, "validation_failed");
        assert_eq!(pointers(&refusal.1), [pointer], "{document}");
    }
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_ends_in_one_process_has_ended_in_all() {
    let (_database, first, second) = two_processes().await;
    let (key_id, mine) = key(&first, json!({"name": "mine"})).await;
    let there = second.with_token(mine.token.as_deref().expect("a key"));
    assert!(works(&there).await);
    assert_eq!(first.delete_json(&format!("{KEYS}/{key_id}")).await.0, 204);
    assert!(!works(&mine).await);
    heard("the end of a key", async || !works(&there).await).await;
}

story!(the_command_line_makes_and_ends_keys, async |sandbox: &Sandbox| {
    let client = add(sandbox, "client", "ci", json!({"roles": ["viewer"]})).await;
    let run = |arguments: &[&str]| {
        let shared = ["--url", &sandbox.base_url, "--principal", &client];
        sandbox.cli(&[&["api-key"], arguments, &shared].concat())
    };
    let made = run(&["create", "build", "--action", "resource.read", "--days", "30"]);
    let ci = sandbox.with_token(made.trim());
    assert!(works(&ci).await, "{made}");
    let listed = run(&["list"]);
    assert!(listed.contains("build") && listed.contains("resource.read") && listed.starts_with("key_"), "{listed}");
    let key_id = listed.split(' ').next().expect("an id");
    let next = sandbox.with_token(run(&["rotate", key_id, "--overlap", "0"]).trim());
    assert!(works(&next).await && !works(&ci).await);
    run(&["delete", run(&["list"]).lines().nth(1).and_then(|line| line.split(' ').next()).expect("the second")]);
    assert!(!works(&next).await);
});
