//! Requests that come through a proxy: whom it says they are from counts if the operator named it.

use super::*;

/// What a proxy passes on, for a client at this address.
async fn device(sandbox: &Sandbox, from: &str) -> u16 {
    let form = Serializer::new(String::new()).append_pair("client_id", "admin-cli").finish();
    let request = sandbox.anonymous().request(Method::POST, "/oauth/device_authorization");
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
    let (status, _) = admin_testkit::client::answer(request.header("x-forwarded-for", from)).await;
    status
}

async fn sign_in(browser: &Browser, from: &str) {
    let request = browser.client.request(Method::POST, "/sign-in").header("x-forwarded-for", from);
    let seen = browser.send(with_form(request, &[("email", "ada@example.org"), ("password", PASSWORD)])).await;
    assert_eq!(seen.status, 303, "{}", seen.text);
}

#[tokio::test]
async fn behind_a_proxy_that_is_named_one_client_does_not_use_up_what_another_may() {
    let sandbox = &Sandbox::start_with(Backend::Sqlite, &[("ADMIN_TRUSTED_PROXIES", "127.0.0.0/8, 10.0.0.7")]).await;
    for n in 0..100 {
        // What the client writes before it helps nobody.
        assert_eq!(device(sandbox, &format!("192.0.2.{n}, 203.0.113.1, 10.0.0.7")).await, 200);
    }
    assert_eq!(device(sandbox, "203.0.113.1").await, 429);
    assert_eq!(device(sandbox, "203.0.113.2").await, 200, "somebody else is let in");
    for n in 0..100 {
        assert_eq!(device(sandbox, &format!("2001:db8::{n}")).await, 200);
    }
    assert_eq!(device(sandbox, "2001:db8::ffff:1").await, 429, "a /64 counts together");
    assert_eq!(device(sandbox, "2001:db8:0:1::1").await, 200);

    owner(sandbox).await;
    let ada = Browser::new(sandbox);
    sign_in(&ada, "203.0.113.2").await;
    let shown = ada.get("/account/sessions").await.text;
    assert!(shown.contains("203.0.113.2"), "{shown}");
}

#[tokio::test]
async fn nobody_else_is_believed_about_addresses() {
    for settings in [&[][..], &[("ADMIN_TRUSTED_PROXIES", "10.0.0.0/8")][..]] {
        let sandbox = &Sandbox::start_with(Backend::Sqlite, settings).await;
        for n in 0..100 {
            assert_eq!(device(sandbox, &format!("203.0.113.{n}")).await, 200);
        }
        assert_eq!(device(sandbox, "203.0.113.200").await, 429, "{settings:?}");
    }
}
