//! Admin is killed at any moment: nothing is lost, and what is sent again is known by its `webhook-id`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use admin_testkit::{Backend, postgres};

use super::*;

const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
/// Kills of one story, and what is made between two.
const KILLS: u64 = 4;
const BETWEEN: u64 = 30;

/// The ids of all events of workspaces that there are.
async fn all_events(client: &Client) -> BTreeSet<String> {
    let (mut all, mut cursor) = (BTreeSet::new(), "0".to_owned());
    loop {
        let page = get(client, &format!("/v3/events?type=workspace.*&limit=200&cursor={cursor}")).await;
        all.extend(page["data"].as_array().expect("events").iter().map(id));
        match page["pagination"]["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return all,
        }
    }
}

/// Waits until every event has come, and holds that no id stands for two bodies.
async fn all_came(sink: &Sink, path: &str, events: &BTreeSet<String>) {
    sink.until("every event", |sink| {
        let came: BTreeSet<String> = sink.messages(path).iter().map(|message| message.id().to_owned()).collect();
        assert!(came.is_subset(events), "what never happened was sent");
        (came == *events).then_some(())
    })
    .await;
    let mut bodies: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for message in sink.messages(path) {
        assert_eq!(*bodies.entry(message.id().to_owned()).or_insert(message.body.clone()), message.body);
    }
}

story!(what_was_accepted_is_sent_after_a_crash, &[HERE], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    webhook(sandbox, &sink.at("/hook"), json!({})).await;
    for n in 0..3 {
        // Accepted, and perhaps not even looked at; or under way, and not answered.
        sink.always("/hook", if n % 2 == 0 { Answer::hang() } else { Answer::status(200) });
        workspace(sandbox, &format!("w{n}"), "eu").await;
        if n == 2 {
            sink.until("a message under way", |sink| (!sink.messages("/hook").is_empty()).then_some(())).await;
        }
        sandbox.kill();
        sink.always("/hook", Answer::status(200));
        sandbox.start().await;
        all_came(&sink, "/hook", &all_events(sandbox).await).await;
    }
});

story!(killed_again_and_again_nothing_is_lost, &[HERE, QUICK], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    webhook(sandbox, &sink.at("/none"), json!({})).await;
    webhook(sandbox, &sink.at("/fifo"), json!({"order": "fifo"})).await;
    for path in ["/none", "/fifo"] {
        sink.always(path, Answer::status(200).after(Duration::from_millis(3)));
    }
    for seed in 0..KILLS {
        let writing = async {
            for n in 0..BETWEEN {
                let document = json!({"name": format!("w{seed}-{n}"), "attributes": {"region": "eu"}});
                let request = sandbox.request(admin_testkit::Method::POST, "/v3/workspaces").json(&document);
                if request.send().await.is_err() {
                    return;
                }
            }
        };
        // Each time at another place: as soon as so many have come, while others are written and sent.
        let (came, more) = (sink.messages("/none").len(), usize::try_from(seed * 7 % 29).expect("a small number"));
        let killing = async {
            sink.wait("/none", came + more + 1).await;
            sandbox.kill();
        };
        tokio::join!(writing, killing);
        sandbox.start().await;
    }
    let events = all_events(sandbox).await;
    assert!(events.len() > 20, "{}", events.len());
    for path in ["/none", "/fifo"] {
        all_came(&sink, path, &events).await;
    }
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_takes_over() {
    let (database, sink) = (postgres::database().await, Sink::start().await);
    let settings = [("ADMIN_DATABASE", database.url.as_str()), ("ADMIN_MASTER_KEY", KEY), HERE];
    let first = Sandbox::start_with(Backend::Sqlite, &settings).await;
    let second = Sandbox::start_with(Backend::Sqlite, &settings).await;
    define_workspace(&first).await;
    webhook(&first, &sink.at("/hook"), json!({})).await;
    let token = first.owner_token.clone();
    let elsewhere = second.with_token(&token);
    workspace(&elsewhere, "by the second", "eu").await;
    workspace(&first, "by the first", "eu").await;
    all_came(&sink, "/hook", &all_events(&first).await).await;
    assert_eq!(sink.messages("/hook").len(), 2, "one of them delivers");
    // One is killed while a message is under way.
    sink.always("/hook", Answer::hang());
    workspace(&elsewhere, "under way", "eu").await;
    sink.wait("/hook", 3).await;
    first.kill();
    sink.always("/hook", Answer::status(200));
    workspace(&elsewhere, "after it", "eu").await;
    all_came(&sink, "/hook", &all_events(&elsewhere).await).await;
    // And the other, when the first is there again.
    first.start().await;
    second.kill();
    workspace(&first, "alone", "eu").await;
    all_came(&sink, "/hook", &all_events(&first).await).await;
}
