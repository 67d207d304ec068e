//! The whole way of a change, to its webhook and into the audit log, while whatever it passes is killed, away, full or wrong: within
//! one process and its folder, and over PostgreSQL, RabbitMQ and S3.
//!
//! After each fault: what was acknowledged is there, every event arrived at the webhook under one id, each is in the log once.

mod clocks;
mod disks;
mod kills;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use admin_testkit::faulty::Proxy;
use admin_testkit::sink::{Answer, Sink};
use admin_testkit::{Backend, Client, Method, Sandbox, rabbitmq, s3};
use serde_json::{Value, json};

use crate::acts::*;

const WRITERS: usize = 4;

/// What an Admin keeps things in, and whom it tells.
struct World {
    sandbox: Sandbox,
    sink: Sink,
    acknowledged: Arc<Mutex<BTreeSet<String>>>,
    servers: Option<Servers>,
}

/// What stands beside an Admin that is not alone.
struct Servers {
    broker: rabbitmq::Server,
    _host: rabbitmq::VirtualHost,
    /// Before the store.
    store: Proxy,
    _s3: s3::Server,
}

impl World {
    /// Everything in one process and its folder.
    async fn alone(settings: &[(&str, &str)]) -> World {
        let sandbox = Sandbox::start_with(Backend::Sqlite, &[&told()[..], settings].concat()).await;
        World::of(sandbox, None).await
    }

    /// Everything in servers.
    async fn over_servers(settings: &[(&str, &str)]) -> World {
        let (broker, s3) = tokio::join!(rabbitmq::Server::start(), s3::Server::start());
        let (host, store) = (broker.virtual_host(), Proxy::one_by_one(s3.port()).await);
        let blob = format!("s3://{}/logs?endpoint={}&timeout_seconds=3", s3::BUCKET, store.url());
        let where_it_is = [
            ("ADMIN_QUEUE", host.url.as_str()),
            ("ADMIN_BLOB", blob.as_str()),
            ("ADMIN_BLOB_ACCESS_KEY", s3::ACCESS_KEY),
            ("ADMIN_BLOB_SECRET_KEY", s3::SECRET_KEY),
        ];
        let sandbox = Sandbox::start_with(Backend::Postgres, &[&told()[..], &where_it_is, settings].concat()).await;
        World::of(sandbox, Some(Servers { broker, _host: host, store, _s3: s3 })).await
    }

    async fn of(sandbox: Sandbox, servers: Option<Servers>) -> World {
        let sink = Sink::start().await;
        sink.always("/hook", Answer::status(200).after(Duration::from_millis(1)));
        define(&sandbox, "thing", json!({})).await;
        let attributes = json!({"url": sink.at("/hook"), "events": ["thing.*"]});
        add(&sandbox, "webhook", "hook", attributes).await;
        World { sandbox, sink, acknowledged: Arc::default(), servers }
    }

    /// How many changes were acknowledged.
    fn count(&self) -> usize {
        self.acknowledged.lock().expect("no writer panicked").len()
    }

    /// Writers that write until they are stopped, whatever they are answered.
    fn write(&self) -> Writers {
        self.write_with_pauses(Duration::ZERO)
    }

    /// The same, with a pause after each change.
    fn write_with_pauses(&self, pause: Duration) -> Writers {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = (0..WRITERS).map(|writer| {
            let (client, acknowledged, stop) =
                ((*self.sandbox).clone(), Arc::clone(&self.acknowledged), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    match create_thing(&client, writer).await {
                        Some(id) => {
                            acknowledged.lock().expect("no writer panicked").insert(id);
                            tokio::time::sleep(pause).await;
                        }
                        None => tokio::time::sleep(Duration::from_millis(5)).await,
                    }
                }
            })
        });
        Writers { stop: stop.clone(), tasks: tasks.collect() }
    }

    /// Waits until so many more changes were acknowledged.
    async fn until_more(&self, more: usize) {
        let wanted = self.count() + more;
        eventually("acknowledged changes", async || (self.count() >= wanted).then_some(())).await;
    }

    /// Holds that nothing is lost, and that nothing is in the log twice.
    async fn is_whole(&self) {
        let events = things_told(&self.sandbox).await;
        for id in self.acknowledged.lock().expect("no writer panicked").iter() {
            assert!(events.values().any(|resource| resource == id), "{id} was acknowledged and has no event");
        }
        let wanted: BTreeSet<&str> = events.keys().map(String::as_str).collect();
        self.sink
            .until("every event", |sink| {
                let messages = sink.messages("/hook");
                let came: BTreeSet<&str> = messages.iter().map(|message| message.id()).collect();
                assert!(came.is_subset(&wanted), "what never happened was sent");
                (came == wanted).then_some(())
            })
            .await;
        let mut bodies: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for message in self.sink.messages("/hook") {
            let first = bodies.entry(message.id().to_owned()).or_insert_with(|| message.body.clone());
            assert_eq!(*first, message.body, "one id stands for one body");
        }
        eventually("everything is sealed", async || {
            let log = get(&self.sandbox, "/v3/audit/log").await["data"].clone();
            (log["size"] == log["events"]).then_some(())
        })
        .await;
        let verified = self.sandbox.cli(&["audit", "verify", "--json"]);
        let report: Value = serde_json::from_str(&verified).expect("a report");
        assert_eq!((&report["findings"], &report["unsealed"]), (&json!([]), &json!(0)), "{report}");
        let readers = get(&self.sandbox, "/v3/events/readers").await;
        let parked = readers["data"].as_array().expect("readers").iter().map(|reader| &reader["parked"]);
        assert!(parked.into_iter().all(|parked| *parked == json!([])), "{readers}");
    }
}

/// Those who write.
struct Writers {
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Writers {
    async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("a writer");
        }
    }
}

/// Webhooks may go to this machine, and are tried again soon.
fn told() -> [(&'static str, &'static str); 2] {
    [("ADMIN_PRIVATE_HOSTS", "127.0.0.1"), ("ADMIN_WEBHOOK_SCHEDULE", "0s,0s,1s,1s,1s,1s,1s,1s,1s,1s")]
}

/// Creates a thing; its id, if that was acknowledged.
async fn create_thing(client: &Client, writer: usize) -> Option<String> {
    let request = client.request(Method::POST, "/v3/things").json(&json!({"name": format!("of {writer}")}));
    let response = request.send().await.ok()?;
    let status = response.status();
    assert!(status == 201 || status.is_server_error(), "{status}: {}", response.text().await.unwrap_or_default());
    let body: Value = response.json().await.ok()?;
    (status == 201).then(|| id(&body["data"]))
}

/// The ids of all events of things, and of which thing each is.
async fn things_told(client: &Client) -> BTreeMap<String, String> {
    let (mut all, mut cursor) = (BTreeMap::new(), "0".to_owned());
    loop {
        let page = get(client, &format!("/v3/events?type=thing.*&limit=200&cursor={cursor}")).await;
        let events = page["data"].as_array().expect("events");
        all.extend(events.iter().map(|event| (id(event), id(&event["resource"]))));
        match page["pagination"]["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return all,
        }
    }
}
