//! Secrets: written, never read, and nowhere in plain.

use std::fs;
use std::path::Path;

use admin_testkit::{Client, Method, Sandbox, story};
use serde_json::{Value, json};

use crate::acts::*;

const SECRET: &str = "correct-horse-battery-staple";
const LATER: &str = "tr0ub4dor-and-three";

async fn define_account(client: &Client) -> String {
    let kind = json!({"type": "type", "name": "account", "attributes": {"schema": {"type": "object",
        "required": ["password"], "additionalProperties": false, "properties": {
            "login": {"type": "string", "x-unique": true},
            "password": {"type": "string", "minLength": 8, "maxLength": 40, "x-secret": true},
            "smtp": {"type": "object", "properties": {
                "host": {"type": "string"}, "token": {"type": ["string", "null"], "x-secret": true}}}}}}});
    create(client, &kind).await
}

fn account(login: &str, secret: &str) -> Value {
    let attributes = json!({"login": login, "password": secret, "smtp": {"host": "mail", "token": secret}});
    json!({"type": "account", "name": login, "attributes": attributes})
}

/// Sends a request and asserts that the answer holds no secret.
async fn silent(request: admin_testkit::RequestBuilder) -> (u16, Value) {
    let reply = reply(request).await;
    let text = format!("{:?} {}", reply.headers, reply.body);
    assert!(!text.contains(SECRET) && !text.contains(LATER), "an answer tells a secret: {text}");
    (reply.status, reply.body)
}

/// Whether the stored value meets a schema is all that can be learnt of it: by a dry change of the type.
async fn stored_length_is(client: &Client, type_id: &str, length: usize) -> bool {
    let limits = json!({"minLength": length, "maxLength": length});
    let patch = json!({"attributes": {"schema": {"properties": {"password": limits}}}});
    let request = client.request(Method::PATCH, &format!("{}?dry_run=true", path(type_id))).json(&patch);
    let (status, body) = silent(request).await;
    assert!([200, 409].contains(&status), "{body}");
    status == 200
}

story!(no_answer_ever_tells_a_secret, async |sandbox: &Sandbox| {
    let type_id = define_account(sandbox).await;
    let post = |path: &str, body: &Value| sandbox.request(Method::POST, path).json(body);
    let (status, _) = silent(post("/v3/resources?dry_run=true", &account("ada", SECRET))).await;
    assert_eq!(status, 200);
    for _ in 0..2 {
        let request = post("/v3/resources", &account("ada", SECRET)).header("idempotency-key", "k");
        assert_eq!(silent(request).await.0, 201);
    }
    let (status, taken) = silent(post("/v3/accounts", &account("ada", LATER))).await;
    assert_eq!((status, &taken["code"]), (409, &json!("not_unique")));
    let id = taken["conflicting"].as_str().unwrap().to_owned();
    for suffix in ["", "?fields=attributes", "?fields=attributes.password", "?expand=parent"] {
        let (_, body) = silent(sandbox.request(Method::GET, &format!("{}{suffix}", path(&id)))).await;
        assert!(body["data"]["attributes"].get("password").is_none(), "{body}");
    }
    let patch = json!({"attributes": {"password": LATER, "smtp": {"token": LATER}}});
    let (status, _) = silent(sandbox.request(Method::PATCH, &path(&id)).json(&patch)).await;
    assert_eq!(status, 200);

    // Values that are refused: too long, of the wrong type, under a name that is not there.
    for attributes in [
        json!({"password": format!("{SECRET}{LATER}")}),
        json!({"password": [SECRET]}),
        json!({"password": SECRET, SECRET: 1}),
        json!({"password": SECRET, "smtp": {"token": {"x": SECRET}}}),
    ] {
        let document = json!({"name": "x", "attributes": attributes});
        let (status, body) = reply_hiding_values(sandbox, &document).await;
        assert_eq!(status, 422, "{body}");
    }
    let lines = ndjson(&[account("bob", SECRET), account("eve", &format!("{SECRET}{LATER}"))]);
    let request = sandbox.request(Method::POST, "/v3/resources:import").header("content-type", "application/x-ndjson");
    let (_, body) = silent(request.body(lines)).await;
    assert_eq!((&body["data"]["created"], &body["data"]["failed"]), (&json!(1), &json!(1)), "{body}");
    let redefined = json!({"attributes": {"schema": {"properties": {"password": {"pattern": "^[0-9]+$"}}}}});
    let (status, body) = silent(sandbox.request(Method::PATCH, &path(&type_id)).json(&redefined)).await;
    assert_eq!((status, &body["count"]), (409, &json!(2)), "{body}");

    let filter = format!("attributes.password = \"{LATER}\"");
    let (status, found) = sandbox.get_json(&with_params("/v3/accounts", &[("filter", &filter)])).await;
    assert!(status == 400 || found["pagination"]["total_items"] == 0, "a filter finds out a secret: {found}");
    sandbox.delete_json(&path(&id)).await;
    for path in ["/v3/accounts", "/v3/accounts?trashed=true", "/v3/events?limit=200", "/v3/resources:export"] {
        silent(sandbox.request(Method::GET, path)).await;
    }
});

/// An unknown property's name is not a secret and may be repeated; values may not.
async fn reply_hiding_values(client: &Client, document: &Value) -> (u16, Value) {
    let (status, body) = client.post_json("/v3/accounts", document).await;
    let errors = body["errors"].as_array().cloned().unwrap_or_default();
    for error in errors.iter().filter(|error| !error["pointer"].as_str().unwrap_or_default().contains(SECRET)) {
        assert!(!error.to_string().contains(SECRET) && !error.to_string().contains(LATER), "{error}");
    }
    (status, body)
}

story!(no_file_and_no_table_holds_a_secret, async |sandbox: &Sandbox| {
    define_account(sandbox).await;
    let (status, body) = reply_status(
        sandbox.request(Method::POST, "/v3/resources").header("idempotency-key", "k"),
        &account("ada", SECRET),
    )
    .await;
    assert_eq!(status, 201);
    let id = id(&body["data"]);
    sandbox.patch_json(&path(&id), &json!({"attributes": {"password": LATER}})).await;
    import(sandbox, "/v3/resources:import", ndjson(&[account("bob", SECRET)])).await;
    sandbox.post_json("/v3/accounts", &account("ada", SECRET)).await;
    search(&sandbox.data_dir);
    search_tables(sandbox).await;
    assert!(sandbox.stop().success());
    search(&sandbox.data_dir);
    let log = sandbox.log();
    assert!(!log.contains(SECRET) && !log.contains(LATER), "{log}");
});

async fn reply_status(request: admin_testkit::RequestBuilder, body: &Value) -> (u16, Value) {
    let reply = reply(request.json(body)).await;
    (reply.status, reply.body)
}

/// Looks for secrets in every row of a PostgreSQL database, as text and as bytes.
async fn search_tables(sandbox: &Sandbox) {
    let shown = sandbox.cli(&["config", "show"]);
    let url = shown.lines().find_map(|line| line.strip_prefix("database = \"postgres")?.split('"').next());
    let Some(url) = url else { return };
    let connected = tokio_postgres::connect(&format!("postgres{url}"), tokio_postgres::NoTls).await;
    let (client, connection) = connected.expect("the sandbox's database");
    let connection = tokio::spawn(connection);
    let tables = client.query("SELECT tablename::TEXT FROM pg_tables WHERE schemaname = 'public'", &[]).await;
    let tables: Vec<String> = tables.expect("tables").iter().map(|row| row.get(0)).collect();
    assert!(tables.contains(&"resource_secret".to_owned()), "{tables:?}");
    for table in tables {
        let rows = client.query(&format!("SELECT t::TEXT FROM {table} t"), &[]).await.expect("rows");
        for row in rows {
            let row: String = row.get(0);
            for secret in [SECRET, LATER] {
                let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
                assert!(!row.contains(secret) && !row.contains(&hex), "{table} holds a secret in plain: {row}");
            }
        }
    }
    connection.abort();
}

/// Looks for secrets in every file below a folder.
fn search(folder: &Path) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            search(&path);
            continue;
        }
        let bytes = fs::read(&path).expect("a file");
        for secret in [SECRET, LATER] {
            let holds = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!holds, "{} holds a secret in plain", path.display());
        }
    }
}

story!(a_secret_stays_until_it_is_set_anew_or_removed, async |sandbox: &Sandbox| {
    let type_id = define_account(sandbox).await;
    let id = create(sandbox, &account("ada", SECRET)).await;
    assert!(stored_length_is(sandbox, &type_id, SECRET.len()).await);
    let (status, body) = sandbox.patch_json(&path(&id), &json!({"name": "Ada", "labels": {"a": "b"}})).await;
    assert_eq!((status, &body["data"]["name"]), (200, &json!("Ada")), "a required secret that is stored is there");
    let whole = json!({"name": "Ada Lovelace", "attributes": {"login": "ada", "smtp": {"host": "other"}}});
    let (status, body) = sandbox.put_json(&path(&id), &whole).await;
    assert_eq!(status, 200, "{body}");
    assert!(stored_length_is(sandbox, &type_id, SECRET.len()).await);

    // The required one cannot be removed, the other can.
    let answer = sandbox.patch_json(&path(&id), &json!({"attributes": {"password": null}})).await;
    refused(&answer, 422, "validation_failed");
    assert!(stored_length_is(sandbox, &type_id, SECRET.len()).await);
    let shown =
        json!({"attributes": {"schema": {"properties": {"smtp": {"properties": {"token": {"x-secret": false}}}}}}});
    let in_use = sandbox.patch_json(&path(&type_id), &shown).await;
    refused(&in_use, 409, "incompatible_type");
    let (status, body) = sandbox.patch_json(&path(&id), &json!({"attributes": {"smtp": {"token": null}}})).await;
    assert_eq!(status, 200, "{body}");
    let (status, body) = sandbox.patch_json(&path(&type_id), &shown).await;
    assert_eq!(status, 200, "no resource holds a token any more: {body}");

    let operations = json!([{"op": "add", "path": "/attributes/password", "value": LATER}]);
    let request = sandbox.request(Method::PATCH, &path(&id)).header("content-type", "application/json-patch+json");
    let (status, body) = silent(request.body(operations.to_string())).await;
    assert_eq!(status, 200, "{body}");
    assert!(stored_length_is(sandbox, &type_id, LATER.len()).await);
});

story!(removing_a_secret_that_is_not_there_changes_nothing, async |sandbox: &Sandbox| {
    define_account(sandbox).await;
    let document = json!({"type": "account", "name": "ada", "attributes": {"password": SECRET, "smtp": {"host": "m"}}});
    let id = create(sandbox, &document).await;
    let before = last_seq(sandbox).await;
    let (status, body) = sandbox.patch_json(&path(&id), &json!({"attributes": {"smtp": {"token": null}}})).await;
    assert_eq!((status, &body["data"]["version"]), (200, &json!(1)), "{body}");
    assert_eq!(last_seq(sandbox).await, before);
});

story!(a_secret_survives_the_trash_and_goes_with_a_purge, async |sandbox: &Sandbox| {
    let type_id = define_account(sandbox).await;
    let id = create(sandbox, &account("ada", SECRET)).await;
    sandbox.delete_json(&path(&id)).await;
    let (status, body) = sandbox.post_json(&format!("{}/restore", path(&id)), &json!({})).await;
    assert_eq!(status, 200, "the required secret is still there: {body}");
    assert!(stored_length_is(sandbox, &type_id, SECRET.len()).await);
    sandbox.delete_json(&format!("{}?purge=true", path(&id))).await;
    let mut again = account("ada", SECRET);
    again["id"] = json!(id);
    again["attributes"].as_object_mut().unwrap().remove("password");
    let answer = sandbox.post_json("/v3/resources", &again).await;
    refused(&answer, 422, "validation_failed");
});

story!(a_secret_goes_with_the_object_around_it, async |sandbox: &Sandbox| {
    let smtp = json!({"type": "object", "required": ["host", "token"], "properties": {
        "host": {"type": "string"}, "token": {"type": "string", "x-secret": true}}});
    define(sandbox, "mailer", json!({"smtp": smtp})).await;
    let attributes = json!({"smtp": {"host": "mail", "token": SECRET}});
    for patch in [json!({"smtp": null}), json!(null)] {
        let id = add(sandbox, "mailer", "m", attributes.clone()).await;
        let before = last_seq(sandbox).await;
        let (status, body) = sandbox.patch_json(&path(&id), &json!({"attributes": patch})).await;
        assert_eq!((status, &body["data"]["attributes"]), (200, &json!({})), "{body}");
        assert_eq!(last_seq(sandbox).await, before + 1);
        // It is gone: the object comes back only with a new one.
        let host = json!({"attributes": {"smtp": {"host": "other"}}});
        let answer = sandbox.patch_json(&path(&id), &host).await;
        refused(&answer, 422, "validation_failed");
        assert_eq!(pointers(&answer.1), ["/attributes/smtp/token"]);
        let (status, body) = sandbox.put_json(&path(&id), &json!({"name": "m", "attributes": attributes})).await;
        assert_eq!((status, &body["data"]["attributes"]), (200, &json!({"smtp": {"host": "mail"}})), "{body}");
    }
});
