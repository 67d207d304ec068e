//! Recorded decisions: refusals, and reads where that is wanted; found by who, what, when and how it was decided.

use admin_testkit::Backend;

use super::*;

/// Notes refer to files; reads of files are recorded.
async fn files(sandbox: &Sandbox) -> (String, String) {
    let mut of = type_named("file", &json!({}));
    of["attributes"]["sensitive"] = json!(true);
    create(sandbox, &of).await;
    define(sandbox, "note", json!({"file": {"type": "string", "x-ref": "file"}})).await;
    let file = add(sandbox, "file", "one", json!({})).await;
    let note = add(sandbox, "note", "about one", json!({"file": file})).await;
    (file, note)
}

/// What is recorded of a principal, the oldest first: action, resource, decision. Waits until there are so many.
async fn recorded(sandbox: &Sandbox, principal: &str, wanted: usize) -> Vec<(String, Option<String>, String)> {
    let page = eventually("the record", async || {
        let page = get(sandbox, &format!("/v3/access/decisions?limit=200&principal={principal}")).await;
        let total = page["pagination"]["total_items"].as_u64().expect("a total") as usize;
        assert!(total <= wanted, "{wanted} are wanted: {page}");
        (total == wanted).then_some(page)
    });
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let shown = |one: &Value| {
        (text(&one["action"]).expect("an action"), text(&one["resource"]), text(&one["decision"]).expect("a decision"))
    };
    page.await["data"].as_array().expect("decisions").iter().rev().map(shown).collect()
}

fn allowed(action: &str, resource: Option<&str>) -> (String, Option<String>, String) {
    (action.to_owned(), resource.map(str::to_owned), "allow".to_owned())
}

story!(every_read_of_a_sensitive_type_is_recorded, async |sandbox: &Sandbox| {
    let (file, note) = files(sandbox).await;
    let (id, ada) = user(sandbox, "ada", json!({"roles": ["viewer"]})).await;
    let read_of_file = || allowed("file.read", Some(&file));
    let list_of_files = || allowed("file.read", None);
    let mut expected = vec![];
    for (path, records) in [
        (path(&file), vec![read_of_file()]),
        (format!("/v3/files/{file}?fields=name"), vec![read_of_file()]),
        (path(&note), vec![]),
        ("/v3/files".to_owned(), vec![list_of_files()]),
        ("/v3/resources?type=note,file".to_owned(), vec![list_of_files()]),
        (with_params("/v3/resources", &[("filter", "type = \"file\"")]), vec![list_of_files()]),
        ("/v3/resources".to_owned(), vec![list_of_files()]),
        ("/v3/notes".to_owned(), vec![]),
        (format!("{}?expand=attributes.file", path(&note)), vec![read_of_file()]),
        ("/v3/notes?expand=attributes.file".to_owned(), vec![read_of_file()]),
    ] {
        get(&ada, &path).await;
        expected.extend(records);
        assert_eq!(recorded(sandbox, &id, expected.len()).await, expected, "{path}");
    }
    for (path, records) in [
        ("/v3/files:export", vec![list_of_files()]),
        ("/v3/notes:export", vec![]),
        ("/v3/resources:export", vec![list_of_files()]),
    ] {
        export(&ada, path).await;
        expected.extend(records);
        assert_eq!(recorded(sandbox, &id, expected.len()).await, expected, "{path}");
    }

    // Who may read none of them is not recorded as somebody who might; what is refused stays a refusal.
    let (nobody_id, nobody) = user(sandbox, "nobody", json!({})).await;
    assert_eq!(total(&nobody, "/v3/files").await, 0);
    assert_eq!(total(&nobody, "/v3/notes?expand=attributes.file").await, 0);
    refused(&nobody.get_json(&path(&file)).await, 404, "not_found");
    let refusal = ("file.read".to_owned(), Some(file.clone()), "deny".to_owned());
    assert_eq!(recorded(sandbox, &nobody_id, 1).await, [refusal]);

    // A type may become sensitive, and be so no longer.
    let types = get(sandbox, "/v3/types").await;
    let of = types["data"].as_array().expect("types").iter().find(|of| of["name"] == "file").expect("a type");
    let change = async |sensitive: Value| {
        let patch = json!({"attributes": {"sensitive": sensitive}});
        sandbox.patch_json(&path(&self::id(of)), &patch).await
    };
    let wrong = change(json!("yes")).await;
    refused(&wrong, 422, "validation_failed");
    assert_eq!(pointers(&wrong.1), ["/attributes/sensitive"]);
    assert_eq!(change(json!(false)).await.0, 200);
    get(&ada, &path(&file)).await;
    assert_eq!(change(json!(true)).await.0, 200);
    get(&ada, "/v3/files").await;
    expected.push(list_of_files());
    assert_eq!(recorded(sandbox, &id, expected.len()).await, expected);

    let document = get(sandbox, "/v3/openapi.json").await;
    let schemas = &document["components"]["schemas"];
    assert_eq!((&schemas["file"]["x-sensitive"], &schemas["note"]["x-sensitive"]), (&json!(true), &Value::Null));
});

story!(what_is_recorded_outlives_a_stop, async |sandbox: &Sandbox| {
    let (file, _) = files(sandbox).await;
    let (id, ada) = user(sandbox, "ada", json!({"roles": ["viewer"]})).await;
    for _ in 0..50 {
        get(&ada, &path(&file)).await;
    }
    assert!(sandbox.stop().success());
    sandbox.start().await;
    assert_eq!(recorded(sandbox, &id, 50).await, vec![allowed("file.read", Some(&file)); 50]);
});

/// With a sample of 1, every read is recorded; with none, none is.
async fn sampled(backend: Backend) {
    let sandbox = &Sandbox::start_with(backend, &[("ADMIN_DECISION_SAMPLE", "1")]).await;
    define(sandbox, "note", json!({})).await;
    define(sandbox, "page", json!({})).await;
    let note = add(sandbox, "note", "one", json!({})).await;
    let (id, ada) = user(sandbox, "ada", json!({"roles": ["viewer"]})).await;
    let mut expected = vec![];
    for (path, record) in [
        (path(&note), allowed("note.read", Some(&note))),
        ("/v3/notes".to_owned(), allowed("note.read", None)),
        ("/v3/resources?type=note,page".to_owned(), allowed("resource.read", None)),
        ("/v3/resources".to_owned(), allowed("resource.read", None)),
        (path(&id), allowed("user.read", Some(&id))),
    ] {
        get(&ada, &path).await;
        expected.push(record);
        assert_eq!(recorded(sandbox, &id, expected.len()).await, expected, "{path}");
    }
    export(&ada, "/v3/notes:export").await;
    expected.push(allowed("note.read", None));
    assert_eq!(recorded(sandbox, &id, expected.len()).await, expected);
    let metrics = sandbox.request(admin_testkit::Method::GET, "/metrics").send().await.expect("an answer");
    let metrics = metrics.text().await.expect("a text");
    assert!(metrics.contains(r#"admin_decisions_dropped_total{reason="full"} 0"#), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_of_reads_is_recorded_on_sqlite() {
    sampled(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_of_reads_is_recorded_on_postgres() {
    sampled(Backend::Postgres).await;
}

story!(decisions_are_found_by_who_what_when_and_how, async |sandbox: &Sandbox| {
    let (file, note) = files(sandbox).await;
    let (ada_id, ada) = user(sandbox, "ada", json!({"roles": ["viewer"]})).await;
    let (bob_id, bob) = user(sandbox, "bob", json!({"roles": ["viewer"]})).await;
    get(&ada, &path(&file)).await;
    refused(&ada.delete_json(&path(&file)).await, 403, "forbidden");
    refused(&ada.delete_json(&path(&note)).await, 403, "forbidden");
    recorded(sandbox, &ada_id, 3).await;
    let all = get(sandbox, "/v3/access/decisions").await["data"].clone();
    let middle = all[0]["at"].as_str().expect("a time").to_owned();
    for _ in 0..5 {
        refused(&bob.delete_json(&path(&file)).await, 403, "forbidden");
        get(&bob, "/v3/files").await;
    }
    recorded(sandbox, &bob_id, 10).await;

    let list = "/v3/access/decisions";
    let found = async |params: &[(&str, &str)]| {
        let page = query(sandbox, list, params).await;
        let total = page["pagination"]["total_items"].as_u64().expect("a total");
        assert_eq!(page["data"].as_array().map(Vec::len), Some(total as usize), "{params:?} {page}");
        total
    };
    for (params, expected) in [
        (&[("principal", &*ada_id)][..], 3),
        (&[("principal", &*bob_id)], 10),
        (&[("principal", &*file)], 0),
        (&[("resource", &*file)], 7),
        (&[("resource", &*ada_id)], 0),
        (&[("resource", &*file), ("principal", &*ada_id)], 2),
        (&[("resource", &*file), ("principal", &*ada_id), ("decision", "deny")], 1),
        (&[("action", "file.read")], 6),
        (&[("action", "file.read"), ("principal", &*bob_id)], 5),
        (&[("action", "gone.by-hand")], 0),
        (&[("decision", "allow")], 6),
        (&[("decision", "deny")], 7),
        (&[("until", &*middle)], 2),
        (&[("since", &*middle)], 11),
        (&[("since", &*middle), ("principal", &*ada_id), ("resource", &*note), ("decision", "deny")], 1),
        (&[("since", "2999-01-01T00:00:00Z")], 0),
    ] {
        if params[0].1 == file && params[0].0 == "principal" {
            refused(&sandbox.get_json(&with_params(list, params)).await, 400, "invalid_parameter");
            continue;
        }
        assert_eq!(found(params).await, expected, "{params:?}");
    }
    for (name, value) in [
        ("principal", "ada"),
        ("resource", "one"),
        ("action", "read"),
        ("action", "file.*"),
        ("decision", "maybe"),
        ("since", "yesterday"),
        ("until", "2025"),
        ("cursor", "next"),
        ("who", "ada"),
    ] {
        let answer = sandbox.get_json(&with_params(list, &[(name, value)])).await;
        refused(&answer, 400, "invalid_parameter");
        assert_eq!(pointers(&answer.1), [name], "{value}");
    }
    refused(&ada.get_json(&format!("{list}?principal={ada_id}")).await, 403, "forbidden");
});

story!(a_walk_over_decisions_sees_each_once, async |sandbox: &Sandbox| {
    let (file, note) = files(sandbox).await;
    let (id, ada) = user(sandbox, "ada", json!({"roles": ["viewer"]})).await;
    for _ in 0..7 {
        refused(&ada.delete_json(&path(&file)).await, 403, "forbidden");
        get(&ada, &path(&file)).await;
    }
    recorded(sandbox, &id, 14).await;
    let (mut seen, mut cursor) = (vec![], String::new());
    loop {
        // While the walk goes on, more is decided: it counts at once, and stands before the walk's beginning.
        let page = get(sandbox, &format!("/v3/access/decisions?principal={id}&decision=deny&limit=2{cursor}")).await;
        assert_eq!(page["pagination"]["total_items"], 7 + seen.len() / 2, "{page}");
        seen.extend(page["data"].as_array().expect("decisions").iter().map(|one| one["id"].clone()));
        assert!(page["data"].as_array().expect("decisions").iter().all(|one| one["resource"] == file), "{page}");
        let Some(next) = page["pagination"]["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
        refused(&ada.delete_json(&path(&note)).await, 403, "forbidden");
        recorded(sandbox, &id, 14 + seen.len() / 2).await;
    }
    assert_eq!(seen.len(), 7, "{seen:?}");
    let different: std::collections::HashSet<String> = seen.iter().map(Value::to_string).collect();
    assert_eq!(different.len(), 7, "{seen:?}");
});
