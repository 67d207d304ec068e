//! Who may say what is sent where: nobody gets to see by a webhook what they could not see themselves.

use super::*;

const ABSENT: &str = "whk_01h455vb4pex5vsknk084sn02q";

/// All that there is to ask of a webhook beside the resource; none of it may work.
async fn no_way(client: &Client, webhook: &str, (status, code): (u16, &str), event: &str) {
    for rest in ["deliveries", &format!("deliveries/{event}"), "health", "secrets"] {
        refused(&client.get_json(&of(webhook, rest)).await, status, code);
    }
    for (rest, body) in [("secrets", json!({})), ("test", json!({})), ("replay", json!({"failed": true}))] {
        for dry in ["", "?dry_run=true"] {
            refused(&client.post_json(&of(webhook, &format!("{rest}{dry}")), &body).await, status, code);
        }
    }
    refused(&client.delete_json(&of(webhook, "secrets/sec_01h455vb4pex5vsknk084sn02q")).await, status, code);
    refused(&client.get_json(&path(webhook)).await, status, code);
    refused(&client.patch_json(&path(webhook), &json!({"name": "mine"})).await, status, code);
}

story!(no_webhook_is_a_ladder, &[HERE], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    let more = json!({"authorization": "Bearer very-secret-4711"});
    let hook = webhook(sandbox, &sink.at("/owner"), more).await;
    let owner = get(sandbox, &path(&hook)).await["data"]["attributes"]["acts_as"].as_str().expect("an id").to_owned();
    let (me, ada) = user(sandbox, "ada", json!({"roles": ["admin"]})).await;
    let (vera, _) = user(sandbox, "vera", json!({"roles": ["auditor"]})).await;
    let wish = |acts_as: &str| {
        json!({"type": "webhook", "name": "hers",
            "attributes": {"url": sink.at("/ada"), "events": ["workspace.*"], "acts_as": acts_as}})
    };
    for other in [&owner, &vera] {
        for dry in ["", "?dry_run=true"] {
            let made = ada.post_json(&format!("/v3/resources{dry}"), &wish(other)).await;
            refused(&made, 403, "not_yours_to_give");
            let report = import(&ada, &format!("/v3/resources:import{dry}"), ndjson(&[wish(other)])).await;
            assert_eq!(report["errors"][0]["code"], "not_yours_to_give", "{report}");
        }
    }
    // Nor does she lead an owner's elsewhere, not even as her own: what it keeps secret would go with it.
    for attributes in [
        json!({"url": sink.at("/ada")}),
        json!({"url": sink.at("/ada"), "acts_as": me}),
        json!({"headers": {"x-a": "b"}}),
        json!({"filter": "name = \"x\""}),
        json!({"events": ["*"]}),
    ] {
        let patch = json!({"attributes": attributes});
        refused(&ada.patch_json(&path(&hook), &patch).await, 403, "not_yours_to_give");
        refused(&ada.patch_json(&format!("{}?dry_run=true", path(&hook)), &patch).await, 403, "not_yours_to_give");
    }
    assert_eq!(sandbox.delete_json(&path(&hook)).await.0, 200);
    refused(&ada.post_json(&format!("{}/restore", path(&hook)), &json!({})).await, 403, "not_yours_to_give");
    assert_eq!(sandbox.post_json(&format!("{}/restore", path(&hook)), &json!({})).await.0, 200);
    let own = create(&ada, &wish(&me)).await;
    refused(&ada.patch_json(&path(&own), &json!({"attributes": {"acts_as": owner}})).await, 403, "not_yours_to_give");

    // A key that is limited is not all that its principal is.
    let actions = ["webhook.create", "webhook.read", "webhook.update", "workspace.read"];
    let (status, key) = sandbox.post_json("/v3/api-keys", &json!({"name": "k", "actions": actions})).await;
    assert_eq!(status, 201, "{key}");
    let limited = sandbox.with_token(key["data"]["key"].as_str().expect("a key"));
    refused(&limited.post_json("/v3/resources", &wish(&owner)).await, 403, "not_yours_to_give");
    let elsewhere = json!({"attributes": {"url": sink.at("/ada")}});
    refused(&limited.patch_json(&path(&hook), &elsewhere).await, 403, "not_yours_to_give");
    assert_eq!(get(sandbox, &path(&hook)).await["data"]["attributes"]["url"], sink.at("/owner"));
});

story!(who_may_not_see_webhooks_sees_nothing_of_them, &[HERE], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    let hook = webhook(sandbox, &sink.at("/hook"), json!({})).await;
    let made = workspace(sandbox, "berlin", "eu").await;
    let event = event_of(sandbox, &made).await;
    for role in ["viewer", "editor"] {
        let (_, eve) = user(sandbox, role, json!({"roles": [role]})).await;
        no_way(&eve, &hook, (404, "not_found"), &event).await;
        assert_eq!(total(&eve, "/v3/webhooks").await, 0);
        let text = get(&eve, "/v3/events?limit=200").await.to_string();
        assert!(text.contains("workspace.created") && !text.contains(&hook), "{text}");
        let wish = json!({"name": "hers", "attributes": {"url": sink.at("/eve"), "events": ["workspace.*"]}});
        refused(&eve.post_json("/v3/webhooks", &wish).await, 403, "forbidden");
    }
    no_way(sandbox, ABSENT, (404, "not_found"), &event).await;
    no_way(&sandbox.anonymous(), &hook, (401, "missing_token"), &event).await;
    // Who may read all may see how it goes, and neither the secrets nor send anything.
    let (_, paul) = user(sandbox, "paul", json!({"roles": ["auditor"]})).await;
    for rest in ["deliveries", &format!("deliveries/{event}"), "health"] {
        assert_eq!(paul.get_json(&of(&hook, rest)).await.0, 200, "{rest}");
    }
    refused(&paul.get_json(&of(&hook, "secrets")).await, 403, "forbidden");
    for (rest, body) in [("secrets", json!({})), ("test", json!({})), ("replay", json!({"failed": true}))] {
        refused(&paul.post_json(&of(&hook, rest), &body).await, 403, "forbidden");
    }
    // Who may update it, but not act as the one whose view it shows, makes no messages that its receiver believes.
    let (id, uma) = user(sandbox, "uma", json!({})).await;
    let cedar = format!(
        "permit (principal == user::\"{id}\", action in [Action::\"webhook.read\", Action::\"webhook.update\"], resource);"
    );
    policy(sandbox, "uma", &cedar).await;
    refused(&uma.get_json(&of(&hook, "secrets")).await, 403, "not_yours_to_give");
    refused(&uma.post_json(&of(&hook, "secrets"), &json!({"overlap_seconds": 0})).await, 403, "not_yours_to_give");
    let known = get(sandbox, &of(&hook, "secrets")).await["data"][0]["id"].as_str().expect("an id").to_owned();
    refused(&uma.delete_json(&of(&hook, &format!("secrets/{known}"))).await, 403, "not_yours_to_give");
    assert_eq!(uma.post_json(&of(&hook, "test"), &json!({})).await.0, 200);
    // What is no webhook has none of this.
    no_way_of_another_type(sandbox, &made).await;
});

async fn no_way_of_another_type(client: &Client, resource: &str) {
    for rest in ["deliveries", "health", "secrets"] {
        refused(&client.get_json(&of(resource, rest)).await, 404, "not_found");
    }
    for (rest, body) in [("secrets", json!({})), ("test", json!({})), ("replay", json!({"failed": true}))] {
        refused(&client.post_json(&of(resource, rest), &body).await, 404, "not_found");
    }
}

story!(another_orgs_webhook_is_not_there, &[HERE], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    let hook = webhook(sandbox, &sink.at("/hook"), json!({})).await;
    let event = event_of(sandbox, &workspace(sandbox, "berlin", "eu").await).await;
    let listed = |sandbox: &Sandbox| -> Vec<String> {
        let orgs = sandbox.cli(&["org", "list"]);
        orgs.lines().filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect()
    };
    let before = listed(sandbox);
    sandbox.cli(&["org", "create", "Other"]);
    let other = listed(sandbox).into_iter().find(|org| !before.contains(org)).expect("another org");
    let token = sandbox.cli(&["token", "create", "--role", "owner", "--org", &other]);
    let stranger = sandbox.with_token(token.trim());
    no_way(&stranger, &hook, (404, "not_found"), &event).await;
    // Nor can it show the view of somebody there.
    let owner = get(sandbox, &path(&hook)).await["data"]["attributes"]["acts_as"].clone();
    define_workspace(&stranger).await;
    let attributes = json!({"url": sink.at("/stranger"), "events": ["workspace.*"], "acts_as": owner});
    let answer = stranger.post_json("/v3/webhooks", &json!({"name": "theirs", "attributes": attributes})).await;
    refused(&answer, 422, "validation_failed");
    assert_eq!(pointers(&answer.1), ["/attributes/acts_as"], "{}", answer.1);
});
