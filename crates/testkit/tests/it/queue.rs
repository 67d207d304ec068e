//! Events on their way: whatever is killed while they are under way, each acknowledged change is handled, within the process and
//! over RabbitMQ.

mod parked;

use std::collections::BTreeSet;
use std::time::Duration;

use admin_testkit::{Backend, Client, Sandbox, postgres, rabbitmq};
use serde_json::{Value, json};

use crate::acts::*;

const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
/// How long everything may take to be handled after the last fault.
const WITHIN: Duration = Duration::from_secs(60);

/// A type, and a webhook for what is created of it; nothing answers at its address, so each event stays a delivery. Answers the
/// webhook's id.
async fn prepare(client: &Client) -> String {
    define(client, "thing", json!({"n": {"type": "integer"}})).await;
    let attributes = json!({"url": "https://hooks.example.org/", "events": ["thing.created"]});
    add(client, "webhook", "hook", attributes).await
}

/// Creates a thing; its id, if that was acknowledged.
async fn create_thing(client: &Client, n: usize) -> Option<String> {
    let document = json!({"name": format!("thing {n}"), "attributes": {"n": n}});
    let request = client.request("POST".parse().expect("a method"), "/v3/things").json(&document);
    let response = request.send().await.ok()?;
    if response.status() != 201 {
        assert!(response.status().is_server_error(), "{}", response.status());
        return None;
    }
    let body: Value = response.json().await.ok()?;
    Some(id(&body["data"]))
}

/// The things of which the webhook has a delivery, and how many deliveries there are.
async fn delivered(client: &Client, webhook: &str) -> (BTreeSet<String>, usize) {
    let (mut things, mut count, mut before) = (BTreeSet::new(), 0, String::new());
    loop {
        let page = get(client, &format!("/v3/webhooks/{webhook}/deliveries?limit=200&before={before}")).await;
        for delivery in page["data"].as_array().expect("a list") {
            let event = get(client, &format!("/v3/events/{}", delivery["event"].as_str().expect("an event"))).await;
            things.insert(event["data"]["resource"]["id"].as_str().expect("an id").to_owned());
            count += 1;
        }
        match page["pagination"]["next_cursor"].as_str() {
            Some(next) => before = next.to_owned(),
            None => return (things, count),
        }
    }
}

/// Waits until each of these things has a delivery; none has two.
async fn all_are_delivered(client: &Client, webhook: &str, acknowledged: &BTreeSet<String>) {
    let deadline = tokio::time::Instant::now() + WITHIN;
    loop {
        let (things, count) = delivered(client, webhook).await;
        assert_eq!(things.len(), count, "an event has one delivery");
        let missing = acknowledged.difference(&things).count();
        if missing == 0 {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{missing} of {} are missing", acknowledged.len());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Writes, and kills Admin in the middle, some times over.
async fn kill_admin(sandbox: &Sandbox) {
    let webhook = prepare(sandbox).await;
    let mut acknowledged = BTreeSet::new();
    for round in 0..5 {
        let client = (**sandbox).clone();
        let (acknowledge, mut written) = tokio::sync::mpsc::unbounded_channel();
        let writing = tokio::spawn(async move {
            for n in 0..60 {
                // Until it is killed.
                let Some(id) = create_thing(&client, round * 60 + n).await else { return };
                let _ = acknowledge.send(id);
            }
        });
        // At another place each time.
        for _ in 0..1 + 4 * round {
            acknowledged.extend(written.recv().await);
        }
        sandbox.kill();
        writing.await.expect("a writer");
        while let Some(id) = written.recv().await {
            acknowledged.insert(id);
        }
        sandbox.start().await;
    }
    assert!(acknowledged.len() >= 45, "{}", acknowledged.len());
    all_are_delivered(sandbox, &webhook, &acknowledged).await;
    eventually("the readers have caught up", async || {
        let readers = get(sandbox, "/v3/events/readers").await;
        let readers = readers["data"].as_array().expect("readers").clone();
        assert!(readers.iter().all(|reader| reader["parked"] == json!([])), "{readers:?}");
        // Of what comes out of the broker, the broker keeps account.
        readers.iter().all(|reader| reader["behind"] == 0 || reader["behind"].is_null()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_admin_loses_no_event_on_sqlite() {
    kill_admin(&Sandbox::start_on(Backend::Sqlite).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_admin_loses_no_event_over_rabbitmq() {
    let host = rabbitmq::virtual_host().await;
    kill_admin(&Sandbox::start_with(Backend::Postgres, &[("ADMIN_QUEUE", &host.url)]).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_and_a_killed_database_lose_no_event() {
    let mut broker = rabbitmq::Server::start().await;
    let mut server = postgres::Server::start().await;
    let (host, database) = (broker.virtual_host(), server.database().await);
    let settings = [("ADMIN_QUEUE", host.url.as_str()), ("ADMIN_DATABASE", database.url.as_str())];
    let sandbox = Sandbox::start_with(Backend::Sqlite, &settings).await;
    let webhook = prepare(&sandbox).await;
    let mut acknowledged = BTreeSet::new();
    acknowledged.extend(create_thing(&sandbox, 0).await);
    all_are_delivered(&sandbox, &webhook, &acknowledged).await;
    for round in 0..3 {
        for n in 0..40 {
            if n == 20 && round != 1 {
                broker.kill();
            }
            if n == 30 && round != 0 {
                server.kill();
                server.restart().await;
            }
            acknowledged.extend(create_thing(&sandbox, round * 40 + n).await);
        }
        if round != 1 {
            broker.restart().await;
        }
    }
    assert!(acknowledged.len() > 60, "{}", acknowledged.len());
    all_are_delivered(&sandbox, &webhook, &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_the_work_and_one_takes_over() {
    let (host, database) = (rabbitmq::virtual_host().await, postgres::database().await);
    let settings =
        [("ADMIN_QUEUE", host.url.as_str()), ("ADMIN_DATABASE", database.url.as_str()), ("ADMIN_MASTER_KEY", KEY)];
    let first = Sandbox::start_with(Backend::Sqlite, &settings).await;
    let second = Sandbox::start_with(Backend::Sqlite, &settings).await;
    let webhook = prepare(&first).await;
    let mut acknowledged = BTreeSet::new();
    for n in 0..30 {
        acknowledged.extend(create_thing(if n % 2 == 0 { &first } else { &second }, n).await);
    }
    assert_eq!(acknowledged.len(), 30);
    all_are_delivered(&second, &webhook, &acknowledged).await;
    first.kill();
    for n in 30..60 {
        acknowledged.extend(create_thing(&second, n).await);
    }
    assert_eq!(acknowledged.len(), 60);
    all_are_delivered(&second, &webhook, &acknowledged).await;
}

/// Whoever turns the broker on later loses nothing, and nobody is told twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_may_be_turned_on_later() {
    let (host, database) = (rabbitmq::virtual_host().await, postgres::database().await);
    let settings = [("ADMIN_DATABASE", database.url.as_str()), ("ADMIN_MASTER_KEY", KEY)];
    let before = Sandbox::start_with(Backend::Sqlite, &settings).await;
    let webhook = prepare(&before).await;
    let mut acknowledged = BTreeSet::new();
    for n in 0..10 {
        acknowledged.extend(create_thing(&before, n).await);
    }
    all_are_delivered(&before, &webhook, &acknowledged).await;
    before.stop();
    let after = Sandbox::start_with(Backend::Sqlite, &[&settings[..], &[("ADMIN_QUEUE", &host.url)]].concat()).await;
    for n in 10..20 {
        acknowledged.extend(create_thing(&after, n).await);
    }
    all_are_delivered(&after, &webhook, &acknowledged).await;
    let readers = get(&after, "/v3/events/readers").await;
    assert_eq!(readers["data"][0]["reader"], "relay", "{readers}");
}
