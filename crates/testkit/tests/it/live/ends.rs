//! How a stream ends: with its token, with whoever watches, with the server.

use std::time::{Duration, Instant};

use admin_testkit::{Sandbox, story};
use serde_json::json;

use super::{define_workspace, watch, workspace};
use crate::access::user;
use crate::acts::*;

story!(a_stream_ends_when_its_user_is_disabled, async |sandbox: &Sandbox| {
    let (ada, as_ada) = user(sandbox, "ada", json!({"roles": ["viewer"]})).await;
    define_workspace(sandbox).await;
    let mut live = watch(&as_ada, &[("type", "workspace.*")]).await;
    let (_, types) = sandbox.get_json("/v3/types").await;
    let user = types["data"].as_array().expect("types").iter().find(|of| of["name"] == "user").expect("users").clone();
    let disabled =
        user["attributes"]["statuses"].as_array().expect("statuses").iter().find(|status| *status != "active");
    assert_eq!(sandbox.patch_json(&path(&ada), &json!({"status": disabled.expect("a status")})).await.0, 200);
    workspace(sandbox, "secret", "eu").await;
    let end = live.next().await.expect("an end that is told");
    assert_eq!((&*end.kind, &end.id[..]), ("end", ""));
    assert_eq!(live.next().await, None);
});

story!(a_stream_ends_with_its_api_key, async |sandbox: &Sandbox| {
    let client = add(sandbox, "client", "watcher", json!({"roles": ["viewer"]})).await;
    let (status, made) = sandbox.post_json("/v3/api-keys", &json!({"name": "watching", "principal": client})).await;
    assert_eq!(status, 201, "{made}");
    let as_key = sandbox.with_token(made["data"]["key"].as_str().expect("a key"));
    define_workspace(sandbox).await;
    let mut live = watch(&as_key, &[("type", "workspace.*")]).await;
    workspace(sandbox, "seen", "eu").await;
    assert_eq!(live.next().await.expect("an event").data["after"]["name"], "seen");
    let key = format!("/v3/api-keys/{}?principal={client}", id(&made["data"]));
    let deleted = Instant::now();
    assert_eq!(sandbox.delete_json(&key).await.0, 204);
    assert_eq!(live.next().await.expect("an end that is told").kind, "end");
    // A second, and what a busy machine adds.
    assert!(deleted.elapsed() < Duration::from_secs(20), "{:?}", deleted.elapsed());
});

story!(a_server_that_stops_ends_its_streams_at_once, async |sandbox: &Sandbox| {
    let mut live = watch(sandbox, &[]).await;
    define_workspace(sandbox).await;
    assert_eq!(live.next().await.expect("an event").kind, "type.created");
    let id = sandbox.id();
    admin_testkit::process::signal(id, admin_testkit::process::Signal::TERM);
    assert_eq!(live.next().await.expect("an end that is told").data["code"], "unavailable");
    assert_eq!(live.next().await, None);
});
