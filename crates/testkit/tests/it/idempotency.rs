//! `Idempotency-Key`: a request that is sent again has its effect once.

use admin_testkit::{Client, Method, Sandbox, story};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::acts::*;

async fn post(client: &Client, path: &str, key: &str, body: &Value) -> Reply {
    reply(client.request(Method::POST, path).header("idempotency-key", key).json(body)).await
}

fn device(name: &str) -> Value {
    json!({"type": "device", "name": name, "attributes": {"serial": name}})
}

async fn define_device(client: &Client) {
    define(client, "device", json!({"serial": {"type": "string", "x-unique": true}})).await;
}

story!(a_repeated_request_gets_the_first_answer, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    let before = last_seq(sandbox).await;
    let first = post(sandbox, "/v3/resources", "k", &device("a")).await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, ""));
    sandbox.patch_json(&path(&id(&first.body["data"])), &json!({"name": "changed"})).await;
    for _ in 0..3 {
        let again = post(sandbox, "/v3/resources", "k", &device("a")).await;
        assert_eq!((again.status, again.header("idempotency-replayed"), &again.body), (201, "true", &first.body));
        assert_eq!((again.header("etag"), again.header("location")), ("\"1\"", first.header("location")));
    }
    assert_eq!(last_seq(sandbox).await, before + 2, "one creation, one change");

    let other = post(sandbox, "/v3/resources", "k", &device("b")).await;
    assert_eq!((other.status, &other.body["code"]), (422, &json!("idempotency_mismatch")));
    let elsewhere = post(sandbox, "/v3/devices", "k", &device("a")).await;
    assert_eq!(elsewhere.status, 422);
    assert_eq!(post(sandbox, "/v3/resources", "l", &device("b")).await.status, 201);
    let long = "k".repeat(256);
    assert_eq!(post(sandbox, "/v3/resources", &long, &device("c")).await.status, 400);
    assert_eq!(total(sandbox, "/v3/devices").await, 2);
});

story!(a_request_that_failed_may_be_sent_again, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    let taken = add(sandbox, "device", "a", json!({"serial": "a"})).await;
    let refused = post(sandbox, "/v3/resources", "k", &device("a")).await;
    assert_eq!((refused.status, &refused.body["code"]), (409, &json!("not_unique")));
    sandbox.delete_json(&path(&taken)).await;
    assert_eq!(post(sandbox, "/v3/resources", "k", &device("a")).await.status, 201);
    let restore = format!("{}/restore", path(&taken));
    assert_eq!(post(sandbox, &restore, "r", &json!({})).await.status, 409);
    sandbox.delete_json(&path(&id(&get(sandbox, "/v3/devices").await["data"][0]))).await;
    let first = post(sandbox, &restore, "r", &json!({})).await;
    let again = post(sandbox, &restore, "r", &json!({})).await;
    assert_eq!((first.status, again.status, again.header("idempotency-replayed")), (200, 200, "true"));
    assert_eq!(first.body, again.body);
});

story!(of_many_at_once_under_one_key_one_has_an_effect, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    let before = last_seq(sandbox).await;
    let body = device("a");
    let replies = join_all((0..20).map(|_| post(sandbox, "/v3/resources", "k", &body))).await;
    let mut ids = vec![];
    for reply in &replies {
        match reply.status {
            201 => ids.push((id(&reply.body["data"]), reply.header("idempotency-replayed") == "true")),
            409 => assert_eq!(reply.body["code"], "idempotency_in_flight"),
            other => panic!("{other} {}", reply.body),
        }
    }
    assert_eq!(ids.iter().filter(|(_, replayed)| !replayed).count(), 1);
    assert!(ids.iter().all(|(id, _)| *id == ids[0].0), "{ids:?}");
    assert_eq!((last_seq(sandbox).await, total(sandbox, "/v3/devices").await), (before + 1, 1));
});

story!(a_key_survives_a_kill, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    let first = post(sandbox, "/v3/resources", "k", &device("a")).await;
    assert_eq!(first.status, 201);
    let before = last_seq(sandbox).await;
    sandbox.kill();
    sandbox.start().await;
    let again = post(sandbox, "/v3/resources", "k", &device("a")).await;
    assert_eq!((again.status, again.header("idempotency-replayed"), &again.body), (201, "true", &first.body));
    assert_eq!(post(sandbox, "/v3/resources", "k", &device("b")).await.status, 422);
    assert_eq!(last_seq(sandbox).await, before);
});

story!(what_was_acknowledged_before_a_kill_is_there_once, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    let names: Vec<String> = (0..60).map(|n| format!("n{n}")).collect();
    let requests: Vec<_> = names
        .iter()
        .map(|name| {
            let request = sandbox.request(Method::POST, "/v3/resources").header("idempotency-key", name);
            tokio::spawn(request.json(&device(name)).send())
        })
        .collect();
    // In the middle of it: as soon as something is there.
    eventually("a device", async || (total(sandbox, "/v3/devices").await > 0).then_some(())).await;
    sandbox.kill();
    let mut acknowledged = 0;
    for request in requests {
        acknowledged += u64::from(request.await.expect("a task").is_ok_and(|answer| answer.status() == 201));
    }
    sandbox.start().await;
    let there = total(sandbox, "/v3/devices").await;
    assert!(there >= acknowledged, "{there} of {acknowledged} are there");
    for name in &names {
        let again = post(sandbox, "/v3/resources", name, &device(name)).await;
        assert_eq!(again.status, 201, "{name}: {}", again.body);
    }
    assert_eq!(total(sandbox, "/v3/devices").await, 60);
    let events = get(sandbox, "/v3/events?type=device.created&limit=200").await;
    assert_eq!(events["pagination"]["total_items"], 60);
});
