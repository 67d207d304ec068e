//! What policies allow, they allow on every surface; what they do not allow is nowhere.

mod asked;
mod authzen;
mod command_line;
mod decisions;
mod fields;
mod grants;
mod hidden;
mod nearest;
mod policies;
mod scopes;
mod simulate;

use admin_testkit::{Client, Sandbox, story};
use serde_json::{Value, json};

use crate::acts::*;

/// A caller with a user of its own in the org: roles, groups and facts as in `attributes`.
pub(crate) async fn user(sandbox: &Sandbox, name: &str, attributes: Value) -> (String, Client) {
    let id = add(sandbox, "user", name, attributes).await;
    let token = sandbox.cli(&["token", "create", "--user", &id]);
    (id, sandbox.with_token(token.trim()))
}

/// Creates a policy; answers its id.
pub(crate) async fn policy(sandbox: &Sandbox, name: &str, cedar: &str) -> String {
    add(sandbox, "policy", name, json!({"cedar": cedar})).await
}

/// Declares facts of users.
pub(crate) async fn declare_facts(sandbox: &Sandbox, facts: Value) {
    let users = get(sandbox, "/v3/types").await;
    let user = users["data"].as_array().expect("types").iter().find(|of| of["name"] == "user").expect("a type").clone();
    let patch = json!({"attributes": {"schema": {"properties": {"facts": {"properties": facts}}}}});
    let (status, body) = sandbox.patch_json(&path(&id(&user)), &patch).await;
    assert_eq!(status, 200, "{body}");
}

/// The ids that a list shows.
pub(crate) async fn ids(client: &Client, path: &str) -> Vec<String> {
    get(client, path).await["data"].as_array().expect("a list").iter().map(id).collect()
}

/// Workspaces in two regions; answers their ids.
async fn workspaces(sandbox: &Sandbox) -> (String, String) {
    let mut of = type_named("workspace", &json!({"region": {"type": "string", "x-index": true}}));
    of["attributes"]["schema"]["required"] = json!(["region"]);
    create(sandbox, &of).await;
    let eu = add(sandbox, "workspace", "berlin", json!({"region": "eu"})).await;
    let us = add(sandbox, "workspace", "boston", json!({"region": "us"})).await;
    (eu, us)
}

const EU_EDITORS: &str = r#"permit (principal in role::"local", action in [Action::"workspace.read", Action::"workspace.update"],
    resource) when { principal.facts has region && resource.attributes.region == principal.facts.region };"#;

story!(one_policy_governs_every_surface, async |sandbox: &Sandbox| {
    let (eu, us) = workspaces(sandbox).await;
    declare_facts(sandbox, json!({"region": {"type": "string"}})).await;
    add(sandbox, "role", "local", json!({})).await;
    policy(sandbox, "eu-editors", EU_EDITORS).await;
    let (_, ada) = user(sandbox, "ada", json!({"roles": ["local"], "facts": {"region": "eu"}})).await;
    let (_, bob) = user(sandbox, "bob", json!({"roles": ["local"]})).await;

    // Reads: one by one, lists, totals, exports.
    assert_eq!(ada.get_json(&path(&eu)).await.0, 200);
    refused(&ada.get_json(&path(&us)).await, 404, "not_found");
    for list in ["/v3/workspaces", "/v3/resources", "/v3/resources?type=workspace", "/v3/workspaces?sort=-name"] {
        assert_eq!(ids(&ada, list).await, std::slice::from_ref(&eu), "{list}");
        assert_eq!(total(&ada, list).await, 1, "{list}");
        assert_eq!(total(&bob, list).await, 0, "{list}");
    }
    assert_eq!(export(&ada, "/v3/resources:export").await.len(), 1);
    assert_eq!(export(&bob, "/v3/workspaces:export").await.len(), 0);

    // Events: hers alone, also by id.
    let events = get(&ada, "/v3/events?type=workspace.*").await;
    assert_eq!(events["data"].as_array().map(Vec::len), Some(1), "{events}");
    assert_eq!(events["pagination"]["total_items"], 1, "{events}");
    let all = get(sandbox, "/v3/events?type=workspace.created").await;
    let of = |id: &str| all["data"].as_array().into_iter().flatten().find(|event| event["resource"]["id"] == id);
    let path_of = |id: &str| format!("/v3/events/{}", of(id).expect("an event")["id"].as_str().expect("an id"));
    assert_eq!(ada.get_json(&path_of(&eu)).await.0, 200);
    refused(&ada.get_json(&path_of(&us)).await, 404, "not_found");

    // Changes: allowed before and after, or not at all; a dry run is told the same.
    let rename = json!({"name": "hamburg"});
    assert_eq!(ada.patch_json(&path(&eu), &rename).await.0, 200);
    refused(&ada.patch_json(&path(&us), &rename).await, 404, "not_found");
    let away = json!({"attributes": {"region": "us"}});
    let (status, body) = ada.patch_json(&path(&eu), &away).await;
    assert_eq!(
        (status, &body["code"], &body["explain"]),
        (403, &json!("forbidden"), &json!("/v3/access/explain")),
        "{body}"
    );
    refused(&ada.patch_json(&format!("{}?dry_run=true", path(&eu)), &away).await, 403, "forbidden");
    refused(&ada.delete_json(&path(&eu)).await, 403, "forbidden");
    let new = json!({"type": "workspace", "name": "x", "attributes": {"region": "eu"}});
    refused(&ada.post_json("/v3/resources", &new).await, 403, "forbidden");
    let report = import(&ada, "/v3/resources:import", ndjson(&[new])).await;
    assert_eq!((&report["failed"], &report["errors"][0]["code"]), (&json!(1), &json!("forbidden")), "{report}");

    // What changes in the directory or in a policy holds at once.
    let users = get(sandbox, "/v3/users?filter=name%20%3D%20%22bob%22").await;
    let facts = json!({"attributes": {"facts": {"region": "us"}}});
    assert_eq!(sandbox.patch_json(&path(&id(&users["data"][0])), &facts).await.0, 200);
    assert_eq!(ids(&bob, "/v3/workspaces").await, [us]);
    let policies = get(sandbox, "/v3/policies?filter=name%20%3D%20%22eu-editors%22").await;
    assert_eq!(sandbox.patch_json(&path(&id(&policies["data"][0])), &json!({"status": "disabled"})).await.0, 200);
    assert_eq!(total(&ada, "/v3/workspaces").await, 0);
    refused(&ada.get_json(&path(&eu)).await, 404, "not_found");
});

story!(totals_follow_the_policy_while_rows_change, async |sandbox: &Sandbox| {
    define(sandbox, "task", json!({"open": {"type": "boolean"}, "owner": {"type": "string", "x-ref": "user"}})).await;
    let text = r#"permit (principal, action == Action::"task.read", resource)
        when { resource.attributes has owner && resource.attributes.owner == principal };
        forbid (principal, action == Action::"task.read", resource)
        when { resource.attributes has open && !resource.attributes.open };"#;
    policy(sandbox, "own-tasks", text).await;
    let (ada_id, ada) = user(sandbox, "ada", json!({})).await;
    let (bob_id, _) = user(sandbox, "bob", json!({})).await;
    let task = |owner: &str| json!({"type": "task", "name": "t", "attributes": {"open": true, "owner": owner}});
    let mut tasks = vec![];
    for n in 0..6 {
        tasks.push(create(sandbox, &task(if n % 2 == 0 { &ada_id } else { &bob_id })).await);
        assert_eq!(total(&ada, "/v3/tasks").await, n / 2 + 1);
    }
    sandbox.patch_json(&path(&tasks[0]), &json!({"attributes": {"open": false}})).await;
    assert_eq!(total(&ada, "/v3/tasks").await, 2);
    sandbox.patch_json(&path(&tasks[1]), &json!({"attributes": {"owner": ada_id}})).await;
    assert_eq!(total(&ada, "/v3/tasks").await, 3);
    sandbox.patch_json(&path(&tasks[2]), &json!({"attributes": {"owner": null}})).await;
    assert_eq!(total(&ada, "/v3/tasks").await, 2);
    assert_eq!(total(&ada, "/v3/tasks?filter=attributes.open%20%3D%20true").await, 2);
});

story!(a_disabled_or_deleted_principal_is_nobody, async |sandbox: &Sandbox| {
    let (id, ada) = user(sandbox, "ada", json!({"roles": ["viewer"]})).await;
    assert_eq!(ada.get_json("/v3/resources").await.0, 200);
    sandbox.patch_json(&path(&id), &json!({"status": "disabled"})).await;
    refused(&ada.get_json("/v3/resources").await, 401, "bad_token");
    sandbox.patch_json(&path(&id), &json!({"status": "active"})).await;
    assert_eq!(ada.get_json("/v3/resources").await.0, 200);
    sandbox.delete_json(&path(&id)).await;
    refused(&ada.get_json("/v3/resources").await, 401, "bad_token");
});

story!(a_client_is_a_principal_too, async |sandbox: &Sandbox| {
    workspaces(sandbox).await;
    let client = add(sandbox, "client", "robot", json!({"roles": ["editor"]})).await;
    assert!(client.starts_with("cli_"), "{client}");
    let robot = sandbox.with_token(sandbox.cli(&["token", "create", "--client", &client]).trim());
    let made = create(&robot, &json!({"type": "workspace", "name": "made", "attributes": {"region": "eu"}})).await;
    let events = get(sandbox, &format!("/v3/events?resource={made}")).await;
    assert_eq!(events["data"][0]["actor"], json!({"type": "client", "id": client}), "{events}");
    assert_eq!(robot.get_json(&path(&client)).await.0, 200, "everybody sees who they are");
});
