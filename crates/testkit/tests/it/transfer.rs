//! Import and export: much data in and out, over HTTP and by the command line.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use admin_testkit::{Backend, Client, Method, Sandbox, process, story};
use serde_json::{Value, json};

use crate::acts::*;

const IMPORT: &str = "/v3/resources:import";
const NDJSON: &str = "application/x-ndjson";

/// The files of the atlas, in the order in which they can be loaded.
fn atlas() -> Vec<PathBuf> {
    let folder = Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../examples/atlas");
    ["types", "languages", "currencies", "countries", "subdivisions", "airports"]
        .map(|name| folder.join(format!("{name}.ndjson")))
        .to_vec()
}

fn counts(report: &Value) -> [u64; 4] {
    ["created", "updated", "unchanged", "failed"].map(|name| report[name].as_u64().expect("a count"))
}

/// What an import can bring back: all but the version and the times.
fn lasting(documents: &[Value]) -> Vec<Value> {
    let mut documents = documents.to_vec();
    for document in &mut documents {
        let object = document.as_object_mut().expect("a resource");
        object.retain(|key, _| !["version", "created_at", "updated_at"].contains(&key.as_str()));
    }
    documents
}

async fn define_device(client: &Client) {
    let properties =
        json!({"serial": {"type": "string", "x-unique": true}, "next": {"type": "string", "x-ref": "device"}});
    define(client, "device", properties).await;
}

fn device(n: u32, attributes: Value) -> Value {
    let id = format!("res_01jgfjjzt4fba91f8bbfm{n:05}");
    json!({"id": id, "type": "device", "name": format!("n{n}"), "attributes": attributes})
}

story!(a_refused_line_is_named_and_leaves_the_others, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    let start = last_seq(sandbox).await;
    let lines = [
        device(1, json!({"serial": "a"})).to_string(),
        "{\"type\": \"device\"".to_owned(),
        String::new(),
        device(2, json!({"serial": "a"})).to_string(),
        device(3, json!({"serial": 3})).to_string(),
        device(4, json!({"next": device(9, json!({}))["id"]})).to_string(),
        device(5, json!({"next": device(1, json!({}))["id"]})).to_string() + "\r",
        json!({"type": "nothing", "name": "x"}).to_string(),
        "[]".to_owned(),
        json!({"type": "type", "name": "site", "attributes": {"schema": {"type": "object"}}}).to_string(),
        json!({"type": "site", "name": "here"}).to_string(),
    ];
    let report = import(sandbox, IMPORT, lines.join("\n")).await;
    assert_eq!(counts(&report), [4, 0, 0, 6], "{report}");
    let errors: Vec<_> = report["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["line"].as_u64().unwrap(), e["code"].as_str().unwrap()))
        .collect();
    let expected = [
        (2, "invalid_json"),
        (4, "not_unique"),
        (5, "validation_failed"),
        (6, "dangling_reference"),
        (8, "validation_failed"),
        (9, "validation_failed"),
    ];
    assert_eq!(errors, expected);
    assert_eq!(report["errors"][2]["errors"][0]["pointer"], "/attributes/serial");
    let events = events_after(sandbox, start).await;
    let types: Vec<_> = outline(&events).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(types, ["device.created", "device.created", "type.created", "site.created"]);
    assert_eq!(total(sandbox, "/v3/sites").await, 1);
});

story!(lines_wait_for_the_later_lines_that_they_refer_to, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    let refers = |n: u32, next: u32| device(n, json!({"next": device(next, json!({}))["id"]}));
    // A chain that is given backwards through several transactions, and a circle that nothing can begin.
    let mut rows: Vec<Value> = (0..1100).map(|n| refers(n, n + 1)).collect();
    rows.extend([device(1100, json!({})), refers(2001, 2002), refers(2002, 2001)]);
    let report = import(sandbox, IMPORT, ndjson(&rows)).await;
    assert_eq!(counts(&report), [1101, 0, 0, 2], "{report}");
    let lines: Vec<_> = report["errors"].as_array().unwrap().iter().map(|error| error["line"].as_u64()).collect();
    assert_eq!(lines, [Some(1102), Some(1103)]);
    assert_eq!(report["errors"][0]["code"], "dangling_reference");
});

story!(an_import_may_be_repeated_and_changes_what_differs, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    let mut rows: Vec<Value> = (0..1200).map(|n| device(n, json!({"serial": format!("s{n}")}))).collect();
    for path in [format!("{IMPORT}?dry_run=true"), format!("{IMPORT}?dry_run=true")] {
        let report = import(sandbox, &path, ndjson(&rows)).await;
        assert_eq!((counts(&report), &report["dry_run"]), ([1200, 0, 0, 0], &json!(true)));
        assert_eq!(total(sandbox, "/v3/devices").await, 0);
    }
    let start = last_seq(sandbox).await;
    assert_eq!(counts(&import(sandbox, IMPORT, ndjson(&rows)).await), [1200, 0, 0, 0]);
    assert_eq!(last_seq(sandbox).await, start + 1200);
    assert_eq!(counts(&import(sandbox, IMPORT, ndjson(&rows)).await), [0, 0, 1200, 0]);
    assert_eq!(last_seq(sandbox).await, start + 1200);
    rows[7]["name"] = json!("other");
    rows.push(device(1200, json!({})));
    let gone = rows[9]["id"].as_str().unwrap().to_owned();
    sandbox.delete_json(&path(&gone)).await;
    let report = import(sandbox, "/v3/devices:import", ndjson(&rows)).await;
    assert_eq!((counts(&report), &report["errors"][0]["code"]), ([1, 1, 1198, 1], &json!("in_trash")), "{report}");
    assert_eq!(total(sandbox, "/v3/devices").await, 1200);
});

story!(the_path_of_a_type_takes_that_type_alone, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    define(sandbox, "site", json!({})).await;
    let site = add(sandbox, "site", "here", json!({})).await;
    let lines = ndjson(&[
        json!({"name": "typeless", "attributes": {"serial": "a"}}),
        json!({"type": "site", "name": "wrong"}),
        json!({"id": site, "name": "renamed"}),
    ]);
    let report = import(sandbox, "/v3/devices:import", lines).await;
    assert_eq!(counts(&report), [1, 0, 0, 2], "{report}");
    assert_eq!(get(sandbox, &path(&site)).await["data"]["name"], "here");
    for (kind, code) in [("application/json", "unsupported_media_type"), ("text/csv", "unsupported_media_type")] {
        let request = sandbox.request(Method::POST, IMPORT).header("content-type", kind).body("{}");
        let reply = reply(request).await;
        assert_eq!((reply.status, &reply.body["code"]), (415, &json!(code)));
    }
    let long = format!("{}\n{{\"name\": \"{}\"}}\n", device(1, json!({})), "x".repeat(1 << 21));
    let request = sandbox.request(Method::POST, IMPORT).header("content-type", NDJSON).body(long);
    let reply = reply(request).await;
    assert_eq!((reply.status, &reply.body["code"]), (413, &json!("body_too_large")));
});

story!(an_export_is_what_its_filter_says_in_the_order_of_ids, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    define(sandbox, "site", json!({})).await;
    let rows: Vec<Value> = (0..1100).map(|n| device(n, json!({"serial": format!("s{n}")}))).collect();
    import(sandbox, IMPORT, ndjson(&rows)).await;
    let site = add(sandbox, "site", "here", json!({})).await;
    let gone = rows[3]["id"].as_str().unwrap();
    sandbox.delete_json(&path(gone)).await;
    let all = export(sandbox, "/v3/resources:export").await;
    let ids: Vec<String> = all.iter().map(id).collect();
    assert!(
        ids.is_sorted() && ids.len() == 1100 && ids.contains(&site) && !ids.contains(&gone.to_owned()),
        "{}",
        ids.len()
    );
    assert_eq!(all[0], get(sandbox, &path(&ids[0])).await["data"]);
    assert_eq!(export(sandbox, "/v3/devices:export").await.len(), 1099);
    let filter = [("type", "device"), ("filter", "attributes.serial = \"s5\" OR attributes.serial = \"s3\"")];
    assert_eq!(export(sandbox, &with_params("/v3/resources:export", &filter)).await, [all[4].clone()]);
    refused(&sandbox.get_json("/v3/resources:export?type=nothing").await, 400, "invalid_parameter");
});

/// The atlas goes in by the command line; all of it but the airports comes out, and goes into a fresh sandbox.
async fn round_trip(backend: Backend) {
    let (first, second) = tokio::join!(Sandbox::start_on(backend), Sandbox::start_on(backend));
    let files: Vec<String> = atlas().iter().map(|file| file.display().to_string()).collect();
    let arguments: Vec<&str> = ["import"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let said = first.cli(&arguments);
    assert!(said.contains("airports.ndjson: 19557 created, 0 updated, 0 unchanged, 0 refused"), "{said}");
    let page = get(&first, "/v3/resources?limit=1").await;
    assert_eq!(page["pagination"]["total_items"], 25_689);
    let again = first.cli(&["import", &files[1], &files[3]]);
    assert!(again.contains("languages.ndjson: 0 created, 0 updated, 528 unchanged, 0 refused"), "{again}");
    assert!(again.contains("countries.ndjson: 0 created, 0 updated, 250 unchanged, 0 refused"), "{again}");
    let swiss = "attributes.country = \"res_01jgfjjzvee3vr84a1rsm2bw92\" AND attributes.scheduled = true AND status = \"active\"";
    assert_eq!(query(&first, "/v3/airports", &[("filter", swiss)]).await["pagination"]["total_items"], 5);

    let exported = first.data_dir.join("all.ndjson");
    let types = "language,currency,country,subdivision";
    first.cli(&["export", "--type", types, "--output", &exported.display().to_string()]);
    let text = fs::read_to_string(&exported).expect("an export");
    let documents: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("a resource")).collect();
    assert_eq!(documents.len(), 6_132);
    second.cli(&["import", &files[0]]);
    let said = second.cli(&["import", &exported.display().to_string()]);
    assert!(said.contains("6132 created, 0 updated, 0 unchanged, 0 refused"), "{said}");
    let copied = export(&second, "/v3/resources:export").await;
    assert!(lasting(&copied) == lasting(&documents), "the copy differs");
    for status in ["active", "retired"] {
        let path = format!("/v3/resources?limit=1&type={types}&status={status}");
        assert_eq!(total(&first, &path).await, total(&second, &path).await, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_atlas_goes_round_sqlite() {
    round_trip(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_atlas_goes_round_postgres() {
    round_trip(Backend::Postgres).await;
}

story!(the_command_line_says_which_lines_were_refused, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    let file = sandbox.data_dir.join("some.ndjson");
    let rows =
        [device(1, json!({"serial": "a"})), device(2, json!({"serial": "a"})), device(3, json!({"serial": "b"}))];
    fs::write(&file, ndjson(&rows)).expect("a file");
    let name = file.display().to_string();
    let dry = sandbox.try_cli(&["import", "--dry-run", &name]);
    assert!(!dry.status.success());
    assert_eq!(total(sandbox, "/v3/devices").await, 0);
    let real = sandbox.try_cli(&["import", &name]);
    let (out, err) = (String::from_utf8_lossy(&real.stdout), String::from_utf8_lossy(&real.stderr));
    assert_eq!(real.status.code(), Some(1));
    assert!(out.contains("2 created, 0 updated, 0 unchanged, 1 refused"), "{out}");
    assert!(err.contains("some.ndjson:2: `/attributes/serial` must be unique"), "{err}");
    assert!(err.contains("1 line was refused; correct it and import it again"), "{err}");
    let said = sandbox.cli(&["export", "--type", "device", "--filter", "attributes.serial = \"b\""]);
    assert_eq!(said.lines().count(), 1, "{said}");
    let missing = sandbox.try_cli(&["import", "nothing.ndjson"]);
    assert!(
        !missing.status.success() && String::from_utf8_lossy(&missing.stderr).contains("cannot read nothing.ndjson")
    );
    let nowhere = sandbox.try_cli(&["export", "--url", "http://127.0.0.1:1", "--token", "x"]);
    let err = String::from_utf8_lossy(&nowhere.stderr);
    assert!(!nowhere.status.success() && err.contains("cannot reach http://127.0.0.1:1: connection refused"), "{err}");
    let bare = sandbox.try_cli(&["export", "--url", "127.0.0.1:1/", "--token", "x"]);
    let err = String::from_utf8_lossy(&bare.stderr);
    assert!(err.contains("cannot reach http://127.0.0.1:1: connection refused"), "{err}");
    let stranger = sandbox.try_cli(&["export", "--token", "x"]);
    let err = String::from_utf8_lossy(&stranger.stderr);
    assert!(!stranger.status.success() && err.contains("401"), "{err}");
});

story!(the_command_line_names_every_place_of_a_refused_line, async |sandbox: &Sandbox| {
    let properties: Vec<String> = (0..30).map(|n| format!("p{n:02}")).collect();
    define(sandbox, "device", properties.iter().map(|name| (name.clone(), json!({"type": "string"}))).collect()).await;
    let wrong = |names: &[String]| -> Value { names.iter().map(|name| (name.clone(), json!(1))).collect() };
    let file = sandbox.data_dir.join("some.ndjson");
    fs::write(&file, ndjson(&[device(1, wrong(&properties[..3])), device(2, wrong(&properties))])).expect("a file");
    let name = file.display().to_string();
    let output = sandbox.try_cli(&["import", &name]);
    let err = String::from_utf8_lossy(&output.stderr);
    for property in &properties[..3] {
        assert!(err.contains(&format!("{name}:1: /attributes/{property}: ")), "{err}");
    }
    let of_second = err.lines().filter(|line| line.contains(&format!("{name}:2: /attributes/"))).count();
    assert_eq!(of_second, 20, "{err}");
    assert!(err.contains(&format!("{name}:2: and 10 more")) && err.contains("2 lines were refused"), "{err}");
});

story!(no_file_is_sent_unless_all_can_be_read, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    let file = sandbox.data_dir.join("some.ndjson");
    fs::write(&file, ndjson(&[device(1, json!({}))])).expect("a file");
    let (good, folder) = (file.display().to_string(), sandbox.data_dir.display().to_string());
    for unreadable in [folder.as_str(), "nothing.ndjson"] {
        let output = sandbox.try_cli(&["import", &good, unreadable]);
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1));
        assert!(err.contains(&format!("cannot read {unreadable}: ")) && !err.contains("reach"), "{err}");
        assert_eq!(total(sandbox, "/v3/devices").await, 0);
    }
});

story!(a_line_of_an_import_is_bounded_to_the_byte, async |sandbox: &Sandbox| {
    define(sandbox, "note", json!({"text": {"type": "string"}})).await;
    let line = |bytes: usize| {
        let empty = json!({"type": "note", "name": "n", "attributes": {"text": ""}}).to_string();
        empty.replace("\"text\":\"\"", &format!("\"text\":\"{}\"", "x".repeat(bytes - empty.len())))
    };
    const MOST: usize = 1_048_576;
    for end in ["", "\n", "\r\n"] {
        let report = import(sandbox, IMPORT, format!("{}{end}", line(MOST))).await;
        assert_eq!(counts(&report), [1, 0, 0, 0], "{end:?}");
        let more = format!("{}{end}", line(MOST + 1));
        let request = sandbox.request(Method::POST, IMPORT).header("content-type", NDJSON).body(more);
        let reply = reply(request).await;
        assert_eq!((reply.status, &reply.body["code"]), (413, &json!("body_too_large")), "{end:?}");
    }
});

story!(an_import_says_what_it_does_not_take, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    for path in [IMPORT, "/v3/devices:import"] {
        let request = sandbox.request(Method::POST, path).header("content-type", NDJSON);
        let reply = reply(request.header("idempotency-key", "k").body(ndjson(&[device(1, json!({}))]))).await;
        assert_eq!((reply.status, pointers(&reply.body)), (400, vec!["Idempotency-Key"]), "{}", reply.body);
    }
    // A byte order mark before the first line is none of the line; a fault is named by its line in the file.
    let lines = format!("\u{feff}{}\n\n  {{\"type\": \"device\", nonsense}}\n", device(1, json!({})));
    let report = import(sandbox, IMPORT, lines).await;
    assert_eq!(counts(&report), [1, 0, 0, 1], "{report}");
    let detail = report["errors"][0]["detail"].as_str().expect("a detail");
    assert!(detail.starts_with("The line is not JSON that Admin accepts: line 3, column 22: "), "{detail}");
});

story!(the_reader_of_an_export_may_leave, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    let rows: Vec<Value> = (0..2000).map(|n| device(n, json!({"serial": format!("{n:0>900}")}))).collect();
    import(sandbox, IMPORT, ndjson(&rows)).await;
    let mut child = sandbox.spawn_cli(&["export"]);
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("an end");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{}: {said}", output.status);
});

// It is a matter of the connection, not of the database.
#[test]
fn an_import_waits_for_a_server_that_takes_its_time() {
    story::tell(Backend::Sqlite, async |sandbox: &Sandbox| {
        define(sandbox, "device", json!({"text": {"type": "string"}})).await;
        let file = sandbox.data_dir.join("large.ndjson");
        // Far more than the sockets keep.
        let rows: Vec<_> = (0..300).map(|n| device(n, json!({"text": "x".repeat(60_000)}))).collect();
        fs::write(&file, ndjson(&rows)).expect("a file");
        process::signal(sandbox.id(), process::Signal::STOP);
        let import = sandbox.spawn_cli(&["import", &file.display().to_string()]);
        // Longer than what is sent may stay unread, if nobody says how long it may.
        tokio::time::sleep(Duration::from_secs(40)).await;
        process::signal(sandbox.id(), process::Signal::CONT);
        let output = import.wait_with_output().expect("the import ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(total(sandbox, "/v3/devices").await, 300);
    });
}
