//! Devices without a browser (RFC 8628): a person lets them in at another one.

use super::code_flow::claims_of;
use super::*;

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A device begins: what it was told.
async fn begin(sandbox: &Sandbox, client: &str) -> Value {
    let (status, told) = post(sandbox, "/oauth/device_authorization", &[("client_id", client)]).await;
    assert_eq!(status, 200, "{told}");
    told
}

/// A device asks whether it was let in.
async fn poll(sandbox: &Sandbox, client: &str, told: &Value) -> (u16, Value) {
    let code = told["device_code"].as_str().expect("a code");
    post(sandbox, "/oauth/token", &[("grant_type", DEVICE_CODE), ("client_id", client), ("device_code", code)]).await
}

/// The error that a device gets.
async fn refusal(sandbox: &Sandbox, client: &str, told: &Value) -> String {
    let (status, body) = poll(sandbox, client, told).await;
    assert_eq!(status, 400, "{body}");
    body["error"].as_str().expect("a code").to_owned()
}

async fn decide(browser: &Browser, code: &Value, decision: &str) -> Seen {
    browser.submit("/device", &[("user_code", code.as_str().expect("a code")), ("decision", decision)]).await
}

/// A client that devices run.
async fn television(sandbox: &Sandbox) -> String {
    let attributes = json!({"grant_types": [DEVICE_CODE, "refresh_token"], "token_endpoint_auth_method": "none"});
    add(sandbox, "client", "television", attributes).await
}

story!(a_device_is_let_in, async |sandbox: &Sandbox| {
    let (browser, client) = (owner(sandbox).await, television(sandbox).await);
    let scope = [("client_id", client.as_str()), ("scope", "openid email admin")];
    let (status, told) = post(sandbox, "/oauth/device_authorization", &scope).await;
    assert_eq!((status, &told["expires_in"], &told["interval"]), (200, &json!(600), &json!(5)), "{told}");
    let code = told["user_code"].as_str().expect("a code");
    let letters = |part: &str| part.len() == 4 && part.bytes().all(|b| b"BCDFGHJKLMNPQRSTVWXZ".contains(&b));
    assert!(code.split('-').map(letters).eq([true, true]), "{code}");
    let place = format!("{}/device", sandbox.base_url);
    assert_eq!(told["verification_uri"], json!(place));
    assert_eq!(told["verification_uri_complete"], json!(format!("{place}?user_code={code}")));
    assert_eq!(refusal(sandbox, &client, &told).await, "authorization_pending");

    // Somebody who is not signed in comes back here when they are.
    let stranger = Browser::new(sandbox);
    let first = stranger.get(&format!("/device?user_code={code}")).await;
    let next = first.param("next").expect("where to go on");
    let fields = [("next", next.as_str()), ("email", "ada@example.org"), ("password", PASSWORD)];
    assert_eq!(stranger.submit("/sign-in", &fields).await.location, format!("/device?user_code={code}"));

    assert!(browser.get("/device").await.text.contains("name=\"user_code\""));
    let written = code.to_lowercase().replace('-', " ");
    let page = browser.submit("/device", &[("user_code", &written)]).await;
    assert_eq!(page.status, 200, "{}", page.text);
    for shown in [code, "television", "owner", "127.0.0.1", "see your email address"] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    assert_eq!(page.header("x-frame-options"), "DENY");
    let german = browser.client.request(Method::GET, &format!("/device?user_code={code}"));
    assert!(browser.send(german.header("accept-language", "de")).await.text.contains("Dieses Gerät anmelden?"));

    assert_eq!(decide(&browser, &told["user_code"], "allow").await.status, 200);
    let (status, tokens) = poll(sandbox, &client, &told).await;
    assert_eq!((status, &tokens["scope"]), (200, &json!("openid email admin")), "{tokens}");
    assert_eq!(status_with(sandbox, &tokens["access_token"]).await, 200);
    let claims = claims_of(&tokens["id_token"]);
    assert_eq!((&claims["aud"], &claims["amr"]), (&json!(client), &json!(["pwd"])));
    let (status, second) = refresh(sandbox, &client, &tokens["refresh_token"]).await;
    assert_eq!(status, 200, "{second}");
    // A code works once; shown again, it ends what came of it.
    assert_eq!(refusal(sandbox, &client, &told).await, "invalid_grant");
    assert_eq!(status_with(sandbox, &second["access_token"]).await, 401);
    assert_eq!(decide(&browser, &told["user_code"], "allow").await.status, 404);
});

story!(a_device_that_asks_too_often_must_slow_down, async |sandbox: &Sandbox| {
    let (browser, client) = (owner(sandbox).await, television(sandbox).await);
    let told = begin(sandbox, &client).await;
    assert_eq!(refusal(sandbox, &client, &told).await, "authorization_pending");
    assert_eq!(refusal(sandbox, &client, &told).await, "slow_down");
    // It is remembered when the server is another one.
    sandbox.kill();
    sandbox.start().await;
    assert_eq!(refusal(sandbox, &client, &told).await, "slow_down");
    assert_eq!(decide(&browser, &told["user_code"], "deny").await.status, 200);
    assert_eq!(refusal(sandbox, &client, &told).await, "access_denied");
    assert_eq!(decide(&browser, &told["user_code"], "allow").await.status, 404, "a decision is one");
    assert_eq!(refusal(sandbox, &client, &told).await, "access_denied");
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_nobody_entered_expires() {
    let (database, first, _) = crate::oauth::two_processes().await;
    let client = television(&first).await;
    let told = begin(&first, &client).await;
    let postgres = crate::oauth::forged::connect(&database.url).await;
    postgres.execute("UPDATE device_code SET expires_at = 1", &[]).await.expect("changed");
    assert_eq!(refusal(&first, &client, &told).await, "expired_token");
}

story!(a_device_gets_nothing_that_is_not_its_own, async |sandbox: &Sandbox| {
    let (browser, client) = (owner(sandbox).await, television(sandbox).await);
    let other = television(sandbox).await;
    let told = begin(sandbox, &client).await;
    for (id, code) in [(&other, told["device_code"].as_str().unwrap()), (&client, "add_x"), (&client, "")] {
        let told = json!({"device_code": code});
        let wanted = if code.is_empty() { "invalid_request" } else { "invalid_grant" };
        assert_eq!(refusal(sandbox, id, &told).await, wanted);
    }
    let shop = app(sandbox).await;
    let (status, body) = post(sandbox, "/oauth/device_authorization", &[("client_id", &shop)]).await;
    assert_eq!((status, &body["error"]), (400, &json!("unauthorized_client")), "{body}");
    for (fields, wanted) in [
        (vec![("client_id", client.as_str()), ("scope", "root")], "invalid_scope"),
        (vec![("client_id", client.as_str()), ("resource", "https://example.org")], "invalid_target"),
        (vec![("scope", "admin")], "invalid_client"),
    ] {
        let (_, body) = post(sandbox, "/oauth/device_authorization", &fields).await;
        assert_eq!(body["error"], wanted, "{body}");
    }
    // Forms of other sites do nothing, nor does a click on a link.
    let code = told["user_code"].as_str().unwrap();
    let fields = [("user_code", code), ("decision", "allow")];
    let request = browser.client.request(Method::POST, "/device").header("sec-fetch-site", "cross-site");
    assert_eq!(browser.send(with_form(request, &fields)).await.status, 403);
    browser.get(&format!("/device?user_code={code}&decision=allow")).await;
    let nobody = Browser::new(sandbox).submit("/device", &fields).await;
    assert!(nobody.location.starts_with("/sign-in?next="), "{}", nobody.location);
    assert_eq!(refusal(sandbox, &client, &told).await, "authorization_pending");
    // Both codes at once: one answer has the tokens.
    decide(&browser, &told["user_code"], "allow").await;
    let both = futures_util::future::join_all((0..4).map(|_| poll(sandbox, &client, &told))).await;
    let good = both.iter().filter(|(status, _)| *status == 200).count();
    assert_eq!(good, 1, "{both:?}");
});

story!(codes_cannot_be_guessed, async |sandbox: &Sandbox| {
    let (browser, client) = (owner(sandbox).await, television(sandbox).await);
    let told = begin(sandbox, &client).await;
    for _ in 0..10 {
        let seen = browser.submit("/device", &[("user_code", "BBBB-BBBB")]).await;
        assert!(seen.status == 404 && seen.text.contains("role=\"alert\""), "{}", seen.text);
    }
    assert_eq!(browser.submit("/device", &[("user_code", "BBBB-BBBB")]).await.status, 429);
    assert_eq!(decide(&browser, &told["user_code"], "allow").await.status, 429, "also with the right one");
});

story!(the_command_line_is_a_client_of_every_org, async |sandbox: &Sandbox| {
    let browser = owner(sandbox).await;
    let told = begin(sandbox, "admin-cli").await;
    let page = browser.submit("/device", &[("user_code", told["user_code"].as_str().unwrap())]).await;
    assert!(page.text.contains("Admin CLI") && page.text.contains("do in this org what you may do"), "{}", page.text);
    decide(&browser, &told["user_code"], "allow").await;
    let (status, tokens) = poll(sandbox, "admin-cli", &told).await;
    assert_eq!(status, 200, "{tokens}");
    assert_eq!(status_with(sandbox, &tokens["access_token"]).await, 200);
    let claims = claims_of(&tokens["access_token"]);
    assert_eq!(claims["client_id"], "admin-cli");
    let asker = crate::oauth::program(sandbox, "asker", json!({})).await;
    let asked = async |token: &Value| {
        let token = [("token", token.as_str().unwrap())];
        crate::oauth::form(sandbox, "/oauth/introspect", asker.basic(), &token).await.body
    };
    let known = asked(&tokens["access_token"]).await;
    assert_eq!((&known["active"], &known["client_id"]), (&json!(true), &json!("admin-cli")));

    // The org moves with a refresh: to one of the same account alone.
    let org = claims["org"].as_str().unwrap();
    let moved = async |token: &Value, org: &str| {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token.as_str().unwrap())];
        post(sandbox, "/oauth/token", &[&fields[..], &[("client_id", "admin-cli"), ("org", org)]].concat()).await
    };
    for wrong in ["org_01h455vb4pex5vsknk084sn02q", "elsewhere"] {
        let (status, body) = moved(&tokens["refresh_token"], wrong).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_target")), "{body}");
    }
    let (status, second) = moved(&tokens["refresh_token"], org).await;
    assert_eq!((status, &claims_of(&second["access_token"])["org"]), (200, &json!(org)), "{second}");
    let fields = [("token", second["refresh_token"].as_str().unwrap()), ("client_id", "admin-cli")];
    assert_eq!(post(sandbox, "/oauth/revoke", &fields).await.0, 200);
    assert_eq!(status_with(sandbox, &second["access_token"]).await, 401);
    assert_eq!(refresh(sandbox, "admin-cli", &second["refresh_token"]).await.0, 400);
});

story!(nobody_else_is_the_command_line, async |sandbox: &Sandbox| {
    // What stands for it in the database is no id that a resource could take its place by.
    let bytes = *b"admin-cli\0\0\0\0\0\0\0";
    let id = admin_types::ResourceId::of_row("client", bytes).to_string();
    let attributes = json!({"grant_types": ["refresh_token", DEVICE_CODE], "token_endpoint_auth_method": "none"});
    let line = json!({"id": id, "type": "client", "name": "mallory", "attributes": attributes});
    import(sandbox, "/v3/resources:import", ndjson(&[line])).await;
    let (status, body) = post(sandbox, "/oauth/device_authorization", &[("client_id", &id)]).await;
    assert_eq!((status, &body["error"]), (401, &json!("invalid_client")), "{body}");
    for grant_type in ["client_credentials", "authorization_code"] {
        let (_, body) = post(sandbox, "/oauth/token", &[("grant_type", grant_type), ("client_id", "admin-cli")]).await;
        assert_eq!(body["error"], "unauthorized_client", "{body}");
    }
    let seen = owner(sandbox).await.get(&super::ask("admin-cli", &[])).await;
    assert_eq!(seen.status, 400, "it has no address to send a code to");
});
