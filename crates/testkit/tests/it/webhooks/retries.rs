//! What does not arrive is sent again, as the schedule and the endpoint say, until it arrives or has failed for good.

use std::time::{Duration, Instant};

use super::*;

const IN_SECONDS: (&str, &str) = ("ADMIN_WEBHOOK_SCHEDULE", "0s,1s,1s,1s");

story!(it_is_sent_again_until_it_arrives, &[HERE, IN_SECONDS], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    let hook = webhook(sandbox, &sink.at("/hook"), json!({})).await;
    let long = "é".repeat(5000);
    let elsewhere = Answer::status(302).header("location", &sink.at("/elsewhere"));
    sink.first("/hook", vec![Answer::status(500).body(&long), elsewhere, Answer::status(200).body("thanks")]);
    workspace(sandbox, "berlin", "eu").await;
    let messages = sink.wait("/hook", 3).await;
    for pair in messages.windows(2) {
        assert_eq!((pair[0].id(), &pair[0].body), (pair[1].id(), &pair[1].body));
        let waited = pair[1].at - pair[0].at;
        assert!(waited >= Duration::from_millis(850), "{waited:?}");
    }
    let done = delivery(sandbox, &hook, messages[0].id(), "delivered").await;
    let attempts = done["attempts"].as_array().expect("tries");
    let statuses: Vec<_> = attempts.iter().map(|one| (one["number"].clone(), one["status"].clone())).collect();
    assert_eq!(json!(statuses), json!([[3, 200], [2, 302], [1, 500]]));
    assert!(attempts[1]["failure"].as_str().expect("a failure").contains("redirections are not followed"));
    let response = &attempts[2]["details"]["response"];
    let kept = response["body"].as_str().expect("a body");
    assert!(response["truncated"] == true && kept.len() <= 4096 + 3 && kept.len() >= 4090, "{}", kept.len());
    assert_eq!(attempts[0]["details"]["response"]["body"], "thanks");
    assert_eq!(sink.messages("/elsewhere").len(), 0);
});

story!(a_pause_that_is_asked_for_is_kept, &[HERE, QUICK], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    webhook(sandbox, &sink.at("/hook"), json!({})).await;
    sink.first("/hook", vec![Answer::status(503).header("retry-after", "2")]);
    workspace(sandbox, "one", "eu").await;
    sink.wait("/hook", 1).await;
    // It holds for the whole endpoint.
    workspace(sandbox, "two", "eu").await;
    let messages = sink.wait("/hook", 3).await;
    let waited = messages[1].at - messages[0].at;
    assert!(waited >= Duration::from_millis(1900), "{waited:?}");
});

story!(nobody_asks_for_more_than_a_day, &[HERE, QUICK], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    let hook = webhook(sandbox, &sink.at("/hook"), json!({})).await;
    sink.always("/hook", Answer::status(429).header("retry-after", "99999999"));
    let event = event_of(sandbox, &workspace(sandbox, "one", "eu").await).await;
    let wait = eventually("a try", async || {
        let (_, body) = sandbox.get_json(&of(&hook, &format!("deliveries/{event}"))).await;
        let tried = Some(body["data"].clone()).filter(|delivery| delivery["tries"] == 1)?;
        let time = |value: &Value| Some(admin_types::Timestamp::parse(value.as_str()?)?.0);
        Some(time(&tried["next_try_at"])? - time(&tried["attempts"][0]["at"])?)
    });
    let hours = wait.await / 3_600_000_000;
    assert!((23..=24).contains(&hours), "{hours}");
});

story!(no_more_is_sent_than_the_rate_limit_says, &[HERE], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    webhook(sandbox, &sink.at("/slow"), json!({"rate_limit": 5})).await;
    webhook(sandbox, &sink.at("/fast"), json!({})).await;
    let wishes: Vec<_> =
        (0..16).map(|n| json!({"type": "workspace", "name": format!("w{n}"), "attributes": {}})).collect();
    let (start, pause) = (Instant::now(), Duration::from_millis(200));
    import(sandbox, "/v3/resources:import", ndjson(&wishes)).await;
    let (slow, fast) = (sink.wait("/slow", 16).await, sink.wait("/fast", 16).await);
    for (message, number) in slow.iter().zip(0..) {
        let after = message.at - start;
        assert!(after >= pause * number, "{number}: {after:?}");
    }
    // Nothing is made up for in a burst: now and then one comes late, and the next one soon after it.
    let mut gaps: Vec<_> = slow.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    gaps.sort();
    assert!(gaps[gaps.len() / 2] >= pause * 3 / 4, "{gaps:?}");
    assert!(fast[15].at < slow[15].at);
});

story!(an_endpoint_that_is_gone_disables_its_webhook, &[HERE, QUICK], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    let hook = webhook(sandbox, &sink.at("/hook"), json!({})).await;
    sink.always("/hook", Answer::status(410));
    let made = workspace(sandbox, "one", "eu").await;
    eventually("the end of the webhook", async || {
        (get(sandbox, &path(&hook)).await["data"]["status"] == "disabled").then_some(())
    })
    .await;
    let events = query(sandbox, "/v3/events", &[("type", "webhook.disabled")]).await;
    assert_eq!(
        (events["data"].as_array().map(Vec::len), &events["data"][0]["resource"]["id"]),
        (Some(1), &json!(hook))
    );
    delivery(sandbox, &hook, &event_of(sandbox, &made).await, "failed").await;
    workspace(sandbox, "two", "eu").await;
    refused(&sandbox.post_json(&of(&hook, "test"), &json!({})).await, 409, "webhook_disabled");
    refused(&sandbox.post_json(&of(&hook, "replay"), &json!({"failed": true})).await, 409, "webhook_disabled");
    // Active again, it is sent what happens from now on, and on request what it missed.
    sink.always("/hook", Answer::status(200));
    assert_eq!(sandbox.patch_json(&path(&hook), &json!({"status": "active"})).await.0, 200);
    workspace(sandbox, "three", "eu").await;
    assert_eq!(names(&sink.wait("/hook", 2).await), ["one", "three"]);
    let (status, body) = sandbox.post_json(&of(&hook, "replay"), &json!({"failed": true})).await;
    assert_eq!((status, &body["data"]["events"]), (200, &json!(1)), "{body}");
    assert_eq!(names(&sink.wait("/hook", 3).await), ["one", "three", "one"]);
    assert_eq!(deliveries(sandbox, &hook).await.len(), 2);
});

story!(what_failed_is_sent_once_more, &[HERE, ("ADMIN_WEBHOOK_SCHEDULE", "0s,0s")], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    let hook = webhook(sandbox, &sink.at("/hook"), json!({})).await;
    workspace(sandbox, "good", "eu").await;
    let good = sink.wait("/hook", 1).await[0].id().to_owned();
    sink.always("/hook", Answer::status(500));
    let bad = event_of(sandbox, &workspace(sandbox, "bad", "eu").await).await;
    let failed = delivery(sandbox, &hook, &bad, "failed").await;
    assert_eq!(
        (&failed["tries"], &failed["reason"], &failed["next_try_at"]),
        (&json!(2), &json!("answered 500"), &Value::Null)
    );
    sink.always("/hook", Answer::status(200));
    let since = get(sandbox, &format!("/v3/events/{good}")).await["data"]["at"].clone();
    let mut before = sink.messages("/hook").len();
    for (wish, sent) in [
        (json!({"failed": true}), vec!["bad"]),
        (json!({"events": [good]}), vec!["good"]),
        (json!({"since": since}), vec!["bad", "good"]),
        (json!({"since": since, "until": since}), vec![]),
        (json!({"failed": true}), vec![]),
    ] {
        // What a dry run counts is what is then sent, and it sends nothing.
        for query in ["replay?dry_run=true", "replay"] {
            assert_eq!(sink.messages("/hook").len(), before);
            let (status, body) = sandbox.post_json(&of(&hook, query), &wish).await;
            assert_eq!((status, &body["data"]["events"]), (200, &json!(sent.len())), "{wish}: {body}");
        }
        let messages = sink.wait("/hook", before + sent.len()).await;
        let mut names = names(&messages[before..]);
        names.sort();
        assert_eq!(names, sent, "{wish}");
        before = messages.len();
        for event in [&good, &bad] {
            delivery(sandbox, &hook, event, "delivered").await;
        }
    }
    for (wish, pointer) in [
        (json!({"events": [good, good]}), "/events/1"),
        (json!({"events": []}), "/events"),
        (json!({"events": ["evt_01h455vb4pex5vsknk084sn02q"]}), "/events/0"),
        (json!({"failed": false}), ""),
        (json!({"failed": true, "since": since}), ""),
        (json!({"until": since}), ""),
        (json!({"since": "yesterday"}), "/since"),
    ] {
        let answer = sandbox.post_json(&of(&hook, "replay"), &wish).await;
        refused(&answer, 422, "validation_failed");
        assert_eq!(pointers(&answer.1), [pointer], "{wish}");
    }
    // With the webhook its deliveries go.
    assert_eq!(sandbox.delete_json(&format!("{}?purge=true", path(&hook))).await.0, 200);
    refused(&sandbox.get_json(&of(&hook, "deliveries")).await, 404, "not_found");
    refused(&sandbox.post_json(&of(&hook, "test"), &json!({})).await, 404, "not_found");
});

story!(a_test_does_not_wait_for_what_waits, &[HERE, ("ADMIN_WEBHOOK_SCHEDULE", "0s,1h")], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    let hook = webhook(sandbox, &sink.at("/hook"), json!({})).await;
    sink.always("/hook", Answer::status(503).header("retry-after", "3600"));
    for n in 0..3 {
        workspace(sandbox, &format!("w{n}"), "eu").await;
    }
    sink.wait("/hook", 1).await;
    let (status, tested) = sandbox.post_json(&of(&hook, "test"), &json!({})).await;
    assert_eq!((status, &tested["data"]["state"]), (200, &json!("failed")), "{tested}");
    assert_eq!(tested["data"]["attempts"][0]["status"], 503);
    sink.always("/hook", Answer::status(200));
    let (_, tested) = sandbox.post_json(&of(&hook, "test"), &json!({"type": "workspace.created"})).await;
    assert_eq!(tested["data"]["state"], "delivered", "{tested}");
    let of_kind =
        |message: &Message| message.header("ce-type") == "workspace.created" && message.id().starts_with("tst_");
    assert!(sink.messages("/hook").iter().any(of_kind));
    let (_, none) = sandbox.post_json(&of(&hook, "test"), &json!({"type": "workspace.purged"})).await;
    assert_eq!(none["data"]["state"], "skipped", "{none}");
    refused(&sandbox.post_json(&of(&hook, "test"), &json!({"type": "workspace"})).await, 422, "validation_failed");
    let (status, dry) = sandbox.post_json(&of(&hook, "test?dry_run=true"), &json!({})).await;
    assert_eq!((status, &dry["data"]["state"]), (200, &json!("waiting")), "{dry}");
});

story!(an_endpoint_that_hangs_delays_no_other, &[HERE, ("ADMIN_WEBHOOK_SCHEDULE", "0s")], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    let hook = webhook(sandbox, &sink.at("/hangs"), json!({})).await;
    webhook(sandbox, &sink.at("/good"), json!({})).await;
    sink.always("/hangs", Answer::hang());
    let made = workspace(sandbox, "w0", "eu").await;
    sink.wait("/hangs", 1).await;
    for n in 1..20 {
        workspace(sandbox, &format!("w{n}"), "eu").await;
    }
    let good = sink.wait("/good", 20).await;
    let hung = sink.messages("/hangs");
    assert!(good[19].at - hung[0].at < Duration::from_secs(14) && hung.len() == 1, "{}", hung.len());
    let failed = delivery(sandbox, &hook, &event_of(sandbox, &made).await, "failed").await;
    let attempt = &failed["attempts"][0];
    let total = attempt["details"]["timing_ms"]["total"].as_f64().expect("a time");
    assert!((14_000.0..40_000.0).contains(&total) && attempt["status"].is_null(), "{attempt}");
    assert!(attempt["failure"].as_str().expect("a failure").contains("time"), "{attempt}");
});
