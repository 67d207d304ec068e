//! Live events: whoever watches gets each event that it wants and may see, in order, with nothing left out.

mod ends;
mod socket;

use admin_testkit::live::{Live, Sent};
use admin_testkit::{Backend, Client, Method, Sandbox, postgres, story};
use serde_json::json;

use crate::access::{policy, user};
use crate::acts::*;

async fn define_workspace(client: &Client) {
    define(client, "workspace", json!({"region": {"type": "string", "x-index": true}, "notes": {"type": "string"}}))
        .await;
}

async fn workspace(client: &Client, name: &str, region: &str) -> String {
    add(client, "workspace", name, json!({"region": region, "notes": "n"})).await
}

/// The query as pairs, so that nobody encodes by hand.
async fn watch(client: &Client, params: &[(&str, &str)]) -> Live {
    Live::open(client.request(Method::GET, &with_params("/v3/events/stream", params))).await
}

async fn watch_behind(client: &Client, last: &str, params: &[(&str, &str)]) -> Live {
    let request = client.request(Method::GET, &with_params("/v3/events/stream", params));
    Live::open(request.header("last-event-id", last)).await
}

fn names(events: &[Sent]) -> Vec<&str> {
    events.iter().map(|sent| sent.data["after"]["name"].as_str().unwrap_or("-")).collect()
}

fn seqs(events: &[Sent]) -> Vec<u64> {
    events.iter().map(|sent| sent.data["seq"].as_u64().expect("a number")).collect()
}

story!(an_event_is_sent_as_the_list_shows_it, async |sandbox: &Sandbox| {
    define_workspace(sandbox).await;
    let mut live = watch(sandbox, &[]).await;
    let made = workspace(sandbox, "berlin", "eu").await;
    let sent = live.next().await.expect("an event");
    assert_eq!((&*sent.kind, &sent.data["resource"]["id"]), ("workspace.created", &json!(made)));
    assert_eq!(get(sandbox, &format!("/v3/events/{}", sent.id)).await["data"], sent.data);
});

story!(kinds_resources_and_filters_choose, async |sandbox: &Sandbox| {
    define_workspace(sandbox).await;
    let berlin = workspace(sandbox, "berlin", "eu").await;
    let boston = workspace(sandbox, "boston", "us").await;
    let mut created = watch(sandbox, &[("type", "workspace.created,type.updated")]).await;
    let mut of_berlin = watch(sandbox, &[("resource", &berlin)]).await;
    let mut eu = watch(sandbox, &[("type", "workspace.*"), ("filter", "attributes.region = \"eu\"")]).await;
    let mut long = watch(sandbox, &[("filter", "type = \"workspace\" AND name != \"boston\" AND version > 1")]).await;
    for (id, name) in [(&boston, "new boston"), (&berlin, "new berlin")] {
        assert_eq!(sandbox.patch_json(&path(id), &json!({"name": name})).await.0, 200);
    }
    assert_eq!(sandbox.patch_json(&path(&boston), &json!({"attributes": {"region": "eu"}})).await.0, 200);
    assert_eq!(sandbox.delete_json(&path(&boston)).await.0, 200);
    assert_eq!(sandbox.delete_json(&format!("{}?purge=true", path(&berlin))).await.0, 200);
    workspace(sandbox, "bergen", "no").await;

    assert_eq!(names(&created.take(1).await), ["bergen"]);
    let of_berlin = of_berlin.take(2).await;
    assert_eq!(of_berlin.iter().map(|sent| &*sent.kind).collect::<Vec<_>>(), ["workspace.updated", "workspace.purged"]);
    // What is gone is held against what it was.
    assert_eq!(names(&eu.take(4).await), ["new berlin", "new boston", "new boston", "-"]);
    assert_eq!(names(&long.take(2).await), ["new boston", "new berlin"]);
});

story!(nothing_is_left_out_between_two_connections, async |sandbox: &Sandbox| {
    define_workspace(sandbox).await;
    let mut live = watch(sandbox, &[("type", "workspace.*")]).await;
    workspace(sandbox, "first", "eu").await;
    let last = live.next().await.expect("an event");
    drop(live);
    let many: Vec<_> = (0..250)
        .map(|n| json!({"type": "workspace", "name": format!("w{n}"), "attributes": {"region": "eu"}}))
        .collect();
    import(sandbox, "/v3/resources:import", ndjson(&many)).await;
    let mut live = watch_behind(sandbox, &last.id, &[("type", "workspace.*")]).await;
    let missed = live.take(250).await;
    workspace(sandbox, "last", "eu").await;
    let newest = live.next().await.expect("an event");
    let first = last.data["seq"].as_u64().expect("a number") + 1;
    assert_eq!(seqs(&missed), (first..first + 250).collect::<Vec<_>>());
    assert_eq!(newest.data["seq"], first + 250);
    // All there is, from the first.
    let mut all = watch(sandbox, &[("after", "0")]).await;
    let count = usize::try_from(first + 250).expect("a small number");
    assert_eq!(seqs(&all.take(count).await), (1..=first + 250).collect::<Vec<_>>());
});

story!(who_reads_slowly_gets_everything_too, async |sandbox: &Sandbox| {
    define_workspace(sandbox).await;
    let mut slow = watch(sandbox, &[("type", "workspace.*")]).await;
    let mut quick = watch(sandbox, &[("type", "workspace.*")]).await;
    let notes = "x".repeat(20_000);
    for batch in 0..4 {
        let name = |n: usize| format!("w{}", batch * 250 + n);
        let one = |n| json!({"type": "workspace", "name": name(n), "attributes": {"region": "eu", "notes": &notes}});
        import(sandbox, "/v3/resources:import", ndjson(&(0..250).map(one).collect::<Vec<_>>())).await;
    }
    let names_of = |events: Vec<Sent>| names(&events).into_iter().map(str::to_owned).collect::<Vec<_>>();
    let all: Vec<_> = (0..1000).map(|n| format!("w{n}")).collect();
    assert_eq!(names_of(quick.take(1000).await), all);
    assert_eq!(names_of(slow.take(1000).await), all);
});

story!(a_gap_is_told, async |sandbox: &Sandbox| {
    let stranger = "evt_01h455vb4pex5vsknk084sn02q";
    let ask = async |params: &[(&str, &str)]| sandbox.get_json(&with_params("/v3/events/stream", params)).await;
    refused(&ask(&[("after", stranger)]).await, 410, "event_gap");
    let request = sandbox.request(Method::GET, "/v3/events/stream").header("last-event-id", stranger);
    refused(&admin_testkit::client::answer(request).await, 410, "event_gap");
    refused(&ask(&[("after", "soon")]).await, 400, "invalid_parameter");
    refused(&ask(&[("type", "workspace")]).await, 400, "invalid_parameter");
    refused(&ask(&[("type", "nothing.created")]).await, 400, "invalid_parameter");
    refused(&ask(&[("filter", "name =")]).await, 400, "invalid_parameter");
    let kinds = vec!["user.created"; 51].join(",");
    refused(&ask(&[("type", &kinds)]).await, 400, "invalid_parameter");
    refused(&sandbox.anonymous().get_json("/v3/events/stream").await, 401, "missing_token");
});

story!(each_event_is_held_against_the_policies, async |sandbox: &Sandbox| {
    define_workspace(sandbox).await;
    let (ada, as_ada) = user(sandbox, "ada", json!({"roles": ["local"]})).await;
    policy(
        sandbox,
        "eu",
        r#"permit (principal in role::"local", action == Action::"workspace.read", resource)
        when { resource.attributes has region && resource.attributes.region == "eu" };"#,
    )
    .await;
    policy(
        sandbox,
        "no-notes",
        r#"@show("hidden") @fields("attributes.notes")
        forbid (principal in role::"local", action == Action::"workspace.read", resource);"#,
    )
    .await;
    let mut live = watch(&as_ada, &[]).await;
    let boston = workspace(sandbox, "boston", "us").await;
    let berlin = workspace(sandbox, "berlin", "eu").await;
    let sent = live.next().await.expect("an event");
    assert_eq!(sent.data["after"]["attributes"], json!({"region": "eu"}), "neither boston, nor notes");
    assert_eq!(sent.data["resource"]["id"], json!(berlin));

    // It comes into view without what it was before, and what it is before it goes is not shown.
    assert_eq!(sandbox.patch_json(&path(&boston), &json!({"attributes": {"region": "eu"}})).await.0, 200);
    let sent = live.next().await.expect("an event");
    assert_eq!((&sent.data["before"], &sent.data["after"]["attributes"]["region"]), (&json!(null), &json!("eu")));
    assert_eq!(sandbox.patch_json(&path(&boston), &json!({"attributes": {"region": "us"}})).await.0, 200);

    // What a policy says holds from the next event on.
    let more = policy(
        sandbox,
        "us-too",
        r#"permit (principal in role::"local", action == Action::"workspace.read", resource)
        when { resource.attributes has region && resource.attributes.region == "us" };"#,
    )
    .await;
    workspace(sandbox, "denver", "us").await;
    assert_eq!(names(&live.take(1).await), ["denver"]);
    assert_eq!(sandbox.delete_json(&path(&more)).await.0, 200);
    workspace(sandbox, "dallas", "us").await;
    workspace(sandbox, "dublin", "eu").await;
    assert_eq!(names(&live.take(1).await), ["dublin"]);

    // So does a type that was not there when it began.
    define(sandbox, "device", json!({})).await;
    policy(sandbox, "devices", r#"permit (principal in role::"local", action == Action::"device.read", resource);"#)
        .await;
    add(sandbox, "device", "router", json!({})).await;
    assert_eq!(names(&live.take(1).await), ["router"]);
    assert!(ada.starts_with("usr_"));
});

story!(a_filter_may_not_look_at_what_is_hidden, async |sandbox: &Sandbox| {
    define_workspace(sandbox).await;
    let (_, as_ada) = user(sandbox, "ada", json!({"roles": ["local"]})).await;
    policy(sandbox, "all", r#"permit (principal in role::"local", action == Action::"workspace.read", resource);"#)
        .await;
    policy(
        sandbox,
        "no-notes",
        r#"@show("hidden") @fields("attributes.notes")
        forbid (principal in role::"local", action == Action::"workspace.read", resource);"#,
    )
    .await;
    let guess = [("type", "workspace.*"), ("filter", "attributes.notes = \"n\"")];
    refused(&as_ada.get_json(&with_params("/v3/events/stream", &guess)).await, 400, "invalid_parameter");
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_process_writes_is_seen() {
    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let database = postgres::database().await;
    let settings = [("ADMIN_DATABASE", database.url.as_str()), ("ADMIN_MASTER_KEY", KEY)];
    let first = Sandbox::start_with(Backend::Sqlite, &settings).await;
    let second = Sandbox::start_with(Backend::Sqlite, &settings).await;
    define_workspace(&first).await;
    let mut live = watch(&second, &[("type", "workspace.*")]).await;
    for n in 0..20 {
        workspace(if n % 2 == 0 { &first } else { &second }, &format!("w{n}"), "eu").await;
    }
    let all: Vec<_> = (0..20).map(|n| format!("w{n}")).collect();
    assert_eq!(names(&live.take(20).await), all);
}
