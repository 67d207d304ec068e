//! `admin audit verify` names what was done to the database or to the store behind Admin's back; `admin verify` needs neither.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use admin_testkit::{Backend, Method, postgres};

use super::witness::copy;
use super::*;

/// Events enough for a full tile and a partial one.
async fn sealed(sandbox: &Sandbox) -> u64 {
    define(sandbox, "thing", json!({})).await;
    let lines: Vec<Value> = (0..300).map(|n| json!({"type": "thing", "name": format!("t{n}")})).collect();
    import(sandbox, "/v3/resources:import", ndjson(&lines)).await;
    eventually("all is sealed", async || {
        let log = get(sandbox, "/v3/audit/log").await["data"].clone();
        (log["size"] == log["events"]).then(|| log["size"].as_u64().expect("a number"))
    })
    .await
}

/// What `admin audit verify` said of the first log.
fn report(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stdout);
    let report = said.lines().next().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let report: Value = serde_json::from_str(report).expect("JSON");
    assert_eq!(output.status.success(), report["findings"] == json!([]), "{said}");
    report
}

/// What it found first: what, and of which event.
fn first_finding(output: &Output) -> (String, Option<u64>) {
    match report(output)["findings"].as_array().expect("findings").first() {
        Some(finding) => (finding["what"].as_str().expect("what").to_owned(), finding["event"].as_u64()),
        None => ("good".to_owned(), None),
    }
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn find(folder: &Path, end: &str) -> PathBuf {
    let found = files(folder).into_iter().find(|path| path.to_string_lossy().ends_with(end));
    found.unwrap_or_else(|| panic!("no {end} in {folder:?}"))
}

const INSERT_FAR: &str = "INSERT INTO event SELECT org_id, 100000, randomblob(16), action, at, actor_type, actor_id, resource_type, resource_id, version, request_id, before, after, actor_client, outcome, address, details FROM event WHERE seq = 136";
const RENUMBER: &str = "UPDATE event SET seq = -seq WHERE seq < 0";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_behind_its_back_is_named() {
    let sandbox = Sandbox::start_on(Backend::Sqlite).await;
    let size = sealed(&sandbox).await;
    assert!(size > 300);
    assert_eq!(first_finding(&sandbox.try_cli(&["audit", "verify", "--json"])), ("good".to_owned(), None));
    assert!(sandbox.stop().success());
    let database = sandbox.data_dir.join("admin.db");
    let whole = fs::read(&database).expect("the database");
    for (statements, what, event) in [
        (vec!["UPDATE event SET after = replace(after, 't99', 't98') WHERE seq = 137"], "good", None),
        (vec!["UPDATE event SET at = at + 1 WHERE seq = 137"], "altered", Some(137)),
        (vec!["UPDATE event SET actor_client = zeroblob(16) WHERE seq = 300"], "altered", Some(300)),
        (vec!["UPDATE event SET after = NULL WHERE seq = 1"], "altered", Some(1)),
        (vec!["DELETE FROM event WHERE seq = 137"], "deleted", Some(137)),
        (
            vec!["DELETE FROM event WHERE seq = 137", "UPDATE event SET seq = -(seq - 1) WHERE seq > 137", RENUMBER],
            "deleted",
            Some(137),
        ),
        (
            vec![
                "UPDATE event SET seq = -(seq + 1) WHERE seq > 136",
                RENUMBER,
                "INSERT INTO event SELECT org_id, 137, randomblob(16), action, at, actor_type, actor_id, resource_type, resource_id, version, request_id, before, after, actor_client, outcome, address, details FROM event WHERE seq = 136",
            ],
            "inserted",
            Some(137),
        ),
        (vec!["UPDATE event SET seq = -(137 + 138 - seq) WHERE seq IN (137, 138)", RENUMBER], "reordered", Some(137)),
        (vec!["UPDATE event SET id = randomblob(16) WHERE seq = 137"], "altered", Some(137)),
        (vec!["DELETE FROM event WHERE seq > 200", "UPDATE org SET seq = 200"], "rolled_back", Some(201)),
        // What is not signed is not believed.
        (
            vec!["UPDATE audit_log SET first = 256", "UPDATE event SET at = at + 1 WHERE seq = 137"],
            "altered",
            Some(137),
        ),
        (vec!["UPDATE audit_log SET first = 256", "DELETE FROM event WHERE seq <= 256"], "deleted", Some(1)),
        (vec!["UPDATE audit_log SET first = 137", "DELETE FROM event WHERE seq <= 137"], "altered", None),
        (vec!["UPDATE audit_log SET first = 2560"], "altered", None),
        (vec!["UPDATE audit_log SET checkpoint = 'none'"], "altered", None),
        (vec!["UPDATE audit_log SET first = -256"], "altered", None),
        (vec!["UPDATE audit_log SET size = -1"], "altered", None),
        (vec!["UPDATE org SET seq = -1"], "altered", None),
        (vec!["DELETE FROM audit_key"], "altered", None),
        // Rows that are no events, and numbers that nobody gave.
        (vec!["UPDATE event SET request_id = '' WHERE seq = 137"], "altered", Some(137)),
        (vec!["UPDATE event SET before = '{' WHERE seq = 300"], "altered", Some(300)),
        (vec!["UPDATE event SET seq = -5 WHERE seq = 137"], "deleted", Some(137)),
        (vec![INSERT_FAR], "inserted", Some(100_000)),
        (vec!["UPDATE org SET seq = seq + 3"], "deleted", Some(size + 1)),
        (vec!["UPDATE org SET seq = 100002", INSERT_FAR], "deleted", Some(size + 1)),
    ] {
        let connection = rusqlite::Connection::open(&database).expect("a database");
        for statement in &statements {
            connection.execute(statement, []).expect(statement);
        }
        drop(connection);
        let before = fs::read(&database).expect("the database");
        let found = first_finding(&sandbox.try_cli(&["audit", "verify", "--json"]));
        assert_eq!(found, (what.to_owned(), event), "{statements:?}");
        assert!(fs::read(&database).expect("the database") == before, "verifying wrote: {statements:?}");
        fs::write(&database, &whole).expect("the database is written back");
    }
    // One that was altered does not hide the next.
    let connection = rusqlite::Connection::open(&database).expect("a database");
    connection
        .execute("UPDATE event SET at = at + 1, request_id = '' WHERE seq IN (10, 137, 300)", [])
        .expect("altered");
    let report = report(&sandbox.try_cli(&["audit", "verify", "--json"]));
    let events: Vec<u64> =
        report["findings"].as_array().into_iter().flatten().filter_map(|f| f["event"].as_u64()).collect();
    assert_eq!((events, report["compared"].as_u64()), (vec![10, 137, 300], Some(size - 3)), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_of_the_store_is_named() {
    let sandbox = Sandbox::start_on(Backend::Sqlite).await;
    let size = sealed(&sandbox).await;
    let events = export(&sandbox, "/v3/audit/export").await;
    let kept = sandbox.data_dir.join("kept");
    sandbox.cli(&["audit", "receipt", events[200]["id"].as_str().expect("an id"), "-o", &kept.display().to_string()]);
    assert!(sandbox.stop().success());
    let blobs = sandbox.data_dir.join("blobs/audit");
    for (file, at, what, event) in [
        ("tile/0/000", 100, "store_altered", Some(1)),
        (&*format!("tile/0/001.p/{}", size - 256), 100, "store_altered", Some(257)),
        ("tile/entries/000", 5_000, "store_altered", None),
        ("checkpoint", 60, "store_altered", None),
    ] {
        let path = find(&blobs, file);
        let whole = fs::read(&path).expect("a blob");
        let mut altered = whole.clone();
        altered[at] ^= 1;
        fs::write(&path, &altered).expect("written");
        let said = sandbox.try_cli(&["audit", "verify", "--json"]);
        let (found, number) = first_finding(&said);
        assert_eq!(found, what, "{file}");
        assert!(event.is_none() || number == event, "{file}: {number:?}");
        let report = report(&said);
        assert_eq!(report["findings"].as_array().map(Vec::len), Some(1), "nothing else is blamed: {report}");
        if file.starts_with("tile/0") {
            assert_eq!(report["compared"], report["size"], "the events prove themselves: {report}");
        }
        fs::remove_file(&path).expect("removed");
        assert_eq!(
            first_finding(&sandbox.try_cli(&["audit", "verify", "--json"])).0,
            "store_altered",
            "without {file}"
        );
        fs::write(&path, &whole).expect("written back");
    }
    let verify = ["audit", "verify", "--json", "--kept", &kept.display().to_string()];
    assert_eq!(first_finding(&sandbox.try_cli(&verify)).0, "good");
    // All is taken back to what it was in the beginning: only what was kept elsewhere tells.
    fs::remove_dir_all(sandbox.data_dir.join("blobs")).expect("removed");
    let connection = rusqlite::Connection::open(sandbox.data_dir.join("admin.db")).expect("a database");
    connection.execute_batch("DELETE FROM event WHERE seq > 50; UPDATE org SET seq = 50; DELETE FROM audit_log; DELETE FROM event_reader;").expect("old");
    drop(connection);
    sandbox.start().await;
    eventually("it is sealed", async || (get(&sandbox, "/v3/audit/log").await["data"]["size"] == 50).then_some(()))
        .await;
    assert_eq!(first_finding(&sandbox.try_cli(&["audit", "verify", "--json"])).0, "good");
    assert_eq!(first_finding(&sandbox.try_cli(&verify)), ("rolled_back".to_owned(), Some(51)));
    // Written on from there, it is another log than the one that was signed.
    let lines: Vec<Value> = (0..400).map(|n| json!({"type": "thing", "name": format!("u{n}")})).collect();
    import(&sandbox, "/v3/resources:import", ndjson(&lines)).await;
    eventually("it is sealed", async || (get(&sandbox, "/v3/audit/log").await["data"]["size"] == 450).then_some(()))
        .await;
    assert_eq!(first_finding(&sandbox.try_cli(&verify)).0, "forked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_of_one_log_hides_no_other() {
    let sandbox = Sandbox::start_on(Backend::Sqlite).await;
    let blobs = sandbox.data_dir.join("blobs/audit");
    sandbox.cli(&["org", "create", "second"]);
    define(&sandbox, "thing", json!({})).await;
    eventually("both are sealed", async || {
        let output = sandbox.try_cli(&["audit", "verify", "--json"]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success() && said.lines().filter(|line| !line.contains("\"size\":0")).count() == 2).then_some(())
    })
    .await;
    assert!(sandbox.stop().success());
    let mut orgs: Vec<PathBuf> = fs::read_dir(&blobs).expect("logs").map(|org| org.expect("an org").path()).collect();
    orgs.sort();
    // The first cannot be read, the second was altered.
    let entries = orgs[0].join("tile/entries");
    fs::remove_dir_all(&entries).expect("removed");
    std::os::unix::fs::symlink("entries", &entries).expect("a link to itself");
    let connection = rusqlite::Connection::open(sandbox.data_dir.join("admin.db")).expect("a database");
    connection.execute("UPDATE event SET at = at + 1 WHERE seq = 1", []).expect("altered");
    drop(connection);
    let output = sandbox.try_cli(&["audit", "verify", "--json"]);
    let said: Vec<Value> =
        String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(!output.status.success());
    assert!(said[0]["error"].as_str().is_some_and(|why| why.contains("tile/entries")), "{said:?}");
    assert_eq!((&said[1]["findings"][0]["what"], &said[1]["findings"][0]["event"]), (&json!("altered"), &json!(1)));
}

/// The way on that the documentation shows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_old_backup_of_the_database_the_log_goes_on_when_it_is_moved_aside() {
    let sandbox = Sandbox::start_on(Backend::Sqlite).await;
    let size = sealed(&sandbox).await;
    assert!(sandbox.stop().success());
    let (database, logs) = (sandbox.data_dir.join("admin.db"), sandbox.data_dir.join("blobs/audit"));
    let backup = fs::read(&database).expect("a database");
    sandbox.start().await;
    for name in ["a", "b", "c"] {
        add(&sandbox, "thing", name, json!({})).await;
    }
    eventually("all is sealed", async || {
        (get(&sandbox, "/v3/audit/log").await["data"]["size"] == size + 3).then_some(())
    })
    .await;
    assert!(sandbox.stop().success());
    fs::write(&database, backup).expect("written");
    sandbox.start().await;
    let log = get(&sandbox, "/v3/audit/log").await["data"].clone();
    assert!(log["trouble"].as_str().is_some_and(|why| why.contains("an old backup of the database")), "{log}");
    assert!(sandbox.stop().success());
    let org = fs::read_dir(&logs).expect("logs").next().expect("an org").expect("a folder").path();
    fs::rename(&org, org.with_extension("aside")).expect("moved");
    sandbox.start().await;
    add(&sandbox, "thing", "d", json!({})).await;
    eventually("the log goes on", async || {
        let log = get(&sandbox, "/v3/audit/log").await["data"].clone();
        (log["size"] == size + 1 && log["trouble"].is_null()).then_some(())
    })
    .await;
    assert_eq!(first_finding(&sandbox.try_cli(&["audit", "verify", "--json"])), ("good".to_owned(), None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_may_be_behind_and_nothing_is_made_where_it_is_read() {
    let sandbox = Sandbox::start_on(Backend::Sqlite).await;
    let size = sealed(&sandbox).await;
    let (folder, blobs) = (tempfile::tempdir().expect("a folder"), sandbox.data_dir.join("blobs"));
    let place = |name: &str| folder.path().join(name);
    let verify = |name: &str| {
        sandbox.try_cli(&["audit", "verify", "--json", "--from", &format!("folder:{}", place(name).display())])
    };
    copy(&blobs, &place("copy"));
    fs::remove_dir_all(place("copy/.blobs")).expect("what the store has for itself");
    fs::create_dir(place("empty")).expect("a folder");
    let lines: Vec<Value> = (0..50).map(|n| json!({"type": "thing", "name": format!("v{n}")})).collect();
    import(&sandbox, "/v3/resources:import", ndjson(&lines)).await;
    eventually("it is sealed", async || {
        (get(&sandbox, "/v3/audit/log").await["data"]["size"] == size + 50).then_some(())
    })
    .await;
    let report = report(&verify("copy"));
    assert_eq!(
        (&report["size"], &report["compared"], &report["behind"]),
        (&json!(size), &json!(size), &json!(50)),
        "{report}"
    );
    let empty = self::report(&verify("empty"));
    assert_eq!((&empty["size"], &empty["behind"]), (&json!(0), &json!(size + 50)), "{empty}");
    assert!(!place("copy/.blobs").exists() && fs::read_dir(place("empty")).expect("a folder").next().is_none());
    let missing = verify("missing");
    let said = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(
        !missing.status.success() && said.contains("--from: cannot read the folder") && !place("missing").exists(),
        "{said}"
    );
    // What is kept must be of a log that is verified.
    fs::write(place("none"), "no receipt").expect("written");
    let other = "admin/org_01h455vb4pex5vsknk084sn02q\n1\nUobkXC4vPr8bbwJLj4tcHFpV9pFwOFjPbGDzrCkBgJs=\n\n— x AAAAAAAAAAAAAAAA\n";
    fs::write(place("other"), other).expect("written");
    for (name, why) in [
        ("none", "is neither a receipt nor a checkpoint"),
        ("other", "is of the log admin/org_01h455vb4pex5vsknk084sn02q"),
    ] {
        let output = sandbox.try_cli(&["audit", "verify", "--kept", &place(name).display().to_string()]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(why), "{said}");
    }
    // What is in the store is for nobody else.
    for path in files(&blobs).iter().chain([&blobs.join("audit"), &blobs.join(".blobs")]) {
        let mode = fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_verified_alike_and_an_altered_past_stops_the_log() {
    let database = postgres::database().await;
    let sandbox = Sandbox::start_with(Backend::Sqlite, &[("ADMIN_DATABASE", &database.url)]).await;
    let size = sealed(&sandbox).await;
    let verify = || first_finding(&sandbox.try_cli(&["audit", "verify", "--json"]));
    assert_eq!(verify(), ("good".to_owned(), None));
    let sql = crate::oauth::forged::connect(&database.url).await;
    sql.batch_execute("UPDATE event SET at = at + 1 WHERE seq = 137").await.expect("altered");
    assert_eq!(verify(), ("altered".to_owned(), Some(137)));
    sql.batch_execute("UPDATE event SET at = at - 1 WHERE seq = 137").await.expect("as it was");
    // An old backup under a newer log: what is written then is not what was sealed, so nothing more is sealed, and it is told.
    sandbox.kill();
    sql.batch_execute("DELETE FROM event WHERE seq > 250; UPDATE org SET seq = 250; UPDATE event_reader SET seq = 250; UPDATE audit_log SET size = 250").await.expect("an old backup");
    sandbox.start().await;
    assert_eq!(verify().0, "rolled_back");
    let lines: Vec<Value> = (0..200).map(|n| json!({"type": "thing", "name": format!("u{n}")})).collect();
    import(&sandbox, "/v3/resources:import", ndjson(&lines)).await;
    let trouble = eventually("the log has stopped", async || {
        let log = get(&sandbox, "/v3/audit/log").await["data"].clone();
        log["trouble"].as_str().map(str::to_owned)
    })
    .await;
    assert!(trouble.contains("backup"), "{trouble}");
    assert_eq!(verify(), ("altered".to_owned(), Some(251)));
    let newest = get(&sandbox, "/v3/audit?limit=1").await["data"][0]["id"].as_str().expect("an id").to_owned();
    refused(&sandbox.get_json(&format!("/v3/audit/{newest}/receipt")).await, 503, "not_sealed");
    assert!(size > 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_is_verified_on_any_machine() {
    let sandbox = Sandbox::start_on(Backend::Sqlite).await;
    define(&sandbox, "thing", json!({})).await;
    let thing = add(&sandbox, "thing", "t", json!({})).await;
    let event = get(&sandbox, &format!("/v3/audit?resource={thing}")).await["data"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    fs::write(file("key"), sandbox.cli(&["audit", "key"])).expect("written");
    sandbox.cli(&["audit", "receipt", &event, "-o", &file("receipt")]);
    let plain = text(&sandbox, &format!("/v3/audit/{event}/receipt")).await;
    // As `jq -r` ends a text.
    fs::write(file("plain"), plain + "\n").expect("written");
    let shown = sandbox.request(Method::GET, &format!("/v3/events/{event}")).send().await.expect("an answer");
    let shown = shown.text().await.expect("a text");
    fs::write(file("event"), &shown).expect("written");
    assert!(sandbox.stop().success());
    fs::remove_dir_all(&sandbox.data_dir).expect("nothing is left of the server");
    let said = sandbox.cli(&["verify", &file("receipt"), "--key", &file("key")]);
    assert!(said.starts_with(&format!("Proven: {event} thing.created by usr_")), "{said}");
    sandbox.cli(&["verify", &file("plain"), "--event", &file("event"), "--key", &file("key")]);
    fs::write(file("other"), shown.replace("\"name\":\"t\"", "\"name\":\"u\"")).expect("written");
    let other = "admin/org_01h455vb4pex5vsknk084sn02q+af0aa8ea+AXsQvKZ2s+rUyTVJKn3+bdrwdXk6wXg9jGYAACbJwVsH";
    for (arguments, why) in [
        (vec![file("plain"), "--event".into(), file("other"), "--key".into(), file("key")], "NOT PROVEN"),
        (vec![file("plain"), "--key".into(), file("key")], "--event"),
        (vec![file("event"), "--key".into(), file("key")], "is no receipt"),
        (vec![file("receipt"), "--key".into(), other.into()], "--key"),
        (vec![file("receipt"), "--key".into(), file("missing")], "neither a key nor a file"),
        (vec![file("missing"), "--key".into(), file("key")], "cannot read"),
    ] {
        let arguments: Vec<&str> = std::iter::once("verify").chain(arguments.iter().map(String::as_str)).collect();
        let output = sandbox.try_cli(&arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(why), "{arguments:?}: {said}");
    }
}
