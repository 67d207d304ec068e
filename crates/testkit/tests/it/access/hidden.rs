//! The existence of what somebody may not see shows nowhere.

use super::*;

story!(what_is_hidden_answers_as_if_it_were_not_there, async |sandbox: &Sandbox| {
    let text = json!({"type": "string"});
    define(sandbox, "secret", json!({"code": {"type": "string", "x-unique": true}})).await;
    define(sandbox, "note", json!({"about": {"type": "string", "x-ref": "secret"}, "text": text})).await;
    let rules = r#"permit (principal in role::"writer", action, resource) when { resource is note };"#;
    add(sandbox, "role", "writer", json!({})).await;
    policy(sandbox, "writers", rules).await;
    let (_, ada) = user(sandbox, "ada", json!({"roles": ["writer"]})).await;
    let hidden = add(sandbox, "secret", "hidden", json!({"code": "x"})).await;
    let absent = "res_01h455vb4pex5vsknk084sn02q";
    let note = add(sandbox, "note", "note", json!({"about": hidden})).await;

    // The same answer for what is hidden and for what is not there, but for the id itself.
    let same = async |method: &str, template: &str, body: Value| {
        let mut answers = vec![];
        for id in [&*hidden, absent] {
            let request = ada.request(method.parse().expect("a method"), &template.replace("{id}", id));
            let body = body.to_string().replace("{id}", id);
            let request = request.header("content-type", "application/json").body(body);
            let reply = reply(request).await;
            let mut text = reply.body;
            text["request_id"] = Value::Null;
            answers.push((reply.status, text.to_string().replace(id, "{id}")));
        }
        assert_eq!(answers[0], answers[1], "{method} {template}");
        assert!((400..500).contains(&answers[0].0), "{answers:?}");
    };
    for of in ["resources", "secrets"] {
        same("GET", &format!("/v3/{of}/{{id}}"), json!({})).await;
        same("GET", &format!("/v3/{of}/{{id}}?trashed=true"), json!({})).await;
        same("PATCH", &format!("/v3/{of}/{{id}}"), json!({"name": "x"})).await;
        same("PUT", &format!("/v3/{of}/{{id}}"), json!({"name": "x"})).await;
        same("DELETE", &format!("/v3/{of}/{{id}}"), json!({})).await;
        same("POST", &format!("/v3/{of}/{{id}}/restore"), json!({})).await;
    }
    same("POST", "/v3/notes", json!({"name": "n", "attributes": {"about": "{id}"}})).await;
    same("POST", "/v3/notes", json!({"name": "n", "parent": "{id}"})).await;
    same("PATCH", &path(&note), json!({"parent": "{id}"})).await;

    // A reference that is there says no more than its id.
    let shown = get(&ada, &format!("{}?expand=attributes.about", path(&note))).await;
    assert_eq!(shown["data"]["expanded"]["attributes.about"], Value::Null, "{shown}");
    assert_eq!(total(&ada, "/v3/resources").await, 1);
    assert_eq!(total(&ada, "/v3/secrets").await, 0);
    assert_eq!(get(&ada, "/v3/events?type=secret.*").await["pagination"]["total_items"], 0);
    // She may change the note without touching the reference.
    assert_eq!(ada.patch_json(&path(&note), &json!({"attributes": {"text": "t"}})).await.0, 200);
});

story!(a_conflict_does_not_name_what_is_hidden, async |sandbox: &Sandbox| {
    define(sandbox, "thing", json!({"code": {"type": "string", "x-unique": true}, "open": {"type": "boolean"}})).await;
    let text = r#"permit (principal in role::"opener", action, resource)
        when { resource is thing && resource.attributes has open && resource.attributes.open };"#;
    add(sandbox, "role", "opener", json!({})).await;
    policy(sandbox, "openers", text).await;
    let (_, ada) = user(sandbox, "ada", json!({"roles": ["opener"]})).await;
    let hidden = add(sandbox, "thing", "hidden", json!({"code": "x"})).await;
    let new = json!({"type": "thing", "name": "n", "attributes": {"code": "x", "open": true}});
    let (status, body) = ada.post_json("/v3/resources", &new).await;
    assert_eq!((status, &body["code"]), (409, &json!("not_unique")), "{body}");
    assert!(!body.to_string().contains(&hidden), "{body}");
});
