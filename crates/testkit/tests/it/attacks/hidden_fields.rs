//! A field that is not shown cannot be guessed either.

use super::*;

/// Salaries are hidden from all but owners, who alone may write them; notes are hidden, but everybody may write them.
const RULES: &str = r#"@fields("attributes.salary, attributes.bank.iban, labels")
    forbid (principal, action in [Action::"person.read", Action::"person.update"], resource)
    unless { principal in role::"owner" };
    @fields("attributes.note, attributes.boss")
    forbid (principal, action == Action::"person.read", resource) unless { principal in role::"owner" };"#;

async fn people(sandbox: &Sandbox) -> (String, Client) {
    let text = json!({"type": "string"});
    let boss = json!({"type": "string", "x-ref": "secret"});
    define(sandbox, "secret", json!({})).await;
    let properties = json!({"title": text, "salary": {"type": "integer", "x-index": true}, "note": text, "boss": boss,
        "friend": boss, "bank": {"type": "object", "properties": {"iban": text, "name": text}}});
    define(sandbox, "person", properties).await;
    let hidden =
        r#"forbid (principal, action, resource) when { resource is secret } unless { principal in role::"owner" };"#;
    policy(sandbox, "people", RULES).await;
    policy(sandbox, "secrets", hidden).await;
    let boss = add(sandbox, "secret", "boss", json!({})).await;
    let person = json!({"type": "person", "name": "ada", "labels": {"level": "9"}, "attributes": {
        "title": "dr", "salary": 4711, "note": "n", "boss": boss, "bank": {"iban": "DE02", "name": "b"}}});
    let person = create(sandbox, &person).await;
    (person, user(sandbox, "eve", json!({"roles": ["editor"]})).await.1)
}

/// The answer without what differs from request to request.
fn gist((status, mut body): (u16, Value)) -> (u16, Value) {
    body["request_id"] = Value::Null;
    for place in ["updated_at", "version"] {
        body["data"].as_object_mut().map(|data| data.remove(place));
    }
    (status, body)
}

story!(a_guess_at_a_field_that_is_not_hers_to_write_is_refused_right_or_wrong, async |sandbox: &Sandbox| {
    let (person, eve) = people(sandbox).await;
    let at = path(&person);
    for (right, wrong) in [
        (json!({"attributes": {"salary": 4711}}), json!({"attributes": {"salary": 4712}})),
        (json!({"attributes": {"bank": {"iban": "DE02"}}}), json!({"attributes": {"bank": {"iban": "DE03"}}})),
        (json!({"labels": {"level": "9"}}), json!({"labels": {"level": "8"}})),
    ] {
        for at in [at.clone(), format!("{at}?dry_run=true")] {
            let (one, other) = (eve.patch_json(&at, &right).await, eve.patch_json(&at, &wrong).await);
            refused(&one, 403, "forbidden_field");
            assert_eq!(gist(one), gist(other), "{right}");
        }
        let whole = |attributes: &Value| {
            let mut whole = json!({"type": "person", "name": "ada", "attributes": {"title": "dr"}});
            whole.as_object_mut().expect("an object").extend(attributes.as_object().expect("an object").clone());
            whole
        };
        let (one, other) = (eve.put_json(&at, &whole(&right)).await, eve.put_json(&at, &whole(&wrong)).await);
        assert_eq!(gist(one), gist(other), "{right}");
        let line = |attributes: &Value| {
            let mut line = whole(attributes);
            line["id"] = json!(person);
            ndjson(&[line])
        };
        let one = import(&eve, "/v3/resources:import", line(&right)).await;
        assert_eq!(one, import(&eve, "/v3/resources:import", line(&wrong)).await, "{right}");
        assert_eq!(one["errors"][0]["code"], "forbidden_field", "{one}");
    }
    for (path, right, wrong) in [("salary", json!(4711), json!(1)), ("salary", Value::Null, json!(1))] {
        let add = |value: &Value| json!([{"op": "add", "path": format!("/attributes/{path}"), "value": value}]);
        let (one, other) = (operations(&eve, &at, add(&right)).await, operations(&eve, &at, add(&wrong)).await);
        assert!(one.0 >= 400 && other.0 >= 400, "{one:?} {other:?}");
        let test = |value: &Value| json!([{"op": "test", "path": format!("/attributes/{path}"), "value": value}]);
        let (one, other) = (operations(&eve, &at, test(&right)).await, operations(&eve, &at, test(&wrong)).await);
        assert_eq!(gist(one), gist(other), "{right}");
    }
    assert_eq!(get(sandbox, &at).await["data"]["version"], 1, "nothing of this changed anything");
});

story!(a_guess_at_a_field_that_she_may_write_counts_as_a_change, async |sandbox: &Sandbox| {
    let (person, eve) = people(sandbox).await;
    let note = async |text: &str| {
        let answer = eve.patch_json(&path(&person), &json!({"attributes": {"note": text}})).await;
        (answer.1["data"]["version"].clone(), gist(answer))
    };
    let (first, right) = note("n").await;
    let (second, wrong) = note("m").await;
    assert_eq!((first, second), (json!(2), json!(3)));
    assert_eq!((right.0, &right), (200, &wrong));
    // What is shown as it is, and what is left alone, are no guesses.
    let (_, body) = eve.patch_json(&path(&person), &json!({"attributes": {"title": "dr"}})).await;
    assert_eq!(body["data"]["version"], 3, "{body}");
    assert_eq!(get(sandbox, &path(&person)).await["data"]["attributes"]["note"], "m");
});

story!(a_hidden_reference_is_not_found_out_by_pointing_there_too, async |sandbox: &Sandbox| {
    let (person, eve) = people(sandbox).await;
    let boss = get(sandbox, &path(&person)).await["data"]["attributes"]["boss"].clone();
    let other = add(sandbox, "secret", "other", json!({})).await;
    for field in ["friend", "boss"] {
        let point = async |target: &str| {
            let patch = json!({"attributes": {field: target}});
            let (status, body) = gist(eve.patch_json(&path(&person), &patch).await);
            (status, body.to_string().replace(target, "{id}"))
        };
        let right = point(boss.as_str().expect("an id")).await;
        assert_eq!(right.0, 422, "{field}: {}", right.1);
        assert_eq!(right, point(&other).await, "{field}");
        assert_eq!(right, point(ABSENT).await, "{field}");
    }
});

story!(what_is_hidden_can_be_asked_for_by_no_list, async |sandbox: &Sandbox| {
    let (_, eve) = people(sandbox).await;
    let asked = [
        ("filter", "attributes.salary = 4711"),
        ("filter", "NOT (attributes.salary > 5000)"),
        ("filter", "name = \"ada\" AND (status = \"active\" OR attributes.salary:*)"),
        ("filter", "attributes.bank.iban = \"DE02\""),
        ("filter", "labels.level = \"9\""),
        ("filter", "type = \"person\" AND attributes.salary = 4711"),
        ("sort", "attributes.salary"),
        ("sort", "-attributes.salary"),
    ];
    for (parameter, value) in asked {
        for list in ["/v3/persons", "/v3/resources", "/v3/persons:export"] {
            let (status, body) = eve.get_json(&with_params(list, &[(parameter, value)])).await;
            assert_eq!((status, &body["code"]), (400, &json!("invalid_parameter")), "{list} {value}: {body}");
        }
    }
    for search in ["4711", "DE02"] {
        let (status, body) = eve.get_json(&with_params("/v3/persons", &[("q", search)])).await;
        assert!(status == 400 || body["pagination"]["total_items"] == 0, "{search}: {body}");
    }
    let shown = get(&eve, "/v3/persons?expand=attributes.boss&fields=attributes.boss,attributes.salary,labels").await;
    for hidden in ["4711", "DE02", "sec_", "level"] {
        assert!(!shown.to_string().contains(hidden), "{shown}");
    }
});

story!(no_answer_to_a_change_shows_what_is_hidden, async |sandbox: &Sandbox| {
    let (person, eve) = people(sandbox).await;
    let at = path(&person);
    let seen = get(&eve, &at).await["data"].clone();
    let mut answers = vec![];
    for dry in ["?dry_run=true", ""] {
        let at = format!("{at}{dry}");
        answers.push(eve.patch_json(&at, &json!({"attributes": {"title": format!("one{dry}")}})).await);
        let mut whole = seen.clone();
        whole["attributes"]["title"] = json!(format!("two{dry}"));
        for stamp in ["version", "created_at", "updated_at"] {
            whole.as_object_mut().expect("an object").remove(stamp);
        }
        answers.push(eve.put_json(&at, &whole).await);
        answers
            .push(operations(&eve, &at, json!([{"op": "replace", "path": "/attributes/title", "value": "3"}])).await);
        // A refusal quotes no more than an answer shows.
        answers.push(eve.patch_json(&at, &json!({"attributes": {"title": 1, "salary": "x", "bank": 7}})).await);
        answers.push(eve.delete_json(&at).await);
    }
    let restore = async || {
        let request = eve.request(Method::POST, &format!("{at}/restore")).header("idempotency-key", "k");
        let reply = reply(request).await;
        (reply.status, reply.body)
    };
    answers.push(restore().await);
    answers.push(restore().await);
    // Not hers to restore, since it refers to what she does not see: to what, is not said.
    refused(&answers[answers.len() - 1], 422, "dangling_reference");
    assert_eq!(sandbox.post_json(&format!("{at}/restore"), &json!({})).await.0, 200);
    let whole = get(sandbox, &at).await["data"].clone();
    let boss = whole["attributes"]["boss"].as_str().expect("an id").to_owned();
    let refusals = answers.iter().filter(|(status, _)| *status >= 400).count();
    assert_eq!(refusals, 4, "{answers:?}");
    for (_, body) in &answers {
        for hidden in ["4711", "DE02", "\"level\"", "\"n\"", &boss] {
            assert!(!body.to_string().contains(hidden), "{hidden}: {body}");
        }
    }
    // Nothing of it was lost.
    assert_eq!((&whole["attributes"]["salary"], &whole["labels"]), (&json!(4711), &json!({"level": "9"})), "{whole}");
});

story!(what_is_hidden_of_a_principal_is_hidden_where_decisions_are_asked_for, async |sandbox: &Sandbox| {
    let facts =
        json!({"attributes": {"schema": {"properties": {"facts": {"properties": {"level": {"type": "string"}}}}}}});
    let types = get(sandbox, "/v3/types?filter=name%20%3D%20%22user%22").await;
    assert_eq!(sandbox.patch_json(&path(types["data"][0]["id"].as_str().expect("an id")), &facts).await.0, 200);
    let (bob, _) = user(sandbox, "bob", json!({"facts": {"level": "TOPSECRET"}})).await;
    let (eve, _) = user(sandbox, "eve", json!({})).await;
    let (_, asker) = user(sandbox, "asker", json!({"roles": ["auditor"]})).await;
    let rules = format!(
        r#"@fields("attributes.facts") forbid (principal in role::"auditor", action == Action::"user.read", resource);
        forbid (principal in role::"auditor", action == Action::"user.read", resource == user::"{eve}");"#
    );
    policy(sandbox, "hide", &rules).await;
    define(sandbox, "note", json!({})).await;
    let note = add(sandbox, "note", "n", json!({})).await;
    let question = json!({"principal": bob, "action": "note.read", "resource": note});
    let (status, told) = asker.post_json("/v3/access/explain", &question).await;
    assert!(status == 200 && !told.to_string().contains("TOPSECRET"), "{told}");
    let evaluate = async |id: &str| {
        let subject = json!({"type": "user", "id": id});
        let asked = json!({"subject": subject, "action": {"name": "read"}, "resource": {"type": "user", "id": bob}});
        asker.post_json("/access/v1/evaluation", &asked).await
    };
    policy(sandbox, "open", r#"permit (principal, action == Action::"user.read", resource);"#).await;
    assert_eq!(evaluate(&bob).await, (200, json!({"decision": true})));
    assert_eq!(evaluate(&eve).await, (200, json!({"decision": false})), "as if she were not there");
});
