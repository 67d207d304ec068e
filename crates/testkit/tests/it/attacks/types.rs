//! Whoever changes types changes neither what policies mean nor what they hide.

use super::*;

const PAY: &str = r#"@fields("attributes.salary")
    forbid (principal, action in [Action::"employee.read", Action::"contractor.read", Action::"employee.update"], resource)
    unless { principal in role::"owner" };"#;

async fn type_id(sandbox: &Sandbox, name: &str) -> String {
    let found = query(sandbox, "/v3/types", &[("filter", &format!("name = \"{name}\""))]).await;
    id(&found["data"][0])
}

/// Two types with a hidden field, open for more; and an admin who does not see it.
async fn pay(sandbox: &Sandbox) -> (String, Client) {
    for name in ["employee", "contractor"] {
        let mut of = type_named(name, &json!({"salary": {"type": "integer"}, "title": {"type": "string"}}));
        of["attributes"]["schema"]["additionalProperties"] = json!(true);
        create(sandbox, &of).await;
    }
    policy(sandbox, "pay", PAY).await;
    let employee = add(sandbox, "employee", "ada", json!({"salary": 4711, "title": "dr"})).await;
    (employee, user(sandbox, "eve", json!({"roles": ["admin"]})).await.1)
}

story!(a_field_that_the_type_forgets_stays_hidden, async |sandbox: &Sandbox| {
    let (employee, eve) = pay(sandbox).await;
    let of = path(&type_id(sandbox, "employee").await);
    let forget = json!([{"op": "remove", "path": "/attributes/schema/properties/salary"}]);
    operations(&eve, &of, forget.clone()).await;
    operations(sandbox, &of, forget).await;
    for at in [path(&employee), "/v3/employees".into(), "/v3/resources:export".into(), "/v3/events?limit=200".into()] {
        let response = eve.request(Method::GET, &at).send().await.expect("an answer");
        let text = response.text().await.expect("a body");
        assert!(!text.contains("4711"), "{at}: {text}");
    }
    refused(&eve.get_json("/v3/employees?filter=attributes.salary%20%3D%204711").await, 400, "invalid_parameter");
});

story!(a_type_is_no_measure_of_what_is_hidden, async |sandbox: &Sandbox| {
    let (_, eve) = pay(sandbox).await;
    let of = path(&type_id(sandbox, "employee").await);
    for dry in ["", "?dry_run=true"] {
        for limit in [4000, 5000] {
            let patch = json!({"attributes": {"schema": {"properties": {"salary": {"maximum": limit}}}}});
            let (status, body) = eve.patch_json(&format!("{of}{dry}"), &patch).await;
            assert_eq!((status, &body["code"]), (403, &json!("forbidden")), "{limit}: {body}");
        }
    }
    // What no row must be held against, she may change; and who sees all, may change all.
    let described = json!({"attributes": {"schema": {"properties": {"salary": {"title": "pay"}}}}});
    assert_eq!(eve.patch_json(&of, &described).await.0, 200);
    let patch = json!({"attributes": {"schema": {"properties": {"salary": {"maximum": 4000}}}}});
    refused(&sandbox.patch_json(&of, &patch).await, 409, "incompatible_type");
});

story!(a_policy_of_the_same_import_counts_when_a_type_changes, async |sandbox: &Sandbox| {
    let of = define(sandbox, "note", json!({"text": {"type": "string"}, "mark": {"type": "string"}})).await;
    let cedar = r#"forbid (principal, action == Action::"note.read", resource) when { resource.attributes has mark };"#;
    let policy = json!({"type": "policy", "name": "p", "attributes": {"cedar": cedar}});
    let mut changed = type_named("note", &json!({"text": {"type": "string"}}));
    changed["id"] = json!(of);
    let report = import(sandbox, "/v3/resources:import", ndjson(&[policy, changed])).await;
    assert_eq!((&report["created"], &report["errors"][0]["code"]), (&json!(1), &json!("breaks_policy")), "{report}");
});

story!(a_policy_that_slept_while_types_changed_is_read_anew, async |sandbox: &Sandbox| {
    let of = define(sandbox, "note", json!({"text": {"type": "string"}, "mark": {"type": "string"}})).await;
    let cedar = r#"forbid (principal, action == Action::"note.read", resource) when { resource.attributes has mark };"#;
    let slept = policy(sandbox, "slept", cedar).await;
    let binned = policy(sandbox, "binned", cedar).await;
    assert_eq!(sandbox.patch_json(&path(&slept), &json!({"status": "disabled"})).await.0, 200);
    assert_eq!(sandbox.delete_json(&path(&binned)).await.0, 200);
    let forget = json!([{"op": "remove", "path": "/attributes/schema/properties/mark"}]);
    assert_eq!(operations(sandbox, &path(&of), forget).await.0, 200);
    refused(&sandbox.patch_json(&path(&slept), &json!({"status": "active"})).await, 422, "validation_failed");
    refused(&sandbox.post_json(&format!("{}/restore", path(&binned)), &json!({})).await, 422, "validation_failed");
});

story!(facts_are_not_forged_by_the_type_of_users, async |sandbox: &Sandbox| {
    declare_facts(sandbox, json!({"level": {"type": "string"}})).await;
    define(sandbox, "plan", json!({})).await;
    add(sandbox, "plan", "p", json!({})).await;
    let cedar = r#"forbid (principal in role::"admin", action == Action::"plan.read", resource)
        unless { principal.facts has level && principal.facts.level == "top" };"#;
    policy(sandbox, "top", cedar).await;
    let (me, ada) = user(sandbox, "ada", json!({"roles": ["admin"]})).await;
    let of = path(&type_id(sandbox, "user").await);
    let default =
        json!({"attributes": {"schema": {"properties": {"facts": {"properties": {"level": {"default": "top"}}}}}}});
    ada.patch_json(&of, &default).await;
    assert_eq!(ada.patch_json(&path(&me), &json!({"name": "ada b"})).await.0, 200);
    assert_eq!(total(&ada, "/v3/plans").await, 0);
    // Neither by the way of a null, nor of a whole document, nor of an import.
    for facts in [json!({"level": "top"}), json!({"level": "top", "other": 1}), json!({})] {
        let whole =
            json!({"id": me, "type": "user", "name": "ada", "attributes": {"roles": ["admin"], "facts": facts}});
        refused(&ada.put_json(&path(&me), &whole).await, 403, "not_yours_to_give");
        let report = import(&ada, "/v3/users:import", ndjson(&[whole])).await;
        assert_eq!(report["errors"][0]["code"], "not_yours_to_give", "{report}");
    }
    // Nor by making another schema of it, of which the policy would mean something else.
    let other =
        json!({"attributes": {"schema": {"properties": {"facts": {"properties": {"level": {"type": "integer"}}}}}}});
    refused(&ada.patch_json(&of, &other).await, 409, "breaks_policy");
    let gone = json!([{"op": "remove", "path": "/attributes/schema/properties/facts/properties/level"}]);
    refused(&operations(&ada, &of, gone).await, 409, "breaks_policy");
});

story!(a_forbid_does_not_go_with_the_field_that_it_asks_for, async |sandbox: &Sandbox| {
    declare_facts(sandbox, json!({"suspended": {"type": "boolean"}, "level": {"type": "string"}})).await;
    let mut of = type_named("plan", &json!({"secret": {"type": "boolean"}, "text": {"type": "string"}}));
    of["attributes"]["schema"]["additionalProperties"] = json!(true);
    let of = path(&create(sandbox, &of).await);
    let suspended =
        "forbid (principal, action, resource) when { principal.facts has suspended && principal.facts.suspended };";
    policy(sandbox, "suspended", suspended).await;
    let secret = r#"forbid (principal in role::"admin", action in Action::"resource.read", resource)
        when { resource is plan && (resource.name == "x" || (resource.attributes has secret && resource.attributes.secret)) };"#;
    policy(sandbox, "secret", secret).await;
    let plan = add(sandbox, "plan", "p", json!({"secret": true, "text": "t"})).await;
    let (_, ada) = user(sandbox, "ada", json!({"roles": ["admin"]})).await;
    refused(&ada.get_json(&path(&plan)).await, 404, "not_found");
    let users = path(&type_id(sandbox, "user").await);
    let remove = |at: &str| json!([{"op": "remove", "path": format!("/attributes/schema/properties/{at}")}]);
    for (of, field) in [(&users, "facts/properties/suspended"), (&of, "secret")] {
        assert!(matches!(operations(&ada, of, remove(field)).await.0, 403 | 409), "{field}");
        refused(&operations(sandbox, of, remove(field)).await, 409, "breaks_policy");
    }
    // A field for which no policy asks may go.
    for (of, field) in [(&users, "facts/properties/level"), (&of, "text")] {
        let (status, body) = operations(sandbox, of, remove(field)).await;
        assert_eq!(status, 200, "{field}: {body}");
    }
    refused(&ada.get_json(&path(&plan)).await, 404, "not_found");
});
