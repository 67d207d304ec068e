//! The client credentials grant (RFC 6749, section 4.4): what gets a token, and what does not.

use super::*;

const NO: Basic<'_> = None;

story!(a_client_gets_a_token_by_its_secret, async |sandbox: &Sandbox| {
    let basic = program(sandbox, "basic", json!({"roles": ["viewer"]})).await;
    let attributes = json!({"roles": ["viewer"], "token_endpoint_auth_method": "client_secret_post"});
    let post = program(sandbox, "post", attributes).await;
    let first = token(sandbox, &basic).await;
    assert_eq!(using(sandbox, &first).await.0, 200);
    let posted = [("client_id", &*post.id), ("client_secret", &*post.secret)];
    let second = token_of(&ask(sandbox, NO, &posted).await);
    assert_eq!(using(sandbox, &second).await.0, 200);
    assert_ne!(first, token(sandbox, &basic).await, "each token is another one");
    // It acts within its policies, as itself, and says so.
    let caller = sandbox.with_token(&first);
    refused(&caller.post_json("/v3/types", &type_named("thing", &json!({}))).await, 403, "forbidden");
    assert_eq!(caller.get_json(&path(&basic.id)).await.0, 200);
    let claims = signer::part(&first, 1);
    let issuer = issuer(sandbox).await;
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(issuer), &json!(issuer)));
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!(basic.id), &json!(basic.id)));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 600);
    assert_eq!((&claims["scope"], &signer::part(&first, 0)["typ"]), (&json!("admin"), &json!("at+jwt")));
});

story!(no_proof_and_a_wrong_proof_get_the_same_answer, async |sandbox: &Sandbox| {
    let ada = program(sandbox, "ada", json!({})).await;
    let bob = program(sandbox, "bob", json!({})).await;
    let app = add(sandbox, "client", "app", json!({"token_endpoint_auth_method": "none"})).await;
    let user = add(sandbox, "user", "eve", json!({})).await;
    let (id, right) = (&*ada.id, &*ada.secret);
    let longer = format!("{right}&x");
    let wrong: [(Basic<'_>, Pairs<'_>); 14] = [
        (Some((id, "acs_wrong")), &[]),
        (Some((id, &longer)), &[]),
        (Some((id, "")), &[]),
        (Some((id, &bob.secret)), &[]),
        (Some(("cli_01h455vb4pex5vsknk084sn02q", right)), &[]),
        (Some((&user, right)), &[]),
        (Some(("", right)), &[]),
        (Some((&app, "")), &[]),
        (Some((&app, right)), &[]),
        (NO, &[("client_id", id)]),
        (NO, &[("client_id", id), ("client_secret", "acs_wrong")]),
        (NO, &[("client_secret", right)]),
        (NO, &[]),
        (NO, &[("client_assertion", "a.b.c"), ("client_assertion_type", "x")]),
    ];
    for (basic, more) in wrong {
        let reply = ask(sandbox, basic, more).await;
        oauth_error(&reply, 401, "invalid_client");
    }
    let unknown = ask(sandbox, Some(("cli_01h455vb4pex5vsknk084sn02q", right)), &[]).await.body;
    assert_eq!(
        unknown,
        ask(sandbox, Some((id, "acs_wrong")), &[]).await.body,
        "it does not tell which clients there are"
    );
    // Several proofs, or two clients, in one request.
    for (basic, more) in [
        (ada.basic(), vec![("client_secret", right)]),
        (ada.basic(), vec![("client_id", &*bob.id)]),
        (ada.basic(), vec![("client_assertion", "a.b.c")]),
        (NO, vec![("client_id", id), ("client_secret", right), ("client_assertion", "a.b.c")]),
    ] {
        oauth_error(&ask(sandbox, basic, &more).await, 400, "invalid_request");
    }
    token_of(&ask(sandbox, ada.basic(), &[("client_id", id)]).await);
    token_of(&ask(sandbox, ada.basic(), &[("client_secret", ""), ("client_assertion", "")]).await);
    // What is encoded in the header is decoded once (section 2.3.1), and the address is no place for a secret.
    let encoded = right.replace('_', "%5F");
    token_of(&ask(sandbox, Some((&id.replace('_', "%5F"), &encoded)), &[]).await);
    let address = format!("/oauth/token?client_id={id}&client_secret={right}");
    oauth_error(&form(sandbox, &address, NO, &[("grant_type", "client_credentials")]).await, 401, "invalid_client");
    for header in ["Bearer x", "Basic", "Basic %%%", "Basic bm9jb2xvbg==", "Digest x"] {
        let request = sandbox.anonymous().request(Method::POST, "/oauth/token").header("authorization", header);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        oauth_error(&reply(request.body("grant_type=client_credentials")).await, 401, "invalid_client");
    }
    // A public client has nothing to show.
    let reply = ask(sandbox, NO, &[("client_id", &app)]).await;
    oauth_error(&reply, 400, "unauthorized_client");
});

story!(a_request_that_is_not_of_the_standard_is_refused, async |sandbox: &Sandbox| {
    let ada = program(sandbox, "ada", json!({})).await;
    let coder = program(sandbox, "coder", json!({"grant_types": ["authorization_code"]})).await;
    let send = async |pairs: Pairs<'_>| form(sandbox, "/oauth/token", ada.basic(), pairs).await;
    let grant = ("grant_type", "client_credentials");
    oauth_error(&send(&[]).await, 400, "invalid_request");
    oauth_error(&send(&[("grant_type", "")]).await, 400, "invalid_request");
    oauth_error(&send(&[grant, grant]).await, 400, "invalid_request");
    oauth_error(&send(&[grant, ("scope", "admin"), ("scope", "admin")]).await, 400, "invalid_request");
    oauth_error(&send(&[grant, ("x", "1"), ("x", "2")]).await, 400, "invalid_request");
    token_of(&send(&[grant, ("x", "1")]).await);
    for unknown in ["password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer", "Client_Credentials"] {
        oauth_error(&send(&[("grant_type", unknown)]).await, 400, "unsupported_grant_type");
    }
    oauth_error(&send(&[("grant_type", "authorization_code"), ("code", "x")]).await, 400, "unauthorized_client");
    oauth_error(&send(&[("grant_type", "refresh_token"), ("refresh_token", "x")]).await, 400, "unauthorized_client");
    oauth_error(&ask(sandbox, coder.basic(), &[]).await, 400, "unauthorized_client");
    let pairs = [("grant_type", "authorization_code"), ("code", "adc_unknown"), ("code_verifier", "v")];
    oauth_error(&form(sandbox, "/oauth/token", coder.basic(), &pairs).await, 400, "invalid_grant");
    // A form, sent by POST.
    let request = || sandbox.anonymous().request(Method::POST, "/oauth/token").basic_auth(&ada.id, Some(&ada.secret));
    oauth_error(&reply(request().json(&json!({"grant_type": "client_credentials"}))).await, 400, "invalid_request");
    oauth_error(&reply(request().body("grant_type=client_credentials")).await, 400, "invalid_request");
    let typed = "Application/X-WWW-Form-Urlencoded; charset=UTF-8";
    token_of(&reply(request().header("content-type", typed).body("grant_type=client_credentials")).await);
    let many: Vec<_> = (0..101).map(|n| (format!("p{n}"), "x")).collect();
    let many: Vec<_> = many.iter().map(|(name, value)| (&**name, *value)).collect();
    oauth_error(&send(&many).await, 400, "invalid_request");
    assert_eq!(send(&[grant, ("x", &"x".repeat(1_100_000))]).await.status, 413);
    let get = reply(sandbox.anonymous().request(Method::GET, "/oauth/token")).await;
    assert_eq!((get.status, get.header("allow")), (405, "POST"));
});

story!(a_token_is_for_one_resource_and_known_scopes, async |sandbox: &Sandbox| {
    let ada = program(sandbox, "ada", json!({"roles": ["viewer"]})).await;
    let issuer = issuer(sandbox).await;
    let ask = async |more: Pairs<'_>| super::ask(sandbox, ada.basic(), more).await;
    token_of(&ask(&[("resource", &issuer)]).await);
    token_of(&ask(&[("resource", &issuer), ("resource", &issuer)]).await);
    for wrong in ["https://example.org", &format!("{issuer}/"), "x"] {
        oauth_error(&ask(&[("resource", wrong)]).await, 400, "invalid_target");
        oauth_error(&ask(&[("resource", &issuer), ("resource", wrong)]).await, 400, "invalid_target");
    }
    for (asked, granted) in [("admin", "admin"), ("", "admin"), ("x admin openid y admin", "admin")] {
        let reply = ask(&[("scope", asked)]).await;
        token_of(&reply);
        assert_eq!(reply.body["scope"], granted, "{asked:?}");
    }
    // A client has no profile, and signs nobody in.
    for wrong in
        ["unknown", "openid", "openid profile", "offline_access", "ADMIN", " ", "\u{e4}dmin", "ad\"min", "admin\n"]
    {
        oauth_error(&ask(&[("scope", wrong)]).await, 400, "invalid_scope");
    }
    let userinfo = sandbox.with_token(&token(sandbox, &ada).await).request(Method::GET, "/oauth/userinfo");
    let userinfo = reply(userinfo).await;
    assert_eq!((userinfo.status, &userinfo.body["error"]), (403, &json!("insufficient_scope")));
});
