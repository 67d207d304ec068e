//! The API keeps what its OpenAPI document promises: schemathesis reads the document and tries to prove the contrary,
//! by examples, by random requests of the right and of the wrong form, and by chains of requests.

use std::path::Path;
use std::process::Command;

use admin_testkit::{Backend, Sandbox};
use serde_json::json;

use crate::acts::{add, define};

/// How long it may try, in seconds.
const SECONDS: &str = "45";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_is_as_its_document_says() {
    let home = std::env::var("HOME").expect("a home folder");
    let program = Path::new(&home).join(".cache/admin/venv/bin/schemathesis");
    assert!(program.exists(), "schemathesis is not at {}: run `make test`, which installs it", program.display());
    let sandbox = Sandbox::start_on(Backend::Sqlite).await;
    define(&sandbox, "country", json!({"code": {"type": "string", "minLength": 2, "maxLength": 2, "x-unique": true}}))
        .await;
    let city = json!({"country": {"type": "string", "x-ref": "country"}, "people": {"type": "integer", "minimum": 0, "x-index": true},
        "tags": {"type": "array", "items": {"enum": ["old", "new"]}}, "place": {"type": "object", "properties": {"north": {"type": "number"}}}});
    define(&sandbox, "city", city).await;
    let france = add(&sandbox, "country", "France", json!({"code": "fr"})).await;
    add(&sandbox, "city", "Paris", json!({"country": france, "people": 2_000_000, "tags": ["old"]})).await;

    let folder = Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("tests/it/schemathesis");
    let reports = tempfile::tempdir().expect("a folder");
    let output = Command::new(&program)
        .arg("--config-file")
        .arg(folder.join("schemathesis.toml"))
        .args(["run", &format!("{}/v3/openapi.json", sandbox.base_url), "--no-color", "--max-time", SECONDS])
        .args(["--header", &format!("Authorization: Bearer {}", sandbox.owner_token), "--report-dir"])
        .arg(reports.path())
        .env("PYTHONPATH", &folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(reports.path())
        .output()
        .expect("schemathesis runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "schemathesis found faults:\n{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("passed") || said.contains("No issues found"), "schemathesis tried nothing:\n{said}");
}
