//! Nobody gives away more than they have.

use super::*;

story!(an_admin_gives_no_role_that_it_does_not_have, async |sandbox: &Sandbox| {
    let (ada_id, ada) = user(sandbox, "ada", json!({"roles": ["admin"]})).await;
    let (owner, _) = user(sandbox, "olga", json!({"roles": ["owner"]})).await;
    add(sandbox, "group", "bosses", json!({"roles": ["owner"]})).await;
    let new = |roles: Value| json!({"type": "user", "name": "new", "attributes": roles});
    create(&ada, &new(json!({"roles": ["admin"]}))).await;
    for attributes in [json!({"roles": ["owner"]}), json!({"roles": ["viewer"]}), json!({"groups": ["bosses"]})] {
        refused(&ada.post_json("/v3/resources", &new(attributes.clone())).await, 403, "not_yours_to_give");
        let patch = json!({"attributes": attributes});
        refused(&ada.patch_json(&path(&ada_id), &patch).await, 403, "not_yours_to_give");
        let dry = format!("{}?dry_run=true", path(&ada_id));
        refused(&ada.patch_json(&dry, &patch).await, 403, "not_yours_to_give");
        let report = import(&ada, "/v3/users:import", ndjson(&[new(attributes)])).await;
        assert_eq!(report["errors"][0]["code"], "not_yours_to_give", "{report}");
    }
    // Nor does it change who has more than it has.
    refused(&ada.patch_json(&path(&owner), &json!({"name": "x"})).await, 403, "not_yours_to_give");
    refused(&ada.delete_json(&path(&owner)).await, 403, "not_yours_to_give");
    // Groups and bindings are no way around.
    let group = json!({"type": "group", "name": "mine", "attributes": {"roles": ["owner"]}});
    refused(&ada.post_json("/v3/resources", &group).await, 403, "not_yours_to_give");
    let binding = json!({"type": "role_binding", "name": "b", "attributes": {"role": "owner", "user": ada_id}});
    refused(&ada.post_json("/v3/resources", &binding).await, 403, "not_yours_to_give");
    // Nor are policies.
    let policy =
        json!({"type": "policy", "name": "p", "attributes": {"cedar": "permit (principal, action, resource);"}});
    refused(&ada.post_json("/v3/resources", &policy).await, 403, "forbidden");
    // Nor restoring what was taken away.
    let (gone, _) = user(sandbox, "gone", json!({"roles": ["owner"]})).await;
    sandbox.delete_json(&path(&gone)).await;
    refused(&ada.post_json(&format!("{}/restore", path(&gone)), &json!({})).await, 403, "not_yours_to_give");
});

story!(a_scoped_role_is_given_within_its_scope_alone, async |sandbox: &Sandbox| {
    define(sandbox, "folder", json!({})).await;
    let top = add(sandbox, "folder", "top", json!({})).await;
    let inner = create(sandbox, &json!({"type": "folder", "name": "inner", "parent": top})).await;
    let (ada_id, ada) = user(sandbox, "ada", json!({})).await;
    let (bob_id, bob) = user(sandbox, "bob", json!({})).await;
    let text = r#"permit (principal == user::"ADA", action in [Action::"resource.read", Action::"resource.create"], resource)
        when { resource is role_binding || resource is user || resource is folder };"#;
    policy(sandbox, "binders", &text.replace("ADA", &ada_id)).await;
    let bind = |role: &str, user: &str, parent: Option<&str>| json!({"type": "role_binding", "name": "b", "parent": parent, "attributes": {"role": role, "user": user}});
    create(sandbox, &bind("editor", &ada_id, Some(&inner))).await;
    for (role, parent) in [("editor", None), ("editor", Some(&*top)), ("owner", Some(&*inner))] {
        let answer = ada.post_json("/v3/resources", &bind(role, &bob_id, parent)).await;
        assert!(matches!(answer.0, 403 | 422), "{role} {parent:?}: {}", answer.1);
    }
    create(&ada, &bind("editor", &bob_id, Some(&inner))).await;
    assert_eq!(ids(&bob, "/v3/folders").await, [inner]);
});

story!(nobody_but_an_owner_sets_their_own_facts, async |sandbox: &Sandbox| {
    declare_facts(sandbox, json!({"region": {"type": "string"}})).await;
    let (id, ada) = user(sandbox, "ada", json!({"roles": ["admin"]})).await;
    let patch = json!({"attributes": {"facts": {"region": "eu"}}});
    refused(&ada.patch_json(&path(&id), &patch).await, 403, "not_yours_to_give");
    assert_eq!(sandbox.patch_json(&path(&id), &patch).await.0, 200);
});

story!(the_last_owner_stays, async |sandbox: &Sandbox| {
    let users = get(sandbox, "/v3/users").await;
    let first = id(&users["data"][0]);
    for patch in [json!({"status": "disabled"}), json!({"attributes": {"roles": []}})] {
        refused(&sandbox.patch_json(&path(&first), &patch).await, 409, "last_owner");
    }
    refused(&sandbox.delete_json(&path(&first)).await, 409, "last_owner");
    refused(&sandbox.delete_json(&format!("{}?purge=true", path(&first))).await, 409, "last_owner");
    let (_, second) = user(sandbox, "olga", json!({"roles": ["owner"]})).await;
    assert_eq!(second.patch_json(&path(&first), &json!({"status": "disabled"})).await.0, 200);
});
