//! Totals are exact, also those that are remembered and moved by the events since.

use std::sync::Arc;

use admin_schema::{Filter, NoRelated};
use admin_testkit::{Client, Sandbox, story};
use admin_types::Resource;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::acts::{define, export, id, query};

const ROUNDS: usize = 40;
const CHANGES: usize = 12;

/// Asked again and again, so that what is remembered of each is put to use.
const FILTERS: [&str; 9] = [
    "attributes.n >= 5",
    "attributes.n = 3",
    "attributes.n < 3 AND status = active",
    "NOT attributes.n:*",
    "status = paused",
    "name:a",
    "attributes.tags:red OR labels:team",
    "parent = null AND version > 1",
    "type = gadget OR attributes.n > 7",
];

/// A change: which resource it is about, and what happens to it.
#[derive(Clone, Debug)]
enum Change {
    Create(Value),
    Update(usize, Value),
    Delete(usize),
    Purge(usize),
    Restore(usize),
}

fn documents() -> impl Strategy<Value = Value> {
    let n = prop_oneof![3 => (0i64..10).prop_map(Value::from), 1 => Just(Value::Null)];
    let tags = prop::collection::vec(select(vec!["red", "blue"]), 0..3);
    let (status, name) = (select(vec!["active", "paused"]), select(vec!["a", "ab", "c"]));
    let labels = select(vec![json!({}), json!({"team": "x"})]);
    (select(vec!["thing", "gadget"]), name, status, n, tags, labels).prop_map(|(of_type, name, status, n, tags, labels)| {
        json!({"type": of_type, "name": name, "status": status, "labels": labels, "attributes": {"n": n, "tags": tags}})
    })
}

fn changes() -> impl Strategy<Value = Change> {
    let patch = documents().prop_map(|mut document| {
        document.as_object_mut().expect("an object").remove("type");
        document
    });
    prop_oneof![
        4 => documents().prop_map(Change::Create),
        4 => (any::<usize>(), patch).prop_map(|(which, patch)| Change::Update(which, patch)),
        2 => any::<usize>().prop_map(Change::Delete),
        1 => any::<usize>().prop_map(Change::Purge),
        2 => any::<usize>().prop_map(Change::Restore),
    ]
}

/// Makes a change; one that meets a resource in a state that does not allow it is refused, and that is well.
async fn make(client: &Client, change: Change, made: &mut Vec<String>) {
    let path = |which: usize| format!("/v3/resources/{}", made[which % made.len()]);
    let (status, body) = match change {
        Change::Create(document) => client.post_json("/v3/resources", &document).await,
        _ if made.is_empty() => return,
        Change::Update(which, patch) => client.patch_json(&path(which), &patch).await,
        Change::Delete(which) => client.delete_json(&path(which)).await,
        Change::Purge(which) => client.delete_json(&format!("{}?purge=true", path(which))).await,
        Change::Restore(which) => client.post_json(&format!("{}/restore", path(which)), &json!({})).await,
    };
    assert!(matches!(status, 200 | 201 | 404 | 409), "{status}: {body}");
    if status == 201 {
        made.push(id(&body["data"]));
    }
}

/// What each scope says about each filter, against a recount of everything.
async fn agree(client: &Client, round: usize) {
    let all: Vec<Resource> = export(client, "/v3/resources:export")
        .await
        .into_iter()
        .map(|document| serde_json::from_value(document).expect("a resource"))
        .collect();
    for (scope, types) in [
        ("/v3/resources?type=thing", &["thing"][..]),
        ("/v3/resources?type=thing,gadget", &["gadget", "thing"]),
        ("/v3/resources?x", &["gadget", "thing"]),
    ] {
        let scope = scope.trim_end_matches("?x");
        for text in FILTERS {
            let filter = Filter::parse(text, None).expect(text);
            let held = all.iter().filter(|resource| {
                types.contains(&resource.type_name.as_str()) && filter.matches(resource, &NoRelated)
            });
            let (path, of_type) = scope.split_once("?type=").unwrap_or((scope, ""));
            let mut params = vec![("filter", text), ("limit", "1")];
            if !of_type.is_empty() {
                params.push(("type", of_type));
            }
            let page = query(client, path, &params).await;
            assert_eq!(page["pagination"]["total_items"], json!(held.count()), "round {round}: {scope} {text}");
        }
        let unfiltered = all.iter().filter(|resource| types.contains(&resource.type_name.as_str())).count();
        assert_eq!(crate::acts::total(client, scope).await, unfiltered as u64, "round {round}: {scope}");
    }
}

async fn define_both(client: &Client) {
    for name in ["thing", "gadget"] {
        let properties = json!({"n": {"type": ["integer", "null"], "x-index": true}, "tags": {"type": "array", "items": {"type": "string"}}});
        let mut document = crate::acts::type_named(name, &properties);
        document["attributes"]["statuses"] = json!(["active", "paused"]);
        crate::acts::create(client, &document).await;
    }
}

story!(totals_are_those_of_a_recount_after_any_changes, async |sandbox: &Sandbox| {
    define_both(sandbox).await;
    let (mut runner, mut made) = (TestRunner::default(), vec![]);
    for round in 0..ROUNDS {
        let batch = prop::collection::vec(changes(), CHANGES).new_tree(&mut runner).expect("changes").current();
        for change in batch {
            make(sandbox, change, &mut made).await;
        }
        agree(sandbox, round).await;
    }
});

story!(totals_that_are_asked_for_amid_changes_do_not_drift, async |sandbox: &Sandbox| {
    define_both(sandbox).await;
    let asked = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let asking = {
        let (client, asked) = ((**sandbox).clone(), asked.clone());
        tokio::spawn(async move {
            while asked.load(std::sync::atomic::Ordering::Relaxed) {
                for text in FILTERS {
                    query(&client, "/v3/resources", &[("filter", text), ("limit", "1"), ("type", "thing")]).await;
                    query(&client, "/v3/resources", &[("filter", text), ("limit", "1")]).await;
                }
            }
        })
    };
    let writers = (0..4).map(|_| {
        let client = (**sandbox).clone();
        let changes =
            prop::collection::vec(changes(), 150).new_tree(&mut TestRunner::default()).expect("changes").current();
        tokio::spawn(async move {
            let mut made = vec![];
            for change in changes {
                make(&client, change, &mut made).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("a writer");
    }
    asked.store(false, std::sync::atomic::Ordering::Relaxed);
    asking.await.expect("the reader");
    agree(sandbox, 0).await;
});

story!(a_total_outlives_a_change_of_its_type, async |sandbox: &Sandbox| {
    let thing = define(sandbox, "thing", json!({"n": {"type": "integer"}})).await;
    for n in 0..20 {
        crate::acts::add(sandbox, "thing", "a", json!({"n": n})).await;
    }
    let total = async || crate::acts::total(sandbox, "/v3/things?filter=attributes.n>=10").await;
    assert_eq!(total().await, 10);
    let indexed = json!({"attributes": {"schema": {"properties": {"n": {"x-index": true}}}}});
    let (status, body) = sandbox.patch_json(&format!("/v3/resources/{thing}"), &indexed).await;
    assert_eq!(status, 200, "{body}");
    // While the index is built, when it is there, and with changes between.
    for n in 10..40 {
        assert_eq!(total().await, n);
        crate::acts::add(sandbox, "thing", "b", json!({"n": n})).await;
    }
});
