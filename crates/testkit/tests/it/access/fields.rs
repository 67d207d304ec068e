//! Field rules: attributes that are not shown, or not to be written.

use super::*;

const SALARIES: &str = r#"@fields("attributes.salary")
    forbid (principal, action in [Action::"person.read", Action::"person.update"], resource)
    unless { principal in role::"owner" };
    @fields("attributes.iban") @show("masked")
    forbid (principal, action == Action::"person.read", resource) unless { principal in role::"owner" };"#;

async fn people(sandbox: &Sandbox) -> String {
    let text = json!({"type": "string"});
    let properties = json!({"title": text, "salary": {"type": "integer", "x-index": true}, "iban": text});
    define(sandbox, "person", properties).await;
    policy(sandbox, "salaries", SALARIES).await;
    add(sandbox, "person", "ada", json!({"title": "dr", "salary": 4711, "iban": "DE02120300000000202051"})).await
}

story!(a_hidden_field_is_nowhere, async |sandbox: &Sandbox| {
    let person = people(sandbox).await;
    let (_, editor) = user(sandbox, "eve", json!({"roles": ["editor"]})).await;
    let surfaces = [
        path(&person),
        format!("{}?fields=attributes.salary,attributes.iban", path(&person)),
        "/v3/people".replace("people", "persons"),
        "/v3/resources?fields=attributes".to_owned(),
        "/v3/resources:export".to_owned(),
        "/v3/events".to_owned(),
    ];
    for surface in &surfaces {
        let response = editor.request(admin_testkit::Method::GET, surface).send().await.expect("an answer");
        let text = response.text().await.expect("a body");
        assert!(!text.contains("4711") && !text.contains("DE0212"), "{surface}: {text}");
        if !surface.contains("fields") {
            assert!(text.contains("***") && text.contains("\"dr\""), "{surface}: {text}");
        }
    }
    for asked in ["filter=attributes.salary%20%3E%201", "filter=attributes.salary:*", "sort=attributes.salary"] {
        refused(&editor.get_json(&format!("/v3/persons?{asked}")).await, 400, "invalid_parameter");
        assert_eq!(sandbox.get_json(&format!("/v3/persons?{asked}")).await.0, 200);
    }
    assert_eq!(get(sandbox, &path(&person)).await["data"]["attributes"]["salary"], 4711);
});

story!(what_a_writer_does_not_see_stays, async |sandbox: &Sandbox| {
    let person = people(sandbox).await;
    let (_, editor) = user(sandbox, "eve", json!({"roles": ["editor"]})).await;
    let salary = async || get(sandbox, &path(&person)).await["data"]["attributes"].clone();

    // A whole document, as she sees it, changes what she changed and nothing else.
    let mut seen = get(&editor, &path(&person)).await["data"].clone();
    seen["attributes"]["title"] = json!("prof");
    let (status, body) = editor.put_json(&path(&person), &seen).await;
    assert_eq!(status, 200, "{body}");
    assert!(!body.to_string().contains("4711"), "{body}");
    assert_eq!(salary().await, json!({"title": "prof", "salary": 4711, "iban": "DE02120300000000202051"}));

    // What she may not write she does not write, whatever the way.
    refused(&editor.patch_json(&path(&person), &json!({"attributes": {"salary": 1}})).await, 403, "forbidden_field");
    for operation in [
        json!({"op": "test", "path": "/attributes/salary", "value": 4711}),
        json!({"op": "copy", "from": "/attributes/salary", "path": "/attributes/title"}),
        json!({"op": "move", "from": "/attributes/salary", "path": "/attributes/title"}),
    ] {
        let request = editor.request(admin_testkit::Method::PATCH, &path(&person)).body(json!([operation]).to_string());
        let reply = reply(request.header("content-type", "application/json-patch+json")).await;
        assert_eq!((reply.status, &reply.body["code"]), (409, &json!("patch_failed")), "{operation}: {}", reply.body);
    }
    assert_eq!(salary().await["salary"], 4711);
});
