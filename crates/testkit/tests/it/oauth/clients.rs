//! What a client may not be saved with: places where no browser may be sent, keys that are none, names that show as others.

use super::signer::Key;
use super::*;

/// What the API says of a new client: the status, and the places that it complains of.
async fn saved(owner: &Client, name: &str, attributes: Value) -> (u16, Vec<String>) {
    let document = json!({"name": name, "attributes": attributes});
    let (status, body) = owner.post_json("/v3/clients", &document).await;
    let places = body["errors"].as_array().into_iter().flatten().map(|error| error["pointer"].as_str());
    (status, places.map(|place| place.expect("a place").to_owned()).collect())
}

story!(browsers_are_sent_to_sane_places_alone, async |sandbox: &Sandbox| {
    let good = ["https://app.example/back", "http://localhost:9999/back", "http://[::1]:7/"];
    for bad in [
        "javascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "ftp://app.example/",
        "x:y",
        "http://app.example/",
        "http://localhost@evil.example/",
    ] {
        for name in ["redirect_uris", "post_logout_redirect_uris"] {
            for method in ["none", "client_secret_basic"] {
                let attributes = json!({name: [good[0], bad], "token_endpoint_auth_method": method});
                assert_eq!(
                    saved(sandbox, "a", attributes).await,
                    (422, vec![format!("/attributes/{name}/1")]),
                    "{bad}"
                );
            }
        }
    }
    assert_eq!(saved(sandbox, "a", json!({"redirect_uris": good})).await.0, 201);
    // An app has a scheme of its own; who keeps a secret is none (RFC 8252, section 7.1).
    let own = |method: &str| json!({"redirect_uris": ["org.example.app:/back"], "token_endpoint_auth_method": method});
    assert_eq!(saved(sandbox, "a", own("client_secret_basic")).await.0, 422);
    let app = add(sandbox, "client", "app", own("none")).await;
    let confidential = json!({"attributes": {"token_endpoint_auth_method": "client_secret_basic"}});
    assert_eq!(sandbox.patch_json(&path(&app), &confidential).await.0, 422, "nor does it become one");
    let evil = json!({"attributes": {"redirect_uris": ["javascript:alert(1)"]}});
    assert_eq!(sandbox.patch_json(&path(&app), &evil).await.0, 422);
});

story!(keys_of_clients_are_looked_at_when_they_are_saved, async |sandbox: &Sandbox| {
    let with = |jwks: Value| json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": jwks});
    let public = ["RS256", "ES256", "EdDSA"].map(|alg| Key::new(alg).jwk(&json!({})));
    assert_eq!(saved(sandbox, "a", with(json!({"keys": public}))).await.0, 201);
    let private = |key: &Value| {
        let mut key = key.clone();
        key["d"] = json!("AQAB");
        key
    };
    let weak = json!({"kty": "RSA", "n": "gYGB", "e": "AQAB"});
    for (jwks, place) in [
        (json!({}), "/keys"),
        (json!({"keys": "x"}), "/keys"),
        (json!({"keys": []}), "/keys"),
        (json!({"keys": [1]}), "/keys/0"),
        (json!({"keys": [public[0], {"kty": "oct", "k": "c2VjcmV0"}]}), "/keys/1/k"),
        (json!({"keys": [weak]}), "/keys/0/n"),
        (json!({"keys": [private(&public[0])]}), "/keys/0/d"),
        (json!({"keys": [private(&public[1])]}), "/keys/0/d"),
        (json!({"keys": [private(&public[2])]}), "/keys/0/d"),
    ] {
        let (status, places) = saved(sandbox, "a", with(jwks.clone())).await;
        assert_eq!((status, places), (422, vec![format!("/attributes/jwks{place}")]), "{jwks}");
    }
});

story!(a_client_has_no_name_that_shows_as_another, async |sandbox: &Sandbox| {
    for name in ["evil\u{202e}nimdA", "\u{2067}x", "a\u{200f}b", "a\u{061c}b"] {
        assert_eq!(saved(sandbox, name, json!({})).await, (422, vec!["/name".to_owned()]), "{name:?}");
    }
    let client = add(sandbox, "client", "Café 日本 עברית", json!({})).await;
    assert_eq!(sandbox.patch_json(&path(&client), &json!({"name": "evil\u{202e}nimdA"})).await.0, 422);
});
