//! Tokens that somebody made up, or bent: none of them lets anybody in.

use super::signer::{Key, part, text};
use super::*;

story!(a_token_that_was_bent_lets_nobody_in, async |sandbox: &Sandbox| {
    let ada = program(sandbox, "ada", json!({"roles": ["viewer"], "id_token_signed_response_alg": "ES256"})).await;
    let good = token(sandbox, &ada).await;
    assert!(works(sandbox, &good).await);
    let jwks = get(&sandbox.anonymous(), "/oauth/jwks").await;
    let of = |alg: &str| jwks["keys"].as_array().unwrap().iter().find(|key| key["alg"] == alg).unwrap();
    let kid = |alg: &str| of(alg)["kid"].as_str().unwrap().to_owned();
    let header = part(&good, 0);
    assert_eq!(header, json!({"alg": "ES256", "typ": "at+jwt", "kid": kid("ES256")}));
    let parts: Vec<&str> = good.split('.').collect();
    let with = |changes: Value| {
        let mut header = header.clone();
        header.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        format!("{}.{}.{}", text(header.to_string().as_bytes()), parts[1], parts[2])
    };
    let claims = |name: &str, value: Value| {
        let mut claims = part(&good, 1);
        claims[name] = value;
        format!("{}.{}.{}", parts[0], text(claims.to_string().as_bytes()), parts[2])
    };
    let none = text(br#"{"alg":"none","typ":"at+jwt"}"#);
    let mut bent = vec![
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{none}.{}", parts[1]),
        claims("sub", json!("usr_01h455vb4pex5vsknk084sn02q")),
        claims("exp", json!(i64::MAX)),
        claims("roles", json!(["owner"])),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{}..{}", parts[0], parts[2]),
        format!("{good}.{}", parts[2]),
        format!("{good}="),
        format!("{good}A"),
        good[1..].to_owned(),
        good[..good.len() - 1].to_owned(),
        good.to_uppercase(),
        format!("{good}{}", "A".repeat(5000)),
        "A".repeat(4096),
        ".".repeat(100),
        "e30.e30.e30".to_owned(),
        ada.secret.clone(),
        "null".to_owned(),
    ];
    for alg in ["NONE", "None", "", "HS256", "HS512", "RS256", "ES384", "EdDSA", "es256"] {
        bent.push(with(json!({"alg": alg})));
    }
    for kid in ["", "../../../dev/null", "' OR 1=1 --", "x\0y", &kid("RS256"), &kid("EdDSA"), &"k".repeat(2000)] {
        bent.push(with(json!({"kid": kid})));
    }
    bent.extend(
        [json!({"kid": null}), json!({"kid": 7}), json!({"crit": ["exp"]}), json!({"b64": false, "crit": ["b64"]})]
            .map(with),
    );
    for token in &bent {
        assert!(!works(sandbox, token).await, "{token}");
    }
    assert!(works(sandbox, &good).await);
});

story!(a_key_of_ones_own_is_no_key_of_admin, async |sandbox: &Sandbox| {
    let ada = program(sandbox, "ada", json!({"roles": ["viewer"]})).await;
    let good = token(sandbox, &ada).await;
    let jwks = get(&sandbox.anonymous(), "/oauth/jwks").await;
    let rsa = jwks["keys"].as_array().unwrap().iter().find(|key| key["alg"] == "RS256").unwrap();
    let claims = part(&good, 1);
    // HS256 with what is public of the RSA key as the secret, in each of the forms in which one has it.
    let (n, e) = (rsa["n"].as_str().unwrap(), rsa["e"].as_str().unwrap());
    let forms = [n.to_owned(), rsa.to_string(), jwks.to_string(), format!("{n}{e}"), String::new()];
    for form in forms {
        let secret = Key::Shared(form.into_bytes());
        for typ in ["at+jwt", "JWT"] {
            let header = json!({"alg": "HS256", "typ": typ, "kid": rsa["kid"]});
            assert!(!works(sandbox, &secret.jwt(&header, &claims)).await);
        }
    }
    for alg in ["RS256", "ES256", "EdDSA"] {
        let own = Key::new(alg);
        let jwk = own.jwk(&json!({"kid": "own", "alg": alg}));
        for header in [
            json!({"kid": "own"}),
            json!({"kid": rsa["kid"]}),
            json!({"kid": "own", "jwk": jwk}),
            json!({"kid": rsa["kid"], "jwk": jwk}),
            json!({"kid": "own", "jku": "http://127.0.0.1:9/jwks"}),
            json!({"kid": "own", "x5u": "http://127.0.0.1:9/certificate", "x5c": ["AAAA"]}),
            json!({}),
        ] {
            let mut header = header;
            (header["alg"], header["typ"]) = (json!(alg), json!("at+jwt"));
            assert!(!works(sandbox, &own.jwt(&header, &claims)).await, "{header}");
        }
    }
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_another_installation_lets_nobody_in() {
    let url = [("ADMIN_PUBLIC_URL", PUBLIC_URL)];
    let here = Sandbox::start_with(admin_testkit::Backend::Sqlite, &url).await;
    let there = Sandbox::start_with(admin_testkit::Backend::Sqlite, &url).await;
    let ada = program(&there, "ada", json!({"roles": ["viewer"]})).await;
    let token = token(&there, &ada).await;
    assert!(works(&there, &token).await);
    assert!(!works(&here, &token).await && !works(&here, &there.owner_token).await);
    // Nor is one of the same installation that was issued in another name.
    there.kill();
    there.start().await;
    assert!(works(&there, &token).await);
}
