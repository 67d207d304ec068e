//! Clients hear that a session ended (OpenID Connect Back-Channel Logout 1.0).

use std::sync::Arc;

use admin_testkit::Backend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::oauth::signer::part;

/// A client's end: it refuses as many requests as it is told to, and keeps all logout tokens.
struct Ear {
    url: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Ear {
    async fn open(refuses: usize) -> Ear {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/logout?a=b", listener.local_addr().expect("an address"));
        let heard = Arc::new(Mutex::new(vec![]));
        let kept = heard.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut text = String::new();
                let mut bytes = [0; 4096];
                while !text.split_once("\r\n\r\n").is_some_and(|(_, body)| {
                    body.contains("logout_token=") && body.matches('.').count() == 2 && body.len() > 300
                }) {
                    let Ok(read @ 1..) = stream.read(&mut bytes).await else { break };
                    text.push_str(&String::from_utf8_lossy(&bytes[..read]));
                }
                let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
                assert!(
                    head.starts_with("POST /logout?a=b HTTP/1.1")
                        && head.to_lowercase().contains("x-www-form-urlencoded"),
                    "{head}"
                );
                let count = {
                    let mut kept = kept.lock().expect("kept");
                    kept.push(body.trim_start_matches("logout_token=").to_owned());
                    kept.len()
                };
                let status = if count <= refuses { "503 Not Now" } else { "200 OK" };
                let _ = stream
                    .write_all(
                        format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").as_bytes(),
                    )
                    .await;
            }
        });
        Ear { url, heard }
    }

    fn count(&self) -> usize {
        self.heard.lock().expect("heard").len()
    }

    /// The newest logout token, once there are as many.
    async fn hears(&self, count: usize) -> String {
        eventually("a logout token", async || self.heard.lock().expect("heard").get(count - 1).cloned()).await
    }
}

/// A server that may call this machine, the owner's browser there, and what a client with an ear got.
async fn signed_in(sandbox: &Sandbox, browser: &Browser, ear: &Ear) -> (String, Value) {
    let attributes = json!({"redirect_uris": [BACK], "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none", "first_party": true, "backchannel_logout_uri": ear.url});
    let client = add(sandbox, "client", "listener", attributes).await;
    let code = browser.get(&super::ask(&client, &[])).await.param("code").expect("a code");
    (client.clone(), redeem(sandbox, &client, &code).await.1)
}

async fn tell_of_a_sign_out(backend: Backend) {
    let sandbox = &Sandbox::start_with(backend, &[("ADMIN_PRIVATE_HOSTS", "127.0.0.1")]).await;
    let ear = Ear::open(1).await;
    let browser = owner(sandbox).await;
    let (client, tokens) = signed_in(sandbox, &browser, &ear).await;
    let id_token = part(tokens["id_token"].as_str().expect("it is there"), 1);
    browser.submit("/sign-out", &[]).await;
    // The first try is refused; the second one is another token of the same session.
    let (first, second) = (ear.hears(1).await, ear.hears(2).await);
    assert_eq!(part(&second, 0)["typ"], "logout+jwt");
    let claims = part(&second, 1);
    assert_eq!(claims["events"], json!({"http://schemas.openid.net/event/backchannel-logout": {}}));
    assert_eq!((&claims["aud"], &claims["iss"]), (&json!(client), &json!(sandbox.base_url)));
    assert_eq!((&claims["sid"], &claims["sub"]), (&id_token["sid"], &id_token["sub"]));
    assert!(
        claims["sid"].is_string() && claims.get("nonce").is_none() && claims["exp"].as_i64() > claims["iat"].as_i64()
    );
    assert_ne!(claims["jti"], part(&first, 1)["jti"]);
    for token in [&second, &first] {
        assert_eq!(sandbox.with_token(token).get_json("/v3/users").await.0, 401, "it is no access token");
        let hint = format!("/oauth/logout?id_token_hint={token}");
        assert_eq!(browser.get(&hint).await.status, 400, "nor an ID token");
    }
}

#[test]
fn a_client_hears_of_a_sign_out() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(tell_of_a_sign_out(Backend::Sqlite));
    runtime.block_on(tell_of_a_sign_out(Backend::Postgres));
}

async fn tell_of_the_end_of_a_user(backend: Backend) {
    let sandbox = &Sandbox::start_with(backend, &[("ADMIN_PRIVATE_HOSTS", "127.0.0.1")]).await;
    let ear = Ear::open(0).await;
    let browser = owner(sandbox).await;
    let (client, tokens) = signed_in(sandbox, &browser, &ear).await;
    add(sandbox, "user", "heir", json!({"roles": ["owner"]})).await;
    let user =
        part(tokens["access_token"].as_str().expect("it is there"), 1)["sub"].as_str().expect("it is there").to_owned();
    let heir = sandbox.cli(&[
        "token",
        "create",
        "--client",
        &crate::oauth::program(sandbox, "root", json!({"roles": ["owner"]})).await.id,
    ]);
    let heir = sandbox.with_token(heir.trim());
    assert_eq!(heir.patch_json(&path(&user), &json!({"status": "disabled"})).await.0, 200);
    let claims = part(&ear.hears(1).await, 1);
    assert_eq!((&claims["sub"], &claims["aud"]), (&json!(user), &json!(client)));
    assert_eq!(heir.patch_json(&path(&user), &json!({"status": "active"})).await.0, 200);
    assert_eq!(status_with(sandbox, &tokens["access_token"]).await, 401);
    assert_eq!(refresh(sandbox, &client, &tokens["refresh_token"]).await.1["error"], "invalid_grant");
    assert_eq!(browser.get("/account").await.status, 303, "what ended stays ended");
}

#[test]
fn a_client_hears_that_a_user_was_disabled() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(tell_of_the_end_of_a_user(Backend::Sqlite));
    runtime.block_on(tell_of_the_end_of_a_user(Backend::Postgres));
}

#[test]
fn nothing_private_is_called() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let sandbox = &Sandbox::start_on(Backend::Sqlite).await;
        let ear = Ear::open(0).await;
        let browser = owner(sandbox).await;
        signed_in(sandbox, &browser, &ear).await;
        let secure = ear.url.replace("http:", "https:");
        signed_in(sandbox, &browser, &Ear { url: secure, heard: Arc::default() }).await;
        browser.submit("/sign-out", &[]).await;
        eventually("both tries", async || {
            let log = sandbox.log();
            (log.contains("only https, but for `private_hosts`") && log.contains("is a private address")).then_some(())
        })
        .await;
        assert_eq!(ear.count(), 0);
        for bad in ["ftp://example.org", "https://example.org/#x", "/logout"] {
            let attributes = json!({"backchannel_logout_uri": bad});
            let (status, body) = sandbox
                .post_json("/v3/resources", &json!({"type": "client", "name": "x", "attributes": attributes}))
                .await;
            assert_eq!(status, 422, "{bad}: {body}");
        }
    });
}
