//! A webhook shows the view of another as long as whoever let it could act as them.

use super::*;

/// A webhook that does what all do, and who made it.
async fn by(client: &Client, sink: &Sink, at: &str, acts_as: &str) -> String {
    webhook(client, &sink.at(at), json!({"acts_as": acts_as})).await
}

async fn set(client: &Client, resource: &str, attributes: Value) -> (u16, Value) {
    client.patch_json(&path(resource), &json!({"attributes": attributes})).await
}

/// Makes a workspace, and has the webhook at `/owner` hear of it: so have all others who ever will, or it waits for them.
async fn happens(sandbox: &Sandbox, sink: &Sink, name: &str) -> String {
    let made = workspace(sandbox, name, "eu").await;
    sink.until(name, |sink| names(&sink.messages("/owner")).iter().any(|known| known == name).then_some(())).await;
    event_of(sandbox, &made).await
}

async fn problem(client: &Client, hook: &str) -> Value {
    get(client, &of(hook, "health")).await["data"]["problem"].clone()
}

story!(who_may_not_act_as_somebody_any_more_shows_nothing_of_theirs, &[HERE, QUICK], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    let (vera, _) = user(sandbox, "vera", json!({"roles": ["viewer"]})).await;
    let (me, ada) = user(sandbox, "ada", json!({"roles": ["admin", "viewer"]})).await;
    let owner = get(sandbox, &path(&webhook(sandbox, &sink.at("/owner"), json!({})).await)).await;
    let owner = owner["data"]["attributes"]["granted_by"].as_str().expect("an id").to_owned();
    let hook = by(&ada, &sink, "/ada", &vera).await;
    by(sandbox, &sink, "/sound", &vera).await;
    happens(sandbox, &sink, "one").await;
    assert_eq!(names(&sink.wait("/ada", 1).await), ["one"]);

    // Each of these takes from her that she may, and gives it back.
    let roles = |of: &str, roles: Value| (of.to_owned(), json!({"attributes": {"roles": roles}}));
    let mut heard = vec!["one".to_owned()];
    for (number, ((resource, takes), (_, gives))) in [
        (roles(&vera, json!(["viewer", "auditor"])), roles(&vera, json!(["viewer"]))),
        (roles(&me, json!(["admin"])), roles(&me, json!(["admin", "viewer"]))),
        ((me.clone(), json!({"status": "disabled"})), (me.clone(), json!({"status": "active"}))),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(sandbox.patch_json(&path(&resource), &takes).await.0, 200, "{takes}");
        happens(sandbox, &sink, &format!("unheard {number}")).await;
        let told = problem(sandbox, &hook).await;
        assert!(told.as_str().is_some_and(|told| told.contains("granted_by") && told.contains(&me)), "{takes}: {told}");
        refused(&sandbox.post_json(&of(&hook, "test"), &json!({})).await, 409, "webhook_blind");
        refused(&sandbox.post_json(&of(&hook, "replay"), &json!({"failed": true})).await, 409, "webhook_blind");
        assert_eq!(sandbox.patch_json(&path(&resource), &gives).await.0, 200, "{gives}");
        let name = format!("heard {number}");
        happens(sandbox, &sink, &name).await;
        heard.push(name);
        assert_eq!(names(&sink.wait("/ada", heard.len()).await), heard, "{takes}");
    }
    // Whoever may takes it over; what another let be shown was sent all the time.
    assert_eq!(set(sandbox, &vera, json!({"roles": ["auditor"]})).await.0, 200);
    refused(&set(&ada, &hook, json!({"granted_by": me, "rate_limit": 9})).await, 403, "not_yours_to_give");
    assert_eq!(set(&ada, &hook, json!({"granted_by": me})).await.0, 200, "it says so already");
    happens(sandbox, &sink, "unheard").await;
    let (status, taken) = set(sandbox, &hook, json!({"granted_by": owner})).await;
    assert_eq!((status, &taken["data"]["attributes"]["granted_by"]), (200, &json!(owner)), "{taken}");
    happens(sandbox, &sink, "last").await;
    heard.push("last".to_owned());
    assert_eq!(names(&sink.wait("/ada", heard.len()).await), heard);
    sink.wait("/sound", sink.messages("/owner").len()).await;
});

story!(what_waits_is_not_sent_either, &[HERE, ("ADMIN_WEBHOOK_SCHEDULE", "0s,2s")], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    let (vera, _) = user(sandbox, "vera", json!({"roles": ["viewer"]})).await;
    let (_, ada) = user(sandbox, "ada", json!({"roles": ["admin", "viewer"]})).await;
    let hook = by(&ada, &sink, "/ada", &vera).await;
    sink.always("/ada", Answer::status(500));
    let event = event_of(sandbox, &workspace(sandbox, "one", "eu").await).await;
    sink.wait("/ada", 1).await;
    assert_eq!(set(sandbox, &vera, json!({"roles": ["owner"]})).await.0, 200);
    let failed = delivery(sandbox, &hook, &event, "failed").await;
    assert_eq!((&failed["tries"], sink.messages("/ada").len()), (&json!(1), 1), "{failed}");
});

story!(who_lets_it_is_written_by_admin, &[HERE], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    let own = webhook(sandbox, &sink.at("/owner"), json!({})).await;
    let owner = get(sandbox, &path(&own)).await["data"]["attributes"]["granted_by"].clone();
    let (me, ada) = user(sandbox, "ada", json!({"roles": ["admin", "viewer"]})).await;
    let granted = async |hook: &str| get(sandbox, &path(hook)).await["data"]["attributes"]["granted_by"].clone();
    let hook = webhook(&ada, &sink.at("/ada"), json!({"granted_by": owner})).await;
    assert_eq!(granted(&hook).await, json!(me));
    for attributes in
        [json!({"granted_by": owner}), json!({"granted_by": null}), json!({"rate_limit": 5, "granted_by": owner})]
    {
        assert_eq!(set(&ada, &hook, attributes.clone()).await.0, 200);
        assert_eq!(granted(&hook).await, json!(me), "{attributes}");
    }
    let wish = json!({"type": "webhook", "name": "imported", "id": hook, "attributes":
        {"url": sink.at("/imported"), "events": ["*"], "acts_as": me, "granted_by": owner}});
    import(&ada, "/v3/resources:import", ndjson(&[wish])).await;
    assert_eq!(granted(&hook).await, json!(me));
    // What says nothing of what is sent where leaves it; what does not, takes it over.
    let version = || async { get(sandbox, &path(&hook)).await["data"]["version"].clone() };
    assert_eq!(sandbox.patch_json(&path(&hook), &json!({"name": "renamed"})).await.0, 200);
    assert_eq!(granted(&hook).await, json!(me));
    let before = version().await;
    assert_eq!(set(sandbox, &hook, json!({"granted_by": me})).await.0, 200);
    assert_eq!(version().await, before);
    assert_eq!(set(sandbox, &hook, json!({"rate_limit": 7})).await.0, 200);
    assert_eq!(granted(&hook).await, owner);
});
