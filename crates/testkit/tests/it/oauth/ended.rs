//! What ends a token, and how soon: revocation (RFC 7009), and a client that is disabled, in the trash or gone.

use super::*;

/// What a client may ask about a token (RFC 7662).
async fn introspected(server: &Client, asker: &Program, token: &str) -> Value {
    let reply = form(server, "/oauth/introspect", asker.basic(), &[("token", token)]).await;
    assert_eq!((reply.status, reply.header("cache-control")), (200, "no-store"), "{}", reply.body);
    reply.body
}

async fn revoke(server: &Client, by: &Program, token: &str) {
    let reply = form(server, "/oauth/revoke", by.basic(), &[("token", token), ("token_type_hint", "x")]).await;
    assert_eq!((reply.status, reply.body), (200, json!("")));
}

story!(a_revoked_token_ends_at_once_and_no_other, async |sandbox: &Sandbox| {
    let ada = program(sandbox, "ada", json!({"roles": ["viewer"]})).await;
    let bob = program(sandbox, "bob", json!({})).await;
    let (first, second) = (token(sandbox, &ada).await, token(sandbox, &ada).await);
    let known = introspected(sandbox, &bob, &first).await;
    assert_eq!((&known["active"], &known["sub"], &known["scope"]), (&json!(true), &json!(ada.id), &json!("admin")));
    assert_eq!((&known["client_id"], &known["token_type"]), (&json!(ada.id), &json!("Bearer")));
    // Another client's word ends nothing, and it learns nothing by the answer (RFC 7009, section 2.1).
    revoke(sandbox, &bob, &first).await;
    revoke(sandbox, &bob, "garbage").await;
    assert!(works(sandbox, &first).await);
    revoke(sandbox, &ada, &first).await;
    assert!(!works(sandbox, &first).await && works(sandbox, &second).await);
    assert_eq!(introspected(sandbox, &ada, &first).await, json!({"active": false}));
    revoke(sandbox, &ada, &first).await;
    assert_eq!(introspected(sandbox, &ada, "garbage").await, json!({"active": false}));
    for path in ["/oauth/introspect", "/oauth/revoke"] {
        oauth_error(&form(sandbox, path, None, &[("token", &second)]).await, 401, "invalid_client");
        oauth_error(&form(sandbox, path, Some((&ada.id, "x")), &[("token", &second)]).await, 401, "invalid_client");
        oauth_error(&form(sandbox, path, ada.basic(), &[]).await, 400, "invalid_request");
    }
    let app = add(sandbox, "client", "app", json!({"token_endpoint_auth_method": "none"})).await;
    let asked = form(sandbox, "/oauth/introspect", None, &[("token", &second), ("client_id", &app)]).await;
    oauth_error(&asked, 401, "invalid_client");
    // A token is no secret and a secret no token; `admin token create` issues to no client, so none can revoke it.
    assert_eq!(introspected(sandbox, &ada, &ada.secret).await, json!({"active": false}));
    revoke(sandbox, &ada, &sandbox.owner_token).await;
    assert_eq!(sandbox.get_json("/v3/resources").await.0, 200);
    // It stays so when the server is started again.
    sandbox.kill();
    sandbox.start().await;
    assert!(!works(sandbox, &first).await && works(sandbox, &second).await);
});

story!(a_client_that_is_not_active_is_let_in_no_more, async |sandbox: &Sandbox| {
    let ada = program(sandbox, "ada", json!({"roles": ["viewer"]})).await;
    let bob = program(sandbox, "bob", json!({})).await;
    let held = token(sandbox, &ada).await;
    assert!(works(sandbox, &held).await);
    let out = async |when: &str| {
        assert!(!works(sandbox, &held).await, "{when}");
        oauth_error(&ask(sandbox, ada.basic(), &[]).await, 401, "invalid_client");
        assert_eq!(introspected(sandbox, &bob, &held).await, json!({"active": false}), "{when}");
        let openapi = sandbox.with_token(&held).get_json("/v3/openapi.json").await.0;
        let types = sandbox.with_token(&held).get_json("/v3/types").await.0;
        assert_eq!((openapi, types), (401, 401), "{when}");
    };
    let set = async |status: &str| sandbox.patch_json(&path(&ada.id), &json!({"status": status})).await.0;
    assert_eq!(set("disabled").await, 200);
    out("disabled").await;
    assert_eq!(set("active").await, 200);
    assert!(works(sandbox, &held).await);
    token(sandbox, &ada).await;
    assert_eq!(sandbox.delete_json(&path(&ada.id)).await.0, 200);
    out("in the trash").await;
    let made = sandbox.post_json(&secrets_of(&ada.id), &json!({})).await;
    assert_eq!(made.0, 404, "{}", made.1);
    assert_eq!(sandbox.post_json(&format!("{}/restore", path(&ada.id)), &json!({})).await.0, 200);
    token(sandbox, &ada).await;
    assert_eq!(sandbox.delete_json(&format!("{}?purge=true", path(&ada.id))).await.0, 200);
    out("purged").await;
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purge_leaves_no_secret_behind() {
    let (database, first, _) = two_processes().await;
    let (ada, bob) = (program(&first, "ada", json!({})).await, program(&first, "bob", json!({})).await);
    secret(&first, &ada.id).await;
    let postgres = forged::connect(&database.url).await;
    let rows = async || postgres.query("SELECT hash FROM client_secret", &[]).await.expect("rows").len();
    assert_eq!(rows().await, 3);
    assert_eq!(first.delete_json(&path(&ada.id)).await.0, 200);
    assert_eq!(rows().await, 3);
    assert_eq!(first.delete_json(&format!("{}?purge=true", path(&ada.id))).await.0, 200);
    assert_eq!(rows().await, 1);
    token(&first, &bob).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_in_one_process_ends_in_the_other() {
    let (_database, first, second) = two_processes().await;
    let ada = program(&first, "ada", json!({"roles": ["viewer"]})).await;
    let (revoked, held) = (token(&first, &ada).await, token(&second, &ada).await);
    for server in [&first, &second] {
        assert!(works(server, &revoked).await && works(server, &held).await);
    }
    revoke(&second, &ada, &revoked).await;
    assert!(!works(&second, &revoked).await);
    heard("the revocation", async || !works(&first, &revoked).await).await;
    assert!(works(&first, &held).await && works(&second, &held).await);
    assert_eq!(first.patch_json(&path(&ada.id), &json!({"status": "disabled"})).await.0, 200);
    oauth_error(&ask(&second, ada.basic(), &[]).await, 401, "invalid_client");
    heard("the end of the client", async || !works(&second, &held).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_in_one_process_ends_in_the_other_within_a_second() {
    let (_database, first, second) = two_processes().await;
    let ada = program(&first, "ada", json!({"roles": ["viewer"]})).await;
    let mut least = Duration::MAX;
    // Whatever else the machine does, it leaves this alone once.
    for _ in 0..5 {
        let token = token(&first, &ada).await;
        assert!(works(&first, &token).await);
        revoke(&second, &ada, &token).await;
        let revoked = Instant::now();
        heard("the revocation", async || !works(&first, &token).await).await;
        least = least.min(revoked.elapsed());
    }
    assert!(least < Duration::from_secs(1), "{least:?}");
}
