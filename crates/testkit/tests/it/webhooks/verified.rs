//! Messages as libraries that others wrote verify them: npm and PyPI `standardwebhooks`, and what Node has of ed25519.

use std::path::Path;
use std::process::Command;

use admin_testkit::node;

use super::*;

/// By Python's library.
pub(super) fn verified_by_python(messages: &Value) {
    let home = std::env::var("HOME").expect("a home folder");
    let python = Path::new(&home).join(".cache/admin/venv/bin/python");
    assert!(python.exists(), "there is no {}: run `make test`, which installs it", python.display());
    let script =
        Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("tests/it/webhooks/verify.py");
    let output = Command::new(&python).arg(script).env("ADMIN_MESSAGES", messages.to_string()).output();
    let output = output.expect("Python runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.trim_end().ends_with("all messages verified"), "{said}");
}

story!(libraries_of_others_verify_messages, &[HERE], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    let mut messages = vec![];
    let mut note = |path: &str, secrets: Vec<String>, key: Value| {
        let message = sink.messages(path).pop().expect("a message");
        let body = String::from_utf8(message.body).expect("UTF-8");
        messages.push(json!({"headers": message.headers, "body": body, "secrets": secrets, "public_key": key}));
    };
    let hook = webhook(sandbox, &sink.at("/one"), json!({})).await;
    let first = secret(sandbox, &hook).await;
    workspace(sandbox, "Zürich 東京 🙂", "eu").await;
    sink.wait("/one", 1).await;
    note("/one", vec![first.clone()], Value::Null);

    // While a secret is replaced, both verify; by a key pair, the public key does.
    let second = sandbox.post_json(&of(&hook, "secrets"), &json!({})).await.1["data"]["secret"].clone();
    let pair = sandbox.post_json(&of(&hook, "secrets"), &json!({"kind": "ed25519"})).await.1["data"].clone();
    assert_eq!(sandbox.patch_json(&path(&hook), &json!({"attributes": {"url": sink.at("/all")}})).await.0, 200);
    let (_, tested) = sandbox.post_json(&of(&hook, "test"), &json!({})).await;
    assert_eq!(tested["data"]["state"], "delivered", "{tested}");
    sink.wait("/all", 1).await;
    let second = second.as_str().expect("a secret").to_owned();
    note("/all", vec![first, second], pair["public_key"].clone());

    let messages = Value::from(messages);
    node::run(sandbox, "webhooks.mjs", &[("ADMIN_MESSAGES", &messages.to_string())]);
    verified_by_python(&messages);
});
