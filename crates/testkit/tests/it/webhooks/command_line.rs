//! `admin listen`, `admin trigger`, `admin webhooks`, `admin events tail`: webhooks and events on the command line.

use std::io::{BufRead, BufReader, Read};
use std::process::Child;

use super::verified::verified_by_python;
use super::*;

/// A command that runs until the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The next line; the thread waits for it.
fn next_line(reader: &mut BufReader<impl Read>) -> String {
    let mut line = String::new();
    tokio::task::block_in_place(|| reader.read_line(&mut line)).expect("a line");
    line.trim_end().to_owned()
}

fn own(message: &Message) -> Vec<(String, String)> {
    let wanted = |name: &&String| name.starts_with("ce-") || *name == "webhook-id" || *name == "content-type";
    let mut all: Vec<_> = message.headers.iter().filter(|(name, _)| wanted(name)).collect();
    all.sort();
    all.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

story!(events_are_sent_to_this_machine_as_a_webhook_would, &[HERE], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    workspace(sandbox, "before", "eu").await;
    webhook(sandbox, &sink.at("/webhook"), json!({})).await;
    let to = sink.at("/here");
    let filter = "attributes.region = \"eu\"";
    let wanted = ["listen", "--forward-to", &to, "--type", "workspace.created", "--filter", filter];
    let mut listening = Running(sandbox.spawn_cli(&wanted));
    let mut said = BufReader::new(listening.0.stdout.take().expect("its output"));
    let first = next_line(&mut said);
    let secret = first.rsplit_once(' ').expect("a secret").1.to_owned();
    assert!(secret.starts_with("whsec_") && first.contains(&to), "{first}");

    workspace(sandbox, "boston", "us").await;
    let made = workspace(sandbox, "berlin", "eu").await;
    let here = sink.wait("/here", 1).await.remove(0);
    assert_eq!(here.header("ce-subject"), made);
    let by_webhook = sink.until("the same by the webhook", |sink| {
        sink.messages("/webhook").into_iter().find(|message| message.id() == here.id())
    });
    let by_webhook = by_webhook.await;
    assert_eq!((own(&here), here.json()), (own(&by_webhook), by_webhook.json()));
    let body = String::from_utf8(here.body.clone()).expect("UTF-8");
    verified_by_python(&json!([{"headers": here.headers, "body": body, "secrets": [&secret]}]));
    let line = next_line(&mut said);
    assert!(line.contains(here.id()) && line.contains("  200  ") && line.ends_with(" ms"), "{line}");

    // What does not arrive is told; and when the server was away, nothing is left out.
    sink.always("/here", Answer::status(500));
    sandbox.kill();
    sandbox.start().await;
    workspace(sandbox, "after", "eu").await;
    assert_eq!(names(&sink.wait("/here", 2).await), ["berlin", "after"]);
    assert!(next_line(&mut said).contains("  500  "));
    for (to, secret, wrong) in [
        (&*to, "whsec_short", "--secret"),
        ("nowhere", &*secret, "--forward-to"),
        ("ftp://localhost/hook", &*secret, "--forward-to"),
    ] {
        let output = sandbox.try_cli(&["listen", "--forward-to", to, "--secret", secret]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(wrong), "{told}");
    }
});

story!(a_webhook_is_triggered_and_events_are_shown, &[HERE], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    let hook = webhook(sandbox, &sink.at("/hook"), json!({})).await;
    let mut tail = Running(sandbox.spawn_cli(&["events", "tail", "--json", "--type", "workspace.*"]));
    let mut notes = BufReader::new(tail.0.stderr.take().expect("its notes"));
    assert!(next_line(&mut notes).contains("Waiting"));
    let made = workspace(sandbox, "berlin", "eu").await;
    let shown: Value = serde_json::from_str(&next_line(&mut BufReader::new(tail.0.stdout.take().expect("its output"))))
        .expect("an event");
    assert_eq!((&shown["type"], &shown["resource"]["id"]), (&json!("workspace.created"), &json!(made)));

    sink.always("/hook", Answer::status(202).body("thanks"));
    let said = sandbox.cli(&["trigger", "workspace.created", "--webhook", &hook]);
    assert!(said.contains("workspace.created  202") && said.contains("thanks"), "{said}");
    // A terminal obeys nothing of what the endpoint answers.
    sink.always("/hook", Answer::status(202).body("\u{1b}[2Jowned\u{202e}\nonce"));
    let said = sandbox.cli(&["trigger", "webhook.test", "--webhook", &hook]);
    assert!(said.ends_with("\u{fffd}[2Jowned\u{fffd}\nonce\n"), "{said:?}");
    sink.always("/hook", Answer::status(500));
    let output = sandbox.try_cli(&["trigger", "webhook.test", "--webhook", &hook]);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("answered 500"), "{output:?}");
});

story!(
    deliveries_are_shown_and_sent_once_more,
    &[HERE, ("ADMIN_WEBHOOK_SCHEDULE", "0s")],
    async |sandbox: &Sandbox| {
        let sink = Sink::start().await;
        define_workspace(sandbox).await;
        let hook = webhook(sandbox, &sink.at("/hook"), json!({})).await;
        let good = event_of(sandbox, &workspace(sandbox, "good", "eu").await).await;
        delivery(sandbox, &hook, &good, "delivered").await;
        sink.always("/hook", Answer::status(503).body("later\nplease"));
        let bad = event_of(sandbox, &workspace(sandbox, "bad", "eu").await).await;
        delivery(sandbox, &hook, &bad, "failed").await;

        let said = sandbox.cli(&["webhooks", "deliveries", &hook]);
        let lines: Vec<_> = said.lines().collect();
        assert!(lines.len() == 2 && lines[0].contains(&bad) && lines[1].contains(&good), "{said}");
        assert!(lines[0].contains("  failed  ") && lines[0].ends_with("answered 503"), "{said}");
        let failed = sandbox.cli(&["webhooks", "deliveries", &hook, "--state", "failed", "--json"]);
        let failed: Value = serde_json::from_str(&failed).expect("JSON");
        assert_eq!(failed, get(sandbox, &of(&hook, "deliveries?state=failed")).await["data"]);
        let one = sandbox.cli(&["webhooks", "deliveries", &hook, &bad]);
        assert!(one.contains("  503  ") && one.contains("\n    later\n    please"), "{one}");

        sink.always("/hook", Answer::status(200));
        let replay = |more: &[&str]| sandbox.cli(&[&["webhooks", "replay", &hook], more].concat());
        assert_eq!(replay(&["--failed", "--dry-run"]).trim(), "1 events would be sent once more");
        assert_eq!(sink.messages("/hook").len(), 2);
        assert_eq!(replay(&["--failed"]).trim(), "1 events are sent once more");
        assert_eq!(names(&sink.wait("/hook", 3).await), ["good", "bad", "bad"]);
        assert_eq!(replay(&[&good]).trim(), "1 events are sent once more");
        assert_eq!(names(&sink.wait("/hook", 4).await)[3], "good");
        assert_eq!(
            replay(&["--since", "2020-01-01T00:00:00Z", "--until", "2020-01-02T00:00:00Z", "--json"]).trim(),
            r#"{"events":0}"#
        );
        for (wrong, told) in [
            (vec!["replay", &hook], "--failed, or --since"),
            (vec!["replay", &hook, &good, "--failed"], "cannot be used"),
            (vec!["replay", &hook, "--until", "2020-01-01T00:00:00Z"], "--since"),
            (vec!["replay", &hook, "--since", "yesterday"], "must be a time"),
            (vec!["deliveries", "whk_01h455vb4pex5vsknk084sn02q"], "404"),
            (vec!["deliveries", &hook, "--state", "lost"], "waiting"),
        ] {
            let output = sandbox.try_cli(&[&["webhooks"], &wrong[..]].concat());
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success() && text.contains(told), "{wrong:?}: {text}");
        }
    }
);
