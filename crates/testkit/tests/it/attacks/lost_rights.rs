//! Rights that were lost are lost at once: also for answers that were given before, and for what is still being given.

use super::*;

async fn notes(sandbox: &Sandbox) -> (String, Client) {
    define(sandbox, "note", json!({"open": {"type": "boolean"}, "text": {"type": "string"}})).await;
    let cedar = r#"permit (principal in role::"writer", action, resource)
        when { resource is note && resource.attributes has open && resource.attributes.open };"#;
    role(sandbox, "writer", cedar).await;
    user(sandbox, "ada", json!({"roles": ["writer"]})).await
}

async fn keyed(client: &Client, path: &str, key: &str, body: Value) -> (u16, Value) {
    let request = client.request(Method::POST, path).header("idempotency-key", key);
    let reply = reply(request.header("content-type", "application/json").body(body.to_string())).await;
    (reply.status, reply.body)
}

story!(a_replay_shows_nothing_to_who_lost_the_right, async |sandbox: &Sandbox| {
    let (id, ada) = notes(sandbox).await;
    let new = json!({"type": "note", "name": "private", "attributes": {"open": true, "text": "t"}});
    let (status, made) = keyed(&ada, "/v3/resources", "one", new.clone()).await;
    assert_eq!(status, 201, "{made}");
    let note = path(made["data"]["id"].as_str().expect("an id"));
    ada.delete_json(&note).await;
    let (status, back) = keyed(&ada, &format!("{note}/restore"), "two", json!({})).await;
    assert_eq!(status, 200, "{back}");
    assert_eq!(keyed(&ada, "/v3/resources", "one", new.clone()).await.1["data"], made["data"]);

    let none = json!({"attributes": {"roles": []}});
    assert_eq!(sandbox.patch_json(&path(&id), &none).await.0, 200);
    let again = keyed(&ada, "/v3/resources", "one", new).await;
    refused(&again, 403, "forbidden");
    assert!(!again.1.to_string().contains("private"), "{}", again.1);
    refused(&keyed(&ada, &format!("{note}/restore"), "two", json!({})).await, 404, "not_found");
});

story!(a_token_is_refused_as_soon_as_its_principal_is_gone, async |sandbox: &Sandbox| {
    notes(sandbox).await;
    for (way, change) in [("disabled", true), ("deleted", false)] {
        let (id, ada) = user(sandbox, way, json!({"roles": ["writer"]})).await;
        assert_eq!(ada.get_json("/v3/notes").await.0, 200, "{way}");
        match change {
            true => assert_eq!(sandbox.patch_json(&path(&id), &json!({"status": "disabled"})).await.0, 200),
            false => assert_eq!(sandbox.delete_json(&path(&id)).await.0, 200),
        }
        let new = json!({"name": "n", "attributes": {"open": true}});
        for read in ["/v3/notes", "/v3/events", "/v3/notes:export", &path(&id), "/v3/access/matrix"] {
            refused(&ada.get_json(read).await, 401, "bad_token");
        }
        refused(&ada.post_json("/v3/notes", &new).await, 401, "bad_token");
        refused(
            &ada.post_json("/v3/access/explain", &json!({"action": "read", "resource": id})).await,
            401,
            "bad_token",
        );
    }
});

story!(a_binding_that_is_gone_gives_nothing, async |sandbox: &Sandbox| {
    define(sandbox, "folder", json!({})).await;
    let folder = add(sandbox, "folder", "f", json!({})).await;
    let (ada_id, ada) = user(sandbox, "ada", json!({"groups": ["staff"]})).await;
    let staff = add(sandbox, "group", "staff", json!({})).await;
    let bind = |who: &str, value: &str| json!({"type": "role_binding", "name": "b", "parent": folder, "attributes": {"role": "editor", who: value}});
    for (who, value) in [("user", &*ada_id), ("group", "staff")] {
        let binding = create(sandbox, &bind(who, value)).await;
        assert_eq!(total(&ada, "/v3/folders").await, 1);
        assert_eq!(sandbox.patch_json(&path(&binding), &json!({"status": "disabled"})).await.0, 200);
        assert_eq!(total(&ada, "/v3/folders").await, 0);
        assert_eq!(sandbox.patch_json(&path(&binding), &json!({"status": "active"})).await.0, 200);
        assert_eq!(ada.get_json(&path(&folder)).await.0, 200);
        assert_eq!(sandbox.delete_json(&path(&binding)).await.0, 200);
        refused(&ada.get_json(&path(&folder)).await, 404, "not_found");
    }
    // A role that a group carries goes with the group.
    let carry = json!({"attributes": {"roles": ["viewer"]}});
    assert_eq!(sandbox.patch_json(&path(&staff), &carry).await.0, 200);
    assert_eq!(total(&ada, "/v3/folders").await, 1);
    assert_eq!(sandbox.patch_json(&path(&staff), &json!({"status": "disabled"})).await.0, 200);
    assert_eq!(total(&ada, "/v3/folders").await, 0);
});

story!(a_cursor_shows_what_may_be_seen_now, async |sandbox: &Sandbox| {
    let (_, ada) = notes(sandbox).await;
    let mut notes = vec![];
    for n in 0..6 {
        notes.push(add(sandbox, "note", &format!("n{n}"), json!({"open": true})).await);
    }
    for sort in ["", "&sort=-name"] {
        let page = get(&ada, &format!("/v3/notes?limit=2{sort}")).await;
        let cursor = page["pagination"]["next_cursor"].as_str().expect("a cursor").to_owned();
        let hidden = if sort.is_empty() { &notes[3] } else { &notes[2] };
        assert_eq!(sandbox.patch_json(&path(hidden), &json!({"attributes": {"open": false}})).await.0, 200);
        let rest = get(&ada, &format!("/v3/notes?limit=9{sort}&cursor={cursor}")).await;
        assert!(!rest.to_string().contains(hidden), "{rest}");
        assert_eq!(sandbox.patch_json(&path(hidden), &json!({"attributes": {"open": true}})).await.0, 200);
    }
    let page = get(&ada, "/v3/notes?limit=2").await;
    let cursor = page["pagination"]["next_cursor"].as_str().expect("a cursor");
    let writers = query(sandbox, "/v3/policies", &[("filter", "name = \"writer\"")]).await;
    sandbox.delete_json(&path(&id(&writers["data"][0]))).await;
    let rest = get(&ada, &format!("/v3/notes?limit=9&cursor={cursor}")).await;
    assert_eq!((&rest["data"], &rest["pagination"]["total_items"]), (&json!([]), &json!(0)), "{rest}");
});

story!(an_export_shows_what_may_be_seen_when_it_comes_there, async |sandbox: &Sandbox| {
    let (id, ada) = notes(sandbox).await;
    // More than what lies on the way between server and client.
    let text = "x".repeat(40_000);
    let note = |n: usize| json!({"type": "note", "name": format!("n{n}"), "attributes": {"open": true, "text": text}});
    for part in 0..4 {
        let lines: Vec<Value> = (0..400).map(|n| note(part * 400 + n)).collect();
        let report = import(sandbox, "/v3/notes:import", ndjson(&lines)).await;
        assert_eq!(report["created"], 400, "{report}");
    }
    let mut response = ada.request(Method::GET, "/v3/notes:export").send().await.expect("an answer");
    let first = response.chunk().await.expect("a chunk").expect("some of it");
    assert_eq!(sandbox.patch_json(&path(&id), &json!({"attributes": {"roles": []}})).await.0, 200);
    let rest = response.text().await.expect("the rest");
    let lines = (first.len() + rest.len()) / text.len();
    assert!(lines < 1600, "{lines} lines, though the right was lost after the first");
});
