//! A client acts for somebody whose token it was called with (RFC 8693).

use super::*;
use crate::oauth::signer::part;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

async fn exchange(server: &Client, by: &Program, subject: &str, more: Pairs<'_>) -> Reply {
    let pairs = [("grant_type", GRANT), ("subject_token", subject), ("subject_token_type", ACCESS_TOKEN)];
    let mut pairs: std::collections::BTreeMap<_, _> = pairs.into();
    pairs.extend(more.iter().copied());
    form(server, "/oauth/token", by.basic(), &pairs.into_iter().collect::<Vec<_>>()).await
}

/// The token in an answer.
#[track_caller]
fn exchanged_of(reply: &Reply) -> String {
    assert_eq!((reply.status, reply.header("cache-control")), (200, "no-store"), "{}", reply.body);
    assert!(reply.body["token_type"] == "Bearer" && reply.body["expires_in"].as_i64() <= Some(600), "{}", reply.body);
    reply.body["access_token"].as_str().expect("a token").to_owned()
}

async fn gateway(sandbox: &Sandbox) -> Program {
    program(sandbox, "gateway", json!({"grant_types": ["client_credentials", GRANT], "roles": ["owner"]})).await
}

story!(a_client_acts_for_whose_token_it_has, async |sandbox: &Sandbox| {
    define(sandbox, "note", json!({})).await;
    let (ada, gateway) = (program(sandbox, "ada", json!({"roles": ["editor"]})).await, gateway(sandbox).await);
    let subject = token(sandbox, &ada).await;
    let reply = exchange(sandbox, &gateway, &subject, &[("audience", &issuer(sandbox).await)]).await;
    let exchanged = exchanged_of(&reply);
    assert_eq!((&reply.body["issued_token_type"], &reply.body["scope"]), (&json!(ACCESS_TOKEN), &json!("admin")));
    assert!(reply.body.get("refresh_token").is_none());
    let (was, is) = (part(&subject, 1), part(&exchanged, 1));
    assert_eq!(
        (&is["sub"], &is["client_id"], &is["act"]),
        (&json!(ada.id), &json!(gateway.id), &json!({"sub": gateway.id}))
    );
    assert!(is["exp"].as_i64() <= was["exp"].as_i64(), "{was} {is}");
    // It does what ada may, no more, though the gateway may do all; events and decisions say who acted.
    let caller = sandbox.with_token(&exchanged);
    let note = add(&caller, "note", "a note", json!({})).await;
    let event = get(sandbox, "/v3/events?limit=1&order=desc").await["data"][0].clone();
    assert_eq!(event["resource"]["id"], json!(note));
    assert_eq!(event["actor"], json!({"type": "client", "id": ada.id, "via": gateway.id}), "{event}");
    let denied = caller.post_json("/v3/resources", &json!({"type": "role", "name": "boss", "attributes": {}})).await;
    assert_eq!(denied.0, 403, "{}", denied.1);
    eventually("the decision", async || {
        let decisions = get(sandbox, "/v3/access/decisions").await;
        decisions["data"].as_array()?.iter().find(|one| one["principal"]["via"] == json!(gateway.id)).cloned()
    })
    .await;
    let known = form(sandbox, "/oauth/introspect", ada.basic(), &[("token", &exchanged)]).await.body;
    assert_eq!((&known["sub"], &known["act"]), (&json!(ada.id), &json!({"sub": gateway.id})));
    // Its own end is not the end of what it was made from; the end of that is its own.
    let second = exchanged_of(&exchange(sandbox, &gateway, &subject, &[]).await);
    form(sandbox, "/oauth/revoke", gateway.basic(), &[("token", &second)]).await;
    assert!(!works(sandbox, &second).await && works(sandbox, &exchanged).await && works(sandbox, &subject).await);
    form(sandbox, "/oauth/revoke", ada.basic(), &[("token", &subject)]).await;
    assert!(!works(sandbox, &exchanged).await && !works(sandbox, &subject).await);
    oauth_error(&exchange(sandbox, &gateway, &subject, &[]).await, 400, "invalid_request");
});

story!(nobody_gets_more_by_an_exchange, async |sandbox: &Sandbox| {
    let (ada, gateway) = (program(sandbox, "ada", json!({"roles": ["viewer"]})).await, gateway(sandbox).await);
    let subject = token(sandbox, &ada).await;
    let other = program(sandbox, "other", json!({"roles": ["owner"]})).await;
    oauth_error(&exchange(sandbox, &other, &subject, &[]).await, 400, "unauthorized_client");
    let public = json!({"grant_types": [GRANT], "token_endpoint_auth_method": "none"});
    let public = add(sandbox, "client", "public", public).await;
    let pairs = [
        ("grant_type", GRANT),
        ("subject_token", &*subject),
        ("subject_token_type", ACCESS_TOKEN),
        ("client_id", &*public),
    ];
    oauth_error(&form(sandbox, "/oauth/token", None, &pairs).await, 400, "unauthorized_client");
    let exchanged = exchanged_of(&exchange(sandbox, &gateway, &subject, &[]).await);
    for (wrong, more) in [
        (&*sandbox.owner_token, &[][..]),
        ("garbage", &[]),
        (&*exchanged, &[]),
        (&*subject, &[("subject_token_type", "urn:ietf:params:oauth:token-type:id_token")]),
        (&*subject, &[("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token")]),
        (&*subject, &[("actor_token", "x"), ("actor_token_type", ACCESS_TOKEN)]),
    ] {
        oauth_error(&exchange(sandbox, &gateway, wrong, more).await, 400, "invalid_request");
    }
    for more in [[("audience", "https://example.org")], [("resource", "https://example.org")]] {
        oauth_error(&exchange(sandbox, &gateway, &subject, &more).await, 400, "invalid_target");
    }
    for more in ["openid", "admin openid", "root"] {
        oauth_error(&exchange(sandbox, &gateway, &subject, &[("scope", more)]).await, 400, "invalid_scope");
    }
    let disable = json!({"status": "disabled"});
    assert_eq!(sandbox.patch_json(&path(&ada.id), &disable).await.0, 200);
    oauth_error(&exchange(sandbox, &gateway, &subject, &[]).await, 400, "invalid_request");
    assert!(!works(sandbox, &exchanged).await);
});
