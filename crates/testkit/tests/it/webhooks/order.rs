//! In which order messages come: of a resource in that of its events, if the webhook wants that.

use std::time::Instant;

use super::*;

const LATE: (&str, &str) = ("ADMIN_WEBHOOK_SCHEDULE", "0s,3s,1s");

/// The resource and its version that a message is about.
fn about(message: &Message) -> (String, u64) {
    let resource = message.json()["data"]["resource"].clone();
    (resource["id"].as_str().expect("an id").to_owned(), resource["version"].as_u64().expect("a version"))
}

/// Processor time that the server has used, in hundredths of a second.
fn busy(sandbox: &Sandbox) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", sandbox.id())).expect("a process");
    let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("ticks")).sum()
}

story!(the_order_of_a_resource_is_kept_when_one_fails, &[HERE, LATE], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    webhook(sandbox, &sink.at("/fifo"), json!({"order": "fifo"})).await;
    webhook(sandbox, &sink.at("/none"), json!({})).await;
    let first = workspace(sandbox, "a", "eu").await;
    sink.wait("/fifo", 1).await;
    sink.wait("/none", 1).await;
    // The second version does not arrive at once.
    let failing = first.clone();
    for path in ["/fifo", "/none"] {
        let (failing, failed) = (failing.clone(), std::sync::atomic::AtomicBool::new(false));
        sink.on(path, move |message, _| {
            let fails =
                about(message) == (failing.clone(), 2) && !failed.swap(true, std::sync::atomic::Ordering::Relaxed);
            Answer::status(if fails { 500 } else { 200 })
        });
    }
    for n in 0..3 {
        assert_eq!(sandbox.patch_json(&path(&first), &json!({"name": format!("a{n}")})).await.0, 200);
    }
    let other = workspace(sandbox, "b", "eu").await;
    let versions = |messages: Vec<Message>, of: &str| -> Vec<u64> {
        messages.iter().map(about).filter(|(id, _)| id == of).map(|(_, version)| version).collect()
    };
    // Other resources do not wait, nor does who wants no order.
    sink.wait("/fifo", 3).await;
    let (began, used) = (Instant::now(), busy(sandbox));
    assert_eq!(versions(sink.messages("/fifo"), &other), [1]);
    let in_any_order = |mut versions: Vec<u64>| {
        versions.sort_unstable();
        versions
    };
    assert_eq!(in_any_order(versions(sink.wait("/none", 5).await, &first)), [1, 2, 3, 4]);
    assert_eq!(versions(sink.wait("/fifo", 6).await, &first), [1, 2, 2, 3, 4]);
    assert_eq!(in_any_order(versions(sink.wait("/none", 6).await, &first)), [1, 2, 2, 3, 4]);
    // Nobody looks all the time whether the time has come.
    let share = (busy(sandbox) - used) as f64 / 100.0 / began.elapsed().as_secs_f64();
    assert!(share < 0.5, "it was busy {share} of the time");
});

story!(many_events_keep_their_order, &[HERE, QUICK], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    webhook(sandbox, &sink.at("/fifo"), json!({"order": "fifo"})).await;
    // Every fifth message fails once.
    sink.on("/fifo", |_, before| Answer::status(if before % 5 == 2 { 503 } else { 200 }));
    let mut ids = vec![];
    for n in 0..4 {
        ids.push(workspace(sandbox, &format!("w{n}"), "eu").await);
    }
    for n in 0..10 {
        for id in &ids {
            assert_eq!(sandbox.patch_json(&path(id), &json!({"name": format!("n{n}")})).await.0, 200);
        }
    }
    for id in &ids {
        let last =
            |sink: &Sink| sink.messages("/fifo").iter().any(|message| about(message) == (id.clone(), 11)).then_some(());
        sink.until("the last version", last).await;
        let mut versions: Vec<u64> =
            sink.messages("/fifo").iter().map(about).filter(|(of, _)| of == id).map(|(_, version)| version).collect();
        versions.dedup();
        assert_eq!(versions, (1..=11).collect::<Vec<_>>());
    }
});
