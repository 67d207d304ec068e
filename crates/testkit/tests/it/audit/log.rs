//! The log as those see it who keep a copy.

use admin_testkit::Method;
use admin_tlog::{Checkpoint, Entry, Hash, Layer, Note, TILE_WIDTH, TileId, entries};

use super::*;

async fn bytes(client: &Client, path: &str) -> Vec<u8> {
    let answer = client.request(Method::GET, path).send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "{path}");
    answer.bytes().await.expect("bytes").to_vec()
}

async fn checkpoint(client: &Client) -> Checkpoint {
    let note = Note::parse(text(client, "/v3/audit/checkpoint").await.as_bytes()).expect("a note");
    Checkpoint::parse(note.text()).expect("a checkpoint")
}

story!(who_keeps_a_copy_derives_the_same_log, async |sandbox: &Sandbox| {
    define(sandbox, "thing", json!({})).await;
    for n in 0..300 {
        add(sandbox, "thing", &format!("t{n}"), json!({})).await;
    }
    let last = last_seq(sandbox).await;
    let head = eventually("all is sealed", async || {
        let head = checkpoint(sandbox).await.head;
        (head.size >= last).then_some(head)
    })
    .await;
    let events = export(sandbox, "/v3/audit/export").await;
    let mut leaves = vec![];
    for index in 0..head.size.div_ceil(TILE_WIDTH) {
        let bundle = TileId::in_tree(Layer::Entries, index, head.size).expect("a bundle");
        let bundle = bytes(sandbox, &format!("/v3/audit/{bundle}")).await;
        for entry in entries(&bundle).expect("entries") {
            leaves.push(Hash::leaf(entry));
        }
    }
    let own: Vec<Hash> =
        events.iter().map(|event| Entry::of_record(event.to_string().as_bytes()).expect("an entry").hash()).collect();
    assert_eq!(leaves, own[..leaves.len()], "the entries are the events");
    assert_eq!(Hash::root_of(&leaves), head.root);
    // A partial tile that was replaced since is still served to whoever has the checkpoint before.
    let smaller = TileId::in_tree(Layer::Level(0), 0, 3).expect("a tile");
    let beginning: Vec<u8> = own[..3].iter().flat_map(|hash| hash.0).collect();
    assert_eq!(bytes(sandbox, &format!("/v3/audit/{smaller}")).await, beginning);
    for wrong in ["tile/0/001x", "tile/9/000", "tile/0/900", "tile/entries/../checkpoint", "tile/0/%2e%2e/checkpoint"] {
        let answer = sandbox.get_json(&format!("/v3/audit/{wrong}")).await;
        assert_eq!(answer.0, 404, "{wrong}: {}", answer.1);
    }
    // Entries are whole events, and a hash tells the rest of one that is seen in part: not for whoever may not read everything,
    // though they may read the audit log.
    sandbox
        .post_json(
            "/v3/policies",
            &json!({"name": "audit-only", "attributes": {"cedar": "permit (principal in role::\"inspector\", action == Action::\"policy.read\", resource);"}}),
        )
        .await;
    add(sandbox, "role", "inspector", json!({})).await;
    let inspector = role(sandbox, "inspector").await;
    refused(&inspector.get_json(&format!("/v3/audit/{smaller}")).await, 403, "forbidden");
    refused(&inspector.get_json("/v3/audit/tile/entries/000").await, 403, "forbidden");
    refused(&inspector.get_json("/v3/audit?q=t1").await, 403, "forbidden");
    let seen = get(&inspector, "/v3/audit?type=thing.created&limit=1").await["data"][0].clone();
    assert!(seen["after"].is_null() && seen["address"] == "127.0.0.1", "what it may not read is left out: {seen}");
});

story!(a_legal_hold_is_for_owners_and_leaves_events, async |sandbox: &Sandbox| {
    let auditor = role(sandbox, "auditor").await;
    refused(&auditor.put_json("/v3/audit/hold", &json!({"reason": "a lawsuit"})).await, 403, "forbidden");
    refused(&sandbox.put_json("/v3/audit/hold", &json!({"reason": ""})).await, 422, "validation_failed");
    refused(&sandbox.put_json("/v3/audit/hold", &json!({})).await, 422, "validation_failed");
    refused(&sandbox.delete_json("/v3/audit/hold").await, 404, "not_found");
    let (status, would) = sandbox.put_json("/v3/audit/hold?dry_run=true", &json!({"reason": "a lawsuit"})).await;
    assert_eq!((status, &would["data"]["hold"]["reason"]), (200, &json!("a lawsuit")), "{would}");
    assert!(get(&auditor, "/v3/audit/log").await["data"]["hold"].is_null());
    assert_eq!(sandbox.put_json("/v3/audit/hold", &json!({"reason": "a lawsuit"})).await.0, 200);
    assert_eq!(get(&auditor, "/v3/audit/log").await["data"]["hold"]["reason"], "a lawsuit");
    assert_eq!(sandbox.put_json("/v3/audit/hold", &json!({"reason": "a lawsuit"})).await.0, 200, "it is no other hold");
    let held = get(&auditor, "/v3/audit?type=user.log_held").await;
    assert_eq!(held["data"].as_array().map(Vec::len), Some(1), "{held}");
    assert!(sandbox.delete_json("/v3/audit/hold?dry_run=true").await.1["data"]["hold"].is_null());
    assert_eq!(sandbox.delete_json("/v3/audit/hold").await.0, 200);
    let told = found(sandbox, "?type=user.*&outcome=done&limit=2", 2).await;
    assert_eq!(kinds(&told), ["user.log_released", "user.log_held"]);
    assert_eq!(told[1]["details"]["reason"], "a lawsuit");
});
