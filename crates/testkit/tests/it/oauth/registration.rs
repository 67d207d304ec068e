//! Clients that register themselves (RFC 7591).

use admin_testkit::Backend;

use super::*;

async fn register(caller: &Client, metadata: &Value) -> Reply {
    reply(caller.request(Method::POST, "/oauth/register").json(metadata)).await
}

async fn register_clients(backend: Backend) {
    let sandbox = &Sandbox::start_with(backend, &[("ADMIN_DYNAMIC_REGISTRATION", "token")]).await;
    let metadata = get(&sandbox.anonymous(), "/.well-known/openid-configuration").await;
    assert_eq!(metadata["registration_endpoint"], json!(format!("{}/oauth/register", sandbox.base_url)));
    let place = json!(["https://app.example/back"]);
    let wanted = json!({"client_name": "An app", "redirect_uris": place, "logo_uri": "https://app.example/logo",
        "roles": ["owner"], "first_party": true, "facts": {}, "scope": "openid"});
    let made = register(sandbox, &wanted).await;
    assert_eq!((made.status, made.header("cache-control")), (201, "no-store"), "{}", made.body);
    let body = &made.body;
    assert_eq!((&body["client_name"], &body["redirect_uris"]), (&json!("An app"), &place));
    assert_eq!((&body["grant_types"], &body["response_types"]), (&json!(["authorization_code"]), &json!(["code"])));
    assert_eq!(body["client_secret_expires_at"], json!(0));
    assert!(["roles", "first_party", "facts", "logo_uri"].iter().all(|name| body.get(*name).is_none()), "{body}");
    let id = body["client_id"].as_str().expect("an id");
    // An ordinary client, which has what it registered and no rights.
    let client = get(sandbox, &path(id)).await["data"].clone();
    assert_eq!((&client["type"], &client["name"]), (&json!("client"), &json!("An app")));
    assert!(
        client["attributes"].get("roles").is_none() && client["attributes"].get("first_party").is_none(),
        "{client}"
    );

    let program = json!({"grant_types": ["client_credentials"]});
    let made = register(sandbox, &program).await.body;
    let (id, secret) =
        (made["client_id"].as_str().expect("it is there"), made["client_secret"].as_str().expect("it is there"));
    token_of(&ask(sandbox, Some((id, secret)), &[]).await);
    assert_eq!(made["response_types"], json!([]));
    let public = json!({"redirect_uris": ["org.example.app:/back"], "token_endpoint_auth_method": "none"});
    assert!(register(sandbox, &public).await.body.get("client_secret").is_none());

    for (change, wanted) in [
        (json!({"redirect_uris": null}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["http://app.example/"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["javascript:alert(1)"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["https://app.example/#x"]}), "invalid_client_metadata"),
        (json!({"redirect_uris": "https://app.example/"}), "invalid_redirect_uri"),
        (json!({"grant_types": ["urn:ietf:params:oauth:grant-type:token-exchange"]}), "invalid_client_metadata"),
        (json!({"grant_types": ["implicit"]}), "invalid_client_metadata"),
        (json!({"grant_types": [7]}), "invalid_client_metadata"),
        (json!({"response_types": ["token"]}), "invalid_client_metadata"),
        (json!({"token_endpoint_auth_method": "tls_client_auth"}), "invalid_client_metadata"),
        (json!({"id_token_signed_response_alg": "none"}), "invalid_client_metadata"),
        (json!({"jwks_uri": "https://app.example/keys"}), "invalid_client_metadata"),
        (json!({"jwks": 7}), "invalid_client_metadata"),
        (json!({"client_name": ""}), "invalid_client_metadata"),
        (json!({"client_name": ["x"]}), "invalid_client_metadata"),
        (json!({"backchannel_logout_uri": "ftp://app.example"}), "invalid_client_metadata"),
        (json!({"software_statement": "x"}), "invalid_software_statement"),
    ] {
        let mut metadata = json!({"redirect_uris": ["https://app.example/back"]});
        metadata.as_object_mut().expect("it is there").extend(change.as_object().expect("it is there").clone());
        let refused = register(sandbox, &metadata).await;
        assert_eq!((refused.status, refused.body["error"].as_str()), (400, Some(wanted)), "{change}: {}", refused.body);
    }
    for name in ["redirect_uris", "grant_types", "post_logout_redirect_uris"] {
        let refused = register(sandbox, &json!({"redirect_uris": place, name: "x"})).await.body;
        assert_eq!(refused["error_description"], json!(format!("{name} must be an array of texts")), "{refused}");
    }
    let good = json!({"redirect_uris": ["https://app.example/back"]});
    let viewer = sandbox.with_token(sandbox.cli(&["token", "create", "--role", "viewer"]).trim());
    let before = last_seq(sandbox).await;
    for (caller, status) in [(sandbox.anonymous(), 401), (sandbox.with_token("x"), 401), (viewer, 403)] {
        assert_eq!(register(&caller, &good).await.status, status);
    }
    assert_eq!(last_seq(sandbox).await, before);
    // Who may create clients, but not give them secrets, leaves none behind.
    let limits = json!({"name": "limited", "actions": ["client.create", "client.read"]});
    let limited = sandbox.post_json("/v3/api-keys", &limits).await.1["data"]["key"].clone();
    let clients = total(sandbox, "/v3/clients").await;
    let refused = register(&sandbox.with_token(limited.as_str().expect("a key")), &good).await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert_eq!(total(sandbox, "/v3/clients").await, clients);
    assert_eq!(total(sandbox, "/v3/clients?trashed=true").await, 0);
}

#[test]
fn a_client_registers_itself_with_a_token() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(register_clients(Backend::Sqlite));
    runtime.block_on(register_clients(Backend::Postgres));
}

story!(clients_do_not_register_themselves_unless_that_is_wanted, async |sandbox: &Sandbox| {
    let metadata = get(&sandbox.anonymous(), "/.well-known/openid-configuration").await;
    assert!(metadata.get("registration_endpoint").is_none());
    let refused = register(sandbox, &json!({"redirect_uris": ["https://app.example/back"]})).await;
    assert_eq!((refused.status, &refused.body["code"]), (404, &json!("unknown_path")));
});
