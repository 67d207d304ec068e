//! Tokens that are good with one key alone (RFC 9449).

use aws_lc_rs::digest;

use super::signer::{Key, now, text, unique};
use super::*;

/// The thumbprint of a key (RFC 7638), written apart from Admin's.
fn thumbprint(key: &Key) -> String {
    let jwk = key.jwk(&json!({}));
    let text = match jwk["kty"].as_str() {
        Some("RSA") => format!(r#"{{"e":{},"kty":"RSA","n":{}}}"#, jwk["e"], jwk["n"]),
        Some("EC") => format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk["x"], jwk["y"]),
        _ => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":{}}}"#, jwk["x"]),
    };
    hash(&text)
}

fn hash(of: &str) -> String {
    text(digest::digest(&digest::SHA256, of.as_bytes()).as_ref())
}

/// What a proof says, and its header, for a request.
fn parts(key: &Key, alg: &str, method: &str, url: &str, token: Option<&str>) -> (Value, Value) {
    let header = json!({"typ": "dpop+jwt", "alg": alg, "jwk": key.jwk(&json!({}))});
    let mut claims = json!({"jti": unique(), "htm": method, "htu": url, "iat": now()});
    if let Some(token) = token {
        claims["ath"] = json!(hash(token));
    }
    (header, claims)
}

fn proof(key: &Key, alg: &str, method: &str, url: &str, token: Option<&str>) -> String {
    let (header, claims) = parts(key, alg, method, url, token);
    key.jwt(&header, &claims)
}

/// Asks for a token with a proof.
async fn ask_with(server: &Client, basic: Basic<'_>, pairs: Pairs<'_>, proofs: &[&str]) -> Reply {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let mut request = server.anonymous().request(Method::POST, "/oauth/token");
    if let Some((id, secret)) = basic {
        request = request.basic_auth(id, Some(secret));
    }
    for proof in proofs {
        request = request.header("dpop", *proof);
    }
    reply(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
}

const CREDENTIALS: Pairs<'_> = &[("grant_type", "client_credentials")];

/// Reads the list of users with a token and a proof.
async fn read(server: &Client, scheme: &str, token: &str, proof: Option<&str>) -> Reply {
    let mut request = server.anonymous().request(Method::GET, "/v3/users?limit=1");
    request = request.header("authorization", format!("{scheme} {token}"));
    if let Some(proof) = proof {
        request = request.header("dpop", proof);
    }
    reply(request).await
}

story!(a_bound_token_is_good_with_its_key_alone, async |sandbox: &Sandbox| {
    let issuer = issuer(sandbox).await;
    let (at, users) = (format!("{issuer}/oauth/token"), format!("{issuer}/v3/users"));
    let ada = program(sandbox, "ada", json!({"roles": ["viewer"]})).await;
    for alg in ["ES256", "RS256", "PS256", "EdDSA", "Ed25519"] {
        let (key, stranger) = (Key::new(alg), Key::new(alg));
        let got = ask_with(sandbox, ada.basic(), CREDENTIALS, &[&proof(&key, alg, "POST", &at, None)]).await;
        assert_eq!((got.status, &got.body["token_type"]), (200, &json!("DPoP")), "{alg}: {}", got.body);
        let token = got.body["access_token"].as_str().expect("a token");
        assert_eq!(signer::part(token, 1)["cnf"], json!({"jkt": thumbprint(&key)}));
        let known = form(sandbox, "/oauth/introspect", ada.basic(), &[("token", token)]).await.body;
        assert_eq!((&known["token_type"], &known["cnf"]["jkt"]), (&json!("DPoP"), &json!(thumbprint(&key))));

        let fresh = || proof(&key, alg, "GET", &users, Some(token));
        let good = fresh();
        assert_eq!(read(sandbox, "DPoP", token, Some(&good)).await.status, 200);
        assert_eq!(read(sandbox, "dpop", token, Some(&fresh())).await.status, 200);
        let challenged = async |scheme: &str, proof: Option<&str>, code: &str| {
            let reply = read(sandbox, scheme, token, proof).await;
            assert_eq!((reply.status, &reply.body["code"]), (401, &json!(code)), "{scheme}: {}", reply.body);
            let all: Vec<_> =
                reply.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect();
            assert!(all.iter().any(|one| one.starts_with("DPoP ") && one.contains("algs=\"RS256 ")), "{all:?}");
        };
        challenged("DPoP", Some(&good), "bad_proof").await;
        challenged("Bearer", None, "bad_token").await;
        challenged("Bearer", Some(&fresh()), "bad_token").await;
        challenged("DPoP", None, "bad_proof").await;
        challenged("DPoP", Some(&proof(&stranger, alg, "GET", &users, Some(token))), "bad_proof").await;
    }
    // One that is bound to nothing is no better for a proof.
    let (key, plain) = (Key::new("ES256"), token(sandbox, &ada).await);
    let reply = read(sandbox, "DPoP", &plain, Some(&proof(&key, "ES256", "GET", &users, Some(&plain)))).await;
    assert_eq!((reply.status, &reply.body["code"]), (401, &json!("bad_token")));
    assert_eq!(read(sandbox, "Bearer", &plain, None).await.status, 200);
});

story!(a_proof_is_for_one_request, async |sandbox: &Sandbox| {
    let issuer = issuer(sandbox).await;
    let (at, users) = (format!("{issuer}/oauth/token"), format!("{issuer}/v3/users"));
    let (ada, key) = (program(sandbox, "ada", json!({"roles": ["viewer"]})).await, Key::new("ES256"));
    let used = proof(&key, "ES256", "POST", &at, None);
    let got = ask_with(sandbox, ada.basic(), CREDENTIALS, &[&used]).await;
    let token = got.body["access_token"].as_str().expect("a token").to_owned();
    let token = token.as_str();
    let refused = async |proofs: &[&str], what: &str| {
        let reply = ask_with(sandbox, ada.basic(), CREDENTIALS, proofs).await;
        assert_eq!(reply.body["error"], "invalid_dpop_proof", "{what}: {}", reply.body);
        oauth_error(&reply, 400, "invalid_dpop_proof");
    };
    refused(&[&used], "replayed").await;
    let fresh = || proof(&key, "ES256", "POST", &at, None);
    refused(&[&fresh(), &fresh()], "two").await;
    let mut private = key.jwk(&json!({}));
    private["d"] = json!("AAAA");
    let shared = Key::Shared(b"a secret of thirty-two bytes ....".to_vec());
    let other = Key::new("ES256");
    let rsa = Key::new("RS256");
    let jwk = |key: &Key| key.jwk(&json!({}));
    for (signs, changes) in [
        (&key, json!({"typ": "JWT"})),
        (&key, json!({"typ": null})),
        (&key, json!({"alg": "none"})),
        (&key, json!({"alg": "RS256"})),
        (&key, json!({"jwk": null})),
        (&key, json!({"jwk": private})),
        (&key, json!({"jwk": jwk(&other)})),
        (&key, json!({"jwk": {"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}})),
        (&key, json!({"crit": ["exp"]})),
        (&shared, json!({"alg": "HS256", "jwk": jwk(&shared)})),
        (&shared, json!({"alg": "HS256"})),
        (&rsa, json!({"alg": "PS384", "jwk": jwk(&rsa)})),
    ] {
        let (mut header, claims) = parts(&key, "ES256", "POST", &at, None);
        header.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        refused(&[&signs.jwt(&header, &claims)], &changes.to_string()).await;
    }
    let unsigned = fresh();
    refused(&[&format!("{}.", unsigned.rsplit_once('.').unwrap().0)], "no signature").await;
    for changes in [
        json!({"htm": "GET"}),
        json!({"htm": "post"}),
        json!({"htm": null}),
        json!({"htu": format!("{issuer}/oauth/par")}),
        json!({"htu": "https://example.org/oauth/token"}),
        json!({"htu": "/oauth/token"}),
        json!({"htu": null}),
        json!({"iat": now() - 62}),
        json!({"iat": now() + 40}),
        json!({"iat": i64::MAX}),
        json!({"iat": i64::MIN}),
        json!({"iat": null}),
        json!({"jti": null}),
        json!({"jti": ""}),
        json!({"jti": "x".repeat(257)}),
    ] {
        let (header, mut claims) = parts(&key, "ES256", "POST", &at, None);
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        refused(&[&key.jwt(&header, &claims)], &changes.to_string()).await;
    }
    for bad in ["x", "..", &"x".repeat(5000)] {
        refused(&[bad], bad).await;
    }
    // What follows a question mark is not of the address; a refused proof was not used.
    let (header, mut claims) = parts(&key, "ES256", "POST", &at, None);
    claims["htu"] = json!(format!("{at}?a=b#c"));
    assert_eq!(ask_with(sandbox, ada.basic(), CREDENTIALS, &[&key.jwt(&header, &claims)]).await.status, 200);
    for (method, url, of) in [
        ("POST", &*users, Some(token)),
        ("GET", &*at, Some(token)),
        ("GET", &*users, None),
        ("GET", &*users, Some("another token")),
    ] {
        let reply = read(sandbox, "DPoP", token, Some(&proof(&key, "ES256", method, url, of))).await;
        assert_eq!((reply.status, &reply.body["code"]), (401, &json!("bad_proof")), "{method} {url} {of:?}");
    }
    assert_eq!(read(sandbox, "DPoP", token, Some(&proof(&key, "ES256", "GET", &users, Some(token)))).await.status, 200);
    // A client that is held to it gets no other tokens.
    let held = json!({"attributes": {"dpop_bound_access_tokens": true}});
    assert_eq!(sandbox.patch_json(&path(&ada.id), &held).await.0, 200);
    refused(&[], "none").await;
    assert_eq!(ask_with(sandbox, ada.basic(), CREDENTIALS, &[&fresh()]).await.status, 200);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proof_gets_a_token_once_in_all_processes() {
    let (_database, first, second) = two_processes().await;
    let (ada, key) = (program(&first, "ada", json!({})).await, Key::new("EdDSA"));
    for _ in 0..5 {
        let proof = proof(&key, "EdDSA", "POST", &format!("{PUBLIC_URL}/oauth/token"), None);
        let proofs = [&*proof];
        let sent =
            (0..6).map(|n| ask_with(if n % 2 == 0 { &first } else { &second }, ada.basic(), CREDENTIALS, &proofs));
        let answers = futures_util::future::join_all(sent).await;
        let good = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(good, 1, "{:?}", answers.iter().map(|answer| answer.body.to_string()).collect::<Vec<_>>());
    }
}

/// What stories of other files need of a key: its thumbprint, and a proof for the token endpoint.
pub(crate) fn proof_for_token(server: &Client, key: &Key) -> (String, String) {
    (thumbprint(key), proof_for(server, key, "/oauth/token"))
}

pub(crate) fn proof_for(server: &Client, key: &Key, path: &str) -> String {
    proof(key, "ES256", "POST", &format!("{}{path}", server.base_url), None)
}
