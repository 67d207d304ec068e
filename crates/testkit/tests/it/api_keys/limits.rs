//! What a key is limited to, and who may make one.

use super::*;

story!(a_limited_key_does_its_actions_alone, async |sandbox: &Sandbox| {
    define(sandbox, "thing", json!({})).await;
    define(sandbox, "other", json!({})).await;
    let (thing, other) = (add(sandbox, "thing", "a", json!({})).await, add(sandbox, "other", "b", json!({})).await);
    let (_, reader) = key(sandbox, json!({"name": "reader", "actions": ["thing.read"]})).await;
    assert_eq!(reader.get_json(&path(&thing)).await.0, 200);
    let me = get(sandbox, "/v3/users").await["data"][0]["id"].as_str().expect("the owner").to_owned();
    for hidden in [path(&other), path(&me)] {
        refused(&reader.get_json(&hidden).await, 404, "not_found");
    }
    assert_eq!(total(&reader, "/v3/resources").await, 1);
    assert_eq!(total(&reader, "/v3/things").await, 1);
    assert_eq!(total(&reader, "/v3/others").await, 0);
    assert_eq!(export(&reader, "/v3/resources:export").await.len(), 1);
    let events = get(&reader, "/v3/events?limit=200").await["data"].clone();
    assert!(events.as_array().expect("events").iter().all(|event| event["resource"]["type"] == "thing"), "{events}");
    refused(&reader.patch_json(&path(&thing), &json!({"name": "c"})).await, 403, "forbidden");
    refused(&reader.delete_json(&path(&thing)).await, 403, "forbidden");
    refused(&reader.post_json("/v3/things", &json!({"name": "c"})).await, 403, "forbidden");
    // What looks beyond resources is for those who read policies, or for keys without limits.
    refused(&reader.get_json("/v3/access/matrix").await, 403, "forbidden");
    refused(&reader.get_json("/v3/access/decisions").await, 403, "forbidden");
    let why = json!({"action": "thing.update", "resource": thing});
    refused(&reader.post_json("/v3/access/explain", &why).await, 403, "forbidden");
    let draft = json!({"policies": [{"name": "p", "cedar": "permit (principal, action, resource);"}]});
    let (_, all) = key(sandbox, json!({"name": "all", "actions": ["resource.read"]})).await;
    refused(&reader.post_json("/v3/access/simulate", &draft).await, 403, "forbidden");
    assert_eq!(total(&all, "/v3/resources").await, 2);
    assert_eq!(all.get_json(&path(&other)).await.0, 200);
    refused(&all.delete_json(&path(&other)).await, 403, "forbidden");
});

story!(a_limited_key_gives_nothing_away, async |sandbox: &Sandbox| {
    let own = get(sandbox, "/v3/users").await["data"][0]["id"].as_str().expect("the owner").to_owned();
    let client = add(sandbox, "client", "tool", json!({})).await;
    let every = ["read", "create", "update", "delete"].map(|verb| format!("resource.{verb}"));
    let (_, limited) = key(sandbox, json!({"name": "limited", "actions": every})).await;
    // It makes users, but none with a role, though its own user has them all.
    assert_eq!(limited.post_json("/v3/users", &json!({"name": "plain"})).await.0, 201);
    let owner = json!({"name": "eve", "attributes": {"roles": ["owner"]}});
    refused(&limited.post_json("/v3/users", &owner).await, 403, "not_yours_to_give");
    let viewer = json!({"name": "eve", "attributes": {"roles": ["viewer"]}});
    refused(&limited.post_json("/v3/users", &viewer).await, 403, "not_yours_to_give");
    let binding = json!({"name": "b", "attributes": {"role": "owner", "client": client}});
    refused(&limited.post_json("/v3/role-bindings", &binding).await, 403, "not_yours_to_give");
    let policy = json!({"name": "p", "attributes": {"cedar": "permit (principal, action, resource);"}});
    refused(&limited.post_json("/v3/policies", &policy).await, 403, "not_yours_to_give");
    refused(&limited.post_json(&format!("/v3/users/{own}/invitation"), &json!({})).await, 403, "forbidden");
    refused(&limited.post_json(&format!("/v3/clients/{client}/secrets"), &json!({})).await, 403, "forbidden");
    refused(&limited.post_json(KEYS, &json!({"name": "more"})).await, 403, "forbidden");
    refused(&limited.post_json(KEYS, &json!({"name": "more", "principal": client})).await, 403, "forbidden");
    // Not even of itself, nor by replacing itself.
    let listed = get(sandbox, KEYS).await["data"][0]["id"].as_str().expect("a key").to_owned();
    refused(&limited.post_json(&format!("{KEYS}/{listed}/rotate"), &json!({})).await, 403, "forbidden");
    refused(&limited.delete_json(&format!("{KEYS}/{listed}")).await, 403, "forbidden");
    assert_eq!(get(sandbox, KEYS).await["data"].as_array().map(Vec::len), Some(1));
});

story!(keys_are_made_for_oneself_and_for_those_who_may_do_no_more, async |sandbox: &Sandbox| {
    let (viewer_id, viewer) = user(sandbox, "vera", &["viewer"]).await;
    let (admin_id, admin) = user(sandbox, "ada", &["admin"]).await;
    let (stranger_id, stranger) = user(sandbox, "sam", &[]).await;
    let owner =
        get(sandbox, "/v3/users?sort=created_at&limit=1").await["data"][0]["id"].as_str().expect("one").to_owned();
    let make = async |who: &Client, whose: &str| who.post_json(KEYS, &json!({"name": "k", "principal": whose})).await;
    for (who, whose) in [(&viewer, &viewer_id), (&admin, &admin_id), (&stranger, &stranger_id), (&admin, &stranger_id)]
    {
        assert_eq!(make(who, whose).await.0, 201);
    }
    refused(&make(&viewer, &admin_id).await, 403, "forbidden");
    refused(&make(&stranger, &viewer_id).await, 404, "not_found");
    refused(&make(&admin, &viewer_id).await, 403, "not_yours_to_give");
    refused(&make(&admin, &owner).await, 403, "not_yours_to_give");
    refused(&make(&admin, "res_01h455vb4pex5vsknk084sn02q").await, 404, "not_found");
    // What somebody else has is theirs to see, and of those who may change them.
    assert_eq!(get(sandbox, &format!("{KEYS}?principal={viewer_id}")).await["data"].as_array().map(Vec::len), Some(1));
    refused(&viewer.get_json(&format!("{KEYS}?principal={admin_id}")).await, 403, "forbidden");
    let key_id = get(&viewer, KEYS).await["data"][0]["id"].as_str().expect("a key").to_owned();
    refused(&viewer.delete_json(&of(&admin_id, &key_id)).await, 403, "forbidden");
    refused(&admin.delete_json(&format!("{KEYS}/{key_id}")).await, 404, "not_found");
    assert_eq!(viewer.delete_json(&format!("{KEYS}/{key_id}")).await.0, 204);
    // A token with one role alone is not all that its user is.
    let narrow = sandbox.with_token(sandbox.cli(&["token", "create", "--role", "viewer"]).trim());
    refused(&narrow.post_json(KEYS, &json!({"name": "k"})).await, 403, "forbidden");
});

story!(a_policy_may_tell_keys_from_tokens, async |sandbox: &Sandbox| {
    define(sandbox, "thing", json!({})).await;
    let thing = add(sandbox, "thing", "a", json!({})).await;
    let cedar =
        "forbid (principal, action == Action::\"thing.delete\", resource) when { context.auth.method == \"key\" };";
    add(sandbox, "policy", "no-deletion-by-keys", json!({"cedar": cedar})).await;
    let (_, mine) = key(sandbox, json!({"name": "mine"})).await;
    refused(&mine.delete_json(&path(&thing)).await, 403, "forbidden");
    assert_eq!(sandbox.delete_json(&path(&thing)).await.0, 200);
});
