//! Which webhooks an event is for, where many want different things.

use super::*;

/// All but an owner see what is in one region.
const ONE_REGION: &str = r#"forbid (principal, action == Action::"workspace.read", resource)
    unless { principal in role::"owner" || resource.attributes.region == "eu" };"#;

story!(each_event_finds_its_webhooks_among_many, &[HERE], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    let mut of = type_named("workspace", &json!({"region": {"type": "string"}, "seats": {"type": "integer"}}));
    of["attributes"]["schema"]["required"] = json!(["region"]);
    create(sandbox, &of).await;
    policy(sandbox, "region", ONE_REGION).await;
    let parent = add(sandbox, "workspace", "parent", json!({"region": "eu"})).await;
    let (viewer, _) = user(sandbox, "vera", json!({"roles": ["viewer"]})).await;
    // What each wants, and which of the five events below that is.
    let wishes = [
        (json!({}), "12345"),
        (json!({"events": ["*"], "filter": "type = workspace"}), "12345"),
        (json!({"acts_as": viewer}), "1"),
        (json!({"filter": "attributes.region = \"eu\""}), "1"),
        (json!({"filter": "attributes.region = \"us\" AND status = active"}), "2345"),
        (json!({"filter": "attributes.region != \"eu\""}), "2345"),
        (json!({"filter": "attributes.region = \"us\" OR attributes.seats = 5"}), "12345"),
        (json!({"filter": "attributes.seats = 5"}), "13"),
        (json!({"filter": "attributes.seats = null"}), "245"),
        (json!({"filter": "labels.team = \"blue\""}), "1345"),
        (json!({"filter": format!("parent = {parent}")}), "1345"),
        (json!({"events": ["workspace.purged"], "filter": "name = \"berlin\""}), "5"),
        (json!({"events": ["role.*"]}), ""),
    ];
    let mut hooks = vec![];
    for (more, wanted) in &wishes {
        hooks.push((webhook(sandbox, &sink.at(&format!("/{}", hooks.len())), more.clone()).await, more, wanted));
    }
    let attributes = json!({"region": "eu", "seats": 5});
    let berlin = json!({"type": "workspace", "name": "berlin", "attributes": attributes, "labels": {"team": "blue"},
        "parent": parent});
    let berlin = create(sandbox, &berlin).await;
    add(sandbox, "workspace", "boston", json!({"region": "us"})).await;
    // It moves from one value to another, and is gone.
    for attributes in [json!({"region": "us"}), json!({"seats": null})] {
        assert_eq!(sandbox.patch_json(&path(&berlin), &json!({"attributes": attributes})).await.0, 200);
    }
    assert_eq!(sandbox.delete_json(&format!("{}?purge=true", path(&berlin))).await.0, 200);

    let all = sink.wait("/0", 5).await;
    let mut numbers: Vec<_> = all.iter().filter_map(|message| message.json()["data"]["seq"].as_i64()).collect();
    numbers.sort();
    for (hook, more, wanted) in hooks {
        let found: String = deliveries(sandbox, &hook)
            .await
            .iter()
            .rev()
            .map(|one| {
                let place = numbers.iter().position(|number| one["seq"] == *number);
                place.map_or("?".to_owned(), |place| (place + 1).to_string())
            })
            .collect();
        assert_eq!(found, **wanted, "{more}");
    }
    // What somebody may see from now on, their webhook is sent.
    assert_eq!(sandbox.patch_json(&path(&viewer), &json!({"attributes": {"roles": ["owner"]}})).await.0, 200);
    add(sandbox, "workspace", "bremen", json!({"region": "us"})).await;
    assert_eq!(names(&sink.wait("/2", 2).await)[1], "bremen");
});
