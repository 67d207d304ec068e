//! A role that is held within a resource and all below it.

use super::*;

story!(a_role_may_be_held_within_a_scope, async |sandbox: &Sandbox| {
    define(sandbox, "folder", json!({})).await;
    define(sandbox, "file", json!({})).await;
    let add_below = async |kind: &str, name: &str, parent: Option<&str>| {
        create(sandbox, &json!({"type": kind, "name": name, "parent": parent})).await
    };
    let top = add_below("folder", "top", None).await;
    let inner = add_below("folder", "inner", Some(&top)).await;
    let inside = add_below("file", "inside", Some(&inner)).await;
    let outside = add_below("file", "outside", None).await;
    let (ada_id, ada) = user(sandbox, "ada", json!({})).await;
    assert_eq!(total(&ada, "/v3/resources").await, 0);

    let bind = |role: &str, parent: &str| json!({"type": "role_binding", "name": "b", "parent": parent, "attributes": {"role": role, "user": ada_id}});
    let binding = create(sandbox, &bind("editor", &top)).await;
    assert_eq!(ids(&ada, "/v3/files").await, std::slice::from_ref(&inside));
    assert_eq!(total(&ada, "/v3/resources").await, 3);
    assert_eq!(ada.patch_json(&path(&inside), &json!({"name": "mine"})).await.0, 200);
    refused(&ada.get_json(&path(&outside)).await, 404, "not_found");

    // Below the scope she may create; elsewhere, and out of it, she may not.
    create(&ada, &json!({"type": "file", "name": "new", "parent": inner})).await;
    refused(&ada.post_json("/v3/files", &json!({"name": "new"})).await, 403, "forbidden");
    refused(&ada.patch_json(&path(&inside), &json!({"parent": null})).await, 403, "forbidden");

    // What moves takes what is below it along.
    assert_eq!(sandbox.patch_json(&path(&inner), &json!({"parent": null})).await.0, 200);
    assert_eq!(total(&ada, "/v3/files").await, 0);
    refused(&ada.get_json(&path(&inside)).await, 404, "not_found");
    assert_eq!(sandbox.patch_json(&path(&inner), &json!({"parent": top})).await.0, 200);
    assert_eq!(total(&ada, "/v3/files").await, 2);

    sandbox.delete_json(&path(&binding)).await;
    assert_eq!(total(&ada, "/v3/resources").await, 0);
});

story!(a_group_carries_roles_also_within_a_scope, async |sandbox: &Sandbox| {
    define(sandbox, "folder", json!({})).await;
    let folder = add(sandbox, "folder", "shared", json!({})).await;
    add(sandbox, "folder", "other", json!({})).await;
    add(sandbox, "group", "staff", json!({})).await;
    add(sandbox, "group", "finance", json!({"groups": ["staff"]})).await;
    let (_, ada) = user(sandbox, "ada", json!({"groups": ["finance"]})).await;
    let binding = json!({"type": "role_binding", "name": "b", "parent": folder, "attributes": {"role": "viewer", "group": "staff"}});
    create(sandbox, &binding).await;
    assert_eq!(ids(&ada, "/v3/folders").await, [folder]);
    let staff = get(sandbox, "/v3/groups?filter=name%20%3D%20%22staff%22").await;
    sandbox.patch_json(&path(&id(&staff["data"][0])), &json!({"attributes": {"roles": ["viewer"]}})).await;
    assert_eq!(total(&ada, "/v3/folders").await, 2);
});
