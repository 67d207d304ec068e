//! The authorization code flow with PKCE, and what follows from it.

use super::*;

story!(a_person_signs_in_to_an_app, async |sandbox: &Sandbox| {
    owner(sandbox).await;
    let (client, browser) = (app(sandbox).await, Browser::new(sandbox));
    let first = browser.get(&ask(&client, &[])).await;
    assert!(first.status == 303 && first.location.starts_with("/sign-in?next="), "{}", first.location);
    let page = browser.get(&first.location).await;
    assert!(page.text.contains("<strong>shop</strong>"), "{}", page.text);
    assert!(page.header("content-security-policy").contains("form-action 'self' http://localhost:9999"));
    let next = first.param("next").expect("where to go on");
    let fields = [("next", next.as_str()), ("email", "ada@example.org"), ("password", PASSWORD)];
    let signed_in = browser.submit("/sign-in", &fields).await;
    assert_eq!((signed_in.status, &signed_in.location), (303, &next));
    let back = browser.get(&next).await;
    assert!(back.location.starts_with(&format!("{BACK}&")), "{}", back.location);
    assert_eq!(back.param("state").as_deref(), Some("a b&c"));
    assert_eq!(back.param("iss"), Some(sandbox.base_url.clone()));

    let (status, tokens) = redeem(sandbox, &client, &back.param("code").expect("a code")).await;
    assert_eq!(status, 200, "{tokens}");
    assert_eq!((tokens["token_type"].as_str(), tokens["expires_in"].as_i64()), (Some("Bearer"), Some(600)));
    assert_eq!(status_with(sandbox, &tokens["access_token"]).await, 200);
    let claims = claims_of(&tokens["id_token"]);
    assert_eq!((claims["aud"].as_str(), claims["nonce"].as_str()), (Some(client.as_str()), Some("n-1")));
    assert_eq!((claims["iss"].as_str(), &claims["amr"]), (Some(sandbox.base_url.as_str()), &json!(["pwd"])));
    let info = sandbox.with_token(tokens["access_token"].as_str().unwrap()).get_json("/oauth/userinfo").await;
    assert_eq!((info.0, info.1["sub"] == claims["sub"], info.1["name"].as_str()), (200, true, Some("owner")));
    assert_eq!(status_with(sandbox, &tokens["id_token"]).await, 401, "an ID token is no access token");
});

story!(refresh_tokens_rotate_and_one_shown_again_ends_all, async |sandbox: &Sandbox| {
    let (browser, client) = (owner(sandbox).await, app(sandbox).await);
    let code = browser.get(&ask(&client, &[])).await.param("code").expect("a code");
    let (_, first) = redeem(sandbox, &client, &code).await;
    let (status, second) = refresh(sandbox, &client, &first["refresh_token"]).await;
    assert_eq!(status, 200, "{second}");
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    assert!(claims_of(&second["id_token"]).get("nonce").is_none());
    let (status, refused) = refresh(sandbox, &client, &first["refresh_token"]).await;
    assert_eq!((status, refused["error"].as_str()), (400, Some("invalid_grant")), "{refused}");
    assert_eq!(refresh(sandbox, &client, &second["refresh_token"]).await.0, 400, "the family is dead");
    for tokens in [&first, &second] {
        assert_eq!(status_with(sandbox, &tokens["access_token"]).await, 401);
    }
});

story!(signing_out_ends_what_was_granted_in_the_session, async |sandbox: &Sandbox| {
    let (browser, client) = (owner(sandbox).await, app(sandbox).await);
    let code = browser.get(&ask(&client, &[])).await.param("code").expect("a code");
    let (_, tokens) = redeem(sandbox, &client, &code).await;
    assert_eq!(status_with(sandbox, &tokens["access_token"]).await, 200);
    browser.submit("/sign-out", &[]).await;
    assert_eq!(status_with(sandbox, &tokens["access_token"]).await, 401);
    assert_eq!(refresh(sandbox, &client, &tokens["refresh_token"]).await.0, 400);
});

story!(what_was_granted_for_when_a_person_is_away_outlives_the_session, async |sandbox: &Sandbox| {
    let (browser, client) = (owner(sandbox).await, app(sandbox).await);
    let code =
        browser.get(&ask(&client, &[("scope", "openid offline_access admin")])).await.param("code").expect("a code");
    let (_, tokens) = redeem(sandbox, &client, &code).await;
    browser.submit("/sign-out", &[]).await;
    assert_eq!(status_with(sandbox, &tokens["access_token"]).await, 200);
    let (status, tokens) = refresh(sandbox, &client, &tokens["refresh_token"]).await;
    assert_eq!(status, 200, "{tokens}");
    // Signing out everywhere ends it.
    let fields = [("email", "ada@example.org"), ("password", PASSWORD)];
    assert_eq!(browser.submit("/sign-in", &fields).await.status, 303);
    assert_eq!(browser.submit("/account/sessions", &[("everywhere", "yes")]).await.status, 303);
    assert_eq!(status_with(sandbox, &tokens["access_token"]).await, 401);
    assert_eq!(refresh(sandbox, &client, &tokens["refresh_token"]).await.0, 400);
});

story!(what_others_wrote_needs_consent, async |sandbox: &Sandbox| {
    let browser = owner(sandbox).await;
    let attributes = json!({"redirect_uris": [BACK], "grant_types": ["authorization_code"],
        "token_endpoint_auth_method": "none"});
    let client = add(sandbox, "client", "<b>mallory</b>", attributes).await;
    let silent = browser.get(&ask(&client, &[("prompt", "none")])).await;
    assert_eq!(silent.param("error").as_deref(), Some("consent_required"));
    let page = browser.get(&ask(&client, &[])).await;
    assert!(page.status == 200 && page.text.contains("&lt;b&gt;mallory"), "{}", page.text);
    let fields = page.fields();
    let decide = async |decision: &str| {
        let fields = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        browser.submit("/oauth/consent", &fields.chain([("decision", decision)]).collect::<Vec<_>>()).await
    };
    assert_eq!(decide("deny").await.param("error").as_deref(), Some("access_denied"));
    let (status, tokens) = redeem(sandbox, &client, &decide("allow").await.param("code").expect("a code")).await;
    assert_eq!(status, 200, "{tokens}");
    assert!(tokens.get("refresh_token").is_none(), "a client that may not refresh gets nothing to refresh by");
});

story!(who_agreed_is_not_asked_again_in_the_session, async |sandbox: &Sandbox| {
    let browser = owner(sandbox).await;
    let attributes = json!({"redirect_uris": [BACK], "grant_types": ["authorization_code"]});
    let client = add(sandbox, "client", "theirs", attributes.clone()).await;
    let little = [("scope", "openid email")];
    let page = browser.get(&ask(&client, &little)).await;
    let fields = page.fields();
    let fields = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let answer = browser.submit("/oauth/consent", &fields.chain([("decision", "allow")]).collect::<Vec<_>>()).await;
    assert!(answer.param("code").is_some(), "{}", answer.text);
    let asked = async |changes: &[(&str, &str)]| {
        let changes = [&little[..], changes].concat();
        browser.get(&ask(&client, &changes)).await
    };
    assert!(asked(&[]).await.param("code").is_some());
    assert!(asked(&[("prompt", "none")]).await.param("code").is_some());
    assert!(asked(&[("scope", "openid")]).await.param("code").is_some(), "less was agreed to with more");
    // More, on demand, and of somebody else.
    assert!(asked(&[("scope", "openid email profile")]).await.text.contains("theirs"));
    assert!(asked(&[("prompt", "consent")]).await.text.contains("theirs"));
    let silent = asked(&[("scope", "openid email admin"), ("prompt", "none")]).await;
    assert_eq!(silent.param("error").as_deref(), Some("consent_required"));
    let other = add(sandbox, "client", "others", attributes.clone()).await;
    assert!(browser.get(&ask(&other, &little)).await.text.contains("others"));
    // Until they sign out.
    browser.submit("/sign-out", &[]).await;
    let fields = [("email", "ada@example.org"), ("password", PASSWORD)];
    assert_eq!(browser.submit("/sign-in", &fields).await.status, 303);
    assert!(asked(&[]).await.text.contains("theirs"));
});

story!(prompt_and_max_age_are_followed, async |sandbox: &Sandbox| {
    let client = app(sandbox).await;
    let nobody = Browser::new(sandbox).get(&ask(&client, &[("prompt", "none")])).await;
    assert_eq!(nobody.param("error").as_deref(), Some("login_required"));
    let browser = owner(sandbox).await;
    assert!(browser.get(&ask(&client, &[("prompt", "none")])).await.param("code").is_some());
    let again = browser.get(&ask(&client, &[("prompt", "login"), ("login_hint", "ada@example.org")])).await;
    assert_eq!(again.param("login_hint").as_deref(), Some("ada@example.org"));
    let next = again.param("next").expect("where to go on");
    assert!(!next.contains("prompt"), "once is enough: {next}");
    assert!(browser.get(&ask(&client, &[("max_age", "1000")])).await.param("code").is_some());
    let posted = browser.get(&ask(&client, &[("response_mode", "form_post")])).await;
    let fields: BTreeMap<_, _> = posted.fields().into_iter().collect();
    assert!(posted.status == 200 && fields.contains_key("code"), "{}", posted.text);
    assert_eq!(fields["iss"], sandbox.base_url);
});

story!(what_is_asked_for_may_be_pushed_first, async |sandbox: &Sandbox| {
    let (browser, client) = (owner(sandbox).await, app(sandbox).await);
    let query = ask(&client, &[]);
    let pairs = form_urlencoded::parse(query.split_once('?').unwrap().1.as_bytes()).into_owned().collect::<Vec<_>>();
    let fields: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let (status, pushed) = post(sandbox, "/oauth/par", &fields).await;
    assert_eq!((status, pushed["expires_in"].as_i64()), (201, Some(600)), "{pushed}");
    let name = pushed["request_uri"].as_str().expect("a name");
    assert!(name.starts_with("urn:ietf:params:oauth:request_uri:"));
    let short =
        Serializer::new(String::new()).extend_pairs([("client_id", client.as_str()), ("request_uri", name)]).finish();
    let other = app(sandbox).await;
    let stolen =
        Serializer::new(String::new()).extend_pairs([("client_id", other.as_str()), ("request_uri", name)]).finish();
    assert_eq!(browser.get(&format!("/oauth/authorize?{stolen}")).await.status, 400);
    let back = browser.get(&format!("/oauth/authorize?{short}")).await;
    assert_eq!(redeem(sandbox, &client, &back.param("code").expect("a code")).await.0, 200);
    assert_eq!(browser.get(&format!("/oauth/authorize?{short}")).await.status, 400, "once");
    let mut wrong = fields.clone();
    wrong.retain(|(name, _)| *name != "code_challenge");
    assert_eq!(post(sandbox, "/oauth/par", &wrong).await.1["error"], "invalid_request");
    let must = json!({"attributes": {"require_pushed_authorization_requests": true}});
    assert_eq!(sandbox.patch_json(&format!("/v3/clients/{client}"), &must).await.0, 200);
    assert_eq!(browser.get(&query).await.param("error").as_deref(), Some("invalid_request"));
    let (_, pushed) = post(sandbox, "/oauth/par", &fields).await;
    assert!(pushed["request_uri"].is_string(), "what is pushed is what the client must do: {pushed}");
});

story!(a_client_may_sign_its_person_out, async |sandbox: &Sandbox| {
    let (browser, client) = (owner(sandbox).await, app(sandbox).await);
    let after = json!({"attributes": {"post_logout_redirect_uris": ["http://localhost:9999/bye"]}});
    assert_eq!(sandbox.patch_json(&format!("/v3/clients/{client}"), &after).await.0, 200);
    let code = browser.get(&ask(&client, &[])).await.param("code").expect("a code");
    let (_, tokens) = redeem(sandbox, &client, &code).await;
    let logout = |pairs: &[(&str, &str)]| {
        format!("/oauth/logout?{}", Serializer::new(String::new()).extend_pairs(pairs).finish())
    };
    let page = browser.get(&logout(&[])).await;
    assert!(page.status == 200 && page.text.contains("Sign out?"), "a mere link asks: {}", page.text);
    let hint = ("id_token_hint", tokens["id_token"].as_str().expect("an ID token"));
    let elsewhere = browser.get(&logout(&[hint, ("post_logout_redirect_uri", "https://evil.example")])).await;
    assert_eq!(elsewhere.status, 400);
    assert_eq!(browser.get("/account").await.status, 200);
    let place = ("post_logout_redirect_uri", "http://localhost:9999/bye");
    let done = browser.get(&logout(&[hint, place, ("state", "s 1")])).await;
    assert_eq!((done.status, done.location.as_str()), (303, "http://localhost:9999/bye?state=s+1"));
    assert_eq!(browser.get("/account").await.status, 303);
    assert_eq!(status_with(sandbox, &tokens["access_token"]).await, 401);
});

/// What a JWT says; its signature is for others to verify.
pub(super) fn claims_of(token: &Value) -> Value {
    let payload = token.as_str().and_then(|token| token.split('.').nth(1)).expect("a JWT");
    let bytes = base64_url(payload);
    serde_json::from_slice(&bytes).expect("claims")
}

fn base64_url(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut length, mut bytes) = (0_u32, 0, vec![]);
    for character in text.bytes() {
        let digit = ALPHABET.iter().position(|one| *one == character).expect("base64url");
        (bits, length) = ((bits << 6) | digit as u32, length + 6);
        if length >= 8 {
            length -= 8;
            bytes.push((bits >> length) as u8);
            bits &= (1 << length) - 1;
        }
    }
    bytes
}
