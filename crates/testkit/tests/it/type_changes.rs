//! Changes of types at work: indexes that are built while lists go on, and changes that are refused half way.

use admin_testkit::{Client, Sandbox, story};
use serde_json::{Value, json};

use crate::acts::*;

const ROWS: usize = 3000;

/// The ids, sorted, of all that a filter finds, by cursor; and the total that every page names.
async fn found(client: &Client, filter: &str) -> (Vec<String>, u64) {
    let (mut ids, mut cursor, mut total): (_, _, Option<u64>) = (vec![], String::new(), None);
    loop {
        let params = [("filter", filter), ("limit", "200"), ("cursor", &cursor)];
        let page = query(client, "/v3/devices", &params[..if cursor.is_empty() { 2 } else { 3 }]).await;
        ids.extend(page["data"].as_array().expect("a page").iter().map(id));
        let named = page["pagination"]["total_items"].as_u64();
        assert!(total.is_none() || total == named, "{total:?} then {named:?}");
        total = named;
        match page["pagination"]["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    ids.sort_unstable();
    (ids, total.expect("a total"))
}

async fn builds(client: &Client) -> Vec<Value> {
    get(client, "/v3/index-builds").await["data"].as_array().expect("a list").clone()
}

async fn devices(client: &Client, model: Value) -> String {
    let type_id = define(client, "device", json!({"model": model, "n": {"type": "integer"}})).await;
    let row =
        |n: usize| json!({"type": "device", "name": "d", "attributes": {"model": format!("m{}", n % 7), "n": n % 10}});
    let rows: Vec<Value> = (0..ROWS).map(row).collect();
    let report = import(client, "/v3/resources:import", ndjson(&rows)).await;
    assert_eq!((&report["created"], &report["failed"]), (&json!(ROWS), &json!(0)));
    type_id
}

story!(filters_answer_right_before_while_and_after_an_index_is_built, async |sandbox: &Sandbox| {
    let type_id = devices(sandbox, json!({"type": "string"})).await;
    let filters = ["attributes.model = \"m3\"", "attributes.model = \"m3\" AND attributes.n > 4"];
    let mut expected = vec![];
    for filter in filters {
        let (ids, total) = found(sandbox, filter).await;
        assert_eq!(ids.len() as u64, total, "{filter}");
        expected.push((ids, total));
    }
    assert_eq!(expected[0].1, (0..ROWS).filter(|n| n % 7 == 3).count() as u64);
    assert_eq!(builds(sandbox).await, Vec::<Value>::new());
    let sorted = sandbox.get_json("/v3/devices?sort=attributes.model").await;
    refused(&sorted, 400, "invalid_parameter");

    for index in [true, false, true] {
        let patch = json!({"attributes": {"schema": {"properties": {"model": {"x-index": index}}}}});
        let (status, body) = sandbox.patch_json(&path(&type_id), &patch).await;
        assert_eq!(status, 200, "{body}");
        let mut seen = false;
        eventually("the end of the work on the index", async || {
            let working = builds(sandbox).await;
            if let Some(build) = working.first() {
                seen = true;
                assert_eq!((&build["type"], &build["field"]), (&json!("device"), &json!("attributes.model")));
                assert!(build["done"].as_u64() <= build["total"].as_u64(), "{build}");
            }
            for (filter, expected) in filters.iter().zip(&expected) {
                assert_eq!(&found(sandbox, filter).await, expected, "{filter} while {working:?}");
            }
            working.is_empty().then_some(())
        })
        .await;
        assert!(seen || !index, "3000 rows are not indexed in no time");
    }
    let sorted = get(sandbox, "/v3/devices?sort=-attributes.model&limit=1").await;
    assert_eq!(sorted["data"][0]["attributes"]["model"], "m6");
});

story!(what_changes_while_an_index_is_built_is_in_it, async |sandbox: &Sandbox| {
    let type_id = devices(sandbox, json!({"type": "string"})).await;
    let (ids, _) = found(sandbox, "attributes.model = \"m1\"").await;
    let patch = json!({"attributes": {"schema": {"properties": {"model": {"x-index": true}}}}});
    assert_eq!(sandbox.patch_json(&path(&type_id), &patch).await.0, 200);
    let (first, last) = (&ids[0], &ids[ids.len() - 1]);
    for id in [first, last] {
        let (status, body) = sandbox.patch_json(&path(id), &json!({"attributes": {"model": "moved"}})).await;
        assert_eq!(status, 200, "{body}");
    }
    assert_eq!(sandbox.delete_json(&path(&ids[1])).await.0, 200);
    let fresh = add(sandbox, "device", "new", json!({"model": "moved", "n": 1})).await;
    eventually("an index", async || builds(sandbox).await.is_empty().then_some(())).await;
    let mut moved = vec![first.clone(), last.clone(), fresh];
    moved.sort_unstable();
    assert_eq!(found(sandbox, "attributes.model = \"moved\"").await, (moved, 3));
    let (left, total) = found(sandbox, "attributes.model = \"m1\"").await;
    assert_eq!((left.len(), total), (ids.len() - 3, ids.len() as u64 - 3));
    let all: u64 = total_of_models(sandbox).await;
    assert_eq!(all, ROWS as u64);
});

story!(an_index_that_a_kill_interrupts_is_completed_after_the_start, async |sandbox: &Sandbox| {
    let type_id = devices(sandbox, json!({"type": "string"})).await;
    let expected = found(sandbox, "attributes.model = \"m5\"").await;
    let patch = json!({"attributes": {"schema": {"properties": {"model": {"x-index": true}}}}});
    assert_eq!(sandbox.patch_json(&path(&type_id), &patch).await.0, 200);
    sandbox.kill();
    sandbox.start().await;
    assert_eq!(found(sandbox, "attributes.model = \"m5\"").await, expected);
    eventually("an index", async || builds(sandbox).await.is_empty().then_some(())).await;
    assert_eq!(found(sandbox, "attributes.model = \"m5\"").await, expected);
    assert_eq!(total_of_models(sandbox).await, ROWS as u64);
});

async fn total_of_models(client: &Client) -> u64 {
    let mut all = 0;
    for model in ["m0", "m1", "m2", "m3", "m4", "m5", "m6", "moved"] {
        let filter = format!("attributes.model = \"{model}\"");
        let page = query(client, "/v3/devices", &[("filter", &filter), ("limit", "1")]).await;
        all += page["pagination"]["total_items"].as_u64().expect("a total");
    }
    all
}

story!(a_change_of_a_type_that_an_import_refuses_leaves_the_type_as_it_was, async |sandbox: &Sandbox| {
    let unique = |a: bool, b: bool| {
        let properties = json!({"a": {"type": "string", "x-unique": a}, "b": {"type": "string", "x-unique": b}});
        type_named("device", &properties)
    };
    let type_id = create(sandbox, &unique(true, false)).await;
    add(sandbox, "device", "one", json!({"a": "1", "b": "same"})).await;
    add(sandbox, "device", "two", json!({"a": "2", "b": "same"})).await;

    let mut changed = unique(false, true);
    changed["id"] = json!(type_id);
    let lines = ndjson(&[changed, json!({"type": "device", "name": "three", "attributes": {"a": "3", "b": "else"}})]);
    let report = import(sandbox, "/v3/resources:import", lines).await;
    assert_eq!((&report["failed"], &report["created"]), (&json!(1), &json!(1)), "{report}");
    assert_eq!(report["errors"][0]["code"], "incompatible_type", "{report}");

    let document = json!({"name": "four", "attributes": {"a": "1", "b": "more"}});
    refused(&sandbox.post_json("/v3/devices", &document).await, 409, "not_unique");
    let (status, body) = sandbox
        .patch_json(&path(&type_id), &json!({"attributes": {"schema": {"properties": {"a": {"x-unique": false}}}}}))
        .await;
    assert_eq!(status, 200, "{body}");
    for b in ["same", "else"] {
        add(sandbox, "device", "five", json!({"a": "1", "b": b})).await;
    }
});

story!(what_lay_in_the_trash_comes_back_only_as_its_type_is_now, async |sandbox: &Sandbox| {
    let mut kind = type_named("device", &json!({"n": {"type": "integer"}, "key": {"type": "string"}}));
    kind["attributes"]["statuses"] = json!(["active", "archived"]);
    let type_id = create(sandbox, &kind).await;
    let gone = json!({"type": "device", "name": "a", "status": "archived", "attributes": {"n": 1}});
    let (status_gone, number_gone) =
        (create(sandbox, &gone).await, add(sandbox, "device", "b", json!({"n": 100})).await);
    for id in [&status_gone, &number_gone] {
        assert_eq!(sandbox.delete_json(&path(id)).await.0, 200);
    }
    let patch = json!({"attributes": {"statuses": ["active"], "schema": {"properties": {"n": {"maximum": 9}}}}});
    let (status, body) = sandbox.patch_json(&path(&type_id), &patch).await;
    assert_eq!(status, 200, "{body}");
    for (id, pointer) in [(&number_gone, "/attributes/n"), (&status_gone, "/status")] {
        let answer = sandbox.post_json(&format!("{}/restore", path(id)), &json!({})).await;
        refused(&answer, 422, "validation_failed");
        assert_eq!(pointers(&answer.1), [pointer]);
    }
});

story!(a_field_becomes_a_secret_once_nothing_holds_it_in_plain_in_the_trash_either, async |sandbox: &Sandbox| {
    let type_id = define(sandbox, "device", json!({"key": {"type": "string"}, "n": {"type": "integer"}})).await;
    let id = add(sandbox, "device", "d", json!({"key": "plain"})).await;
    let trashed = add(sandbox, "device", "t", json!({"key": "plain too"})).await;
    let purged = add(sandbox, "device", "p", json!({"key": "plain as well"})).await;
    let harmless = add(sandbox, "device", "h", json!({"n": 1})).await;
    for id in [&trashed, &purged, &harmless] {
        assert_eq!(sandbox.delete_json(&path(id)).await.0, 200);
    }
    let secret = json!({"attributes": {"schema": {"properties": {"key": {"x-secret": true}}}}});
    let offenders = async || {
        let answer = sandbox.patch_json(&path(&type_id), &secret).await;
        refused(&answer, 409, "incompatible_type");
        let named = answer.1["offenders"].as_array().expect("offenders").clone();
        let mut ids: Vec<String> = named.iter().map(id_of).collect();
        ids.sort_unstable();
        assert_eq!(answer.1["count"], ids.len());
        (ids, answer.1["detail"].as_str().expect("a detail").to_owned(), named)
    };
    let (ids, detail, named) = offenders().await;
    assert_eq!(ids, [id.clone(), trashed.clone(), purged.clone()]);
    assert!(detail.contains("1 resource does not") && detail.contains("2 resources in the trash"), "{detail}");
    assert!(named.iter().all(|offender| offender["errors"][0]["pointer"] == "/attributes/key"), "{named:?}");

    let without = json!({"attributes": {"key": null}});
    assert_eq!(sandbox.patch_json(&path(&id), &without).await.0, 200);
    let (ids, detail, _) = offenders().await;
    assert_eq!(ids, [trashed.clone(), purged.clone()]);
    assert!(!detail.contains("change") && detail.contains("purge them, or restore them"), "{detail}");
    // As the refusal says: one is purged, the other restored and rid of the value.
    assert_eq!(sandbox.delete_json(&format!("{}?purge=true", path(&purged))).await.0, 200);
    assert_eq!(sandbox.post_json(&format!("{}/restore", path(&trashed)), &json!({})).await.0, 200);
    assert_eq!(sandbox.patch_json(&path(&trashed), &without).await.0, 200);
    assert_eq!(sandbox.patch_json(&path(&type_id), &secret).await.0, 200);
    assert_eq!(sandbox.post_json(&format!("{}/restore", path(&harmless)), &json!({})).await.0, 200);
});

fn id_of(offender: &Value) -> String {
    offender["id"].as_str().expect("an id").to_owned()
}

story!(a_secret_stays_one_while_resources_hold_it, async |sandbox: &Sandbox| {
    let key = json!({"type": "object", "properties": {"a/b": {"type": "string", "x-secret": true}}});
    let type_id = define(sandbox, "device", json!({"key": key})).await;
    let held = json!({"key": {"a/b": "hidden"}});
    let (live, trashed) = (add(sandbox, "device", "d", held.clone()).await, add(sandbox, "device", "t", held).await);
    assert_eq!(sandbox.delete_json(&path(&trashed)).await.0, 200);
    let shown =
        json!({"attributes": {"schema": {"properties": {"key": {"properties": {"a/b": {"x-secret": false}}}}}}});
    let refusal = async || {
        let answer = sandbox.patch_json(&path(&type_id), &shown).await;
        refused(&answer, 409, "incompatible_type");
        assert_eq!(pointers(&answer.1), ["/attributes/schema/properties/key/properties/a~1b/x-secret"]);
        let ids: Vec<String> = answer.1["offenders"].as_array().expect("offenders").iter().map(id_of).collect();
        assert_eq!(answer.1["count"], ids.len());
        (ids, answer.1["detail"].as_str().expect("a detail").to_owned())
    };
    let (ids, detail) = refusal().await;
    assert_eq!(ids, [live.clone(), trashed.clone()]);
    assert!(detail.contains("1 resource does not") && detail.contains("1 resource in the trash"), "{detail}");
    assert_eq!(sandbox.patch_json(&path(&live), &json!({"attributes": {"key": {"a/b": null}}})).await.0, 200);
    let (ids, detail) = refusal().await;
    assert_eq!(ids, [&*trashed]);
    assert!(detail.starts_with("1 resource in the trash") && detail.contains("purge it, or restore it"), "{detail}");
    assert_eq!(sandbox.delete_json(&format!("{}?purge=true", path(&trashed))).await.0, 200);
    assert_eq!(sandbox.patch_json(&path(&type_id), &shown).await.0, 200);
});
