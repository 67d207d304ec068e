//! A draft is tried on what was really asked.

use super::*;

async fn simulate(sandbox: &Sandbox, draft: Value) -> Value {
    let (status, answer) = sandbox.post_json("/v3/access/simulate", &draft).await;
    assert_eq!(status, 200, "{draft} → {answer}");
    answer["data"].clone()
}

async fn recorded(sandbox: &Sandbox, wanted: u64) {
    eventually("the record", async || (total(sandbox, "/v3/access/decisions").await == wanted).then_some(())).await;
}

const ALL_READERS: &str = r#"permit (principal in role::"local", action == Action::"workspace.read", resource);"#;

story!(a_draft_is_tried_on_what_was_really_asked, async |sandbox: &Sandbox| {
    let (eu, us) = workspaces(sandbox).await;
    let mut of = type_named("file", &json!({"owner": {"type": "string", "x-ref": "user"}}));
    of["attributes"]["sensitive"] = json!(true);
    create(sandbox, &of).await;
    declare_facts(sandbox, json!({"region": {"type": "string"}})).await;
    add(sandbox, "role", "local", json!({})).await;
    policy(sandbox, "eu-editors", EU_EDITORS).await;
    let own = r#"permit (principal, action == Action::"file.read", resource)
        when { resource.attributes has owner && resource.attributes.owner.name == "ada" };"#;
    policy(sandbox, "files", own).await;
    let (ada_id, ada) = user(sandbox, "ada", json!({"roles": ["local"], "facts": {"region": "eu"}})).await;
    let (bob_id, bob) = user(sandbox, "bob", json!({"roles": ["local"], "facts": {"region": "us"}})).await;
    let (gone_id, gone) = user(sandbox, "gone", json!({})).await;
    let file = add(sandbox, "file", "one", json!({"owner": ada_id})).await;
    let short = add(sandbox, "file", "short", json!({"owner": ada_id})).await;

    // Ada is refused one workspace three times, and Bob the other once; both read a file.
    for _ in 0..3 {
        refused(&ada.get_json(&path(&us)).await, 404, "not_found");
    }
    refused(&bob.get_json(&path(&eu)).await, 404, "not_found");
    for client in [&ada, &ada, &bob] {
        get(client, &path(&file)).await;
    }
    recorded(sandbox, 7).await;
    // Of these, nothing is left to be decided: no resource, a resource in the trash, a principal that is gone.
    get(&gone, &path(&file)).await;
    let new = json!({"type": "workspace", "name": "x", "attributes": {"region": "eu"}});
    refused(&ada.post_json("/v3/resources", &new).await, 403, "forbidden");
    get(&ada, &path(&short)).await;
    assert_eq!(sandbox.delete_json(&path(&short)).await.0, 200);
    recorded(sandbox, 10).await;
    assert_eq!(sandbox.delete_json(&path(&gone_id)).await.0, 200);

    let draft = |extra: Value| {
        let mut draft = json!({"policies": [
            {"name": "eu-editors", "cedar": ALL_READERS},
            {"name": "files", "cedar": own.replace("ada", "nobody")},
        ]});
        draft.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        draft
    };
    let before = last_seq(sandbox).await;
    let found = simulate(sandbox, draft(json!({"recorded": 100_000}))).await;
    let counts =
        |found: &Value| ["decisions", "gains", "losses", "skipped", "principals"].map(|name| found[name].as_u64());
    assert_eq!(counts(&found), [Some(7), Some(4), Some(3), Some(3), Some(2)], "{found}");
    assert_eq!(found["complete"], true, "{found}");
    let of = |action: &str| found["changes"].as_array().expect("changes").iter().find(|one| one["action"] == action);
    let read = of("workspace.read").expect("a change");
    assert_eq!((&read["gains"], &read["losses"]), (&json!(4), &json!(0)), "{found}");
    let example = |principal: &str, resource: &str, becomes: &str| json!({"principal": principal, "resource": resource, "becomes": becomes});
    assert_eq!(read["examples"], json!([example(&ada_id, &us, "allow"), example(&bob_id, &eu, "allow")]), "{found}");
    let lost = of("file.read").expect("a change");
    assert_eq!(lost["examples"], json!([example(&ada_id, &file, "deny"), example(&bob_id, &file, "deny")]), "{found}");
    assert_eq!(of("workspace.update"), None, "nobody asked for it: {found}");
    let affected =
        json!([{"principal": ada_id, "gains": 3, "losses": 2}, {"principal": bob_id, "gains": 1, "losses": 1}]);
    assert_eq!(found["affected"], affected, "{found}");
    assert_eq!(last_seq(sandbox).await, before, "nothing is written");

    // Only so many of the last ones; and what the policies in force say already does not turn.
    let last = simulate(sandbox, draft(json!({"recorded": 3}))).await;
    assert_eq!(counts(&last), [Some(0), Some(0), Some(0), Some(3), Some(0)], "{last}");
    let same = json!({"policies": [{"name": "eu-editors", "cedar": EU_EDITORS}], "recorded": 100});
    assert_eq!(counts(&simulate(sandbox, same).await), [Some(7), Some(0), Some(0), Some(3), Some(2)]);
    let policies = get(sandbox, "/v3/policies?filter=name%20%3D%20%22files%22").await;
    let without = json!({"without": [id(&policies["data"][0])], "recorded": 100});
    assert_eq!(counts(&simulate(sandbox, without).await), [Some(7), Some(0), Some(3), Some(3), Some(2)]);

    for (extra, pointer) in [
        (json!({"recorded": 0}), "/recorded"),
        (json!({"recorded": 100_001}), "/recorded"),
        (json!({"recorded": "9"}), "/recorded"),
        (json!({"recorded": null}), "/recorded"),
        (json!({"recorded": 1.5}), "/recorded"),
        (json!({"recorded": 9, "principals": [ada_id]}), "/principals"),
    ] {
        let answer = sandbox.post_json("/v3/access/simulate", &draft(extra)).await;
        refused(&answer, 422, "validation_failed");
        assert_eq!(pointers(&answer.1), [pointer]);
    }
    refused(&ada.post_json("/v3/access/simulate", &json!({"recorded": 9})).await, 403, "forbidden");
});

story!(who_does_not_see_everything_tries_no_drafts, async |sandbox: &Sandbox| {
    workspaces(sandbox).await;
    let judge = r#"permit (principal in role::"judge", action == Action::"policy.read", resource);
        permit (principal in role::"judge", action == Action::"workspace.read", resource)
        when { resource.attributes.region == "eu" };"#;
    add(sandbox, "role", "judge", json!({})).await;
    policy(sandbox, "judges", judge).await;
    let (_, judge) = user(sandbox, "judge", json!({"roles": ["judge"]})).await;
    let (_, auditor) = user(sandbox, "auditor", json!({"roles": ["auditor"]})).await;
    let draft = json!({"policies": [{"name": "all", "cedar": ALL_READERS}]});
    refused(&judge.post_json("/v3/access/simulate", &draft).await, 403, "forbidden");
    assert_eq!(auditor.post_json("/v3/access/simulate", &draft).await.0, 200);
    let hide = r#"@fields("attributes.region")
        forbid (principal in role::"auditor", action == Action::"workspace.read", resource);"#;
    policy(sandbox, "hide", hide).await;
    let asks = json!({"policies": [{"name": "p", "cedar": r#"permit (principal, action == Action::"workspace.delete", resource)
        when { resource.attributes.region == "eu" };"#}]});
    refused(&auditor.post_json("/v3/access/simulate", &asks).await, 403, "forbidden");
    assert_eq!(sandbox.post_json("/v3/access/simulate", &asks).await.0, 200, "owners may change policies anyway");
});
