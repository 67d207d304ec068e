//! Searches: all that may be found and nothing else, page by page.

use super::*;

pub(super) const SUBJECT: &str = "/access/v1/search/subject";
pub(super) const RESOURCE: &str = "/access/v1/search/resource";
pub(super) const ACTION: &str = "/access/v1/search/action";

/// Walks a search to its end: the results of each page.
async fn walk(client: &Client, path: &str, question: &Value, limit: u64) -> Vec<Vec<Value>> {
    let (mut pages, mut token) = (vec![], Value::Null);
    loop {
        let page = json!({"page": {"limit": limit, "token": token, "properties": {"b": 1, "a": 2}}});
        let answer = ask(client, path, &with(question, page)).await;
        let results = answer["results"].as_array().expect("results").clone();
        assert_eq!(answer["page"]["count"], results.len(), "{answer}");
        assert!(results.len() as u64 <= limit, "{answer}");
        pages.push(results);
        token = answer["page"]["next_token"].clone();
        if token == "" {
            return pages;
        }
        assert!(token.is_string() && pages.len() < 200, "{path} {question}: no end");
    }
}

fn ids_of(pages: &[Vec<Value>], type_name: &str) -> Vec<String> {
    let each = pages.iter().flatten();
    each.inspect(|one| assert_eq!(one["type"], type_name)).map(id).collect()
}

fn without_id(entity: &Value) -> Value {
    json!({"type": entity["type"]})
}

story!(all_subjects_are_found_and_no_others, async |sandbox: &Sandbox| {
    let World { eu, us, ada, client } = world(sandbox).await;
    let mut readers = vec![id(&get(sandbox, "/v3/users?filter=name%20%3D%20%22owner%22").await["data"][0]), id(&ada)];
    let rows: Vec<Value> = (0..23)
        .map(|n| {
            let attributes = if n % 3 == 0 { json!({"roles": ["viewer"]}) } else { json!({}) };
            json!({"type": "user", "id": format!("usr_01kgfjjzt4fba91f8bbfm{n:05}"), "name": format!("u{n}"), "attributes": attributes})
        })
        .collect();
    readers.extend(rows.iter().step_by(3).map(id));
    readers.sort();
    let report = import(sandbox, "/v3/resources:import", ndjson(&rows)).await;
    assert_eq!(report["created"], 23, "{report}");

    let question = can(&json!({"type": "user"}), "read", &eu);
    for limit in [1, 2, 3, 9, 10, 11, 200, 5000] {
        let pages = walk(sandbox, SUBJECT, &question, limit).await;
        let mut found = ids_of(&pages, "user");
        found.sort();
        assert_eq!(found, readers, "{limit}");
        assert_eq!(pages.len() as u64, (readers.len() as u64).div_ceil(limit), "{limit}: {pages:?}");
    }
    // Whoever is found may indeed, and an id that is sent makes no difference.
    let sent = with(&question, json!({"subject": {"type": "user", "id": "ignored"}}));
    for one in walk(sandbox, SUBJECT, &sent, 50).await.iter().flatten() {
        assert_eq!(ask(sandbox, EVALUATION, &can(one, "read", &eu)).await["decision"], true, "{one}");
    }
    assert_eq!(
        walk(sandbox, SUBJECT, &can(&json!({"type": "user"}), "read", &us), 50).await[0].len(),
        readers.len() - 1
    );
    // Nothing is an answer: a type whose resources may do nothing, or that is not there, or a resource that is not.
    for question in [
        can(&json!({"type": "client"}), "read", &eu),
        can(&json!({"type": "workspace"}), "read", &eu),
        can(&json!({"type": "spaceship"}), "read", &eu),
        can(&json!({"type": "user"}), "fly", &eu),
        can(&json!({"type": "user"}), "read", &workspace("nothing")),
        can(&json!({"type": "user"}), "read", &json!({"type": "spaceship", "id": "1"})),
    ] {
        let answer = ask(sandbox, SUBJECT, &question).await;
        assert_eq!(answer, json!({"page": {"next_token": "", "count": 0}, "results": []}), "{question}");
    }
    // Whoever may ask about themselves alone finds nobody else.
    assert_eq!(ids_of(&walk(&client, SUBJECT, &question, 1).await, "user"), [id(&ada)]);
});

story!(few_are_found_among_many, async |sandbox: &Sandbox| {
    let World { us, .. } = world(sandbox).await;
    // All but the last may nothing. More than one page looks at.
    let rows: Vec<Value> = (0..1250)
        .map(|n| json!({"type": "client", "id": format!("cli_01kgfjjzt4fba91f8bbfm{n:05}"), "name": format!("c{n}")}))
        .chain([json!({"type": "client", "name": "last", "attributes": {"roles": ["viewer"]}})])
        .collect();
    let report = import(sandbox, "/v3/resources:import", ndjson(&rows)).await;
    assert_eq!(report["failed"], 0, "{report}");
    let question = can(&json!({"type": "client"}), "read", &us);
    let pages = walk(sandbox, SUBJECT, &question, 3).await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1], "a page looks at a thousand");
    // Among fewer, the first page has it.
    let gone: Vec<String> = rows.iter().take(400).map(id).collect();
    for id in gone {
        assert_eq!(sandbox.delete_json(&path(&id)).await.0, 200);
    }
    let pages = walk(sandbox, SUBJECT, &question, 1).await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [1]);
});

story!(resources_and_actions_are_found, async |sandbox: &Sandbox| {
    let World { eu, us, ada, client } = world(sandbox).await;
    let mut all = vec![id(&eu)];
    for n in 0..6 {
        all.push(add(sandbox, "workspace", &format!("w{n}"), json!({"region": "eu"})).await);
        add(sandbox, "workspace", &format!("v{n}"), json!({"region": "us"})).await;
    }
    let question = can(&ada, "read", &without_id(&eu));
    for limit in [1, 3, 7, 8] {
        let pages = walk(sandbox, RESOURCE, &question, limit).await;
        assert_eq!(ids_of(&pages, "workspace"), all, "{limit}");
        assert_eq!(pages.len() as u64, 7_u64.div_ceil(limit));
    }
    assert_eq!(ids_of(&walk(&client, RESOURCE, &question, 50).await, "workspace"), all);
    let sent = with(&question, json!({"resource": us}));
    assert_eq!(ids_of(&walk(sandbox, RESOURCE, &sent, 50).await, "workspace"), all, "an id is ignored");
    for one in walk(sandbox, RESOURCE, &question, 50).await.iter().flatten() {
        assert_eq!(ask(sandbox, EVALUATION, &can(&ada, "read", one)).await["decision"], true, "{one}");
    }

    let question = json!({"subject": ada, "resource": eu, "action": {"name": "ignored"}, "context": {}});
    for limit in [1, 2, 50] {
        let pages = walk(sandbox, ACTION, &question, limit).await;
        let names: Vec<Value> = pages.iter().flatten().cloned().collect();
        assert_eq!(names, [json!({"name": "read"}), json!({"name": "update"})], "{limit}");
        assert_eq!(pages.len() as u64, 2_u64.div_ceil(limit));
    }
    let nobody = json!({"type": "user", "id": "nobody"});
    for (path, question) in [
        (RESOURCE, can(&nobody, "read", &without_id(&eu))),
        (RESOURCE, can(&ada, "read", &json!({"type": "spaceship"}))),
        (RESOURCE, can(&ada, "fly", &without_id(&eu))),
        (ACTION, json!({"subject": nobody, "resource": eu})),
        (ACTION, json!({"subject": ada, "resource": us})),
        (ACTION, json!({"subject": ada, "resource": {"type": "spaceship", "id": "1"}})),
    ] {
        let answer = ask(sandbox, path, &question).await;
        assert_eq!(answer, json!({"page": {"next_token": "", "count": 0}, "results": []}), "{path} {question}");
    }
});

story!(a_token_leads_on_in_its_own_search_alone, async |sandbox: &Sandbox| {
    let World { eu, us, ada, client } = world(sandbox).await;
    add(sandbox, "workspace", "paris", json!({"region": "eu"})).await;
    let question = can(&ada, "read", &without_id(&eu));
    let first = ask(sandbox, RESOURCE, &with(&question, json!({"page": {"limit": 1}}))).await;
    let token = &first["page"]["next_token"];
    let page = |limit: Value| json!({"page": {"token": token, "limit": limit}});

    // The limit may be left out, as the standard's own example does; members may come in any order.
    for limit in [json!(1), json!(null)] {
        let second = ask(sandbox, RESOURCE, &with(&question, page(limit))).await;
        assert_eq!(second["page"], json!({"next_token": "", "count": 1}), "{second}");
        assert_ne!(second["results"], first["results"]);
    }
    let contexts =
        [json!({"context": {"a": 1, "b": {"c": 2, "d": 3}}}), json!({"context": {"b": {"d": 3, "c": 2}, "a": 1}})];
    let asked = with(&with(&question, contexts[0].clone()), json!({"page": {"limit": 1}}));
    let other = ask(sandbox, RESOURCE, &asked).await["page"]["next_token"].clone();
    ask(sandbox, RESOURCE, &with(&with(&question, contexts[1].clone()), json!({"page": {"token": other}}))).await;

    for changed in [
        json!({"action": {"name": "update"}}),
        json!({"subject": {"type": "user", "id": "other"}}),
        json!({"resource": {"type": "user"}}),
        json!({"context": {"a": 1}}),
        json!({"subject": with(&ada, json!({"properties": {"a": 1}}))}),
    ] {
        refuses(sandbox, RESOURCE, &with(&with(&question, page(json!(1))), changed), "`page.token`").await;
    }
    refuses(sandbox, RESOURCE, &with(&question, page(json!(2))), "`page.limit`").await;
    refuses(&client, RESOURCE, &with(&question, page(json!(1))), "`page.token`").await;
    refuses(sandbox, ACTION, &with(&json!({"subject": ada, "resource": eu}), page(json!(1))), "`page.token`").await;
    for (wrong, what) in [
        (json!({"token": "made up"}), "`page.token`"),
        (json!({"token": id(&us)}), "`page.token`"),
        (json!({"token": 1}), "`page.token`"),
        (json!({"limit": -1}), "`page.limit`"),
        (json!({"limit": 1.5}), "`page.limit`"),
        (json!({"limit": "1"}), "`page.limit`"),
        (json!({"properties": 1}), "`page.properties`"),
        (json!(7), "`page`"),
    ] {
        refuses(sandbox, RESOURCE, &with(&question, json!({"page": wrong})), what).await;
    }
    // No results are wanted: there is more, or there is not.
    for (question, more) in [(question.clone(), true), (with(&question, json!({"action": {"name": "fly"}})), false)] {
        let answer = ask(sandbox, RESOURCE, &with(&question, json!({"page": {"limit": 0}}))).await;
        assert_eq!((answer["results"].as_array().map(Vec::len), answer["page"]["next_token"] != ""), (Some(0), more));
    }
});

story!(a_search_that_lacks_something_is_refused, async |sandbox: &Sandbox| {
    let World { eu, ada, client, .. } = world(sandbox).await;
    for (path, lacking, what) in [
        (SUBJECT, json!({"subject": {"type": "user"}, "resource": eu}), "`action`"),
        (SUBJECT, json!({"action": {"name": "read"}, "resource": eu}), "`subject`"),
        (SUBJECT, can(&json!({"id": "x"}), "read", &eu), "`subject.type`"),
        (SUBJECT, json!({"subject": {"type": "user"}, "action": {"name": "read"}}), "`resource`"),
        (SUBJECT, can(&json!({"type": "user"}), "read", &without_id(&eu)), "`resource.id`"),
        (RESOURCE, json!({"action": {"name": "read"}, "resource": {"type": "workspace"}}), "`subject`"),
        (RESOURCE, can(&without_id(&ada), "read", &without_id(&eu)), "`subject.id`"),
        (RESOURCE, can(&ada, "read", &json!({"id": "x"})), "`resource.type`"),
        (RESOURCE, json!({"subject": ada, "resource": {"type": "workspace"}}), "`action`"),
        (ACTION, json!({"subject": ada}), "`resource`"),
        (ACTION, json!({"resource": eu}), "`subject`"),
        (ACTION, json!({"subject": ada, "resource": without_id(&eu)}), "`resource.id`"),
    ] {
        refuses(sandbox, path, &lacking, what).await;
    }
    let (bob, _) = user(sandbox, "bob", json!({})).await;
    let bob = json!({"type": "user", "id": bob});
    refused(&client.post_json(RESOURCE, &can(&bob, "read", &without_id(&eu))).await, 403, "forbidden");
    refused(&client.post_json(ACTION, &json!({"subject": bob, "resource": eu})).await, 403, "forbidden");
});
