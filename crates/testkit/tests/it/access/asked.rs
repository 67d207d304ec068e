//! Why, what if, and what other programs ask: the answers are those that the API itself gives.

use super::*;

async fn post(client: &Client, path: &str, body: Value) -> Value {
    let (status, answer) = client.post_json(path, &body).await;
    assert_eq!(status, 200, "{path} {body} → {answer}");
    answer
}

/// Workspaces in two regions, and somebody who may read and update those in the one.
async fn ada(sandbox: &Sandbox) -> (String, String, String, Client) {
    let (eu, us) = workspaces(sandbox).await;
    declare_facts(sandbox, json!({"region": {"type": "string"}})).await;
    add(sandbox, "role", "local", json!({})).await;
    policy(sandbox, "eu-editors", EU_EDITORS).await;
    let (id, ada) = user(sandbox, "ada", json!({"roles": ["local"], "facts": {"region": "eu"}})).await;
    (eu, us, id, ada)
}

story!(a_decision_is_explained, async |sandbox: &Sandbox| {
    let (eu, us, id, ada) = ada(sandbox).await;
    let why = async |client: &Client, principal: &str, action: &str, resource: &str| {
        let question = json!({"principal": principal, "action": action, "resource": resource});
        post(client, "/v3/access/explain", question).await["data"].clone()
    };
    let allowed = why(sandbox, &id, "workspace.update", &eu).await;
    assert_eq!((&allowed["decision"], &allowed["determining"][0]["name"]), (&json!("allow"), &json!("eu-editors")));
    assert_eq!(allowed["facts"]["roles"], json!(["local"]), "{allowed}");

    // What a denial lacks is what would turn it.
    let denied = why(sandbox, &id, "read", &us).await;
    let lacking = |answer: &Value| -> Vec<Value> {
        let statements = answer["missing"].as_array().expect("statements").iter();
        statements.filter(|one| one["name"] == "eu-editors").map(|one| one["failing"].clone()).collect()
    };
    assert_eq!(denied["decision"], "deny", "{denied}");
    let failing = lacking(&denied);
    assert_eq!(failing[0].as_array().map(Vec::len), Some(1), "{denied}");
    assert!(failing[0][0]["text"].as_str().is_some_and(|text| text.contains("region")), "{denied}");
    assert_eq!(failing[0][0]["line"], 2);
    assert_eq!(sandbox.patch_json(&path(&us), &json!({"attributes": {"region": "eu"}})).await.0, 200);
    assert_eq!(why(sandbox, &id, "read", &us).await["decision"], "allow");
    assert_eq!(ada.get_json(&path(&us)).await.0, 200);

    // A forbid says that it is what blocks.
    let text = r#"forbid (principal in role::"local", action == Action::"workspace.read", resource)
        when { resource.name == "berlin" };"#;
    let blocks = policy(sandbox, "no-berlin", text).await;
    let blocked = why(sandbox, &id, "read", &eu).await;
    assert_eq!(
        (&blocked["decision"], &blocked["determining"][0]["policy"]),
        (&json!("deny"), &json!(blocks)),
        "{blocked}"
    );
    assert!(blocked["nearest"].as_str().is_some_and(|nearest| nearest.contains(&blocks)), "{blocked}");
    refused(&ada.get_json(&path(&eu)).await, 404, "not_found");

    // About oneself anybody may ask, and is told no more than the decision; about others, who may read policies.
    let own = post(&ada, "/v3/access/explain", json!({"action": "delete", "resource": us})).await["data"].clone();
    assert_eq!((&own["decision"], own.get("missing")), (&json!("deny"), None), "{own}");
    let question = json!({"principal": id, "action": "read", "resource": eu});
    refused(&ada.post_json("/v3/access/explain", &question).await, 422, "validation_failed");
    let (other, _) = user(sandbox, "bob", json!({})).await;
    let question = json!({"principal": other, "action": "read", "resource": us});
    refused(&ada.post_json("/v3/access/explain", &question).await, 403, "forbidden");
    for wrong in [json!({"action": "fly", "resource": us}), json!({"action": "read"}), json!({"what": 1}), json!([])] {
        refused(&sandbox.post_json("/v3/access/explain", &wrong).await, 422, "validation_failed");
    }
});

story!(a_draft_is_tried_before_it_is_in_force, async |sandbox: &Sandbox| {
    let (_, us, id, ada) = ada(sandbox).await;
    let before = last_seq(sandbox).await;
    let all = r#"permit (principal in role::"local", action == Action::"workspace.read", resource);"#;
    let draft = json!({"policies": [{"name": "eu-editors", "cedar": all}], "principals": [id]});
    let found = post(sandbox, "/v3/access/simulate", draft).await["data"].clone();
    assert_eq!(
        (&found["gains"], &found["losses"], &found["complete"]),
        (&json!(1), &json!(1), &json!(true)),
        "{found}"
    );
    let of = |action: &str| found["changes"].as_array().expect("changes").iter().find(|one| one["action"] == action);
    let example = json!({"principal": id, "resource": us, "becomes": "allow"});
    assert_eq!(of("workspace.read").expect("a change")["examples"], json!([example]), "{found}");
    assert_eq!(of("workspace.update").expect("a change")["losses"], 1, "{found}");
    assert_eq!((last_seq(sandbox).await, total(&ada, "/v3/workspaces").await), (before, 1), "nothing is written");

    let policies = get(sandbox, "/v3/policies?filter=name%20%3D%20%22eu-editors%22").await;
    let patch = json!({"attributes": {"cedar": all}});
    assert_eq!(sandbox.patch_json(&path(&id_of(&policies)), &patch).await.0, 200);
    assert_eq!(total(&ada, "/v3/workspaces").await, 2);

    let wrong = json!({"policies": [{"name": "a", "cedar": all}, {"name": "b", "cedar": "permit"}]});
    let answer = sandbox.post_json("/v3/access/simulate", &wrong).await;
    refused(&answer, 422, "validation_failed");
    assert_eq!(pointers(&answer.1), ["/policies/1/cedar"]);
    refused(&ada.post_json("/v3/access/simulate", &json!({})).await, 403, "forbidden");
});

fn id_of(page: &Value) -> String {
    id(&page["data"][0])
}

story!(the_matrix_says_what_roles_may_do, async |sandbox: &Sandbox| {
    ada(sandbox).await;
    let matrix = get(sandbox, "/v3/access/matrix").await["data"].clone();
    let cell = |role: &str, of: &str, verb: &str| {
        let row = matrix.as_array().expect("rows").iter().find(|row| row["role"] == role).expect("a role");
        row["types"][of][verb].clone()
    };
    assert_eq!(cell("owner", "policy", "delete"), "all");
    assert_eq!(cell("viewer", "workspace", "read"), "all");
    assert_eq!(cell("viewer", "workspace", "update"), "none");
    assert_eq!(cell("editor", "user", "update"), "none");
    assert_eq!(cell("viewer", "policy", "read"), "none");
    assert_eq!(cell("local", "workspace", "read"), "none", "without facts it may nothing");
});

story!(refusals_are_recorded, async |sandbox: &Sandbox| {
    let (eu, us, id, ada) = ada(sandbox).await;
    refused(&ada.delete_json(&path(&eu)).await, 403, "forbidden");
    refused(&ada.get_json(&path(&us)).await, 404, "not_found");
    let recorded = async |wanted: usize| {
        eventually("the record", async || {
            let page = get(sandbox, "/v3/access/decisions?limit=1").await;
            (page["pagination"]["total_items"] == wanted).then_some(page)
        })
        .await
    };
    let newest = recorded(2).await;
    let shown = |page: &Value| {
        let one = &page["data"][0];
        (one["principal"]["id"].clone(), one["action"].clone(), one["resource"].clone(), one["decision"].clone())
    };
    assert_eq!(shown(&newest), (json!(id), json!("workspace.read"), json!(us), json!("deny")), "{newest}");
    let cursor = newest["pagination"]["next_cursor"].as_str().expect("a further page");
    let older = get(sandbox, &format!("/v3/access/decisions?limit=1&cursor={cursor}")).await;
    assert_eq!(shown(&older).1, "workspace.delete");
    assert_eq!(older["pagination"]["next_cursor"], Value::Null);
    refused(&ada.get_json("/v3/access/decisions").await, 403, "forbidden");
});

story!(other_programs_ask_by_authzen, async |sandbox: &Sandbox| {
    let (eu, us, id, ada) = ada(sandbox).await;
    let subject = json!({"type": "user", "id": id, "properties": {"ignored": true}});
    let resource = |id: &str| json!({"type": "workspace", "id": id});
    let ask = |action: &str, on: Value| json!({"subject": subject, "action": {"name": action}, "resource": on, "context": {}});
    for (action, on, expected) in
        [("read", &eu, true), ("workspace.update", &eu, true), ("delete", &eu, false), ("read", &us, false)]
    {
        let answer = post(sandbox, "/access/v1/evaluation", ask(action, resource(on))).await;
        assert_eq!(answer, json!({"decision": expected}), "{action} {on}");
    }
    for absent in ["res_01h455vb4pex5vsknk084sn02q", "nothing"] {
        let answer = post(sandbox, "/access/v1/evaluation", ask("read", resource(absent))).await;
        assert_eq!(answer["decision"], false);
    }
    // Many at once, with what they share said once, and an end where the semantic wants it.
    let many = |semantic: &str| {
        json!({"subject": subject, "action": {"name": "read"}, "options": {"evaluations_semantic": semantic},
            "evaluations": [{"resource": resource(&us)}, {"resource": resource(&eu)}, {"resource": resource(&us)}]})
    };
    for (semantic, expected) in [
        ("execute_all", vec![false, true, false]),
        ("deny_on_first_deny", vec![false]),
        ("permit_on_first_permit", vec![false, true]),
    ] {
        let answer = post(sandbox, "/access/v1/evaluations", many(semantic)).await;
        let decisions: Vec<Value> = expected.iter().map(|decision| json!({"decision": decision})).collect();
        assert_eq!(answer["evaluations"], json!(decisions), "{semantic}");
    }
    // A search finds what a list shows.
    let extra = add(sandbox, "workspace", "paris", json!({"region": "eu"})).await;
    let search = |page: Value| json!({"subject": subject, "action": {"name": "read"}, "resource": {"type": "workspace"}, "page": page});
    let first = post(sandbox, "/access/v1/search/resource", search(json!({"limit": 1}))).await;
    let token = first["page"]["next_token"].as_str().expect("a token");
    let second = post(sandbox, "/access/v1/search/resource", search(json!({"limit": 1, "token": token}))).await;
    assert_eq!((&first["results"][0]["id"], &second["results"][0]["id"]), (&json!(eu), &json!(extra)));
    assert_eq!(second["page"]["next_token"], "");
    assert_eq!(ids(&ada, "/v3/workspaces").await, [eu.clone(), extra]);
    let actions =
        post(sandbox, "/access/v1/search/action", json!({"subject": subject, "resource": resource(&eu)})).await;
    assert_eq!(actions["results"], json!([{"name": "read"}, {"name": "update"}]));
    let who = json!({"subject": {"type": "user"}, "action": {"name": "read"}, "resource": resource(&us)});
    let who = post(sandbox, "/access/v1/search/subject", who).await;
    assert_eq!(who["results"].as_array().map(Vec::len), Some(1), "the owner alone: {who}");

    for wrong in [json!({}), json!({"subject": 1}), json!({"subject": subject, "resource": resource(&eu)}), json!([])] {
        assert_eq!(sandbox.post_json("/access/v1/evaluation", &wrong).await.0, 400, "{wrong}");
    }
    let request = sandbox.request(admin_testkit::Method::POST, "/access/v1/evaluation");
    let request = request.header("x-request-id", "asked-1").json(&ask("read", resource(&eu)));
    assert_eq!(reply(request).await.header("x-request-id"), "asked-1");
    let told = get(&sandbox.anonymous(), "/.well-known/authzen-configuration").await;
    assert_eq!(told["access_evaluation_endpoint"], format!("{}/access/v1/evaluation", sandbox.base_url));
});

story!(what_is_no_principal_cannot_be_asked_about, async |sandbox: &Sandbox| {
    let (eu, _, id, _) = ada(sandbox).await;
    sandbox.patch_json(&path(&id), &json!({"status": "disabled"})).await;
    for nobody in [&eu, &id] {
        let question = json!({"principal": nobody, "action": "read", "resource": eu});
        let answer = sandbox.post_json("/v3/access/explain", &question).await;
        refused(&answer, 422, "validation_failed");
        assert_eq!(pointers(&answer.1), ["/principal"]);
        let answer = sandbox.post_json("/v3/access/simulate", &json!({"principals": [nobody]})).await;
        refused(&answer, 422, "validation_failed");
        assert_eq!(pointers(&answer.1), ["/principals/0"]);
    }
    // What is wrong with a draft is told of its place there.
    let draft = json!({"policies": [{"name": "a", "cedar": "permit"}]});
    let (_, body) = sandbox.post_json("/v3/access/simulate", &draft).await;
    assert_eq!(pointers(&body), ["/policies/0/cedar"]);
    assert!(body["detail"].as_str().is_some_and(|detail| detail.starts_with("/policies/0/cedar: line 1")), "{body}");
});
