//! Rights are had, not taken: no detour gives somebody more than they were given.

use super::*;

/// All the ways to make a change of a resource that is there; none may work.
async fn no_way(client: &Client, target: &str, patch: &Value, code: &str) {
    let seen = get(client, &path(target)).await["data"].clone();
    let mut whole = seen.clone();
    merge(&mut whole, patch);
    let operations_of = json!([{"op": "replace", "path": "/attributes", "value": whole["attributes"]},
        {"op": "add", "path": "/status", "value": whole["status"]}, {"op": "add", "path": "/parent", "value": whole["parent"]}]);
    for dry in ["", "?dry_run=true"] {
        let at = format!("{}{dry}", path(target));
        for (status, body) in [
            client.patch_json(&at, patch).await,
            client.put_json(&at, &whole).await,
            operations(client, &at, operations_of.clone()).await,
        ] {
            assert_eq!((status / 100, body["code"].as_str()), (4, Some(code)), "{patch}: {body}");
        }
        let report = import(client, &format!("/v3/resources:import{dry}"), ndjson(std::slice::from_ref(&whole))).await;
        assert_eq!(report["errors"][0]["code"], code, "{patch}: {report}");
    }
    assert_eq!(get(client, &path(target)).await["data"], seen);
}

fn merge(document: &mut Value, patch: &Value) {
    match (document.as_object_mut(), patch.as_object()) {
        (Some(object), Some(patch)) => {
            for (name, value) in patch {
                merge(object.entry(name).or_insert(Value::Null), value);
            }
        }
        _ => *document = patch.clone(),
    }
}

async fn no_creation(client: &Client, document: Value, code: &str) {
    for dry in ["", "?dry_run=true"] {
        let answer = client.post_json(&format!("/v3/resources{dry}"), &document).await;
        assert_eq!(answer.1["code"], code, "{document}: {}", answer.1);
        let report =
            import(client, &format!("/v3/resources:import{dry}"), ndjson(std::slice::from_ref(&document))).await;
        assert_eq!(report["errors"][0]["code"], code, "{document}: {report}");
    }
}

story!(no_group_is_a_ladder, async |sandbox: &Sandbox| {
    let (me, ada) = user(sandbox, "ada", json!({"roles": ["admin"], "groups": ["mine"]})).await;
    let mine = add(sandbox, "group", "mine", json!({})).await;
    let bosses = add(sandbox, "group", "bosses", json!({"roles": ["owner"]})).await;
    let above = add(sandbox, "group", "above", json!({"groups": ["bosses"]})).await;
    let bound = add(sandbox, "group", "bound", json!({})).await;
    add(sandbox, "role_binding", "b", json!({"role": "owner", "group": "bound"})).await;
    for group in ["bosses", "above", "bound"] {
        no_way(&ada, &me, &json!({"attributes": {"groups": ["mine", group]}}), "not_yours_to_give").await;
        no_way(&ada, &mine, &json!({"attributes": {"groups": [group]}}), "not_yours_to_give").await;
        let new = json!({"type": "group", "name": "new", "attributes": {"groups": ["mine", group]}});
        no_creation(&ada, new, "not_yours_to_give").await;
        let robot = json!({"type": "client", "name": "robot", "attributes": {"groups": [group]}});
        no_creation(&ada, robot, "not_yours_to_give").await;
    }
    no_way(&ada, &mine, &json!({"attributes": {"roles": ["owner"]}}), "not_yours_to_give").await;
    no_way(&ada, &bosses, &json!({"attributes": {"roles": []}}), "not_yours_to_give").await;
    no_way(&ada, &above, &json!({"status": "disabled"}), "not_yours_to_give").await;
    // A circle joins nobody to what they are not in.
    assert_eq!(sandbox.patch_json(&path(&bosses), &json!({"attributes": {"groups": ["above"]}})).await.0, 200);
    no_way(&ada, &mine, &json!({"attributes": {"groups": ["above"]}}), "not_yours_to_give").await;
    // A group of the same name, made anew, is no other: who was in it is, who was not is not.
    assert_eq!(ada.delete_json(&path(&bound)).await.0, 200);
    add(&ada, "group", "bound", json!({})).await;
    no_way(&ada, &me, &json!({"attributes": {"groups": ["bound"]}}), "not_yours_to_give").await;
    refused(&ada.delete_json(&path(&bosses)).await, 403, "not_yours_to_give");
    assert_eq!(sandbox.delete_json(&path(&bosses)).await.0, 200);
    refused(&ada.post_json(&format!("{}/restore", path(&bosses)), &json!({})).await, 403, "not_yours_to_give");
});

story!(a_group_is_its_name_to_those_who_are_in_it, async |sandbox: &Sandbox| {
    define(sandbox, "note", json!({})).await;
    add(sandbox, "note", "n", json!({})).await;
    policy(sandbox, "staff", r#"permit (principal in group::"staff", action == Action::"note.read", resource);"#).await;
    let staff = add(sandbox, "group", "staff", json!({"roles": ["viewer"]})).await;
    let (me, ada) = user(sandbox, "ada", json!({"groups": ["staff"]})).await;
    assert!(total(&ada, "/v3/roles").await > 0);
    // What the group carries goes with it; what names it does not, and whoever is in it leaves by leaving.
    assert_eq!(sandbox.delete_json(&path(&staff)).await.0, 200);
    assert_eq!((total(&ada, "/v3/roles").await, total(&ada, "/v3/notes").await), (0, 1));
    assert_eq!(sandbox.patch_json(&path(&me), &json!({"attributes": {"groups": []}})).await.0, 200);
    assert_eq!(total(&ada, "/v3/notes").await, 0);
});

story!(no_binding_is_a_ladder, async |sandbox: &Sandbox| {
    define(sandbox, "folder", json!({})).await;
    let folder = async |name: &str, parent: Value| {
        create(sandbox, &json!({"type": "folder", "name": name, "parent": parent})).await
    };
    let (top, other) = (folder("top", Value::Null).await, folder("other", Value::Null).await);
    let (me, ada) = user(sandbox, "ada", json!({"groups": ["staff"]})).await;
    let bind = |role: &str, who: Value, parent: Value| {
        let mut binding = json!({"type": "role_binding", "name": "b", "parent": parent, "attributes": who});
        binding["attributes"]["role"] = json!(role);
        binding
    };
    create(sandbox, &bind("admin", json!({"user": me}), json!(top))).await;
    let (own, staff) = (json!({"user": me}), json!({"group": "staff"}));
    for (role, who) in [("owner", &own), ("viewer", &own), ("owner", &staff)] {
        let answer = ada.post_json("/v3/resources", &bind(role, who.clone(), json!(top))).await;
        assert!(matches!(answer.0, 403 | 422), "{role}: {}", answer.1);
    }
    for parent in [Value::Null, json!(other)] {
        let answer = ada.post_json("/v3/resources", &bind("admin", staff.clone(), parent.clone())).await;
        assert!(matches!(answer.0, 403 | 422), "{parent}: {}", answer.1);
    }
    let hers = create(&ada, &bind("admin", staff, json!(top))).await;
    no_way(&ada, &hers, &json!({"attributes": {"role": "owner"}}), "not_yours_to_give").await;
    no_way(&ada, &hers, &json!({"attributes": {"role": "viewer"}}), "not_yours_to_give").await;
    no_way(&ada, &hers, &json!({"parent": other}), "forbidden").await;
    assert_eq!(total(&ada, "/v3/folders").await, 1);
    // Nor does she bring what is not hers below what is hers, or write policies that are.
    refused(&ada.patch_json(&path(&other), &json!({"parent": top})).await, 404, "not_found");
    let all = json!({"cedar": "permit (principal, action, resource);"});
    let policy = json!({"type": "policy", "name": "p", "parent": top, "attributes": all});
    assert_eq!(ada.post_json("/v3/resources", &policy).await.0, 403);
    // A binding that was taken away is not taken back.
    let gone = create(sandbox, &bind("owner", json!({"user": me}), json!(top))).await;
    assert_eq!(sandbox.delete_json(&path(&gone)).await.0, 200);
    refused(&ada.post_json(&format!("{}/restore", path(&gone)), &json!({})).await, 403, "not_yours_to_give");
});

story!(whoever_moves_a_resource_moves_all_below_it, async |sandbox: &Sandbox| {
    define(sandbox, "folder", json!({"owner": {"type": "string", "x-ref": "user"}})).await;
    let (me, ada) = user(sandbox, "ada", json!({})).await;
    let own = r#"permit (principal, action in [Action::"folder.read", Action::"folder.update"], resource)
        when { resource.attributes has owner && resource.attributes.owner == principal };"#;
    policy(sandbox, "own", own).await;
    let hers = add(sandbox, "folder", "hers", json!({"owner": me})).await;
    let inner = create(sandbox, &json!({"type": "folder", "name": "inner", "parent": hers})).await;
    let top = add(sandbox, "folder", "top", json!({})).await;
    let bind =
        json!({"type": "role_binding", "name": "b", "parent": top, "attributes": {"role": "editor", "user": me}});
    create(sandbox, &bind).await;
    refused(&ada.get_json(&path(&inner)).await, 404, "not_found");
    // What she may not update before, or not after, stays where it is.
    refused(&ada.patch_json(&path(&inner), &json!({"parent": top})).await, 404, "not_found");
    refused(&ada.patch_json(&path(&top), &json!({"parent": inner})).await, 422, "dangling_reference");
    let away = json!({"parent": null, "attributes": {"owner": null}});
    refused(&ada.patch_json(&path(&hers), &away).await, 403, "forbidden");
    // Hers she may move, and with it what is below it: so it is said where policies are explained.
    assert_eq!(ada.patch_json(&path(&hers), &json!({"parent": top})).await.0, 200);
    assert_eq!(ada.get_json(&path(&inner)).await.0, 200);
});

story!(a_narrowed_token_stays_narrow, async |sandbox: &Sandbox| {
    define(sandbox, "note", json!({})).await;
    // It acts for the owner, but with one role.
    let me = id(&get(sandbox, "/v3/users").await["data"][0]);
    add(sandbox, "group", "staff", json!({"roles": ["admin"]})).await;
    add(sandbox, "role_binding", "b", json!({"role": "admin", "user": me})).await;
    let groups = json!({"attributes": {"groups": ["staff"]}});
    assert_eq!(sandbox.patch_json(&path(&me), &groups).await.0, 200);
    let narrow = sandbox.with_token(sandbox.cli(&["token", "create", "--role", "editor"]).trim());
    let new = |of: &str, attributes: Value| json!({"type": of, "name": "n", "attributes": attributes});
    add(&narrow, "note", "n", json!({})).await;
    for document in [
        new("user", json!({"roles": ["editor"]})),
        new("policy", json!({"cedar": "permit (principal, action, resource);"})),
        new("role_binding", json!({"role": "editor", "user": me})),
        new("group", json!({"roles": ["editor"]})),
        new("type", json!({"schema": {"type": "object"}})),
    ] {
        no_creation(&narrow, document, "forbidden").await;
    }
    refused(&narrow.patch_json(&path(&me), &json!({"attributes": {"facts": {}}})).await, 403, "forbidden");
    assert_eq!(total(&narrow, "/v3/policies").await, 0);
    assert!(total(sandbox, "/v3/policies").await > 0);
    // Under the key of the wider token it gets no more.
    let keyed = async |client: &Client| {
        let request = client.request(Method::POST, "/v3/resources").header("idempotency-key", "k");
        let body = new("client", json!({"description": "hidden"})).to_string();
        let reply = reply(request.header("content-type", "application/json").body(body)).await;
        (reply.status, reply.body)
    };
    assert_eq!(keyed(sandbox).await.0, 201);
    refused(&keyed(&narrow).await, 403, "forbidden");
});

story!(the_last_owner_stays_whatever_the_way, async |sandbox: &Sandbox| {
    let first = id(&get(sandbox, "/v3/users").await["data"][0]);
    let (second, olga) = user(sandbox, "olga", json!({"roles": ["owner"]})).await;
    // Owners by a group, by a binding, or who are disabled, are none that could mend what went wrong.
    add(sandbox, "group", "bosses", json!({"roles": ["owner"]})).await;
    user(sandbox, "bob", json!({"groups": ["bosses"]})).await;
    let (eve, _) = user(sandbox, "eve", json!({})).await;
    add(sandbox, "role_binding", "b", json!({"role": "owner", "user": eve})).await;
    let (off, _) = user(sandbox, "off", json!({"roles": ["owner"]})).await;
    assert_eq!(sandbox.patch_json(&path(&off), &json!({"status": "disabled"})).await.0, 200);
    // Both at once, in one transaction: one of them stays.
    let line = |id: &str| json!({"id": id, "type": "user", "name": "x", "attributes": {"roles": []}});
    let off_line = |id: &str| json!({"id": id, "type": "user", "name": "x", "status": "disabled", "attributes": {"roles": ["owner"]}});
    for lines in [[line(&first), line(&second)], [off_line(&first), off_line(&second)]] {
        let report = import(&olga, "/v3/users:import?dry_run=true", ndjson(&lines)).await;
        assert_eq!((&report["updated"], &report["errors"][0]["code"]), (&json!(1), &json!("last_owner")), "{report}");
    }
    assert_eq!(olga.delete_json(&path(&first)).await.0, 200);
    no_way(&olga, &second, &json!({"attributes": {"roles": ["admin"]}}), "last_owner").await;
    no_way(&olga, &second, &json!({"status": "disabled"}), "last_owner").await;
    refused(&olga.delete_json(&path(&second)).await, 409, "last_owner");
});

story!(no_owner_locks_the_org, async |sandbox: &Sandbox| {
    let all = "forbid (principal, action, resource);";
    let new = |cedar: &str| json!({"type": "policy", "name": "p", "attributes": {"cedar": cedar}});
    for cedar in [
        all,
        r#"forbid (principal in role::"owner", action in Action::"resource.update", resource);"#,
        r#"forbid (principal, action == Action::"policy.read", resource) when { resource.name like "*" };"#,
        r#"forbid (principal, action, resource) when { resource is policy };"#,
    ] {
        no_creation(sandbox, new(cedar), "locked_out").await;
    }
    let owner = query(sandbox, "/v3/policies", &[("filter", "name = \"owner\"")]).await;
    let owner = id(&owner["data"][0]);
    no_way(sandbox, &owner, &json!({"status": "disabled"}), "locked_out").await;
    no_way(
        sandbox,
        &owner,
        &json!({"attributes": {"cedar": r#"permit (principal in role::"admin", action, resource);"#}}),
        "locked_out",
    )
    .await;
    refused(&sandbox.delete_json(&path(&owner)).await, 409, "locked_out");
    // Of two that give the right, either may go, but not both: also not in one transaction.
    let second = policy(sandbox, "too", r#"permit (principal in role::"owner", action, resource);"#).await;
    let off = |id: &str| json!({"id": id, "type": "policy", "name": "x", "status": "disabled", "attributes": {"cedar": r#"permit (principal in role::"owner", action, resource);"#}});
    let report = import(sandbox, "/v3/policies:import", ndjson(&[off(&owner), off(&second)])).await;
    assert_eq!((&report["updated"], &report["errors"][0]["code"]), (&json!(1), &json!("locked_out")), "{report}");
    // What leaves owners a way back is theirs to say.
    let but = r#"forbid (principal, action, resource) unless { principal in role::"owner" };"#;
    let but = policy(sandbox, "but", but).await;
    let off = policy(sandbox, "off", r#"forbid (principal, action in Action::"resource.delete", resource);"#).await;
    assert_eq!(sandbox.patch_json(&path(&off), &json!({"status": "disabled"})).await.0, 200);
    no_way(sandbox, &but, &json!({"attributes": {"cedar": all}}), "locked_out").await;
});
