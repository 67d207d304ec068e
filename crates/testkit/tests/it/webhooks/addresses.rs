//! Nobody reaches into the network that Admin stands in by a webhook.

use std::net::TcpListener;

use admin_testkit::{Backend, postgres};

use super::*;

const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

story!(an_address_within_is_refused_when_it_is_saved, async |sandbox: &Sandbox| {
    define_workspace(sandbox).await;
    let good = webhook(sandbox, "https://hooks.example.org/hook", json!({})).await;
    for url in [
        "http://hooks.example.org/hook",
        "https://127.0.0.1/",
        "https://10.0.0.1/",
        "https://192.168.1.1:8443/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[fd00::1]/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://localhost/",
        "https://user:pass@hooks.example.org/",
        "ftp://hooks.example.org/",
        "https:///hook",
    ] {
        let wish = json!({"name": "hook", "attributes": {"url": url, "events": ["workspace.*"]}});
        for answer in [
            sandbox.post_json("/v3/webhooks", &wish).await,
            sandbox.patch_json(&path(&good), &json!({"attributes": {"url": url}})).await,
        ] {
            refused(&answer, 422, "validation_failed");
            assert_eq!(pointers(&answer.1), ["/attributes/url"], "{url}: {}", answer.1);
        }
    }
});

/// Saved where the host was allowed, delivered where it is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_leads_within_is_blocked_when_it_is_sent_to() {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("the machine's name").trim().to_owned();
    let listener = TcpListener::bind("0.0.0.0:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket");
    let port = listener.local_addr().expect("an address").port();
    let database = postgres::database().await;
    let settings = [("ADMIN_DATABASE", database.url.as_str()), ("ADMIN_MASTER_KEY", KEY), QUICK];
    let allowing = [settings.as_slice(), &[("ADMIN_PRIVATE_HOSTS", &host)]].concat();
    let first = Sandbox::start_with(Backend::Sqlite, &allowing).await;
    define_workspace(&first).await;
    let hook = webhook(&first, &format!("https://{host}:{port}/hook"), json!({})).await;
    first.kill();
    let second = Sandbox::start_with(Backend::Sqlite, &settings).await;
    let client = second.with_token(&first.owner_token);
    let made = workspace(&client, "berlin", "eu").await;
    let failed = delivery(&client, &hook, &event_of(&client, &made).await, "failed").await;
    for attempt in failed["attempts"].as_array().expect("tries") {
        let failure = attempt["failure"].as_str().expect("a failure");
        assert!(failure.starts_with("blocked") && attempt["status"].is_null(), "{attempt}");
    }
    assert_eq!(listener.accept().expect_err("no connection").kind(), std::io::ErrorKind::WouldBlock);
}
