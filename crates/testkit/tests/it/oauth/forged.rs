//! Tokens signed with the installation's own keys, which say what no token of Admin would: what is believed of a token
//! is not its signature alone.

use admin_core::{Cipher, MasterKey};
use tokio_postgres::NoTls;

use super::signer::{Key, now, part};
use super::*;

pub(crate) async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("PostgreSQL");
    tokio::spawn(connection);
    client
}

/// What [`MASTER_KEY`] says.
pub(super) fn cipher() -> Cipher {
    Cipher::new(&MasterKey::new([0; 32]))
}

/// The installation's own key for an algorithm, and its id: nobody but a test takes them from the database.
async fn own_key(url: &str, alg: &str) -> (String, Key) {
    let query = "SELECT id, sealed_private FROM signing_key WHERE algorithm = $1";
    let row = connect(url).await.query_one(query, &[&alg]).await.expect("one key");
    let (id, sealed): (String, Vec<u8>) = (row.get(0), row.get(1));
    let private = cipher().open(&format!("signing key {id}"), &sealed).expect("the key is sealed with the master key");
    (id, Key::read(alg, &private))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signature_is_not_all_that_a_token_needs() {
    let (database, server, _) = two_processes().await;
    let ada = program(&server, "ada", json!({"roles": ["viewer"]})).await;
    let good = token(&server, &ada).await;
    let (local, id) = (part(&server.owner_token, 1), &ada.id);
    for alg in ["RS256", "ES256", "EdDSA"] {
        let (kid, key) = own_key(&database.url, alg).await;
        let sign = |typ: Value, of: &Value, changes: Value| {
            let mut claims = of.clone();
            claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            key.jwt(&json!({"alg": alg, "typ": typ, "kid": kid}), &claims)
        };
        let of = part(&good, 1);
        let at = |changes: Value| sign(json!("at+jwt"), &of, changes);
        assert!(works(&server, &at(json!({}))).await && works(&server, &at(json!({"aud": [PUBLIC_URL, "x"]}))).await);
        assert!(works(&server, &sign(json!("JWT"), &local, json!({}))).await);
        for changes in [
            json!({"exp": now() - 6}),
            json!({"exp": i64::MIN}),
            json!({"nbf": now() + 60}),
            json!({"nbf": i64::MAX}),
            json!({"exp": null}),
            json!({"nbf": null}),
            json!({"jti": null}),
            json!({"exp": "never"}),
            json!({"exp": 1e300}),
            json!({"iss": "https://example.org"}),
            json!({"iss": format!("{PUBLIC_URL}/")}),
            json!({"iss": null}),
            json!({"iss": "admin"}),
            json!({"iss": "admin", "aud": "admin"}),
            json!({"aud": "https://example.org"}),
            json!({"aud": id}),
            json!({"aud": []}),
            json!({"aud": null}),
            json!({"sub": null}),
            json!({"org": null}),
            json!({"client_id": null}),
            json!({"scope": null}),
        ] {
            assert!(!works(&server, &at(changes.clone())).await, "{alg} {changes}");
        }
        for typ in
            [json!("JWT"), json!("jwt"), json!("application/at+jwt"), json!("logout+jwt"), json!(""), Value::Null]
        {
            assert!(!works(&server, &sign(typ.clone(), &of, json!({}))).await, "{typ}");
        }
        for typ in ["at+jwt", "id_token"] {
            assert!(!works(&server, &sign(json!(typ), &local, json!({}))).await, "{typ}");
        }
        // An ID token: the same issuer and the same key, but for the client.
        let id_token =
            json!({"iss": PUBLIC_URL, "sub": of["sub"], "aud": id, "org": of["org"], "iat": now(), "exp": now() + 600});
        for typ in ["JWT", "at+jwt"] {
            assert!(!works(&server, &sign(json!(typ), &id_token, json!({}))).await);
            assert!(
                !works(&server, &sign(json!(typ), &id_token, json!({"aud": PUBLIC_URL, "nbf": now(), "jti": "x"})))
                    .await
            );
        }
        // One that was granted something else.
        for scope in ["openid", "openid profile", "", "administrator", "Admin"] {
            let reply = server.with_token(&at(json!({"scope": scope})));
            let reply = reply_of(&reply).await;
            assert_eq!((reply.status, &reply.body["code"]), (403, &json!("insufficient_scope")), "{scope}");
            assert!(reply.header("www-authenticate").contains("error=\"insufficient_scope\""));
        }
        assert_eq!(using(&server, &at(json!({"scope": "openid admin"}))).await.0, 200);
    }
}

async fn reply_of(caller: &Client) -> Reply {
    reply(caller.request(Method::GET, "/v3/resources")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assertion_of_a_client_is_no_access_token() {
    let (_database, server, _) = two_processes().await;
    let key = Key::new("RS256");
    let attributes = json!({"roles": ["viewer"], "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [key.jwk(&json!({"kid": "k"}))]}});
    let id = add(&server, "client", "ada", attributes).await;
    let claims = json!({"iss": id, "sub": id, "aud": PUBLIC_URL, "exp": now() + 60, "nbf": now(), "iat": now(), "jti": "j",
        "client_id": id, "scope": "admin", "org": part(&server.owner_token, 1)["org"]});
    for typ in ["JWT", "at+jwt"] {
        assert!(!works(&server, &key.jwt(&json!({"alg": "RS256", "typ": typ, "kid": "k"}), &claims)).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_token_says_why_it_is_refused() {
    let (_database, server, _) = two_processes().await;
    for path in ["/v3/resources", "/oauth/userinfo", "/access/v1/search/action"] {
        let none = reply(server.anonymous().request(Method::GET, path)).await;
        assert_eq!((none.status, none.header("www-authenticate")), (401, "Bearer realm=\"admin\""), "{path}");
        let bad = reply(server.with_token("x").request(Method::GET, path)).await;
        let challenge = "Bearer realm=\"admin\", error=\"invalid_token\"";
        assert_eq!((bad.status, bad.header("www-authenticate")), (401, challenge), "{path}");
    }
    // A token in the address is none (RFC 9700, section 4.3.2).
    let (status, _) = server.anonymous().get_json(&format!("/v3/resources?access_token={}", server.owner_token)).await;
    assert_eq!(status, 401);
}
