//! The binary: its folder, its tokens, its start and stop, what machines ask it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use admin_testkit::process::{self, Signal};
use admin_testkit::{Backend, Client, Sandbox, story};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::acts::*;

async fn sandbox() -> Sandbox {
    Sandbox::start_on(Backend::Sqlite).await
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

/// Exchanges the one-time token of a sign-in link.
async fn exchange(client: &Client, token: &str) -> (u16, Value) {
    client.anonymous().post_json("/sign-in", &json!({"token": token})).await
}

/// The one-time tokens in what the binary printed.
fn sign_in_tokens(said: &str) -> Vec<String> {
    said.lines()
        .filter_map(|line| line.split_once("/set-up?token="))
        .map(|(_, token)| token.trim().to_owned())
        .collect()
}

#[tokio::test]
async fn the_data_folder_belongs_to_its_owner_alone() {
    let sandbox = sandbox().await;
    assert_eq!(mode(&sandbox.data_dir), 0o700);
    assert_eq!(mode(&sandbox.data_dir.join("master.key")), 0o600);
    let address = fs::read_to_string(sandbox.data_dir.join("admin.addr")).unwrap();
    assert_eq!(sandbox.base_url, format!("http://{}", address.trim()));
    assert!(sandbox.stop().success());
    assert!(!sandbox.data_dir.join("admin.addr").exists(), "no server listens there any more");
    let said = sandbox.try_cli(&["sign-in"]);
    let err = String::from_utf8_lossy(&said.stderr);
    assert!(!said.status.success() && err.contains("no server runs on"), "{err}");
}

#[tokio::test]
async fn a_folder_that_was_open_to_all_is_closed() {
    let sandbox = sandbox().await;
    assert!(sandbox.stop().success());
    let open = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let database = sandbox.data_dir.join("admin.db");
    open(&sandbox.data_dir, 0o755);
    open(&database, 0o644);
    sandbox.start().await;
    get(&sandbox, "/v3/types").await;
    assert_eq!((mode(&sandbox.data_dir), mode(&database)), (0o700, 0o600));
    for beside in ["admin.db-wal", "admin.db-shm", "admin.lock"] {
        assert_eq!(mode(&sandbox.data_dir.join(beside)), 0o600, "{beside}");
    }
}

#[tokio::test]
async fn a_database_elsewhere_belongs_to_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("else.db");
    let url = format!("sqlite:{}", path.display());
    let sandbox = Sandbox::start_with(Backend::Sqlite, &[("ADMIN_DATABASE", &url)]).await;
    get(&sandbox, "/v3/types").await;
    for end in ["", "-wal", "-shm"] {
        assert_eq!(mode(Path::new(&format!("{}{end}", path.display()))), 0o600, "{end}");
    }
}

#[tokio::test]
async fn a_sign_in_link_works_once() {
    let sandbox = sandbox().await;
    let from_start = sign_in_tokens(&sandbox.log());
    let from_command = sign_in_tokens(&sandbox.cli(&["sign-in"]));
    assert_eq!((from_start.len(), from_command.len()), (1, 1));
    for token in from_start.iter().chain(&from_command) {
        let (status, body) = exchange(&sandbox, token).await;
        assert_eq!((status, &body["data"]["token_type"]), (200, &json!("Bearer")), "{body}");
        let bearer = sandbox.with_token(body["data"]["access_token"].as_str().unwrap());
        assert_eq!(bearer.get_json("/v3/types").await.0, 200);
        refused(&exchange(&sandbox, token).await, 401, "bad_sign_in_token");
    }
    refused(&exchange(&sandbox, "sgn_x").await, 401, "bad_sign_in_token");
    // A later start prints none unless it is asked to.
    assert!(sandbox.stop().success());
    sandbox.start().await;
    assert_eq!(sign_in_tokens(&sandbox.log()).len(), 1);
}

#[tokio::test]
async fn a_token_has_one_role_and_an_end() {
    let sandbox = sandbox().await;
    let viewer = sandbox.cli(&["token", "create", "--role", "viewer"]);
    let viewer = sandbox.with_token(viewer.trim());
    assert_eq!(viewer.get_json("/v3/types").await.0, 200);
    let answer = viewer.post_json("/v3/types", &type_named("site", &json!({}))).await;
    refused(&answer, 403, "forbidden");
    let short = sandbox.cli(&["token", "create", "--role", "owner", "--ttl", "1"]);
    let short = sandbox.with_token(short.trim());
    assert_eq!(short.get_json("/v3/types").await.0, 200);
    eventually("the end of a token", async || {
        let answer = short.get_json("/v3/types").await;
        (answer.0 != 200).then(|| refused(&answer, 401, "bad_token"))
    })
    .await;
    for wrong in [
        &["token", "create"][..],
        &["token", "create", "--role", "king"],
        &["token", "create", "--role", "owner", "--ttl", "0"],
    ] {
        assert!(!sandbox.try_cli(wrong).status.success(), "{wrong:?}");
    }
}

story!(a_restart_keeps_everything, async |sandbox: &Sandbox| {
    define(sandbox, "device", json!({"serial": {"type": "string", "x-unique": true, "x-index": true}})).await;
    let kept = add(sandbox, "device", "kept", json!({"serial": "a"})).await;
    let trashed = add(sandbox, "device", "trashed", json!({"serial": "b"})).await;
    sandbox.delete_json(&path(&trashed)).await;
    let paths = [
        "/v3/resources",
        "/v3/resources?trashed=true",
        "/v3/types",
        "/v3/events",
        "/v3/devices?sort=attributes.serial",
    ];
    let mut before = vec![];
    for path in paths {
        before.push(get(sandbox, path).await);
    }
    for kill in [true, false] {
        if kill {
            sandbox.kill();
        } else {
            assert!(sandbox.stop().success());
        }
        sandbox.start().await;
        for (path, before) in paths.iter().zip(&before) {
            assert_eq!(&get(sandbox, path).await, before, "{path}");
        }
    }
    let taken = json!({"name": "x", "attributes": {"serial": "a"}});
    refused(&sandbox.post_json("/v3/devices", &taken).await, 409, "not_unique");
    assert_eq!(sandbox.patch_json(&path(&kept), &json!({"name": "still here"})).await.0, 200);
});

/// A request whose body is not complete yet, on a connection of its own.
struct HalfSent {
    stream: TcpStream,
    rest: Vec<u8>,
}

impl HalfSent {
    async fn post(client: &Client, body: &Value) -> HalfSent {
        let body = body.to_string();
        let token = client.token.as_deref().expect("a token");
        let head = format!(
            "POST /v3/resources HTTP/1.1\r\nhost: admin\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(client.base_url.trim_start_matches("http://")).await.expect("a server");
        stream.write_all(head.as_bytes()).await.expect("a head");
        // The server asks for the body: the request is running.
        let mut asked = [0; 25];
        stream.read_exact(&mut asked).await.expect("an interim answer");
        assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
        HalfSent { stream, rest: body.into_bytes() }
    }

    /// Sends the rest; the whole answer, until the server closes the connection.
    async fn complete(mut self) -> String {
        self.stream.write_all(&self.rest).await.expect("the connection is open");
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).await.expect("an answer, then the end");
        answer
    }
}

story!(a_running_request_is_answered_before_the_server_stops, async |sandbox: &Sandbox| {
    define(sandbox, "device", json!({})).await;
    let half = HalfSent::post(sandbox, &json!({"type": "device", "name": "last"})).await;
    process::signal(sandbox.id(), Signal::TERM);
    eventually("the end of listening", async || {
        let address = sandbox.base_url.trim_start_matches("http://");
        TcpStream::connect(address).await.is_err().then_some(())
    })
    .await;
    assert!(sandbox.running(), "a request is still running");
    let answer = half.complete().await;
    assert!(answer.starts_with("HTTP/1.1 201 Created"), "{answer}");
    // A second signal would stop it hard.
    eventually("the end of the server", async || (!sandbox.running()).then_some(())).await;
    let log = sandbox.log();
    assert!(log.contains("admin::serve: stopped") && !log.contains("stopped hard"), "{log}");
    sandbox.start().await;
    assert_eq!(get(sandbox, "/v3/devices").await["data"][0]["name"], "last");
});

#[tokio::test]
async fn a_request_that_takes_too_long_is_cut_off_when_the_server_stops() {
    let sandbox = Sandbox::start_with(Backend::Sqlite, &[("ADMIN_SHUTDOWN_SECONDS", "1")]).await;
    define(&sandbox, "device", json!({})).await;
    let _half = HalfSent::post(&sandbox, &json!({"type": "device", "name": "never"})).await;
    assert!(sandbox.stop().success());
    sandbox.start().await;
    assert_eq!(total(&sandbox, "/v3/devices").await, 0);
}

#[tokio::test]
async fn another_master_key_is_refused_in_one_sentence() {
    let sandbox = sandbox().await;
    assert!(sandbox.stop().success());
    let key = sandbox.data_dir.join("master.key");
    let kept = fs::read_to_string(&key).unwrap();
    fs::write(&key, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
    let commands = [&["serve"][..], &["config", "check"], &["token", "create", "--role", "owner"]];
    for command in commands {
        let output = sandbox.try_cli(command);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("cannot be opened with this master key"), "{said}");
        assert!(said.contains("`master_key_file`"), "{said}");
    }
    // None is made beside a database that was set up under another.
    fs::remove_file(&key).unwrap();
    for command in commands {
        let output = sandbox.try_cli(command);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("is sealed under a master key, and there is none at"), "{said}");
        assert!(said.contains("`master_key_file`") && !key.exists(), "{said}");
    }
    fs::write(&key, kept).unwrap();
    sandbox.start().await;
    assert_eq!(sandbox.get_json("/v3/types").await.0, 200);
}

#[tokio::test]
async fn machines_see_whether_it_lives_and_what_it_does() {
    let sandbox = sandbox().await;
    let nobody = sandbox.anonymous();
    get(&sandbox, "/v3/types").await;
    for path in ["/livez", "/readyz", "/metrics"] {
        let reply = reply(nobody.request(admin_testkit::Method::GET, path)).await;
        assert_eq!(reply.status, 200, "{path}");
        let text = reply.body.as_str().unwrap_or_default();
        let expected = if path == "/metrics" { "admin_http_requests_total{" } else { "ok\n" };
        assert!(text.contains(expected), "{path}: {text}");
    }
}

#[tokio::test]
async fn under_v3_nobody_gets_more_than_a_401() {
    let sandbox = sandbox().await;
    let expired = "eyJhbGciOiJub25lIn0.e30.";
    let strangers = [sandbox.anonymous(), sandbox.with_token("nonsense"), sandbox.with_token(expired)];
    let paths = [
        "/v3",
        "/v3/",
        "/v3/resources",
        "/v3/resources/x",
        "/v3/resources/x/restore",
        "/v3/types",
        "/v3/nothing",
        "/v3/a/b/c/d",
        "/v3/events",
        "/v3/openapi.json",
        "/v3/asyncapi.json",
        "/v3/index-builds",
        "/v3/resources:import",
        "/v3/resources:export",
    ];
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE"].map(|name| name.parse::<admin_testkit::Method>().unwrap());
    for (n, stranger) in strangers.iter().enumerate() {
        let code = if n == 0 { "missing_token" } else { "bad_token" };
        for (path, method) in paths.iter().flat_map(|path| methods.iter().map(move |method| (path, method))) {
            let reply = reply(stranger.request(method.clone(), path)).await;
            assert_eq!((reply.status, &reply.body["code"]), (401, &json!(code)), "{method} {path}");
            assert!(reply.header("www-authenticate").starts_with("Bearer realm=\"admin\""), "{method} {path}");
            assert_eq!(reply.header("content-type"), "application/problem+json");
        }
    }
}
