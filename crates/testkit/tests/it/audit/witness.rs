//! A witness cosigns what follows and nothing else, and receipts carry its cosignature.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Child;

use admin_testkit::Backend;
use admin_tlog::{AddCheckpoint, Checkpoint, ConsistencyProof, Cosigner, Signer};

use super::*;

/// A running witness, which ends with its test.
struct Witness {
    process: Child,
    key: String,
    url: String,
    data: PathBuf,
}

impl Witness {
    fn start(sandbox: &Sandbox, listen: &str, log: &str, data: &Path) -> Witness {
        let folder = data.display().to_string();
        let mut process = sandbox.spawn_cli(&["audit", "witness", "--listen", listen, "--log", log, "--data", &folder]);
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let mut line = || lines.next().expect("a line").expect("text");
        let key = line();
        let said = line();
        let url = said.split_whitespace().find(|word| word.starts_with("http://")).expect("an address");
        let url = url.trim_end_matches(',').to_owned();
        Witness { process, key, url, data: data.to_owned() }
    }

    /// SIGKILL, and again on the same folder and port.
    fn restart(&mut self, sandbox: &Sandbox, log: &str) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let again = Witness::start(sandbox, self.url.trim_start_matches("http://"), log, &self.data.clone());
        assert_eq!(again.key, self.key, "it is the same witness");
        *self = again;
    }

    async fn ask(&self, body: String) -> (u16, String) {
        let answer = reqwest::Client::new().post(format!("{}/add-checkpoint", self.url)).body(body).send().await;
        let answer = answer.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a text"))
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts the server again with a setting more.
pub(super) async fn configure(sandbox: &Sandbox, settings: &str) {
    assert!(sandbox.stop().success());
    fs::write(sandbox.data_dir.with_file_name("admin.toml"), settings).expect("written");
    sandbox.start().await;
}

/// A witness of a sandbox's log, which the sandbox asks.
async fn witnessed(sandbox: &Sandbox, folder: &Path) -> (Witness, String) {
    let log = text(sandbox, "/v3/audit/key").await.trim().to_owned();
    let witness = Witness::start(sandbox, "127.0.0.1:0", &log, &folder.join("witness"));
    configure(sandbox, &format!("audit_witnesses = \"{} {}\"", witness.url, witness.key)).await;
    (witness, log)
}

/// Waits until a receipt of the newest event has the cosignature.
async fn cosigned(sandbox: &Sandbox, witness: &str, log: &str, file: &str) {
    let event = get(sandbox, "/v3/audit?limit=1").await["data"][0]["id"].as_str().expect("an id").to_owned();
    eventually("a cosigned receipt", async || {
        let output = sandbox.try_cli(&["audit", "receipt", &event, "-o", file]);
        assert!(output.status.success(), "{output:?}");
        let said = sandbox.try_cli(&["verify", file, "--key", log, "--witness", witness]);
        said.status.success().then_some(())
    })
    .await;
}

story!(receipts_carry_the_cosignature_of_a_witness, async |sandbox: &Sandbox| {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("receipt").display().to_string();
    define(sandbox, "thing", json!({})).await;
    let (mut witness, log) = witnessed(sandbox, folder.path()).await;
    cosigned(sandbox, &witness.key, &log, &file).await;
    let other = Cosigner::of_seed("other", &[3; 32]).expect("a key").verifier().to_string();
    let said = sandbox.try_cli(&["verify", &file, "--key", &log, "--witness", &other]);
    assert!(String::from_utf8_lossy(&said.stderr).contains("NOT PROVEN"), "{said:?}");
    // Events are sealed while cosignatures come, and also while nobody cosigns.
    for n in 0..300 {
        add(sandbox, "thing", &format!("t{n}"), json!({})).await;
        if n == 150 {
            witness.restart(sandbox, &log);
        }
    }
    cosigned(sandbox, &witness.key, &log, &file).await;
    sandbox.cli(&["audit", "verify"]);
    let said = sandbox.log();
    assert!(!said.contains("ERROR"), "{said}");
    assert_eq!(witness.ask(forged(&log)).await.0, 403);
    assert_eq!(witness.ask("old".to_owned()).await.0, 400);
    assert_eq!(witness.ask("x".repeat(100_000)).await.0, 413);
    let published = text(sandbox, "/v3/audit/checkpoint").await;
    let (status, size) = witness.ask(format!("old 0\n\n{published}")).await;
    assert_eq!((status, size.trim().parse::<u64>().is_ok_and(|size| size > 300)), (409, true), "{size}");
});

/// A checkpoint that says that it is of a log, by a key that is not.
fn forged(log: &str) -> String {
    let name = log.split('+').next().expect("a name");
    let signer = Signer::of_seed(name, &[9; 32]).expect("a key");
    let checkpoint = Checkpoint::new(name, admin_tlog::TreeHead { size: 1, root: admin_tlog::Hash::leaf(b"x") });
    let checkpoint = checkpoint.sign(&[&signer]).expect("a note");
    AddCheckpoint { old_size: 0, proof: ConsistencyProof::default(), checkpoint }.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_witness_tells_that_an_old_copy_was_restored() {
    let sandbox = Sandbox::start_on(Backend::Sqlite).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("receipt").display().to_string();
    define(&sandbox, "thing", json!({})).await;
    let (mut witness, log) = witnessed(&sandbox, folder.path()).await;
    assert!(sandbox.stop().success());
    let backup = folder.path().join("backup");
    copy(&sandbox.data_dir, &backup);
    sandbox.start().await;
    for n in 0..20 {
        add(&sandbox, "thing", &format!("t{n}"), json!({})).await;
    }
    cosigned(&sandbox, &witness.key, &log, &file).await;
    assert!(sandbox.stop().success());
    fs::remove_dir_all(&sandbox.data_dir).expect("lost");
    copy(&backup, &sandbox.data_dir);
    sandbox.start().await;
    add(&sandbox, "thing", "u", json!({})).await;
    let trouble = eventually("the witness objects", async || {
        get(&sandbox, "/v3/audit/log").await["data"]["objections"][0]["detail"].as_str().map(str::to_owned)
    })
    .await;
    assert!(trouble.contains("an old copy of the log was restored"), "{trouble}");
    for n in 0..30 {
        add(&sandbox, "thing", &format!("u{n}"), json!({})).await;
    }
    let last = text(&sandbox, "/v3/audit/checkpoint").await;
    assert!(!last.contains(witness.key.split('+').next().expect("a name")), "nothing is cosigned that does not follow");
    // What is sealed meanwhile does not hush it. A witness that was told to begin anew agrees.
    let objections = get(&sandbox, "/v3/audit/log").await["data"]["objections"].clone();
    assert_eq!(
        (&objections[0]["by"], objections.as_array().map(Vec::len)),
        (&json!(witness.url), Some(1)),
        "{objections}"
    );
    assert!(sandbox.stop().success());
    fs::remove_dir_all(witness.data.join("logs")).expect("its memory");
    witness.restart(&sandbox, &log);
    sandbox.start().await;
    eventually("the witness agrees", async || {
        (get(&sandbox, "/v3/audit/log").await["data"]["objections"] == json!([])).then_some(())
    })
    .await;
}

pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("copied");
        }
    }
}
