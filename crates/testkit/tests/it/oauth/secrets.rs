//! The secrets of clients: shown once, replaced while in use, and made by nobody for a client that may do more than they.

use std::fs;

use super::*;

story!(a_secret_is_replaced_while_it_is_in_use, async |sandbox: &Sandbox| {
    let ada = program(sandbox, "ada", json!({})).await;
    let place = secrets_of(&ada.id);
    let (second_id, second) = secret(sandbox, &ada.id).await;
    for secret in [&ada.secret, &second] {
        token_of(&ask(sandbox, Some((&ada.id, secret)), &[]).await);
    }
    let listed = get(sandbox, &place).await["data"].clone();
    let (first_id, known) = (id(&listed[0]), listed.to_string());
    assert_eq!(listed.as_array().map(Vec::len), Some(2));
    assert_eq!(listed[0].as_object().unwrap().keys().collect::<Vec<_>>(), ["id", "created_at", "expires_at"]);
    assert!(!known.contains(&ada.secret) && !known.contains(&second) && !known.contains("acs_"), "{known}");
    assert_eq!(sandbox.delete_json(&format!("{place}/{first_id}?dry_run=true")).await.0, 204);
    token_of(&ask(sandbox, ada.basic(), &[]).await);
    assert_eq!(sandbox.delete_json(&format!("{place}/{first_id}")).await.0, 204);
    oauth_error(&ask(sandbox, ada.basic(), &[]).await, 401, "invalid_client");
    token_of(&ask(sandbox, Some((&ada.id, &second)), &[]).await);
    refused(&sandbox.delete_json(&format!("{place}/{first_id}")).await, 404, "not_found");
    let other = program(sandbox, "bob", json!({})).await;
    refused(&sandbox.delete_json(&format!("{}/{second_id}", secrets_of(&other.id))).await, 404, "not_found");
    token_of(&ask(sandbox, Some((&ada.id, &second)), &[]).await);
});

story!(a_client_has_ten_secrets_at_most, async |sandbox: &Sandbox| {
    let ada = add(sandbox, "client", "ada", json!({})).await;
    let place = secrets_of(&ada);
    let tried = sandbox.post_json(&format!("{place}?dry_run=true"), &json!({})).await;
    assert_eq!((tried.0, tried.1["data"].get("secret")), (200, None), "{}", tried.1);
    assert_eq!(get(sandbox, &place).await["data"], json!([]));
    let before = last_seq(sandbox).await;
    let mut last = String::new();
    for _ in 0..10 {
        last = secret(sandbox, &ada).await.0;
    }
    refused(&sandbox.post_json(&place, &json!({})).await, 409, "too_many_secrets");
    refused(&sandbox.post_json(&format!("{place}?dry_run=true"), &json!({})).await, 409, "too_many_secrets");
    assert_eq!(last_seq(sandbox).await, before + 10);
    assert_eq!(sandbox.delete_json(&format!("{place}/{last}")).await.0, 204);
    secret(sandbox, &ada).await;
    let events = events_after(sandbox, before).await;
    assert!(events.iter().all(|event| event["resource"]["id"] == *ada && event["before"] == event["after"]));
    for (kind, count) in [("client.secret_created", 11), ("client.secret_deleted", 1), ("client.*", 13)] {
        assert_eq!(total(sandbox, &format!("/v3/events?type={kind}")).await, count, "{kind}");
    }
    for wrong in ["client._", "client.Secret", "client.secret-created", "client."] {
        refused(&sandbox.get_json(&format!("/v3/events?type={wrong}")).await, 400, "invalid_parameter");
    }
});

story!(a_secret_ends_when_it_should, async |sandbox: &Sandbox| {
    let ada = add(sandbox, "client", "ada", json!({})).await;
    let place = secrets_of(&ada);
    let at = |seconds: i64| admin_types::Timestamp((signer::now() + seconds) * 1_000_000).to_string();
    let (status, body) = sandbox.post_json(&place, &json!({"expires_at": at(8)})).await;
    assert_eq!(status, 201, "{body}");
    let short = body["data"]["secret"].as_str().unwrap();
    token_of(&ask(sandbox, Some((&ada, short)), &[]).await);
    eventually("the end of the secret", async || {
        (ask(sandbox, Some((&ada, short)), &[]).await.status == 401).then_some(())
    })
    .await;
    let (status, body) = sandbox.post_json(&place, &json!({"expires_at": at(3600)})).await;
    assert_eq!(status, 201, "{body}");
    token_of(&ask(sandbox, Some((&ada, body["data"]["secret"].as_str().unwrap())), &[]).await);
    for wrong in [
        json!({"expires_at": at(-1)}),
        json!({"expires_at": "tomorrow"}),
        json!({"expires_at": 7}),
        json!({"secret": "mine"}),
        json!({"expires_at": at(60), "name": "x"}),
        json!([]),
    ] {
        assert_eq!(sandbox.post_json(&place, &wrong).await.0, 422, "{wrong}");
    }
});

story!(a_secret_is_shown_once_and_nowhere_else, async |sandbox: &Sandbox| {
    let ada = add(sandbox, "client", "ada", json!({})).await;
    let place = secrets_of(&ada);
    let mut shown = vec![];
    for _ in 0..2 {
        let request = sandbox.request(Method::POST, &place).header("idempotency-key", "k").json(&json!({}));
        let reply = reply(request).await;
        assert_eq!((reply.status, reply.header("cache-control")), (201, "no-store"), "{}", reply.body);
        shown.push(reply.body["data"]["secret"].as_str().unwrap().to_owned());
    }
    assert_ne!(shown[0], shown[1], "an answer with a secret is not kept, so it is not given again");
    let token = token_of(&ask(sandbox, Some((&ada, &shown[0])), &[]).await);
    ask(sandbox, Some((&ada, "acs_mistyped")), &[]).await;
    form(sandbox, "/oauth/introspect", Some((&ada, &shown[0])), &[("token", &token)]).await;
    let mut said = vec![];
    for path in [&place, &path(&ada), "/v3/events?limit=200", "/v3/clients", "/v3/resources?limit=200", "/metrics"] {
        said.push(reply(sandbox.request(Method::GET, path)).await.body.to_string());
    }
    said.extend(export(sandbox, "/v3/resources:export").await.iter().map(Value::to_string));
    said.push(sandbox.cli(&["export"]));
    said.push(sandbox.log());
    for file in ["admin.db", "admin.db-wal"] {
        said.push(String::from_utf8_lossy(&fs::read(sandbox.data_dir.join(file)).unwrap_or_default()).into_owned());
    }
    for text in &said {
        assert!(shown.iter().all(|secret| !text.contains(&secret[4..])), "a secret is told: {text:.2000}");
        assert!(!text.contains(&token), "a token is told: {text:.2000}");
    }
});

story!(nobody_makes_a_secret_for_a_client_that_may_do_more, async |sandbox: &Sandbox| {
    define(sandbox, "folder", json!({})).await;
    let folder = add(sandbox, "folder", "top", json!({})).await;
    add(sandbox, "group", "staff", json!({"roles": ["auditor"]})).await;
    let admin = add(sandbox, "user", "ada", json!({"roles": ["admin", "viewer"]})).await;
    let admin = sandbox.with_token(sandbox.cli(&["token", "create", "--user", &admin]).trim());
    let client = async |name: &str, attributes: Value| add(sandbox, "client", name, attributes).await;
    let bind = async |client: &str, role: &str, parent: Option<&str>| {
        let attributes = json!({"role": role, "client": client});
        create(sandbox, &json!({"type": "role_binding", "name": "b", "parent": parent, "attributes": attributes})).await
    };
    let (scoped, bound) = (client("scoped", json!({})).await, client("bound", json!({})).await);
    bind(&scoped, "editor", Some(&folder)).await;
    bind(&bound, "owner", None).await;
    let disabled = json!({"type": "client", "name": "off", "status": "disabled", "attributes": {"roles": ["owner"]}});
    let more = [
        client("owner", json!({"roles": ["owner"]})).await,
        client("editor", json!({"roles": ["viewer", "editor"]})).await,
        client("grouped", json!({"groups": ["staff"]})).await,
        create(sandbox, &disabled).await,
        scoped,
        bound,
    ];
    let key = signer::Key::new("EdDSA").jwk(&json!({}));
    for id in &more {
        let before = last_seq(sandbox).await;
        for address in [secrets_of(id), format!("{}?dry_run=true", secrets_of(id))] {
            refused(&admin.post_json(&address, &json!({})).await, 403, "not_yours_to_give");
        }
        let own = secret(sandbox, id).await.0;
        let delete = admin.delete_json(&format!("{}/{own}", secrets_of(id))).await;
        refused(&delete, 403, "not_yours_to_give");
        // A key of one's own would do as well as a secret, and an address of one's own gets what others are given.
        for attributes in [
            json!({"jwks": {"keys": [key]}, "token_endpoint_auth_method": "private_key_jwt"}),
            json!({"token_endpoint_auth_method": "none"}),
            json!({"redirect_uris": ["https://example.org/mine"]}),
        ] {
            let patch = admin.patch_json(&path(id), &json!({"attributes": attributes})).await;
            refused(&patch, 403, "not_yours_to_give");
        }
        assert_eq!(last_seq(sandbox).await, before + 1);
    }
    let less = [client("none", json!({})).await, client("viewer", json!({"roles": ["viewer", "admin"]})).await];
    for id in &less {
        secret(&admin, id).await;
        assert_eq!(admin.patch_json(&path(id), &json!({"attributes": {"jwks": {"keys": [key]}}})).await.0, 200);
    }
    // A client may replace its own secret, if it may change itself; with a narrower token it is not all that it is.
    let own = program(sandbox, "own", json!({"roles": ["admin", "editor"]})).await;
    let caller = sandbox.with_token(&token(sandbox, &own).await);
    secret(&caller, &own.id).await;
    let viewer = program(sandbox, "reader", json!({"roles": ["viewer"]})).await;
    let caller = sandbox.with_token(&token(sandbox, &viewer).await);
    refused(&caller.post_json(&secrets_of(&viewer.id), &json!({})).await, 403, "forbidden");
    refused(&caller.get_json(&secrets_of(&viewer.id)).await, 403, "forbidden");
    for wrong in ["cli_01h455vb4pex5vsknk084sn02q", "nothing", &folder] {
        refused(&sandbox.post_json(&secrets_of(wrong), &json!({})).await, 404, "not_found");
        refused(&sandbox.get_json(&secrets_of(wrong)).await, 404, "not_found");
    }
});
