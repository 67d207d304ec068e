//! A walk by cursor sees each resource that was there when it began, and still is when it ends, exactly once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use admin_testkit::{Client, Sandbox, story};
use serde_json::json;

use super::ids;
use crate::acts::{add, define, get, import, ndjson, with_params};

const ROWS: usize = 240;
const STEP: usize = 20;

/// What happened while a walk was under way.
#[derive(Default)]
struct Meanwhile {
    deleted: BTreeSet<String>,
    changes: u64,
}

/// Moves resources about in every order, deletes some and adds others, until it is stopped.
async fn disturb(client: Client, mut mine: Vec<String>, stop: Arc<AtomicBool>, done: Arc<AtomicU64>) -> Meanwhile {
    let mut meanwhile = Meanwhile::default();
    for n in 0usize.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let which = (n * 31) % mine.len();
        let path = format!("/v3/things/{}", mine[which]);
        let status = match n % 8 {
            0 => {
                mine.push(
                    add(&client, "thing", &format!("new{:03}", (n * 7) % 500), json!({"x": (n * 11) % 500})).await,
                );
                200
            }
            1 if mine.len() > 20 => {
                meanwhile.deleted.insert(mine.swap_remove(which));
                client.delete_json(&path).await.0
            }
            2 => client.patch_json(&path, &json!({"attributes": {"x": null}})).await.0,
            _ => {
                let (name, x) = (format!("n{:03}", (n * 17) % 500), (n * 13) % 500);
                client.patch_json(&path, &json!({"name": name, "attributes": {"x": x}})).await.0
            }
        };
        assert_eq!(status, 200);
        meanwhile.changes += 1;
        done.fetch_add(1, Ordering::Relaxed);
    }
    meanwhile
}

/// Walks the list while others change it. Between two pages there is time for some changes.
async fn walk(client: &Client, params: &[(&str, &str)], changes: &AtomicU64) -> Vec<String> {
    let (mut seen, mut cursor) = (vec![], String::new());
    loop {
        let limit = STEP.to_string();
        let mut params = [params, &[("limit", limit.as_str())]].concat();
        if !cursor.is_empty() {
            params.push(("cursor", &cursor));
        }
        let page = get(client, &with_params("/v3/things", &params)).await;
        seen.extend(ids(&page));
        let Some(next) = page["pagination"]["next_cursor"].as_str() else { return seen };
        next.clone_into(&mut cursor);
        let before = changes.load(Ordering::Relaxed);
        crate::acts::eventually("some changes", async || (changes.load(Ordering::Relaxed) >= before + 6).then_some(()))
            .await;
    }
}

async fn undisturbed(sandbox: &Sandbox, params: &[(&str, &str)]) {
    let rows: Vec<_> = (0..ROWS)
        .map(|n| {
            let x = if n % 10 == 0 { json!(null) } else { json!((n * 37) % 500) };
            json!({"type": "thing", "name": format!("n{:03}", (n * 53) % 500), "attributes": {"x": x, "kept": true}})
        })
        .collect();
    let report = import(sandbox, "/v3/resources:import", ndjson(&rows)).await;
    assert_eq!(report["created"], ROWS);
    let start: Vec<String> =
        crate::acts::export(sandbox, "/v3/things:export").await.iter().map(crate::acts::id).collect();

    let (stop, changes) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let disturbers: Vec<_> = start
        .chunks(start.len().div_ceil(3))
        .map(|mine| tokio::spawn(disturb((**sandbox).clone(), mine.to_vec(), stop.clone(), changes.clone())))
        .collect();
    let seen = walk(sandbox, params, &changes).await;
    stop.store(true, Ordering::Relaxed);
    let mut deleted = BTreeSet::new();
    for disturber in disturbers {
        deleted.extend(disturber.await.expect("a writer ran to its end").deleted);
    }

    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    seen.iter().for_each(|id| *times.entry(id).or_default() += 1);
    let twice: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "{params:?}: seen more than once: {twice:?}");
    let missed: Vec<_> = start.iter().filter(|id| !times.contains_key(id.as_str()) && !deleted.contains(*id)).collect();
    assert!(missed.is_empty(), "{params:?}: {} of {} missed: {missed:?}", missed.len(), start.len());
    for id in crate::acts::export(sandbox, "/v3/things:export").await.iter().map(crate::acts::id) {
        sandbox.delete_json(&format!("/v3/things/{id}?purge=true")).await;
    }
}

async fn all_orders(sandbox: &Sandbox, orders: &[&str]) {
    let properties =
        json!({"x": {"type": ["integer", "null"], "x-index": true}, "kept": {"type": "boolean", "x-index": true}});
    define(sandbox, "thing", properties).await;
    for sort in orders {
        undisturbed(sandbox, &[("sort", sort)]).await;
    }
}

story!(a_walk_by_id_misses_nothing, async |sandbox: &Sandbox| {
    all_orders(sandbox, &["id", "-id"]).await;
    undisturbed(sandbox, &[("filter", "attributes.kept = true")]).await;
});

story!(a_walk_by_name_misses_nothing, async |sandbox: &Sandbox| {
    all_orders(sandbox, &["name", "-name"]).await;
});

story!(a_walk_by_the_last_change_misses_nothing, async |sandbox: &Sandbox| {
    all_orders(sandbox, &["updated_at", "-updated_at"]).await;
});

story!(a_walk_by_an_attribute_misses_nothing, async |sandbox: &Sandbox| {
    all_orders(sandbox, &["attributes.x", "-attributes.x"]).await;
    undisturbed(sandbox, &[("sort", "attributes.x"), ("filter", "attributes.kept = true")]).await;
    undisturbed(sandbox, &[("sort", "-name"), ("filter", "attributes.kept = true AND version > 0")]).await;
});
