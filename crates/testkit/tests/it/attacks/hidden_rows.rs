//! An id of somebody else's resource says as much as one that was never given: nothing.

use super::*;

const WRITER: &str = r#"permit (principal in role::"writer", action, resource) when { resource is note };
    permit (principal in role::"writer", action, resource) when { resource is role_binding };
    permit (principal in role::"writer", action in [Action::"thing.read", Action::"thing.create", Action::"thing.update"], resource)
    when { resource.attributes has open && resource.attributes.open };"#;

/// Somebody who sees notes, bindings and open things; and a secret and a thing that are hidden from them.
struct Stage {
    ada: Client,
    secret: String,
    thing: String,
    note: String,
}

async fn stage(sandbox: &Sandbox) -> Stage {
    let (text, secret) = (json!({"type": "string"}), json!({"type": "string", "x-ref": "secret"}));
    define(sandbox, "secret", json!({"text": text})).await;
    let many = json!({"type": "array", "items": {"type": "string"}, "x-ref": "secret"});
    define(sandbox, "note", json!({"about": secret, "more": many, "text": text})).await;
    define(sandbox, "thing", json!({"open": {"type": "boolean"}, "code": {"type": "string", "x-unique": true}})).await;
    role(sandbox, "writer", WRITER).await;
    let (_, ada) = user(sandbox, "ada", json!({"roles": ["writer"]})).await;
    let secret = add(sandbox, "secret", "hidden", json!({"text": "x"})).await;
    let thing = add(sandbox, "thing", "hidden", json!({"open": false, "code": "x"})).await;
    let note = add(sandbox, "note", "note", json!({"about": secret})).await;
    Stage { ada, secret, thing, note }
}

impl Stage {
    /// The answer to a request about an id, without the id and what differs from request to request.
    async fn ask(&self, about: &str, (method, path, body): &(&str, String, Value), headers: &[(&str, &str)]) -> String {
        let mut request = self
            .ada
            .request(method.parse().expect("a method"), &path.replace("{id}", about).replace("%7Bid%7D", about));
        let kind = if path.contains("import") { "application/x-ndjson" } else { "application/json" };
        let kind = if body.is_array() && *method == "PATCH" { "application/json-patch+json" } else { kind };
        request = request.header("content-type", kind);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let reply = reply(request.body(body.to_string().replace("{id}", about))).await;
        let mut body = reply.body.clone();
        body["request_id"] = Value::Null;
        format!("{} {} {body}", reply.status, reply.header("etag")).replace(about, "{id}")
    }

    /// Asserts that a hidden id is answered as one that is not there.
    async fn alike(&self, hidden: &str, question: (&str, String, Value), headers: &[(&str, &str)]) -> String {
        let absent = format!("{}{}", &hidden[..4], &ABSENT[4..]);
        let (one, other) = (self.ask(hidden, &question, headers).await, self.ask(&absent, &question, headers).await);
        assert_eq!(one, other, "{question:?} {headers:?}");
        one
    }
}

story!(a_hidden_id_in_a_path_is_like_none, async |sandbox: &Sandbox| {
    let stage = stage(sandbox).await;
    for (hidden, plurals) in
        [(&stage.secret, ["resources", "secrets", "notes"]), (&stage.thing, ["resources", "things", "notes"])]
    {
        for plural in plurals {
            let at = format!("/v3/{plural}/{{id}}");
            for headers in [&[][..], &[("if-match", "\"1\"")], &[("if-match", "\"7\"")], &[("idempotency-key", "k")]] {
                let rename = json!({"name": "x"});
                let test = |value: &str| json!([{"op": "test", "path": "/name", "value": value}]);
                stage.alike(hidden, ("GET", at.clone(), json!({})), headers).await;
                stage.alike(hidden, ("GET", format!("{at}?trashed=true"), json!({})), headers).await;
                stage.alike(hidden, ("GET", format!("{at}?expand=parent"), json!({})), headers).await;
                for dry in ["", "?dry_run=true"] {
                    stage.alike(hidden, ("PATCH", format!("{at}{dry}"), rename.clone()), headers).await;
                    stage.alike(hidden, ("PATCH", format!("{at}{dry}"), test("hidden")), headers).await;
                    stage.alike(hidden, ("PATCH", format!("{at}{dry}"), test("other")), headers).await;
                    stage.alike(hidden, ("PATCH", format!("{at}{dry}"), json!([{"op": "frob"}])), headers).await;
                    stage.alike(hidden, ("PUT", format!("{at}{dry}"), rename.clone()), headers).await;
                    stage.alike(hidden, ("PUT", format!("{at}{dry}"), json!({"type": "secret"})), headers).await;
                    stage.alike(hidden, ("DELETE", format!("{at}{dry}"), json!({})), headers).await;
                }
                stage.alike(hidden, ("DELETE", format!("{at}?purge=true"), json!({})), headers).await;
                stage.alike(hidden, ("POST", format!("{at}/restore"), json!({})), headers).await;
            }
        }
    }
    // In the trash it is as hidden as before.
    sandbox.delete_json(&path(&stage.thing)).await;
    for (method, suffix) in [("GET", "?trashed=true"), ("DELETE", "?purge=true"), ("POST", "/restore")] {
        stage.alike(&stage.thing, (method, format!("/v3/things/{{id}}{suffix}"), json!({})), &[]).await;
    }
});

story!(a_hidden_id_in_a_document_is_like_none, async |sandbox: &Sandbox| {
    let stage = stage(sandbox).await;
    let note = path(&stage.note);
    let bound = |attributes: Value, parent: Value| {
        let body = json!({"type": "role_binding", "name": "b", "parent": parent, "attributes": attributes});
        ("POST", "/v3/resources".to_owned(), body)
    };
    for dry in ["", "?dry_run=true"] {
        for attributes in [json!({"about": "{id}"}), json!({"more": ["{id}"]})] {
            let new = json!({"name": "n", "attributes": attributes});
            stage.alike(&stage.secret, ("POST", format!("/v3/notes{dry}"), new), &[]).await;
        }
        let move_below = json!({"parent": "{id}"});
        stage.alike(&stage.secret, ("PATCH", format!("{note}{dry}"), move_below.clone()), &[]).await;
        stage.alike(&stage.thing, ("PATCH", format!("{note}{dry}"), move_below), &[]).await;
        let more = json!({"attributes": {"more": ["{id}"]}});
        stage.alike(&stage.thing, ("PATCH", format!("{note}{dry}"), more), &[]).await;
        let line = json!({"type": "note", "name": "n", "attributes": {"more": ["{id}"]}});
        stage.alike(&stage.thing, ("POST", format!("/v3/resources:import{dry}"), line), &[]).await;
    }
    // She may bind, but sees no users.
    let (bob, _) = user(sandbox, "bob", json!({})).await;
    stage.alike(&bob, bound(json!({"role": "writer", "user": "{id}"}), Value::Null), &[]).await;
    stage.alike(&bob, bound(json!({"role": "owner", "user": "{id}"}), Value::Null), &[]).await;
    stage.alike(&stage.secret, bound(json!({"role": "writer", "group": "g"}), json!("{id}")), &[]).await;
});

story!(a_hidden_id_in_a_question_is_like_none, async |sandbox: &Sandbox| {
    let stage = stage(sandbox).await;
    for (list, filter) in [
        ("/v3/notes", "attributes.about = \"{id}\" AND name = \"nothing\""),
        ("/v3/notes", "attributes.more = \"{id}\""),
        ("/v3/resources", "parent = \"{id}\""),
        ("/v3/resources", "id = \"{id}\""),
    ] {
        let at = with_params(list, &[("filter", filter)]);
        stage.alike(&stage.secret, ("GET", at.replace("%7B%69%64%7D", "{id}"), json!({})), &[]).await;
    }
    for question in ["/v3/events?resource={id}", "/v3/events?resource={id}&type=secret.*"] {
        stage.alike(&stage.secret, ("GET", question.to_owned(), json!({})), &[]).await;
    }
    let explain = json!({"action": "read", "resource": "{id}"});
    stage.alike(&stage.secret, ("POST", "/v3/access/explain".into(), explain), &[]).await;
    stage.alike(&stage.secret, ("POST", "/v3/access/simulate".into(), json!({"principals": ["{id}"]})), &[]).await;
    let me = json!({"type": "user", "id": "usr_01h455vb4pex5vsknk084sn02q"});
    let asked = json!({"subject": me, "action": {"name": "read"}, "resource": {"type": "secret", "id": "{id}"}});
    stage.alike(&stage.secret, ("POST", "/access/v1/evaluation".into(), asked.clone()), &[]).await;
    stage.alike(&stage.secret, ("POST", "/access/v1/search/action".into(), asked), &[]).await;
    // An event of hers is no key to its neighbours.
    let seen = get(sandbox, &format!("/v3/events?resource={}", stage.secret)).await;
    let event = seen["data"][0]["id"].as_str().expect("an event").to_owned();
    refused(&stage.ada.get_json(&format!("/v3/events/{event}")).await, 404, "not_found");
});

story!(whether_an_id_is_taken_is_told_to_who_may_create_alone, async |sandbox: &Sandbox| {
    let stage = stage(sandbox).await;
    let line = |of: &str, attributes: Value| json!({"id": "{id}", "type": of, "name": "n", "attributes": attributes});
    // What she may not create is refused, whether the id is taken or not: by its type, or by what it says.
    for document in [line("secret", json!({})), line("thing", json!({"open": false}))] {
        for hidden in [&stage.secret, &stage.thing] {
            for way in ["/v3/resources", "/v3/resources?dry_run=true", "/v3/resources:import"] {
                let said = stage.alike(hidden, ("POST", way.to_owned(), document.clone()), &[]).await;
                assert!(said.contains("forbidden"), "{way} {document}: {said}");
            }
        }
    }
    // What she may create is created, or the id is taken: whose it is, is not said.
    let wanted = line("note", json!({}));
    for way in ["/v3/resources", "/v3/resources?dry_run=true", "/v3/resources:import"] {
        let (one, other) = (
            stage.ask(&stage.secret, &("POST", way.to_owned(), wanted.clone()), &[]).await,
            stage.ask(&stage.thing, &("POST", way.to_owned(), wanted.clone()), &[]).await,
        );
        assert!(one.contains("already_exists"), "{way}: {one}");
        assert_eq!(one, other, "{way}");
    }
    assert_eq!(get(sandbox, &path(&stage.secret)).await["data"]["version"], 1);
});

story!(nothing_counts_what_is_hidden, async |sandbox: &Sandbox| {
    let stage = stage(sandbox).await;
    let look = async || {
        let mut seen = vec![];
        for at in [
            "/v3/resources?limit=1",
            "/v3/things?sort=-name&limit=1",
            "/v3/things?trashed=true",
            "/v3/secrets",
            "/v3/events?type=secret.*&limit=1",
            "/v3/events?limit=2",
            "/v3/policies",
            "/v3/users",
        ] {
            seen.push(get(&stage.ada, at).await["pagination"].clone());
        }
        seen.push(json!(export(&stage.ada, "/v3/resources:export").await));
        seen
    };
    let before = look().await;
    for n in 0..20 {
        let hidden = add(sandbox, "thing", &format!("h{n}"), json!({"open": false})).await;
        add(sandbox, "secret", &format!("s{n}"), json!({})).await;
        if n % 2 == 0 {
            sandbox.patch_json(&path(&hidden), &json!({"name": "renamed"})).await;
            sandbox.delete_json(&path(&hidden)).await;
        }
    }
    assert_eq!(look().await, before);
    // A resource that comes out of hiding does not tell of the time before.
    assert_eq!(sandbox.patch_json(&path(&stage.thing), &json!({"attributes": {"open": true}})).await.0, 200);
    let events = get(&stage.ada, &format!("/v3/events?resource={}", stage.thing)).await;
    assert_eq!((events["data"].as_array().map(Vec::len), &events["data"][0]["before"]), (Some(1), &Value::Null));
    assert_eq!(events["pagination"]["total_items"], 1, "{events}");
});

story!(the_building_of_an_index_does_not_count_what_is_hidden, async |sandbox: &Sandbox| {
    let of = define(sandbox, "plan", json!({"text": {"type": "string"}})).await;
    let lines: Vec<Value> =
        (0..900).map(|n| json!({"type": "plan", "name": format!("p{n}"), "attributes": {"text": "t"}})).collect();
    assert_eq!(import(sandbox, "/v3/plans:import", ndjson(&lines)).await["created"], 900);
    let hide = r#"forbid (principal in role::"viewer", action == Action::"plan.read", resource) when { resource.name == "p7" };"#;
    policy(sandbox, "hide", hide).await;
    let (_, ada) = user(sandbox, "ada", json!({"roles": ["viewer"]})).await;
    let index = json!({"attributes": {"schema": {"properties": {"text": {"x-index": true}}}}});
    assert_eq!(sandbox.patch_json(&path(&of), &index).await.0, 200);
    assert_eq!(get(&ada, "/v3/index-builds").await["data"], json!([]));
});
