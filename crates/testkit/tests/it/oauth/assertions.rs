//! Clients that show who they are by a JWT that they signed (RFC 7523; OpenID Connect Core, section 9).

use super::signer::{Key, now};
use super::*;

const KIND: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client with these keys.
async fn keyed(owner: &Client, name: &str, keys: &[Value]) -> String {
    let attributes =
        json!({"roles": ["viewer"], "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": keys}});
    add(owner, "client", name, attributes).await
}

/// The claims of an assertion, a new one each time.
fn claims(client: &str, audience: &str) -> Value {
    let jti = signer::unique();
    json!({"iss": client, "sub": client, "aud": audience, "exp": now() + 60, "iat": now(), "jti": jti})
}

async fn show(server: &Client, assertion: &str) -> Reply {
    ask(server, None, &[("client_assertion", assertion), ("client_assertion_type", KIND)]).await
}

story!(a_client_gets_a_token_by_its_key, async |sandbox: &Sandbox| {
    let issuer = issuer(sandbox).await;
    for alg in ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"] {
        let (key, other) = (Key::new(alg), Key::new(alg));
        let strange = json!({"kty": "unknown", "kid": "a"});
        let jwks = [strange, other.jwk(&json!({"kid": "b"})), key.jwk(&json!({"kid": "c", "use": "sig", "alg": alg}))];
        let id = keyed(sandbox, alg, &jwks).await;
        let endpoint = format!("{issuer}/oauth/token");
        for audience in [json!(issuer), json!(endpoint), json!([issuer]), json!(["https://example.org", endpoint])] {
            let mut claims = claims(&id, "");
            claims["aud"] = audience;
            for header in [json!({"alg": alg, "kid": "c"}), json!({"alg": alg}), json!({"alg": alg, "typ": "JWT"})] {
                claims["jti"] = json!(format!("{}{header}", claims["jti"]));
                let token = token_of(&show(sandbox, &key.jwt(&header, &claims)).await);
                assert!(works(sandbox, &token).await);
            }
        }
        let header = json!({"alg": alg});
        for path in ["/oauth/introspect", "/oauth/revoke"] {
            let assertion = key.jwt(&header, &claims(&id, &format!("{issuer}{path}")));
            let pairs = [("token", "x"), ("client_assertion", &*assertion), ("client_assertion_type", KIND)];
            assert_eq!(form(sandbox, path, None, &pairs).await.status, 200);
        }
        // Neither by the id alone, nor by a secret that somebody made.
        let secret = secret(sandbox, &id).await.1;
        oauth_error(&ask(sandbox, Some((&id, &secret)), &[]).await, 401, "invalid_client");
        oauth_error(&ask(sandbox, None, &[("client_id", &id)]).await, 401, "invalid_client");
        for wrong in ["", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"] {
            let assertion = key.jwt(&header, &claims(&id, &issuer));
            let pairs = [("client_assertion", &*assertion), ("client_assertion_type", wrong)];
            oauth_error(&ask(sandbox, None, &pairs).await, 400, "invalid_request");
        }
    }
});

story!(an_assertion_works_once_and_as_it_was_meant, async |sandbox: &Sandbox| {
    let issuer = issuer(sandbox).await;
    let (key, other) = (Key::new("ES256"), Key::new("ES256"));
    let (ada, bob) =
        (keyed(sandbox, "ada", &[key.jwk(&json!({}))]).await, keyed(sandbox, "bob", &[other.jwk(&json!({}))]).await);
    let header = json!({"alg": "ES256"});
    let good = key.jwt(&header, &claims(&ada, &issuer));
    token_of(&show(sandbox, &good).await);
    oauth_error(&show(sandbox, &good).await, 401, "invalid_client");
    // The same jti once more, though everything else is new.
    let mut again = signer::part(&good, 1);
    again["exp"] = json!(now() + 90);
    oauth_error(&show(sandbox, &key.jwt(&header, &again)).await, 401, "invalid_client");
    for (name, value) in [
        ("exp", json!(now() - 31)),
        ("exp", json!(now() + 630)),
        ("exp", Value::Null),
        ("exp", json!("soon")),
        ("exp", json!(i64::MAX)),
        ("exp", json!(i64::MIN)),
        ("exp", json!(u64::MAX)),
        ("exp", json!(1e300)),
        ("nbf", json!(now() + 120)),
        ("nbf", json!(i64::MAX)),
        ("iat", json!(now() + 120)),
        ("aud", json!("https://example.org")),
        ("aud", json!(format!("{issuer}/oauth/introspect"))),
        ("aud", json!(format!("{issuer}/"))),
        ("aud", json!([])),
        ("aud", json!([[issuer]])),
        ("aud", Value::Null),
        ("iss", json!(bob)),
        ("iss", json!(issuer)),
        ("iss", Value::Null),
        ("sub", Value::Null),
        ("sub", json!(bob)),
        ("sub", json!([ada])),
        ("jti", Value::Null),
        ("jti", json!(7)),
    ] {
        let mut claims = claims(&ada, &issuer);
        claims[name] = value.clone();
        let reply = show(sandbox, &key.jwt(&header, &claims)).await;
        assert_eq!((reply.status, reply.body["error"].as_str()), (401, Some("invalid_client")), "{name} = {value}");
    }
    let assertion = key.jwt(&header, &claims(&ada, &issuer));
    let pairs = [("client_assertion", &*assertion), ("client_assertion_type", KIND), ("client_id", &*bob)];
    oauth_error(&ask(sandbox, None, &pairs).await, 400, "invalid_request");
    let pairs = [("client_assertion", &*assertion), ("client_assertion_type", KIND), ("client_id", &*ada)];
    token_of(&ask(sandbox, None, &pairs).await);
});

story!(an_assertion_is_verified_by_the_keys_of_its_client_alone, async |sandbox: &Sandbox| {
    let issuer = issuer(sandbox).await;
    let (rsa, ec, stranger) = (Key::new("RS256"), Key::new("ES256"), Key::new("ES256"));
    let encrypts = Key::new("ES256");
    let shared = Key::Shared(b"a secret of thirty-two bytes ....".to_vec());
    let keys = [
        rsa.jwk(&json!({"kid": "rsa", "alg": "RS256"})),
        ec.jwk(&json!({"kid": "ec"})),
        encrypts.jwk(&json!({"kid": "enc", "use": "enc"})),
    ];
    let ada = keyed(sandbox, "ada", &keys).await;
    let public = Key::Shared(rsa.jwk(&json!({}))["n"].as_str().unwrap().into());
    let claims = || claims(&ada, &issuer);
    let own = stranger.jwk(&json!({}));
    for (key, header) in [
        (&stranger, json!({"alg": "ES256"})),
        (&stranger, json!({"alg": "ES256", "kid": "ec"})),
        (&stranger, json!({"alg": "ES256", "kid": "ec", "jwk": own})),
        (&stranger, json!({"alg": "ES256", "jku": "https://example.org/jwks"})),
        (&ec, json!({"alg": "ES256", "kid": "rsa"})),
        (&ec, json!({"alg": "ES256", "kid": "nothing"})),
        (&ec, json!({"alg": "RS256", "kid": "rsa"})),
        (&ec, json!({"alg": "ES384", "kid": "ec"})),
        (&ec, json!({"alg": "ES256", "kid": "ec", "crit": ["exp"]})),
        (&ec, json!({"alg": "none"})),
        (&rsa, json!({"alg": "PS256", "kid": "rsa"})),
        (&rsa, json!({"alg": "RS512", "kid": "rsa"})),
        (&encrypts, json!({"alg": "ES256"})),
        (&encrypts, json!({"alg": "ES256", "kid": "enc"})),
        (&shared, json!({"alg": "HS256"})),
        (&shared, json!({"alg": "HS256", "kid": "shared"})),
        (&public, json!({"alg": "HS256", "kid": "rsa"})),
    ] {
        let reply = show(sandbox, &key.jwt(&header, &claims())).await;
        assert_eq!((reply.status, reply.body["error"].as_str()), (401, Some("invalid_client")), "{header}");
    }
    let good = ec.jwt(&json!({"alg": "ES256", "kid": "ec"}), &claims());
    let (start, end) = good.rsplit_once('.').unwrap();
    let unsigned = good.replace(end, "");
    for bad in ["x", "..", &format!("{start}.AAAA"), &unsigned, &format!("{good}="), &"x".repeat(9000)] {
        oauth_error(&show(sandbox, bad).await, 401, "invalid_client");
    }
    token_of(&show(sandbox, &good).await);
    // A key that is taken away is good no more.
    let attributes = json!({"jwks": {"keys": [rsa.jwk(&json!({}))]}});
    assert_eq!(sandbox.patch_json(&path(&ada), &json!({"attributes": attributes})).await.0, 200);
    oauth_error(&show(sandbox, &ec.jwt(&json!({"alg": "ES256"}), &claims())).await, 401, "invalid_client");
    token_of(&show(sandbox, &rsa.jwt(&json!({"alg": "RS256"}), &claims())).await);
    assert_eq!(sandbox.patch_json(&path(&ada), &json!({"attributes": {"jwks": null}})).await.0, 200);
    oauth_error(&show(sandbox, &rsa.jwt(&json!({"alg": "RS256"}), &claims())).await, 401, "invalid_client");
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assertion_works_once_in_all_processes() {
    let (_database, first, second) = two_processes().await;
    let key = Key::new("EdDSA");
    let ada = keyed(&first, "ada", &[key.jwk(&json!({}))]).await;
    for _ in 0..5 {
        let assertion = key.jwt(&json!({"alg": "EdDSA"}), &claims(&ada, PUBLIC_URL));
        let sent = (0..6).map(|n| show(if n % 2 == 0 { &first } else { &second }, &assertion));
        let answers = futures_util::future::join_all(sent).await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 5, "{statuses:?}");
    }
}
