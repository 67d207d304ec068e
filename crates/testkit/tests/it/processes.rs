//! Several processes: on one PostgreSQL each knows what another made; on one data folder there is one server. And the
//! database may go and come back.

use std::fs;

use admin_testkit::{Backend, Method, Sandbox, postgres, story};
use serde_json::{Value, json};

use crate::acts::*;

const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_defines_the_other_knows_at_once() {
    let database = postgres::database().await;
    let settings = [("ADMIN_DATABASE", database.url.as_str()), ("ADMIN_MASTER_KEY", KEY)];
    let first = Sandbox::start_with(Backend::Sqlite, &settings).await;
    let second = Sandbox::start_with(Backend::Sqlite, &settings).await;
    for n in 0..5 {
        let (name, plural) = (format!("thing{n}"), format!("thing{n}s"));
        // The second one has just looked, and would not look again for a second.
        get(&second, "/v3/types").await;
        let type_id = define(&first, &name, json!({"code": {"type": "string"}})).await;
        let document = json!({"type": name, "name": "a", "attributes": {"code": "x"}});
        match n {
            0 => assert_eq!(total(&second, &format!("/v3/{plural}")).await, 0),
            1 => assert_eq!(total(&second, &format!("/v3/resources?type={name}")).await, 0),
            2 => drop(create(&second, &document).await),
            3 => {
                let id = create(&first, &document).await;
                assert_eq!(get(&second, &path(&id)).await["data"]["name"], "a");
                assert_eq!(export(&second, &format!("/v3/{plural}:export")).await.len(), 1);
            }
            _ => {
                get(&second, &format!("/v3/{plural}")).await;
                let index = json!({"attributes": {"schema": {"properties": {"code": {"x-index": true}}}}});
                assert_eq!(first.patch_json(&path(&type_id), &index).await.0, 200);
                eventually("a complete index", async || {
                    get(&first, "/v3/index-builds").await["data"].as_array()?.is_empty().then_some(())
                })
                .await;
                get(&first, &format!("/v3/{plural}?sort=attributes.code")).await;
                get(&second, &format!("/v3/{plural}?sort=attributes.code")).await;
            }
        }
    }
    refused(&second.get_json("/v3/resources?type=nothing").await, 400, "invalid_parameter");
    refused(&second.get_json("/v3/nothings").await, 404, "unknown_path");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_go_on_when_postgres_was_started_anew() {
    let mut server = postgres::Server::start().await;
    let database = server.database().await;
    let sandbox = Sandbox::start_with(Backend::Sqlite, &[("ADMIN_DATABASE", &database.url)]).await;
    define(&sandbox, "thing", json!({"n": {"type": "integer"}})).await;
    let made = add(&sandbox, "thing", "a", json!({"n": 1})).await;
    let paths = [path(&made), "/v3/things".into(), "/v3/things?filter=attributes.n%3E0".into(), "/v3/events".into()];
    let read_all = async || {
        let reads = (0..6).flat_map(|_| &paths).map(|path| sandbox.get_json(path));
        for (status, body) in futures_util::future::join_all(reads).await {
            assert_eq!(status, 200, "{body}");
        }
        assert_eq!(export(&sandbox, "/v3/things:export").await.len(), 1);
    };
    for _ in 0..3 {
        read_all().await;
        server.restart().await;
        read_all().await;
    }
    server.kill();
    for path in ["/v3/things:export", "/v3/things"] {
        let answer = reply(sandbox.request(Method::GET, path)).await;
        assert_eq!((answer.status, &answer.body["code"]), (503, &json!("unavailable")), "{path}: {}", answer.body);
    }
    server.restart().await;
    read_all().await;
}

story!(a_data_folder_has_one_server, async |sandbox: &Sandbox| {
    let address = fs::read_to_string(sandbox.data_dir.join("admin.addr")).expect("an address");
    let second = sandbox.try_cli(&["serve", "--listen", "127.0.0.1:0"]);
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(
        said.contains("admin: another `admin serve` runs on the data folder") && said.contains("data_dir"),
        "{said}"
    );
    assert_eq!(fs::read_to_string(sandbox.data_dir.join("admin.addr")).expect("an address"), address);
    // What is no server works beside it.
    sandbox.cli(&["token", "create", "--role", "viewer"]);
    sandbox.cli(&["config", "check"]);
    define(sandbox, "thing", json!({})).await;
    let file = sandbox.data_dir.join("things.ndjson");
    fs::write(&file, ndjson(&[json!({"type": "thing", "name": "a"})])).expect("a file");
    sandbox.cli(&["import", &file.display().to_string()]);
    assert_eq!(sandbox.cli(&["export"]).lines().count(), 1);
    // A server that was killed holds nothing.
    sandbox.kill();
    sandbox.start().await;
    let page: Value = get(sandbox, "/v3/things").await;
    assert_eq!(page["pagination"]["total_items"], 1);
});
