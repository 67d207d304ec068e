//! What days do: to an endpoint at which nothing arrives, and to deliveries that are done. Time passes in the database of a
//! test alone, so these run on PostgreSQL.

use admin_testkit::{Backend, postgres};
use tokio_postgres::Client as Postgres;

use super::*;
use crate::oauth::forged::connect;

const HOUR: i64 = 3600 * 1_000_000;
const DAY: i64 = 24 * HOUR;

/// Whether the webhook is active, and since when it fails.
async fn state(client: &Client, hook: &str) -> (bool, bool) {
    let health = get(client, &of(hook, "health")).await["data"].clone();
    (health["active"] == true, health["failing_since"].is_string())
}

async fn fails_for(postgres: &Postgres, more: i64) {
    let aged = "UPDATE webhook_endpoint SET failing_since = failing_since - $1 WHERE failing_since IS NOT NULL";
    assert_eq!(postgres.execute(aged, &[&more]).await.expect("aged"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_at_which_nothing_arrives_for_five_days_is_left() {
    let database = postgres::database().await;
    let settings = [HERE, ("ADMIN_WEBHOOK_SCHEDULE", "0s,1s"), ("ADMIN_DATABASE", &database.url)];
    let sandbox = &Sandbox::start_with(Backend::Sqlite, &settings).await;
    let (sink, postgres) = (Sink::start().await, connect(&database.url).await);
    define_workspace(sandbox).await;
    let hook = webhook(sandbox, &sink.at("/hook"), json!({})).await;
    let happens = async |name: &str, state: &str| {
        let event = event_of(sandbox, &workspace(sandbox, name, "eu").await).await;
        delivery(sandbox, &hook, &event, state).await
    };
    // What arrives begins it anew.
    sink.always("/hook", Answer::status(500));
    happens("one", "failed").await;
    assert_eq!(state(sandbox, &hook).await, (true, true));
    fails_for(&postgres, 5 * DAY - HOUR).await;
    sink.always("/hook", Answer::status(200));
    happens("two", "delivered").await;
    eventually("health", async || (state(sandbox, &hook).await == (true, false)).then_some(())).await;

    sink.always("/hook", Answer::status(500));
    happens("three", "failed").await;
    fails_for(&postgres, 5 * DAY - HOUR).await;
    happens("four", "failed").await;
    assert_eq!(state(sandbox, &hook).await, (true, true));
    fails_for(&postgres, HOUR).await;
    happens("five", "failed").await;
    eventually("the end of it", async || {
        (get(sandbox, &path(&hook)).await["data"]["status"] == "disabled").then_some(())
    })
    .await;
    eventually("it is told", async || sandbox.log().contains("nothing arrived for five days").then_some(())).await;
    let events = query(sandbox, "/v3/events", &[("type", "webhook.disabled")]).await;
    assert_eq!(events["data"][0]["details"]["reason"], "nothing arrived for five days", "{events}");
    let about: Vec<_> = events["data"].as_array().expect("a list").iter().map(|one| &one["resource"]["id"]).collect();
    assert_eq!(about, [&json!(hook)]);
    // Nothing goes there any more, until somebody says so: then it has five days again.
    let before = sink.messages("/hook").len();
    webhook(sandbox, &sink.at("/other"), json!({})).await;
    workspace(sandbox, "six", "eu").await;
    sink.wait("/other", 1).await;
    assert_eq!(sink.messages("/hook").len(), before);
    assert_eq!(sandbox.patch_json(&path(&hook), &json!({"status": "active"})).await.0, 200);
    happens("seven", "failed").await;
    assert_eq!(state(sandbox, &hook).await, (true, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_that_are_done_are_forgotten_after_thirty_days() {
    let database = postgres::database().await;
    let settings = [HERE, ("ADMIN_WEBHOOK_SCHEDULE", "0s,1h"), ("ADMIN_DATABASE", &database.url)];
    let sandbox = Sandbox::start_with(Backend::Sqlite, &settings).await;
    let (sink, postgres) = (Sink::start().await, connect(&database.url).await);
    define_workspace(&sandbox).await;
    let hook = webhook(&sandbox, &sink.at("/hook"), json!({})).await;
    let mut events = vec![];
    for (name, status, state) in [("old", 200, "delivered"), ("young", 200, "delivered"), ("waits", 500, "waiting")] {
        sink.always("/hook", Answer::status(status));
        let event = event_of(&sandbox, &workspace(&sandbox, name, "eu").await).await;
        delivery(&sandbox, &hook, &event, state).await;
        events.push(event);
    }
    sink.wait("/hook", 3).await;
    eventually("the first try of what waits", async || {
        let tried = get(&sandbox, &of(&hook, &format!("deliveries/{}", events[2]))).await;
        (tried["data"]["tries"] == 1).then_some(())
    })
    .await;
    sandbox.kill();
    // All of it is old; the one that is done longest, and all that is not done, is 30 days old.
    let seqs = "SELECT seq FROM delivery ORDER BY seq";
    let seqs: Vec<i64> = postgres.query(seqs, &[]).await.expect("rows").iter().map(|row| row.get(0)).collect();
    for (seq, days) in seqs.iter().zip([30, 29, 60]) {
        let aged = "UPDATE delivery SET created_at = created_at - $1, done_at = done_at - $1 WHERE seq = $2";
        assert_eq!(postgres.execute(aged, &[&(days * DAY), seq]).await.expect("aged"), 1);
    }
    sandbox.start().await;
    eventually("the oldest is forgotten", async || {
        let (status, _) = sandbox.get_json(&of(&hook, &format!("deliveries/{}", events[0]))).await;
        (status == 404).then_some(())
    })
    .await;
    let left: Vec<_> = deliveries(&sandbox, &hook).await.iter().map(|one| one["event"].clone()).collect();
    assert_eq!(json!(left), json!([events[2], events[1]]));
    let tries = postgres.query("SELECT DISTINCT seq FROM delivery_attempt ORDER BY seq", &[]).await.expect("rows");
    assert_eq!(tries.iter().map(|row| row.get::<_, i64>(0)).collect::<Vec<_>>(), seqs[1..], "tries go with them");
    // It was forgotten, not taken back: it is not sent again by itself, and can be on request.
    let (status, body) = sandbox.post_json(&of(&hook, "replay"), &json!({"events": [events[0]]})).await;
    assert_eq!((status, &body["data"]["events"]), (200, &json!(1)), "{body}");
    assert_eq!(names(&sink.wait("/hook", 4).await), ["old", "young", "waits", "old"]);
}
