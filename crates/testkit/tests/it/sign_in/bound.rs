//! Codes and refresh tokens that are bound to a key (RFC 9449, sections 5 and 10).

use super::*;
use crate::oauth::dpop::proof_for_token;
use crate::oauth::signer::Key;

async fn post_with(sandbox: &Sandbox, path: &str, fields: &[(&str, &str)], key: Option<&Key>) -> (u16, Value) {
    let mut request = with_form(sandbox.anonymous().request(Method::POST, path), fields);
    if let Some(key) = key {
        request = request.header("dpop", proof_for_token(sandbox, key).1);
    }
    admin_testkit::client::answer(request).await
}

story!(what_a_public_client_gets_is_bound_to_its_key, async |sandbox: &Sandbox| {
    let (browser, client) = (owner(sandbox).await, app(sandbox).await);
    let (key, stranger) = (Key::new("ES256"), Key::new("ES256"));
    let jkt = proof_for_token(sandbox, &key).0;
    let redeem_with = async |code: &str, key: Option<&Key>| {
        let fields = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", BACK)];
        let own = [("client_id", client.as_str()), ("code_verifier", VERIFIER)];
        post_with(sandbox, "/oauth/token", &[&fields[..], &own[..]].concat(), key).await
    };
    let code = async || browser.get(&ask(&client, &[("dpop_jkt", &jkt)])).await.param("code").expect("a code");
    for wrong in [None, Some(&stranger)] {
        let (status, body) = redeem_with(&code().await, wrong).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")), "{body}");
    }
    let bad = browser.get(&ask(&client, &[("dpop_jkt", "short")])).await;
    assert_eq!(bad.param("error").as_deref(), Some("invalid_request"));
    let (status, tokens) = redeem_with(&code().await, Some(&key)).await;
    assert_eq!((status, &tokens["token_type"]), (200, &json!("DPoP")), "{tokens}");
    let refresh_with = async |token: &Value, key: Option<&Key>| {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token.as_str().expect("a token"))];
        post_with(sandbox, "/oauth/token", &[&fields[..], &[("client_id", &client)]].concat(), key).await
    };
    // Whoever stole it cannot use it, nor end it.
    for wrong in [None, Some(&stranger)] {
        let (status, body) = refresh_with(&tokens["refresh_token"], wrong).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")), "{body}");
    }
    let (status, second) = refresh_with(&tokens["refresh_token"], Some(&key)).await;
    assert_eq!((status, &second["token_type"]), (200, &json!("DPoP")), "{second}");
    assert_eq!(refresh_with(&second["refresh_token"], Some(&stranger)).await.0, 400, "and so is the next");
    assert_eq!(refresh_with(&second["refresh_token"], Some(&key)).await.0, 200);
});

story!(a_pushed_request_is_bound_by_its_proof, async |sandbox: &Sandbox| {
    let (browser, client) = (owner(sandbox).await, app(sandbox).await);
    let key = Key::new("ES256");
    let pushed = async |extra: &[(&str, &str)], path: &str| {
        let query = ask(&client, extra);
        let pairs: Vec<_> = form_urlencoded::parse(query.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
        let fields: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let request = with_form(sandbox.anonymous().request(Method::POST, "/oauth/par"), &fields);
        let proof = crate::oauth::dpop::proof_for(sandbox, &key, path);
        admin_testkit::client::answer(request.header("dpop", proof)).await
    };
    for (extra, path) in [([("dpop_jkt", CHALLENGE)], "/oauth/par"), ([("state", "x")], "/oauth/token")] {
        let (status, body) = pushed(&extra, path).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_dpop_proof")), "{body}");
    }
    let (status, answer) = pushed(&[], "/oauth/par").await;
    assert_eq!(status, 201, "{answer}");
    let name = answer["request_uri"].as_str().unwrap();
    let short =
        Serializer::new(String::new()).extend_pairs([("client_id", client.as_str()), ("request_uri", name)]).finish();
    let code = browser.get(&format!("/oauth/authorize?{short}")).await.param("code").expect("a code");
    assert_eq!(redeem(sandbox, &client, &code).await.1["error"], "invalid_grant", "without a proof");
});
