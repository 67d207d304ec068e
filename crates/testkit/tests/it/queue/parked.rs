//! Events that a reader left behind are seen, and handled once more when somebody says so.

use admin_types::cloud_event::CloudEvent;
use admin_types::{Event, OrgId};
use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Connection, ConnectionProperties};

use super::*;

/// The queue of the webhooks' dead letters, which are parked.
const DEAD: &str = "admin.webhooks.dead";

/// Puts an event among the dead letters, as the broker does with what no process survives.
async fn give_up(url: &str, org: OrgId, event: &Event) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.expect("a connection");
    let channel = connection.create_channel().await.expect("a channel");
    let body = serde_json::to_vec(&CloudEvent::new("", org, event)).expect("JSON");
    let properties = BasicProperties::default().with_content_type("application/cloudevents+json".into());
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let sent = channel.basic_publish("".into(), DEAD.into(), options, &body, properties.with_delivery_mode(2)).await;
    sent.expect("sent").await.expect("taken");
}

async fn reader(client: &Client, name: &str) -> Value {
    let readers = get(client, "/v3/events/readers").await;
    let named = readers["data"].as_array().expect("readers").iter().find(|reader| reader["reader"] == name);
    named.unwrap_or_else(|| panic!("no reader {name}: {readers}")).clone()
}

async fn retry(backend: Backend) {
    let host = rabbitmq::virtual_host().await;
    let sandbox = Sandbox::start_with(backend, &[("ADMIN_QUEUE", &host.url)]).await;
    let webhook = prepare(&sandbox).await;
    let set = async |status: &str| {
        let (code, body) = sandbox.patch_json(&path(&webhook), &json!({"status": status})).await;
        assert_eq!(code, 200, "{body}");
    };
    // Nothing is delivered of what happens while it is disabled.
    let attributes = json!({"url": "https://hooks.example.org/", "events": ["thing.created"]});
    let other = add(&sandbox, "webhook", "other", attributes).await;
    set("disabled").await;
    let thing = create_thing(&sandbox, 1).await.expect("a thing");
    let marker = create_thing(&sandbox, 2).await.expect("a thing");
    // All webhooks are held against an event at once.
    all_are_delivered(&sandbox, &other, &BTreeSet::from([thing.clone(), marker.clone()])).await;
    set("active").await;
    let last = create_thing(&sandbox, 3).await.expect("a thing");
    all_are_delivered(&sandbox, &webhook, &BTreeSet::from([last.clone()])).await;

    let found = query(&sandbox, "/v3/events", &[("resource", &thing)]).await;
    let event: Event = serde_json::from_value(found["data"][0].clone()).expect("an event");
    let orgs = sandbox.cli(&["org", "list"]);
    let org = OrgId::parse(orgs.split_whitespace().next().expect("an org")).expect("its id");
    give_up(&host.url, org, &event).await;
    let parked = eventually("the event is parked", async || {
        let parked = reader(&sandbox, "webhooks").await["parked"].clone();
        (parked != json!([])).then_some(parked)
    })
    .await;
    assert_eq!((&parked[0]["event"], &parked[0]["reason"]), (&json!(event.id), &json!("the queue gave it up")));
    let table = sandbox.cli(&["events", "lag"]);
    let line = |name: &str| table.lines().find(|line| line.starts_with(name)).expect("a line").to_owned();
    assert!(line("webhooks ").ends_with(" 1") && line("relay ").ends_with(" 0"), "{table}");
    assert!(table.contains(&event.id.to_string()) && table.contains("the queue gave it up"), "{table}");
    let shown: Value = serde_json::from_str(&sandbox.cli(&["events", "lag", "--json"])).expect("JSON");
    assert_eq!(shown, get(&sandbox, "/v3/events/readers").await["data"]);

    let said = sandbox.cli(&["events", "retry", "webhooks"]);
    assert_eq!(said.trim(), "1 handled, 0 failed again, 0 left behind");
    assert_eq!(reader(&sandbox, "webhooks").await["parked"], json!([]));
    let (things, count) = delivered(&sandbox, &webhook).await;
    assert_eq!((things.contains(&thing), things.contains(&marker), count), (true, false, 2), "{things:?}");

    // Handled already, it is as if nothing happened.
    give_up(&host.url, org, &event).await;
    eventually("the event is parked", async || {
        (reader(&sandbox, "webhooks").await["parked"] != json!([])).then_some(())
    })
    .await;
    let (status, body) = sandbox.post_json("/v3/events/readers/webhooks/retry", &json!({})).await;
    assert_eq!((status, &body["data"]), (200, &json!({"handled": 1, "failed": 0, "parked": []})));
    assert_eq!(delivered(&sandbox, &webhook).await.1, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_left_behind_is_handled_once_more_on_sqlite() {
    retry(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_left_behind_is_handled_once_more_on_postgres() {
    retry(Backend::Postgres).await;
}
