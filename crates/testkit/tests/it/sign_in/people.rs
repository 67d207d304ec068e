//! Links, passwords, sessions.

use super::*;

story!(the_one_time_link_makes_an_account_once, async |sandbox: &Sandbox| {
    let (browser, token) = (Browser::new(sandbox), one_time_token(sandbox));
    let page = browser.get(&format!("/set-up?token={token}")).await;
    assert!(page.status == 200 && page.text.contains("Welcome, owner"), "{}", page.text);
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"), "{:?}", page.headers);
    let set_up = async |email: &str, password: &str| {
        browser.submit("/set-up", &[("token", token.as_str()), ("email", email), ("password", password)]).await
    };
    for (email, password, told) in [
        ("ada@example.org", "short", "12 to 256"),
        ("ada@example.org", "password1234", "many people"),
        ("nobody", PASSWORD, "such as ada@example.org"),
        ("аda@example.org", PASSWORD, "ASCII"),
    ] {
        let seen = set_up(email, password).await;
        assert!(seen.status == 422 && seen.text.contains(told), "{email} {password}: {}", seen.text);
        assert!(!seen.text.contains(password) || password == "short", "a password is never printed");
    }
    let done = set_up("ada@example.org", PASSWORD).await;
    assert_eq!((done.status, done.location.as_str()), (303, "/account"), "{}", done.text);
    let cookie = done.header("set-cookie");
    for part in ["__Host-admin-session=", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(browser.get("/account").await.text.contains("owner"));
    assert_eq!(set_up("eve@example.org", PASSWORD).await.status, 401, "the link is spent");
    assert_eq!(browser.get(&format!("/set-up?token={token}")).await.status, 401);
});

story!(a_password_signs_in_and_signing_out_ends_the_session, async |sandbox: &Sandbox| {
    owner(sandbox).await;
    let browser = Browser::new(sandbox);
    assert_eq!(browser.get("/account").await.location, "/sign-in");
    let page = browser.get("/sign-in").await;
    assert!(page.text.contains("<h1>Sign in</h1>") && page.text.contains("autocomplete=\"current-password\""));
    let wrong = browser.submit("/sign-in", &[("email", "ada@example.org"), ("password", "something else")]).await;
    let unknown = browser.submit("/sign-in", &[("email", "eve@example.org"), ("password", "something else")]).await;
    let told = |seen: &Seen| seen.text.replace("ada@", "X@").replace("eve@", "X@");
    assert_eq!((wrong.status, told(&wrong)), (401, told(&unknown)), "nothing tells who exists");
    assert!(wrong.header("set-cookie").is_empty());
    let done = browser.submit("/sign-in", &[("email", "ADA@EXAMPLE.ORG"), ("password", PASSWORD)]).await;
    assert_eq!((done.status, done.location.as_str()), (303, "/account"));
    assert_eq!(browser.get("/account").await.status, 200);
    let kept = Browser { client: browser.client.clone(), cookies: Mutex::new(browser.cookies.lock().unwrap().clone()) };
    assert_eq!(browser.submit("/sign-out", &[]).await.location, "/sign-in");
    assert!(browser.cookies.lock().unwrap().is_empty(), "the cookie is removed");
    assert_eq!(kept.get("/account").await.status, 303, "and the session is over, whoever has kept the cookie");
});

story!(pages_of_a_session_get_a_token_that_ends_with_it, async |sandbox: &Sandbox| {
    let browser = owner(sandbox).await;
    let seen = browser.submit("/account/token", &[]).await;
    assert_eq!((seen.status, seen.header("cache-control")), (200, "no-store"), "{}", seen.text);
    let body: Value = serde_json::from_str(&seen.text).expect("JSON");
    assert_eq!(status_with(sandbox, &body["data"]["access_token"]).await, 200);
    let request = browser.client.request(Method::POST, "/account/token").header("sec-fetch-site", "cross-site");
    assert_eq!(browser.send(request).await.status, 401, "another site's script gets none");
    assert_eq!(Browser::new(sandbox).submit("/account/token", &[]).await.status, 401);
    browser.submit("/sign-out", &[]).await;
    assert_eq!(status_with(sandbox, &body["data"]["access_token"]).await, 401);
});

story!(who_is_disabled_is_signed_out, async |sandbox: &Sandbox| {
    let ada = user_with_account(sandbox, "bea").await;
    assert_eq!(ada.1.get("/account").await.status, 200);
    let (status, _) = sandbox.patch_json(&format!("/v3/users/{}", ada.0), &json!({"status": "disabled"})).await;
    assert_eq!(status, 200);
    assert_eq!(ada.1.get("/account").await.status, 303);
    let again = Browser::new(sandbox);
    let seen = again.submit("/sign-in", &[("email", "bea@example.org"), ("password", PASSWORD)]).await;
    assert_eq!(seen.status, 401, "told like a wrong password");
});

story!(an_invitation_is_for_its_address_alone, async |sandbox: &Sandbox| {
    let bea = add(sandbox, "user", "bea", json!({"email": "bea@example.org"})).await;
    let (status, body) = sandbox.post_json(&format!("/v3/users/{bea}/invitation"), &json!({})).await;
    assert_eq!(status, 201, "{body}");
    let link = body["data"]["url"].as_str().expect("a link");
    assert!(link.starts_with(&format!("{}/set-up?token=", sandbox.base_url)), "{link}");
    let token = link.split_once("token=").unwrap().1;
    let browser = Browser::new(sandbox);
    let page = browser.get(&format!("/set-up?token={token}")).await;
    assert!(page.text.contains("value=\"bea@example.org\" readonly"), "{}", page.text);
    let eve = [("token", token), ("email", "eve@example.org"), ("password", PASSWORD)];
    assert_eq!(browser.submit("/set-up", &eve).await.status, 422, "forwarded to somebody else");
    let own = [("token", token), ("email", "Bea@Example.org"), ("password", PASSWORD)];
    assert_eq!(browser.submit("/set-up", &own).await.status, 303);
    let (_, events) = sandbox.get_json("/v3/events?type=user.invited").await;
    assert_eq!(events["data"].as_array().map(Vec::len), Some(1), "{events}");
    assert!(!events.to_string().contains(token), "a link is in no event");
});

story!(nobody_invites_to_act_as_somebody_who_may_do_more, async |sandbox: &Sandbox| {
    let admin = add(sandbox, "user", "adam", json!({"roles": ["admin"]})).await;
    let adam = sandbox.with_token(sandbox.cli(&["token", "create", "--user", &admin]).trim());
    let owner = add(sandbox, "user", "other owner", json!({"roles": ["owner"]})).await;
    let plain = add(sandbox, "user", "plain", json!({})).await;
    let (status, body) = adam.post_json(&format!("/v3/users/{owner}/invitation"), &json!({})).await;
    assert_eq!((status, body["code"].as_str()), (403, Some("not_yours_to_give")), "{body}");
    assert_eq!(adam.post_json(&format!("/v3/users/{plain}/invitation"), &json!({})).await.0, 201);
});

/// A user who has been invited and has come: its id, and its browser.
pub(super) async fn user_with_account(sandbox: &Sandbox, name: &str) -> (String, Browser) {
    let email = format!("{name}@example.org");
    let id = add(sandbox, "user", name, json!({"email": email})).await;
    let (_, body) = sandbox.post_json(&format!("/v3/users/{id}/invitation"), &json!({})).await;
    let token = body["data"]["url"].as_str().and_then(|url| url.split_once("token=")).expect("a link").1;
    let browser = Browser::new(sandbox);
    let fields = [("token", token), ("email", email.as_str()), ("password", PASSWORD)];
    assert_eq!(browser.submit("/set-up", &fields).await.status, 303);
    (id, browser)
}

story!(an_invitation_is_good_as_long_as_who_invited_could_still_invite, async |sandbox: &Sandbox| {
    let admin = add(sandbox, "user", "ada", json!({"roles": ["admin", "viewer"]})).await;
    let ada = sandbox.with_token(sandbox.cli(&["token", "create", "--user", &admin]).trim());
    let user = add(sandbox, "user", "bob", json!({"roles": ["viewer"]})).await;
    let (status, body) = ada.post_json(&format!("/v3/users/{user}/invitation"), &json!({})).await;
    assert_eq!(status, 201, "{body}");
    let place = body["data"]["url"].as_str().expect("a link").trim_start_matches(&sandbox.base_url).to_owned();
    let token = place.split_once("token=").expect("a token").1;
    let browser = Browser::new(sandbox);
    let set = async |id: &str, change: Value| assert_eq!(sandbox.patch_json(&path(id), &change).await.0, 200);
    let is_good = async |good: bool, when: &str| {
        assert_eq!(browser.get(&place).await.status, if good { 200 } else { 401 }, "{when}");
    };
    is_good(true, "at first").await;
    set(&user, json!({"attributes": {"roles": ["owner"]}})).await;
    is_good(false, "the user may do more than who invited").await;
    let fields = [("token", token), ("email", "ada@example.org"), ("password", PASSWORD)];
    assert_eq!(browser.submit("/set-up", &fields).await.status, 401);
    set(&user, json!({"attributes": {"roles": ["viewer"]}})).await;
    set(&admin, json!({"status": "disabled"})).await;
    is_good(false, "who invited is disabled").await;
    set(&admin, json!({"status": "active"})).await;
    assert_eq!(browser.submit("/set-up", &fields).await.status, 303);
});

story!(nobody_but_an_owner_makes_programs_that_people_are_not_asked_about, async |sandbox: &Sandbox| {
    let admin = sandbox.with_token(sandbox.cli(&["token", "create", "--role", "admin"]).trim());
    let client = |attributes: Value| json!({"type": "client", "name": "shop", "attributes": attributes});
    let mine = json!({"redirect_uris": ["https://evil.example.org/"], "grant_types": ["authorization_code"],
        "token_endpoint_auth_method": "none", "first_party": true});
    refused(&admin.post_json("/v3/clients", &client(mine.clone())).await, 403, "not_yours_to_give");
    let (line, one) = (ndjson(&[client(mine)]), create(&admin, &client(json!({}))).await);
    let report = import(&admin, "/v3/resources:import", line).await;
    assert_eq!(report["errors"][0]["code"], "not_yours_to_give", "{report}");
    let change = json!({"attributes": {"first_party": true}});
    refused(&admin.patch_json(&path(&one), &change).await, 403, "not_yours_to_give");
    let shop = app(sandbox).await;
    let elsewhere = json!({"attributes": {"redirect_uris": ["https://evil.example.org/"]}});
    refused(&admin.patch_json(&path(&shop), &elsewhere).await, 403, "not_yours_to_give");
    assert_eq!(admin.patch_json(&path(&shop), &json!({"name": "renamed"})).await.0, 200);
    assert_eq!(admin.patch_json(&path(&one), &elsewhere).await.0, 200, "people are asked about this one");
});
