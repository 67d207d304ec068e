//! The change that an explanation names first is the one that a person would make.

use super::*;

async fn why(sandbox: &Sandbox, principal: &str, action: &str, resource: &str) -> Value {
    let question = json!({"principal": principal, "action": action, "resource": resource});
    let (status, answer) = sandbox.post_json("/v3/access/explain", &question).await;
    assert_eq!(status, 200, "{answer}");
    answer["data"].clone()
}

fn nearest(answer: &Value) -> &str {
    answer["nearest"].as_str().unwrap_or_else(|| panic!("no nearest change: {answer}"))
}

story!(the_role_that_gives_the_least_is_named_first, async |sandbox: &Sandbox| {
    let (eu, _) = workspaces(sandbox).await;
    let (ada, _) = user(sandbox, "ada", json!({})).await;
    let policies = get(sandbox, "/v3/policies").await;
    let one = policies["data"].as_array().expect("policies").iter().find(|policy| policy["name"] == "viewer");
    let (viewer, role) = (one.expect("the viewers' policy")["id"].clone(), sandbox.get_json("/v3/types").await);
    for (action, on, role) in [
        ("read", eu.as_str(), "viewer"),
        ("update", eu.as_str(), "editor"),
        ("update", ada.as_str(), "admin"),
        ("update", viewer.as_str().expect("an id"), "owner"),
        ("read", viewer.as_str().expect("an id"), "auditor"),
        ("create", role.1["data"][0]["id"].as_str().expect("an id"), "admin"),
    ] {
        let answer = why(sandbox, &ada, action, on).await;
        let expected = format!("would permit it if the principal had the role `{role}`");
        assert!(nearest(&answer).ends_with(&expected), "{action} {on}: {answer}");
        assert_eq!(answer["missing"][0]["name"], role, "{answer}");
    }
    // What it names is true.
    let patch = json!({"attributes": {"roles": ["viewer"]}});
    assert_eq!(sandbox.patch_json(&path(&ada), &patch).await.0, 200);
    assert_eq!(why(sandbox, &ada, "read", &eu).await["decision"], "allow");
});

story!(a_policy_of_the_orgs_own_comes_before_the_built_in_ones, async |sandbox: &Sandbox| {
    let (eu, us) = workspaces(sandbox).await;
    declare_facts(sandbox, json!({"region": {"type": "string"}})).await;
    add(sandbox, "role", "local", json!({})).await;
    let own = policy(sandbox, "eu-editors", EU_EDITORS).await;
    let (local, _) = user(sandbox, "ada", json!({"roles": ["local"], "facts": {"region": "eu"}})).await;
    let answer = why(sandbox, &local, "read", &us).await;
    let expected = format!("statement 1 of the policy `eu-editors` ({own}) would permit it if `");
    assert!(nearest(&answer).starts_with(&expected) && nearest(&answer).contains("region"), "{answer}");

    // Fewer conditions win over both: a stranger lacks a role and a fact of the org's policy, but only a role of another.
    let (stranger, _) = user(sandbox, "bob", json!({})).await;
    let answer = why(sandbox, &stranger, "update", &eu).await;
    assert!(nearest(&answer).ends_with("if the principal had the role `editor`"), "{answer}");
    let (elsewhere, _) = user(sandbox, "eve", json!({"facts": {"region": "eu"}})).await;
    let answer = why(sandbox, &elsewhere, "update", &eu).await;
    assert!(nearest(&answer).contains(&own), "{answer}");
    assert!(nearest(&answer).ends_with("if the principal had the role `local`"), "{answer}");

    // What would forbid is named likewise.
    let text = r#"forbid (principal in role::"leaver", action, resource);"#;
    add(sandbox, "role", "leaver", json!({})).await;
    policy(sandbox, "leavers", text).await;
    let answer = why(sandbox, &local, "read", &eu).await;
    assert_eq!(answer["decision"], "allow");
    assert!(nearest(&answer).contains("`leavers`"), "{answer}");
    assert!(nearest(&answer).ends_with("would forbid it if the principal had the role `leaver`"), "{answer}");
});
