//! The audit log: searched, exported, and proven without the server.

mod log;
mod mirror;
mod peers;
mod verify;
mod witness;

use admin_testkit::{Backend, Client, Sandbox, story};
use admin_tlog::{Entry, Policy, Receipt};
use serde_json::{Value, json};

use crate::acts::*;

/// A client with a role, and no other.
async fn role(sandbox: &Sandbox, name: &str) -> Client {
    sandbox.with_token(sandbox.cli(&["token", "create", "--role", name]).trim())
}

/// The events of a search, once there are as many.
async fn found(client: &Client, query: &str, count: usize) -> Vec<Value> {
    let path = format!("/v3/audit{query}");
    eventually(&format!("{count} of {path}"), async || {
        let found = get(client, &path).await["data"].as_array().cloned().unwrap_or_default();
        (found.len() == count).then_some(found)
    })
    .await
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().expect("a kind")).collect()
}

story!(what_was_refused_is_in_the_audit_log_and_nowhere_for_others, async |sandbox: &Sandbox| {
    define(sandbox, "thing", json!({})).await;
    let thing = add(sandbox, "thing", "t", json!({})).await;
    let viewer = role(sandbox, "viewer").await;
    refused(&viewer.patch_json(&path(&thing), &json!({"name": "u"})).await, 403, "forbidden");
    refused(&viewer.post_json("/v3/things", &json!({"name": "u"})).await, 403, "forbidden");
    let refusals = found(sandbox, "?outcome=denied&order=asc", 2).await;
    assert_eq!(kinds(&refusals), ["thing.denied", "thing.denied"]);
    assert_eq!(
        (&refusals[0]["details"], &refusals[0]["resource"]["id"]),
        (&json!({"action": "thing.update"}), &json!(thing))
    );
    assert_eq!(refusals[1]["details"], json!({"action": "thing.create"}));
    for refusal in &refusals {
        assert_eq!((&refusal["outcome"], &refusal["address"]), (&json!("denied"), &json!("127.0.0.1")));
        assert_eq!((&refusal["before"], &refusal["after"]), (&Value::Null, &Value::Null));
    }
    // An auditor reads it; a viewer neither that nor the refusals among the events, nor where anybody came from.
    let auditor = role(sandbox, "auditor").await;
    found(&auditor, "?type=thing.*&outcome=denied", 2).await;
    refused(&viewer.get_json("/v3/audit").await, 403, "forbidden");
    for path in ["/v3/events?type=thing.*&limit=200", "/v3/events?limit=200"] {
        let seen = get(&viewer, path).await;
        let seen = seen["data"].as_array().expect("events");
        assert!(!seen.is_empty() && seen.iter().all(|event| event.get("address").is_none()), "{seen:?}");
        assert!(seen.iter().all(|event| event.get("outcome").is_none()), "{seen:?}");
    }
    let id = refusals[0]["id"].as_str().expect("an id");
    refused(&viewer.get_json(&format!("/v3/events/{id}")).await, 404, "not_found");
    refused(&viewer.get_json(&format!("/v3/audit/{id}/receipt")).await, 404, "not_found");
});

story!(the_audit_log_is_searched, async |sandbox: &Sandbox| {
    define(sandbox, "thing", json!({"colour": {"type": "string"}})).await;
    let red = add(sandbox, "thing", "a", json!({"colour": "Crimson_100%"})).await;
    let blue = add(sandbox, "thing", "b", json!({"colour": "blue"})).await;
    assert_eq!(sandbox.patch_json(&path(&blue), &json!({"name": "c"})).await.0, 200);
    let owner = get(sandbox, &format!("/v3/audit?resource={red}")).await["data"][0].clone();
    let actor = owner["actor"]["id"].as_str().expect("an id");
    for (query, expected) in [
        (format!("?resource={blue}"), vec!["thing.updated", "thing.created"]),
        (format!("?resource={blue}&order=asc"), vec!["thing.created", "thing.updated"]),
        (format!("?type=thing.created&actor={actor}"), vec!["thing.created", "thing.created"]),
        ("?q=CRIMSON_1".to_owned(), vec!["thing.created"]),
        ("?q=0%25".to_owned(), vec!["thing.created"]),
        ("?q=crimson%25".to_owned(), vec![]),
        ("?type=thing.*&address=127.0.0.1&outcome=done&limit=2".to_owned(), vec!["thing.updated", "thing.created"]),
        ("?address=192.0.2.1".to_owned(), vec![]),
        (format!("?request_id={}", owner["request_id"].as_str().expect("an id")), vec!["thing.created"]),
        (
            format!("?type=thing.*&since={}", owner["at"].as_str().expect("a time")),
            vec!["thing.updated", "thing.created", "thing.created"],
        ),
        (format!("?type=thing.*&until={}", owner["at"].as_str().expect("a time")), vec![]),
    ] {
        let page = get(sandbox, &format!("/v3/audit{query}")).await;
        assert_eq!(kinds(page["data"].as_array().expect("events")), expected, "{query}");
    }
    let first = get(sandbox, "/v3/audit?type=thing.*&limit=2").await;
    assert_eq!(first["pagination"]["total_items"], 3);
    let cursor = first["pagination"]["next_cursor"].as_str().expect("more");
    assert_eq!(
        get(sandbox, &format!("/v3/audit?type=thing.*&limit=2&cursor={cursor}")).await["data"][0]["id"],
        owner["id"]
    );
    for wrong in ["outcome=x", "address=x", "order=x", "limit=0", "limit=201", "since=x", "x=y"] {
        refused(&sandbox.get_json(&format!("/v3/audit?{wrong}")).await, 400, "invalid_parameter");
    }
    let lines = export(sandbox, "/v3/audit/export?type=thing.*").await;
    assert_eq!(kinds(&lines), ["thing.created", "thing.created", "thing.updated"]);
    let csv = sandbox.request(admin_testkit::Method::GET, "/v3/audit/export?format=csv&type=thing.updated");
    let csv = csv.send().await.expect("an answer").text().await.expect("a text");
    let rows: Vec<&str> = csv.split("\r\n").collect();
    assert!(
        rows.len() == 3
            && rows[0].starts_with("seq,id,at,type,outcome,")
            && rows[1].contains(",thing.updated,done,user,"),
        "{csv}"
    );
    refused(&sandbox.get_json("/v3/audit/export?format=xml").await, 400, "invalid_parameter");
});

story!(a_receipt_proves_an_event_without_the_server, async |sandbox: &Sandbox| {
    define(sandbox, "thing", json!({})).await;
    for n in 0..300 {
        add(sandbox, "thing", &format!("t{n}"), json!({})).await;
    }
    let key = text(sandbox, "/v3/audit/key").await;
    let policy = Policy::new(vec![key.trim().parse().expect("a key")]).expect("a policy");
    let events = export(sandbox, "/v3/audit/export").await;
    for event in events.iter().step_by(37).chain(events.last()) {
        let receipt = text(sandbox, &format!("/v3/audit/{}/receipt", event["id"].as_str().expect("an id"))).await;
        assert!(receipt.len() <= 2048, "{receipt}");
        let receipt = Receipt::parse(receipt.as_bytes()).expect("a receipt");
        let shown = get(sandbox, &format!("/v3/events/{}", event["id"].as_str().expect("an id"))).await;
        let entry = Entry::of_record(shown["data"].to_string().as_bytes()).expect("an entry");
        receipt.verify(&entry.hash(), &policy).expect("it is in the log");
        assert_eq!(receipt.proof.index + 1, event["seq"].as_u64().expect("a number"));
        let mut altered = shown["data"].clone();
        altered["actor"]["id"] = json!("usr_01h455vb4pex5vsknk084sn02q");
        let entry = Entry::of_record(altered.to_string().as_bytes()).expect("an entry");
        assert!(receipt.verify(&entry.hash(), &policy).is_err(), "another event is not");
    }
    // Whoever sees all of an event gets its receipt; of what they may not see there is none.
    text(&role(sandbox, "auditor").await, &format!("/v3/audit/{}/receipt", id(&events[300]))).await;
    let viewer = role(sandbox, "viewer").await;
    let created = events.iter().find(|event| event["type"] == "thing.created").expect("one");
    refused(&viewer.get_json(&format!("/v3/audit/{}/receipt", id(created))).await, 403, "forbidden");
    let policy = events.iter().find(|event| event["type"] == "policy.created").expect("one");
    let hidden = format!("/v3/audit/{}/receipt", policy["id"].as_str().expect("an id"));
    refused(&viewer.get_json(&hidden).await, 404, "not_found");
    refused(&sandbox.get_json("/v3/audit/evt_01h455vb4pex5vsknk084sn02q/receipt").await, 404, "not_found");
    refused(&sandbox.get_json("/v3/audit/nonsense/receipt").await, 404, "not_found");
});

story!(a_change_has_its_receipt_with_its_answer, async |sandbox: &Sandbox| {
    define(sandbox, "thing", json!({})).await;
    let key = text(sandbox, "/v3/audit/key").await;
    let policy = Policy::new(vec![key.trim().parse().expect("a key")]).expect("a policy");
    let made = sandbox.post_json("/v3/things?receipt=true", &json!({"name": "t"})).await;
    let thing = path(&id(&made.1["data"]));
    let answers = [
        made,
        sandbox.patch_json(&format!("{thing}?receipt=true"), &json!({"name": "u"})).await,
        sandbox.put_json(&format!("{thing}?receipt=true"), &json!({"name": "v"})).await,
        sandbox.delete_json(&format!("{thing}?receipt=true")).await,
        sandbox.post_json(&format!("{thing}/restore?receipt=true"), &json!({})).await,
    ];
    let events = export(sandbox, "/v3/audit/export?type=thing.*").await;
    for ((status, body), event) in answers.iter().zip(&events) {
        assert!((200..300).contains(status), "{body}");
        let receipt = Receipt::parse(body["receipt"].as_str().expect("a receipt").as_bytes()).expect("a receipt");
        let entry = Entry::of_record(event.to_string().as_bytes()).expect("an entry");
        receipt.verify(&entry.hash(), &policy).expect("it is the receipt of this change");
    }
    let tried = sandbox.patch_json(&format!("{thing}?receipt=true&dry_run=true"), &json!({"name": "w"})).await;
    assert!(tried.0 == 200 && tried.1.get("receipt").is_none(), "{}", tried.1);
    assert!(sandbox.patch_json(&thing, &json!({"name": "w"})).await.1.get("receipt").is_none());
});

story!(a_receipt_tells_nothing_of_what_is_hidden, async |sandbox: &Sandbox| {
    define(sandbox, "thing", json!({"salary": {"type": "integer"}})).await;
    let key = text(sandbox, "/v3/audit/key").await;
    let policy = Policy::new(vec![key.trim().parse().expect("a key")]).expect("a policy");
    // Of what somebody changed themselves they see all, where they were too.
    let editor = add(sandbox, "client", "tool", json!({"roles": ["editor"]})).await;
    let editor = sandbox.with_token(sandbox.cli(&["token", "create", "--client", &editor]).trim());
    let (_, made) = editor.post_json("/v3/things?receipt=true", &json!({"name": "t"})).await;
    let receipt = Receipt::parse(made["receipt"].as_str().expect("a receipt").as_bytes()).expect("a receipt");
    let event = get(&editor, &format!("/v3/events?resource={}", id(&made["data"]))).await["data"][0].clone();
    assert_eq!(event["address"], "127.0.0.1", "{event}");
    let entry = Entry::of_record(event.to_string().as_bytes()).expect("an entry");
    receipt.verify(&entry.hash(), &policy).expect("the event as they see it is in the log");
    // A field that is hidden could be guessed, one value after another, by whoever had the hash of the whole.
    let cedar = "@fields(\"attributes.salary\") forbid (principal in role::\"editor\", action == Action::\"thing.read\", resource);";
    let hiding = json!({"name": "salaries", "attributes": {"cedar": cedar}});
    assert_eq!(sandbox.post_json("/v3/policies", &hiding).await.0, 201);
    let thing = add(sandbox, "thing", "paid", json!({"salary": 73_123})).await;
    let event = get(&editor, &format!("/v3/events?resource={thing}")).await["data"][0].clone();
    assert!(event["after"]["attributes"].get("salary").is_none(), "{event}");
    for query in ["", "?event=true"] {
        refused(&editor.get_json(&format!("/v3/audit/{}/receipt{query}", id(&event))).await, 403, "forbidden");
    }
    let (status, changed) = editor.patch_json(&format!("{}?receipt=true", path(&thing)), &json!({"name": "u"})).await;
    assert_eq!((status, &changed["receipt"]), (200, &Value::Null), "{changed}");
});

story!(a_text_is_found_as_it_was_written, async |sandbox: &Sandbox| {
    define(sandbox, "thing", json!({})).await;
    for name in ["a\"b", "back\\slash", "x%y_z!", "Straße"] {
        add(sandbox, "thing", name, json!({})).await;
        let found = query(sandbox, "/v3/audit", &[("q", name), ("type", "thing.*")]).await;
        assert_eq!(found["data"].as_array().map(Vec::len), Some(1), "{name}: {found}");
    }
    let told = sandbox.put_json("/v3/audit/hold", &json!({"reason": "line one\nline two"})).await;
    assert_eq!(told.0, 200, "{}", told.1);
    let found = query(sandbox, "/v3/audit", &[("q", "one\nline")]).await;
    assert_eq!(found["data"].as_array().map(Vec::len), Some(1), "{found}");
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_altered_event_has_no_receipt() {
    let sandbox = Sandbox::start_on(Backend::Sqlite).await;
    define(&sandbox, "thing", json!({})).await;
    add(&sandbox, "thing", "t", json!({})).await;
    let event = found(&sandbox, "?type=thing.created", 1).await.remove(0);
    let receipt = format!("/v3/audit/{}/receipt", id(&event));
    text(&sandbox, &receipt).await;
    let connection = rusqlite::Connection::open(sandbox.data_dir.join("admin.db")).expect("a database");
    let altered = connection.execute("UPDATE event SET address = '192.0.2.66' WHERE seq = ?1", [event["seq"].as_i64()]);
    assert_eq!(altered, Ok(1));
    refused(&sandbox.get_json(&receipt).await, 503, "log_altered");
}

/// A text that an endpoint answers.
async fn text(client: &Client, path: &str) -> String {
    let answer = client.request(admin_testkit::Method::GET, path).send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "{path}");
    answer.text().await.expect("a text")
}
