//! Policies that would cost too much are refused with their place; the server goes on answering.

use super::*;

/// A policy whose condition is this.
fn when(condition: &str) -> String {
    format!("permit (principal, action == Action::\"user.read\", resource)\nwhen {{ {condition} }};")
}

/// Something inside something, so many times.
fn nested(open: &str, inner: &str, close: &str, times: usize) -> String {
    format!("{}{inner}{}", open.repeat(times), close.repeat(times))
}

story!(each_bomb_is_refused_with_its_place, async |sandbox: &Sandbox| {
    let fields = |n: usize| (0..n).map(|n| format!("attributes.f{n}")).collect::<Vec<_>>().join(",");
    let forbid = "forbid (principal, action == Action::\"user.read\", resource);";
    let element = |n: usize| (0..n).map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(",");
    let bombs = [
        ("brackets", when(&nested("(", "true", ")", 4000))),
        ("negations", when(&nested("!", "true", "", 8000))),
        ("conditions", when(&nested("if true then ", "true", " else false", 600))),
        ("records", when(&format!("{} == 1", nested("{a: ", "1", "}", 2000)))),
        ("sets", when(&format!("{} == 1", nested("[", "1", "]", 4000)))),
        ("a path", when(&format!("resource{} == 1", ".a".repeat(4000)))),
        ("alternatives", when(&vec!["resource.name == \"a\""; 600].join(" || "))),
        ("conjunctions", when(&vec!["resource.name == \"a\""; 600].join(" && "))),
        ("wildcards", when(&format!("resource.name like \"{}\"", "*".repeat(4000)))),
        ("elements", when(&format!("[{}].contains(resource.name)", element(2000)))),
        ("open brackets", "(".repeat(16_000)),
        (
            "an open text",
            format!("permit (principal, action, resource) when {{ resource.name == \"{}", "a".repeat(9000)),
        ),
        ("statements", forbid.repeat(200)),
        (
            "conditions of one statement",
            format!("permit (principal, action, resource){};", " when {true}".repeat(1200)),
        ),
        ("fields", format!("@fields(\"{}\")\n{forbid}", fields(1200))),
        ("annotations", format!("{}{}", "@a(\"\")\n".repeat(2000), "forbid (principal, action, resource);")),
        ("more than may be", format!("// {}", "x".repeat(1 << 18))),
    ];
    for (name, cedar) in bombs {
        let document = json!({"type": "policy", "name": name, "attributes": {"cedar": cedar}});
        let (status, body) = sandbox.post_json("/v3/resources", &document).await;
        assert_eq!((status, &body["code"]), (422, &json!("validation_failed")), "{name}: {body}");
        assert_eq!(pointers(&body).first(), Some(&"/attributes/cedar"), "{name}: {body}");
        assert!(body.to_string().len() < 20_000, "{name}: the answer is no bomb either");
        let draft = json!({"policies": [{"name": name, "cedar": cedar}]});
        assert_eq!(sandbox.post_json("/v3/access/simulate", &draft).await.0, 422, "{name}");
        assert_eq!(sandbox.get_json("/v3/policies?limit=1").await.0, 200, "{name}");
    }
});

story!(names_of_all_scripts_are_names, async |sandbox: &Sandbox| {
    define(sandbox, "note", json!({"größe": {"type": "string"}, "__entity": {"type": "string"}})).await;
    let name = "ревизор 🦀 \"quoted\"\\";
    add(sandbox, "role", name, json!({})).await;
    let cedar = format!(
        "@note(\"日本\") permit (principal in role::{name:?}, action == Action::\"note.read\", resource)
            when {{ resource.attributes has \"größe\" && resource.attributes[\"größe\"] == \"日本\" }};"
    );
    policy(sandbox, "日本", &cedar).await;
    let (_, ada) = user(sandbox, "ada", json!({"roles": [name]})).await;
    let seen = add(sandbox, "note", "a", json!({"größe": "日本"})).await;
    add(sandbox, "note", "b", json!({"größe": "x", "__entity": "y"})).await;
    assert_eq!(ids(&ada, "/v3/notes").await, [seen]);
});

story!(types_with_names_of_the_policy_language_are_no_way_in, async |sandbox: &Sandbox| {
    let (_, ada) = user(sandbox, "ada", json!({"roles": ["editor"]})).await;
    for name in ["in", "is", "if", "has", "true", "resource", "principal", "action", "context", "entity", "set", "long"]
    {
        let plural = json!(format!("{name}_rows"));
        let mut of = type_named(name, &json!({"in": {"type": "string"}, "__entity": {"type": "string"}}));
        of["attributes"]["plural"] = plural;
        of["attributes"]["actions"] = json!(["approve"]);
        let (status, body) = sandbox.post_json("/v3/resources", &of).await;
        assert!(matches!(status, 201 | 422), "{name}: {body}");
    }
    // The rights of all others are as they were.
    for of in ["policies", "role-bindings", "clients"] {
        assert_eq!(total(&ada, &format!("/v3/{of}")).await, 0, "{of}");
    }
    let attack = r#"permit (principal, action == Action::"resource.approve", resource);"#;
    let document = json!({"type": "policy", "name": "p", "attributes": {"cedar": attack}});
    let (status, body) = sandbox.post_json("/v3/resources", &document).await;
    assert!(matches!(status, 201 | 422), "{body}");
    assert_eq!(total(&ada, "/v3/policies").await, 0);
    assert_eq!(sandbox.post_json("/v3/notes", &json!({})).await.0, 404);
});

story!(two_thousand_policies_are_read_once, async |sandbox: &Sandbox| {
    define(sandbox, "note", json!({"text": {"type": "string"}})).await;
    let note = add(sandbox, "note", "n", json!({"text": "t"})).await;
    let (_, ada) = user(sandbox, "ada", json!({"roles": ["r1999"]})).await;
    let lines: Vec<Value> = (0..2000)
        .map(|n| {
            let cedar = format!(
                "permit (principal in role::\"r{n}\", action == Action::\"note.read\", resource) when {{ resource.name == \"n\" }};"
            );
            json!({"type": "policy", "name": format!("p{n}"), "attributes": {"cedar": cedar}})
        })
        .collect();
    let report = import(sandbox, "/v3/policies:import", ndjson(&lines)).await;
    assert_eq!((&report["created"], &report["failed"]), (&json!(2000), &json!(0)), "{report}");
    assert_eq!(ids(&ada, "/v3/notes").await, std::slice::from_ref(&note));
    // What they say is kept: a few hundred decisions more take the time of reads, not that of two thousand policies.
    for _ in 0..200 {
        assert_eq!(ada.get_json(&path(&note)).await.0, 200);
    }
    assert_eq!(ids(&ada, "/v3/notes").await, [note]);
});

story!(groups_in_a_long_chain_and_a_circle_end, async |sandbox: &Sandbox| {
    let lines: Vec<Value> = (0..600)
        .map(|n| {
            let next = format!("g{}", (n + 1) % 600);
            json!({"type": "group", "name": format!("g{n}"), "attributes": {"groups": [next, "nowhere"]}})
        })
        .collect();
    let report = import(sandbox, "/v3/groups:import", ndjson(&lines)).await;
    assert_eq!(report["created"], 600, "{report}");
    let last = get(sandbox, "/v3/groups?filter=name%20%3D%20%22g599%22").await;
    let patch = json!({"attributes": {"roles": ["viewer"]}});
    assert_eq!(sandbox.patch_json(&path(&id(&last["data"][0])), &patch).await.0, 200);
    let (_, ada) = user(sandbox, "ada", json!({"groups": ["g0"]})).await;
    assert!(total(&ada, "/v3/groups").await > 0);
});
