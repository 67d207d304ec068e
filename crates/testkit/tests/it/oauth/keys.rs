//! The keys that sign: published before they are used, replaced while everything runs, and kept for what they signed.

use std::sync::atomic::{AtomicBool, Ordering};

use aws_lc_rs::digest::{SHA256, digest};

use super::signer::{Key, now, part, text};
use super::*;

/// The keys that a server publishes.
async fn published(server: &Client) -> Vec<Value> {
    let reply = reply(server.anonymous().request(Method::GET, "/oauth/jwks")).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/json"));
    assert_eq!(reply.header("cache-control"), "public, max-age=300");
    reply.body["keys"].as_array().expect("keys").clone()
}

fn kids(keys: &[Value]) -> Vec<&str> {
    keys.iter().map(|key| key["kid"].as_str().expect("a kid")).collect()
}

/// The id of the key that signed a token.
fn signed_by(token: &str) -> String {
    part(token, 0)["kid"].as_str().expect("a kid").to_owned()
}

story!(the_keys_are_published_without_what_is_private, async |sandbox: &Sandbox| {
    let keys = published(sandbox).await;
    assert_eq!(keys.len(), 3);
    for key in &keys {
        let (alg, members): (_, &[&str]) = match key["alg"].as_str().unwrap() {
            "RS256" => ("RS256", &["e", "kty", "n"]),
            "ES256" => ("ES256", &["crv", "kty", "x", "y"]),
            alg => (alg, &["crv", "kty", "x"]),
        };
        let mut all: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        all.sort_unstable();
        let mut expected = [members, &["alg", "kid", "use"]].concat();
        expected.sort_unstable();
        assert_eq!((all, &key["use"]), (expected, &json!("sig")), "{key}");
        // RFC 7638: the required members, in the order of their names, without spaces.
        let members: Vec<_> = members.iter().map(|name| format!("\"{name}\":{}", key[*name])).collect();
        let hash = digest(&SHA256, format!("{{{}}}", members.join(",")).as_bytes());
        assert_eq!(key["kid"], text(hash.as_ref()));
        let attributes = json!({"id_token_signed_response_alg": alg});
        let program = program(sandbox, alg, attributes).await;
        assert_eq!(signed_by(&token(sandbox, &program).await), key["kid"].as_str().unwrap());
    }
    assert_eq!(
        signed_by(&sandbox.owner_token),
        kids(&keys)[keys.iter().position(|key| key["alg"] == "RS256").unwrap()]
    );
});

story!(the_next_keys_are_published_before_they_are_used, async |sandbox: &Sandbox| {
    let ada = program(sandbox, "ada", json!({"roles": ["viewer"]})).await;
    let before = published(sandbox).await;
    let said = sandbox.cli(&["keys", "rotate"]);
    heard("the next keys", async || published(sandbox).await.len() == 6).await;
    let after = published(sandbox).await;
    for key in &after {
        let kid = key["kid"].as_str().unwrap();
        assert_eq!(said.contains(kid), !before.contains(key), "{said}");
    }
    assert_eq!(said.lines().count(), 3, "{said}");
    let token = token(sandbox, &ada).await;
    assert!(kids(&before).contains(&&*signed_by(&token)), "the next key is not in use yet");
    assert!(works(sandbox, &token).await);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_fails_while_keys_are_replaced() {
    let (_database, first, second) = two_processes().await;
    let mut programs = vec![];
    for alg in ["RS256", "ES256", "EdDSA"] {
        let attributes = json!({"roles": ["viewer"], "id_token_signed_response_alg": alg});
        programs.push(program(&first, alg, attributes).await);
    }
    let old = token(&first, &programs[0]).await;
    let before = published(&first).await;
    let stop = AtomicBool::new(false);
    // Each token is used at once, in the process that did not issue it.
    let load = async |server: &Sandbox, other: &Sandbox| {
        let mut asked = 0;
        while !stop.load(Ordering::Relaxed) {
            for program in &programs {
                let token = token(server, program).await;
                assert!(works(other, &token).await && works(other, &old).await, "{}", part(&token, 0));
                asked += 1;
            }
        }
        asked
    };
    let rotate = async {
        for _ in 0..2 {
            let said = tokio::task::block_in_place(|| first.cli(&["keys", "rotate", "--now"]));
            eventually("the new keys in use", async || {
                let (one, two) = (token(&first, &programs[1]).await, token(&second, &programs[1]).await);
                (said.contains(&signed_by(&one)) && said.contains(&signed_by(&two))).then_some(())
            })
            .await;
        }
        stop.store(true, Ordering::Relaxed);
    };
    let (one, two, ()) = tokio::join!(load(&first, &second), load(&second, &first), rotate);
    assert!(one > 10 && two > 10, "{one} {two}");
    for server in [&first, &second] {
        let after = published(server).await;
        assert_eq!(after.len(), 9);
        assert!(before.iter().all(|key| after.contains(key)), "a key that was in use stays published");
        assert!(works(server, &old).await && works(server, &first.owner_token).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keys_of_a_database_from_before_are_still_good() {
    let database = postgres::database().await;
    let folder = std::path::Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"))
        .join("../db/migrations/postgres");
    let client = forged::connect(&database.url).await;
    let table = "CREATE TABLE migration (version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)";
    client.batch_execute(table).await.expect("a table");
    let before = ["0001_initial", "0002_access", "0003_references_in_order", "0004_decision_filters"];
    for (number, name) in (1_i64..).zip(before) {
        let sql = std::fs::read_to_string(folder.join(format!("{name}.sql"))).expect("a migration");
        client.batch_execute(&sql).await.expect("the schema of before");
        client.execute("INSERT INTO migration VALUES ($1, $2, 0)", &[&number, &name]).await.expect("a row");
    }
    // Ids were other then.
    let (key, kid) = (Key::new("RS256"), "legacy-key-of-16");
    let sealed = forged::cipher().seal(&format!("signing key {kid}"), &key.pkcs8()).expect("sealed");
    let insert = "INSERT INTO signing_key (id, sealed_private, created_at) VALUES ($1, $2, 7)";
    client.execute(insert, &[&kid, &sealed]).await.expect("a key");

    let settings = [("ADMIN_DATABASE", database.url.as_str()), ("ADMIN_MASTER_KEY", MASTER_KEY)];
    let server = Sandbox::start_with(admin_testkit::Backend::Sqlite, &settings).await;
    let mut claims = part(&server.owner_token, 1);
    claims["jti"] = json!("of before");
    let old = key.jwt(&json!({"typ": "JWT", "alg": "RS256", "kid": kid}), &claims);
    assert!(works(&server, &old).await && works(&server, &server.owner_token).await);
    assert_eq!(signed_by(&server.owner_token), kid, "the key goes on in use until the next is published");
    heard("the next RSA key", async || published(&server).await.len() == 4).await;
    let keys = published(&server).await;
    assert!(kids(&keys).contains(&kid));
    server.cli(&["keys", "rotate", "--now"]);
    let ada = program(&server, "ada", json!({"roles": ["viewer"]})).await;
    eventually("a new key in use", async || {
        let token = token(&server, &ada).await;
        assert!(works(&server, &old).await && works(&server, &token).await);
        (signed_by(&token) != kid).then_some(())
    })
    .await;
    assert!(claims["exp"].as_i64().unwrap() > now());
    assert!(works(&server, &old).await && kids(&published(&server).await).contains(&kid));
}
