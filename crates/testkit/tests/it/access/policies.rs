//! Policies are resources: written, refused, changed and undone like all others.

use super::*;

story!(a_policy_is_refused_when_it_is_saved_with_the_place, async |sandbox: &Sandbox| {
    workspaces(sandbox).await;
    for (cedar, words) in [
        ("permit (principal, action, resource", "line 1"),
        ("permit (principal, action, resource)\nwhen { resource.attributes.region == 3 };", "line 2"),
        (
            "permit (principal, action == Action::\"workspace.read\", resource)\nwhen { resource.attributes.nothing == \"x\" };",
            "line 2",
        ),
        ("permit (principal, action == Action::\"workspace.fly\", resource);", "workspace.fly"),
        (
            "permit (principal, action == Action::\"workspace.read\", resource)\nwhen { resource.attributes has region &&\n  resource.name == resource.attributes.region };",
            "line 3",
        ),
        ("permit (principal == ?principal, action, resource);", "slots"),
        ("", "statement"),
    ] {
        let document = json!({"type": "policy", "name": "p", "attributes": {"cedar": cedar}});
        let answer = sandbox.post_json("/v3/resources", &document).await;
        refused(&answer, 422, "validation_failed");
        assert_eq!(pointers(&answer.1), ["/attributes/cedar"], "{cedar}: {}", answer.1);
        assert!(answer.1.to_string().to_lowercase().contains(words), "{cedar}: {}", answer.1);
    }
});

story!(a_type_change_that_would_break_a_policy_is_refused, async |sandbox: &Sandbox| {
    workspaces(sandbox).await;
    let text = r#"permit (principal, action == Action::"workspace.read", resource)
        when { resource.attributes has region && resource.attributes.region == "eu" };"#;
    let rule = policy(sandbox, "eu", text).await;
    let types = get(sandbox, "/v3/types?filter=name%20%3D%20%22workspace%22").await;
    let of = id(&types["data"][0]);
    let patch = json!({"attributes": {"schema": {"properties": {"region": {"type": "integer"}}}}});
    // No row stands against it but those that hold texts: take them away first.
    for row in ids(sandbox, "/v3/workspaces").await {
        sandbox.delete_json(&format!("{}?purge=true", path(&row))).await;
    }
    let (status, body) = sandbox.patch_json(&path(&of), &patch).await;
    assert_eq!((status, &body["code"]), (409, &json!("breaks_policy")), "{body}");
    assert!(body.to_string().contains(&rule), "{body}");
    refused(&sandbox.delete_json(&path(&of)).await, 409, "breaks_policy");
    sandbox.delete_json(&path(&rule)).await;
    assert_eq!(sandbox.patch_json(&path(&of), &patch).await.0, 200);
});

story!(the_built_in_roles_are_policies_that_an_owner_may_change, async |sandbox: &Sandbox| {
    let (eu, _) = workspaces(sandbox).await;
    let names: Vec<Value> = get(sandbox, "/v3/policies").await["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|policy| policy["name"].clone())
        .collect();
    for name in ["owner", "admin", "editor", "viewer", "auditor"] {
        assert!(names.contains(&json!(name)), "{names:?}");
    }
    let (_, ada) = user(sandbox, "ada", json!({"roles": ["viewer"]})).await;
    assert_eq!(ada.get_json(&path(&eu)).await.0, 200);
    let viewer = get(sandbox, "/v3/policies?filter=name%20%3D%20%22viewer%22").await;
    assert_eq!(sandbox.delete_json(&path(&id(&viewer["data"][0]))).await.0, 200);
    refused(&ada.get_json(&path(&eu)).await, 404, "not_found");
    assert_eq!(sandbox.post_json(&format!("{}/restore", path(&id(&viewer["data"][0]))), &json!({})).await.0, 200);
    assert_eq!(ada.get_json(&path(&eu)).await.0, 200);
});

story!(names_of_roles_and_groups_are_unique_and_stay, async |sandbox: &Sandbox| {
    for kind in ["role", "group"] {
        let one = add(sandbox, kind, "one", json!({})).await;
        let again = json!({"type": kind, "name": "one"});
        let answer = sandbox.post_json("/v3/resources", &again).await;
        refused(&answer, 409, "not_unique");
        assert_eq!(pointers(&answer.1), ["/name"]);
        refused(&sandbox.patch_json(&path(&one), &json!({"name": "two"})).await, 422, "immutable");
    }
});
