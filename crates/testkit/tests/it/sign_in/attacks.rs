//! What somebody tries who is not who they say.

use super::*;

story!(a_request_that_is_wrong_goes_nowhere_or_back, async |sandbox: &Sandbox| {
    let (browser, client) = (owner(sandbox).await, app(sandbox).await);
    for (name, value) in [
        ("redirect_uri", "http://localhost:9999/back"),
        ("redirect_uri", "http://localhost:9999/back?at=shop/../evil"),
        ("redirect_uri", "https://evil.example/back?at=shop"),
        ("redirect_uri", ""),
        ("client_id", "cli_01m82r2c6bfz49mbrp9kf8svaq"),
        ("client_id", ""),
    ] {
        let seen = browser.get(&ask(&client, &[(name, value)])).await;
        assert_eq!((seen.status, seen.location.as_str()), (400, ""), "{name}={value} leads nowhere: {}", seen.text);
        assert!(!seen.text.contains("evil"), "{}", seen.text);
    }
    for (name, value, code) in [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "code id_token", "unsupported_response_type"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("scope", "everything", "invalid_scope"),
        ("resource", "https://elsewhere.example", "invalid_target"),
        ("request", "eyJhbGciOiJub25lIn0..", "request_not_supported"),
        ("prompt", "none login", "invalid_request"),
        ("max_age", "-1", "invalid_request"),
    ] {
        let seen = browser.get(&ask(&client, &[(name, value)])).await;
        assert_eq!(seen.param("error").as_deref(), Some(code), "{name}={value}: {}", seen.location);
        assert_eq!(seen.param("state").as_deref(), Some("a b&c"));
        assert!(seen.param("code").is_none());
    }
});

story!(a_code_is_for_its_client_its_place_and_its_verifier_and_for_once, async |sandbox: &Sandbox| {
    let (browser, client) = (owner(sandbox).await, app(sandbox).await);
    let other = app(sandbox).await;
    let code = async || browser.get(&ask(&client, &[])).await.param("code").expect("a code");
    let tried = async |changes: &[(&str, &str)]| {
        let code = code().await;
        let mut fields = BTreeMap::from([
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", BACK),
            ("client_id", client.as_str()),
            ("code_verifier", VERIFIER),
        ]);
        fields.extend(changes.iter().copied());
        fields.retain(|_, value| !value.is_empty());
        post(sandbox, "/oauth/token", &fields.into_iter().collect::<Vec<_>>()).await
    };
    for changes in [
        [("code_verifier", "")],
        [("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX")],
        [("code_verifier", CHALLENGE)],
        [("redirect_uri", "")],
        [("redirect_uri", "http://localhost:9999/back")],
        [("client_id", other.as_str())],
    ] {
        let (status, body) = tried(&changes).await;
        assert_eq!((status, body["error"].as_str()), (400, Some("invalid_grant")), "{changes:?}: {body}");
    }
    let code = code().await;
    let (status, tokens) = redeem(sandbox, &client, &code).await;
    assert_eq!(status, 200, "{tokens}");
    assert_eq!(redeem(sandbox, &client, &code).await.0, 400, "a code works once");
    assert_eq!(
        status_with(sandbox, &tokens["access_token"]).await,
        401,
        "and what came of it ends when it is replayed"
    );
});

story!(forms_of_other_sites_do_nothing, async |sandbox: &Sandbox| {
    let (browser, token) = (owner(sandbox).await, one_time_token(sandbox));
    let fields = [("token", token.as_str()), ("email", "ada@example.org"), ("password", PASSWORD)];
    for (header, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        for path in ["/sign-in", "/set-up", "/sign-out", "/oauth/consent"] {
            let request = browser.client.request(Method::POST, path).header(header, value);
            let seen = browser.send(with_form(request, &fields)).await;
            assert_eq!(seen.status, 403, "{header}: {value} {path}");
        }
    }
    assert_eq!(browser.get("/account").await.status, 200, "still signed in");
    let framed = browser.get("/sign-in").await;
    assert_eq!(framed.header("x-frame-options"), "DENY");
    assert!(framed.header("content-security-policy").contains("frame-ancestors 'none'"));
});

story!(after_signing_in_a_browser_stays_here, async |sandbox: &Sandbox| {
    owner(sandbox).await;
    for next in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/oauth/authorize?x\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
    ] {
        let browser = Browser::new(sandbox);
        let fields = [("next", next), ("email", "ada@example.org"), ("password", PASSWORD)];
        let seen = browser.submit("/sign-in", &fields).await;
        assert_eq!((seen.status, seen.location.as_str()), (303, "/account"), "{next:?}");
    }
});

story!(guessing_is_stopped_and_tells_nothing, async |sandbox: &Sandbox| {
    owner(sandbox).await;
    let browser = Browser::new(sandbox);
    for email in ["ada@example.org", "nobody@example.org"] {
        let guess =
            async |password: &str| browser.submit("/sign-in", &[("email", email), ("password", password)]).await;
        for n in 0..10 {
            assert_eq!(guess(&format!("a guess, number {n}")).await.status, 401);
        }
        let seen = guess(PASSWORD).await;
        assert_eq!((seen.status, seen.header("retry-after")), (429, "900"), "{}", seen.text);
    }
});
