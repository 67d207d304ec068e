//! What is sent is what the webhook's own principal may see, when it is sent.

use super::*;

const LIMITS: &str = r#"forbid (principal, action == Action::"workspace.read", resource)
    unless { principal in role::"owner" || resource.attributes.region == "eu" };
    @fields("attributes.notes")
    forbid (principal, action == Action::"workspace.read", resource) unless { principal in role::"owner" };"#;

async fn workspaces(sandbox: &Sandbox) {
    let mut of = type_named("workspace", &json!({"region": {"type": "string"}, "notes": {"type": "string"}}));
    of["attributes"]["schema"]["required"] = json!(["region"]);
    create(sandbox, &of).await;
}

story!(rows_and_fields_that_it_may_not_see_are_not_sent, &[HERE], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    workspaces(sandbox).await;
    policy(sandbox, "limits", LIMITS).await;
    let (viewer, _) = user(sandbox, "vera", json!({"roles": ["viewer"]})).await;
    webhook(sandbox, &sink.at("/vera"), json!({"acts_as": viewer})).await;
    webhook(sandbox, &sink.at("/owner"), json!({})).await;
    workspace(sandbox, "boston", "us").await;
    workspace(sandbox, "berlin", "eu").await;
    let all = sink.wait("/owner", 2).await;
    assert!(all.iter().all(|message| message.json()["data"]["after"]["attributes"]["notes"] == "n"));
    let seen = sink.wait("/vera", 1).await;
    assert_eq!(names(&seen), ["berlin"]);
    assert_eq!(seen[0].json()["data"]["after"]["attributes"], json!({"region": "eu"}));
});

story!(
    what_may_not_be_seen_any_more_is_not_sent,
    &[HERE, ("ADMIN_WEBHOOK_SCHEDULE", "0s,2s")],
    async |sandbox: &Sandbox| {
        let sink = Sink::start().await;
        workspaces(sandbox).await;
        let (viewer, _) = user(sandbox, "vera", json!({"roles": ["viewer"]})).await;
        let hook = webhook(sandbox, &sink.at("/vera"), json!({"acts_as": viewer})).await;
        sink.always("/vera", Answer::status(500));
        let boston = workspace(sandbox, "boston", "us").await;
        sink.wait("/vera", 1).await;
        policy(sandbox, "limits", LIMITS).await;
        sink.always("/vera", Answer::status(200));
        let event = event_of(sandbox, &boston).await;
        let skipped = delivery(sandbox, &hook, &event, "skipped").await;
        assert!(skipped["reason"].as_str().expect("a reason").contains("may not be seen"), "{skipped}");
        assert_eq!(sink.messages("/vera").len(), 1);
    }
);

story!(who_is_disabled_or_gone_is_sent_nothing, &[HERE, QUICK], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    workspaces(sandbox).await;
    let (first, _) = user(sandbox, "first", json!({"roles": ["viewer"]})).await;
    let (second, _) = user(sandbox, "second", json!({"roles": ["viewer"]})).await;
    let hooks = [
        webhook(sandbox, &sink.at("/first"), json!({"acts_as": first})).await,
        webhook(sandbox, &sink.at("/second"), json!({"acts_as": second})).await,
    ];
    webhook(sandbox, &sink.at("/owner"), json!({})).await;
    workspace(sandbox, "one", "eu").await;
    for path in ["/first", "/second", "/owner"] {
        sink.wait(path, 1).await;
    }
    assert_eq!(sandbox.patch_json(&path(&first), &json!({"status": "disabled"})).await.0, 200);
    assert_eq!(sandbox.delete_json(&format!("{}?purge=true", path(&second))).await.0, 200);
    workspace(sandbox, "two", "eu").await;
    sink.wait("/owner", 2).await;
    for hook in &hooks {
        let health = get(sandbox, &of(hook, "health")).await["data"].clone();
        assert!(health["problem"].is_string() && health["active"] == false, "{health}");
        refused(&sandbox.post_json(&of(hook, "replay"), &json!({"failed": true})).await, 409, "webhook_blind");
        refused(&sandbox.post_json(&of(hook, "test"), &json!({})).await, 409, "webhook_blind");
    }
    // Whoever is active again sees again.
    assert_eq!(sandbox.patch_json(&path(&first), &json!({"status": "active"})).await.0, 200);
    workspace(sandbox, "three", "eu").await;
    sink.wait("/owner", 3).await;
    assert_eq!(names(&sink.wait("/first", 2).await), ["one", "three"]);
    assert_eq!(sink.messages("/second").len(), 1);
    assert_eq!(get(sandbox, &of(&hooks[0], "health")).await["data"]["problem"], Value::Null);
});
