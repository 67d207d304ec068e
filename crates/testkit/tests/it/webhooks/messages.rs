//! What is sent, and which events are.

use super::*;

story!(an_event_arrives_as_a_message, &[HERE], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    workspace(sandbox, "before", "eu").await;
    let more = json!({"headers": {"X-Team": "blue"}, "authorization": "Bearer very-secret-4711"});
    let hook = webhook(sandbox, &sink.at("/hook"), more).await;
    let made = workspace(sandbox, "berlin", "eu").await;

    // Nothing is sent of what happened before.
    let message = sink.wait("/hook", 1).await.remove(0);
    let event = get(sandbox, &format!("/v3/events/{}", message.id())).await["data"].clone();
    assert_eq!(event["resource"]["id"], made);
    assert_eq!(message.json(), json!({"type": "workspace.created", "timestamp": event["at"], "data": event}));
    for (header, value) in [
        ("content-type", "application/json"),
        ("x-team", "blue"),
        ("authorization", "Bearer very-secret-4711"),
        ("ce-specversion", "1.0"),
        ("ce-id", message.id()),
        ("ce-type", "workspace.created"),
        ("ce-subject", &made),
        ("ce-time", event["at"].as_str().expect("a time")),
    ] {
        assert_eq!(message.header(header), value, "{header}: {:?}", message.headers);
    }
    assert!(message.header("ce-source").contains("/orgs/org_"), "{:?}", message.headers);

    let delivery = delivery(sandbox, &hook, message.id(), "delivered").await;
    let attempt = &delivery["attempts"][0];
    assert_eq!((&delivery["tries"], &attempt["number"], &attempt["status"]), (&json!(1), &json!(1), &json!(200)));
    assert_eq!(attempt["details"]["request"]["headers"]["authorization"], "***");
    assert_eq!(attempt["details"]["request"]["headers"]["x-team"], "blue");
    assert!(attempt["details"]["timing_ms"]["total"].as_f64().expect("a time") > 0.0, "{attempt}");
    // What is secret is shown nowhere.
    for surface in [path(&hook), of(&hook, "deliveries"), of(&hook, "health"), "/v3/events?limit=200".into()] {
        let text = get(sandbox, &surface).await.to_string();
        assert!(!text.contains("very-secret-4711"), "{surface}: {text}");
    }
    let (text, log) = (secret(sandbox, &hook).await, sandbox.log());
    assert!(!log.contains("very-secret-4711") && !log.contains(&text), "{log}");
});

story!(kinds_and_a_filter_choose, &[HERE], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    let make = async |path: &str, more: Value| webhook(sandbox, &sink.at(path), more).await;
    make("/created", json!({"events": ["workspace.created", "workspace.purged"]})).await;
    make("/eu", json!({"filter": "attributes.region = \"eu\""})).await;
    make("/all", json!({"events": ["*"]})).await;
    let berlin = workspace(sandbox, "berlin", "eu").await;
    let boston = workspace(sandbox, "boston", "us").await;
    assert_eq!(sandbox.patch_json(&path(&boston), &json!({"attributes": {"region": "eu"}})).await.0, 200);
    assert_eq!(sandbox.delete_json(&format!("{}?purge=true", path(&berlin))).await.0, 200);
    let last = define(sandbox, "thing", json!({})).await;
    sink.until("the last event", |sink| {
        let about = |message: &Message| message.json()["data"]["resource"]["id"] == json!(last);
        sink.messages("/all").iter().any(about).then_some(())
    })
    .await;
    let kinds = |messages: Vec<Message>| {
        let mut kinds: Vec<_> = messages.iter().map(|message| message.header("ce-type").to_owned()).collect();
        kinds.sort();
        kinds
    };
    assert_eq!(kinds(sink.wait("/created", 3).await), ["workspace.created", "workspace.created", "workspace.purged"]);
    assert_eq!(kinds(sink.wait("/eu", 3).await), ["workspace.created", "workspace.purged", "workspace.updated"]);
    assert!(kinds(sink.messages("/all")).contains(&"type.created".to_owned()));
});

story!(a_thin_message_says_which_resource_alone, &[HERE], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    webhook(sandbox, &sink.at("/hook"), json!({"payload": "thin"})).await;
    let made = workspace(sandbox, "berlin", "eu").await;
    let body = sink.wait("/hook", 1).await[0].json();
    let resource = json!({"type": "workspace", "id": made, "version": 1});
    assert_eq!(body["data"], json!({"id": body["data"]["id"], "seq": body["data"]["seq"], "resource": resource}));
    assert!(!body.to_string().contains("berlin"), "{body}");
});

story!(what_could_never_work_is_refused, &[HERE], async |sandbox: &Sandbox| {
    define_workspace(sandbox).await;
    let (url, kinds) = ("https://example.org/hook", json!(["workspace.*"]));
    for (attributes, pointer) in [
        (json!({"url": url, "events": ["nothing.created"]}), "/attributes/events"),
        (json!({"url": url, "events": ["workspace"]}), "/attributes/events"),
        (json!({"url": url, "events": []}), "/attributes/events"),
        (json!({"url": url, "events": kinds, "filter": "attributes.nothing = 1"}), "/attributes/filter"),
        (json!({"url": url, "events": kinds, "filter": "("}), "/attributes/filter"),
        (json!({"url": url, "events": kinds, "headers": {"Host": "x"}}), "/attributes/headers/Host"),
        (json!({"url": url, "events": kinds, "headers": {"Authorization": "x"}}), "/attributes/headers/Authorization"),
        (json!({"url": url, "events": kinds, "headers": {"Webhook-Id": "x"}}), "/attributes/headers/Webhook-Id"),
        (json!({"url": url, "events": kinds, "headers": {"CE-Id": "x"}}), "/attributes/headers/CE-Id"),
        (json!({"url": url, "events": kinds, "headers": {"X-A": "a\r\nX-B: b"}}), "/attributes/headers/X-A"),
        (json!({"url": url, "events": kinds, "headers": {"Expect": "100-continue"}}), "/attributes/headers/Expect"),
        (json!({"url": url, "events": kinds, "headers": {"X-A": "a", "x-a": "b"}}), "/attributes/headers/X-A"),
        (json!({"url": url, "events": ["workspace.exploded"]}), "/attributes/events"),
        (json!({"url": url, "events": ["workspace.signed_in"]}), "/attributes/events"),
        (json!({"url": url, "events": kinds, "authorization": "a\r\nX-B: b"}), "/attributes/authorization"),
        (json!({"url": url, "events": kinds, "acts_as": "usr_01h455vb4pex5vsknk084sn02q"}), "/attributes/acts_as"),
        (json!({"url": url, "events": kinds, "rate_limit": 0}), "/attributes/rate_limit"),
        (json!({"events": kinds}), "/attributes/url"),
    ] {
        let document = json!({"name": "hook", "attributes": attributes});
        let answer = sandbox.post_json("/v3/webhooks", &document).await;
        refused(&answer, 422, "validation_failed");
        assert!(pointers(&answer.1).iter().any(|at| at.starts_with(pointer)), "{attributes}: {}", answer.1);
    }
});
