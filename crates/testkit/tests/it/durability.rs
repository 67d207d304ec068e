//! What was acknowledged is there after a crash; what is there has its event, and every event what it tells of.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use admin_testkit::{Backend, Client, Sandbox, postgres};
use serde_json::{Value, json};

use crate::acts::{define, export, id};

const WRITERS: u64 = 16;
const KILLS: u32 = 20;
const KILLS_OF_POSTGRES: u32 = 4;
/// How much is acknowledged between two kills, at least.
const BETWEEN: u64 = 40;

/// What a writer was told: a resource's version; `None` once it was purged.
type Told = HashMap<String, Option<i64>>;

/// What all writers were told, and what they asked without an answer.
#[derive(Default)]
struct Memory {
    told: Mutex<Told>,
    /// Resources with a change under way when the answer did not come: it may have been made.
    open: Mutex<HashMap<String, u32>>,
    acknowledged: AtomicU64,
    stop: AtomicBool,
}

impl Memory {
    fn learn(&self, id: &str, version: Option<i64>) {
        self.told.lock().expect("no writer panicked").insert(id.to_owned(), version);
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
    }

    fn wonder(&self, id: &str) {
        *self.open.lock().expect("no writer panicked").entry(id.to_owned()).or_default() += 1;
    }
}

/// One request; `None` when no answer came, or one that admits that the database is away.
async fn ask(client: &Client, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
    let request = client.request(method.parse().expect("a method"), path);
    let request = if body.is_null() { request } else { request.body(body.to_string()) };
    let media_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let response = request.header("content-type", media_type).send().await.ok()?;
    let status = response.status().as_u16();
    let body: Value = serde_json::from_slice(&response.bytes().await.ok()?).ok()?;
    (status < 500).then_some((status, body))
}

/// Creates, changes, deletes and purges resources of its own, and notes what it is told, until it is stopped.
async fn write(client: Client, memory: &Memory, writer: u64) {
    let mut mine: Vec<String> = vec![];
    for n in 0u64.. {
        if memory.stop.load(Ordering::Relaxed) {
            return;
        }
        let (what, which) = ((n * 7 + writer) % 10, (n as usize * 13) % mine.len().max(1));
        if what < 4 || mine.len() < 3 {
            let body = json!({"name": format!("w{writer}-{n}"), "attributes": {"n": n, "writer": writer}});
            match ask(&client, "POST", "/v3/things", &body).await {
                Some((201, body)) => {
                    memory.learn(&id(&body["data"]), body["data"]["version"].as_i64());
                    mine.push(id(&body["data"]));
                }
                Some(other) => panic!("a creation was refused: {other:?}"),
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
            continue;
        }
        let path = format!("/v3/things/{}", mine[which]);
        let answer = match what {
            4..8 => ask(&client, "PATCH", &path, &json!({"attributes": {"n": n}})).await,
            8 => ask(&client, "DELETE", &path, &Value::Null).await,
            _ => ask(&client, "DELETE", &format!("{path}?purge=true"), &Value::Null).await,
        };
        // After a change without an answer its writer leaves the resource alone: nobody knows its state.
        match (what, answer) {
            (9, Some((200, _))) => memory.learn(&mine.swap_remove(which), None),
            (8, Some((200, body))) => memory.learn(&mine.swap_remove(which), body["data"]["version"].as_i64()),
            (_, Some((200, body))) => memory.learn(&mine[which], body["data"]["version"].as_i64()),
            (_, Some(other)) => panic!("{path} was refused: {other:?}"),
            (_, None) => {
                memory.wonder(&mine.swap_remove(which));
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
}

/// All events, in order.
async fn events(client: &Client) -> Vec<Value> {
    let (mut events, mut cursor) = (vec![], "0".to_owned());
    loop {
        let (status, page) = client.get_json(&format!("/v3/events?limit=200&cursor={cursor}")).await;
        assert_eq!(status, 200, "{page}");
        events.extend(page["data"].as_array().expect("events").iter().cloned());
        match page["pagination"]["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return events,
        }
    }
}

async fn count(client: &Client, query: &str) -> u64 {
    let (status, page) = client.get_json(&format!("/v3/things?limit=1{query}")).await;
    assert_eq!(status, 200, "{page}");
    page["pagination"]["total_items"].as_u64().expect("a total")
}

/// Everything that was acknowledged is there, and the log and the state tell the same.
async fn whole(client: &Client, memory: &Memory) {
    let events = events(client).await;
    let mut last: HashMap<&str, &Value> = HashMap::new();
    let mut versions: HashMap<&str, i64> = HashMap::new();
    for (event, seq) in events.iter().zip(1i64..) {
        assert_eq!(event["seq"], seq, "the numbers of events have a gap");
        let resource = event["resource"]["id"].as_str().expect("an id");
        let version = versions.entry(resource).or_default();
        *version += 1;
        assert_eq!(event["resource"]["version"], *version, "{event}");
        let before = last.insert(resource, event).map_or(&Value::Null, |earlier| &earlier["after"]);
        assert_eq!(&event["before"], before, "an event does not follow from the one before it: {event}");
    }
    let live: HashMap<String, Value> =
        export(client, "/v3/things:export").await.into_iter().map(|thing| (id(&thing), thing)).collect();
    let things: Vec<_> = last.iter().filter(|(_, event)| event["resource"]["type"] == "thing").collect();
    let mut trashed = 0;
    for (id, event) in &things {
        let (verb, after) = (event["type"].as_str().expect("a type"), &event["after"]);
        match verb {
            "thing.created" | "thing.updated" => assert_eq!(live.get(**id), Some(after), "{event}"),
            "thing.deleted" => {
                trashed += 1;
                assert!(!live.contains_key(**id) && after["deleted_at"].is_string(), "{event}");
            }
            "thing.purged" => assert!(!live.contains_key(**id) && after.is_null(), "{event}"),
            other => panic!("an event of an unknown kind: {other}"),
        }
    }
    assert!(live.keys().all(|id| last.contains_key(id.as_str())), "a resource has no event");
    assert_eq!(count(client, "").await, live.len() as u64, "the counter");
    assert_eq!(count(client, "&filter=name:w").await, live.len() as u64, "the total of a filter");
    assert_eq!(count(client, "&sort=name&filter=attributes.n>=0").await, live.len() as u64, "the total of an index");
    assert_eq!(count(client, "&trashed=true").await, trashed, "the trash");
    acknowledged(memory, &last, &versions);
}

fn acknowledged(memory: &Memory, last: &HashMap<&str, &Value>, versions: &HashMap<&str, i64>) {
    let (told, open) =
        (memory.told.lock().expect("no writer panicked"), memory.open.lock().expect("no writer panicked"));
    assert!(told.len() > 100, "only {} resources were acknowledged", told.len());
    for (id, version) in told.iter() {
        let event = last.get(id.as_str()).unwrap_or_else(|| panic!("{id} was acknowledged and is gone"));
        let uncertain = open.contains_key(id);
        match version {
            None => assert_eq!(event["type"], "thing.purged", "{id} was purged and is back"),
            Some(version) => {
                let found = versions[id.as_str()];
                assert!(found == *version || (uncertain && found == version + 1), "{id}: {version} became {found}");
            }
        }
    }
}

/// Runs writers, and `crash` again and again in the middle of their work; checks everything after each.
async fn survive(sandbox: &Sandbox, rounds: u32, mut crash: impl AsyncFnMut()) {
    define(sandbox, "thing", json!({"n": {"type": "integer", "x-index": true}, "writer": {"type": "integer"}})).await;
    let memory = std::sync::Arc::new(Memory::default());
    for round in 0..rounds {
        memory.stop.store(false, Ordering::Relaxed);
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (client, memory) = ((**sandbox).clone(), memory.clone());
                tokio::spawn(async move { write(client, &memory, u64::from(round) * 100 + writer).await })
            })
            .collect();
        let target = memory.acknowledged.load(Ordering::Relaxed) + BETWEEN + u64::from(round) * 3;
        while memory.acknowledged.load(Ordering::Relaxed) < target {
            assert!(writers.iter().all(|writer| !writer.is_finished()), "a writer ended early");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        crash().await;
        memory.stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await.expect("a writer ran to its end");
        }
        if round % 5 == 4 || round + 1 == rounds {
            whole(sandbox, &memory).await;
        }
    }
}

async fn admin_is_killed(backend: Backend) {
    let sandbox = Sandbox::start_on(backend).await;
    let crash = async || {
        sandbox.kill();
        sandbox.start().await;
    };
    survive(&sandbox, KILLS, crash).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_admin_is_killed_on_sqlite() {
    admin_is_killed(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_admin_is_killed_on_postgres() {
    admin_is_killed(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_postgres_is_killed() {
    let mut server = postgres::Server::start().await;
    let database = server.database().await;
    let sandbox = Sandbox::start_with(Backend::Sqlite, &[("ADMIN_DATABASE", &database.url)]).await;
    let client = (*sandbox).clone();
    let crash = async || {
        server.kill();
        server.restart().await;
        // Admin finds the way back by itself.
        crate::acts::eventually("a write after the crash", async || {
            let (status, _) = client.post_json("/v3/things?dry_run=true", &json!({"name": "w"})).await;
            (status == 200).then_some(())
        })
        .await;
    };
    survive(&sandbox, KILLS_OF_POSTGRES, crash).await;
    assert!(sandbox.running(), "Admin ended with its database");
}
