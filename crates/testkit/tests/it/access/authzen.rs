//! The AuthZEN Authorization API 1.0, demand by demand: `docs/authzen.md` names the stories here.

mod searches;

use admin_testkit::{Backend, Method};

use super::*;
use crate::acts::{Reply, eventually};

const EVALUATION: &str = "/access/v1/evaluation";
const EVALUATIONS: &str = "/access/v1/evaluations";

/// Two workspaces, and Ada, who may read and update the first.
struct World {
    eu: Value,
    us: Value,
    ada: Value,
    client: Client,
}

async fn world(sandbox: &Sandbox) -> World {
    let (eu, us) = workspaces(sandbox).await;
    declare_facts(sandbox, json!({"region": {"type": "string"}})).await;
    add(sandbox, "role", "local", json!({})).await;
    policy(sandbox, "eu-editors", EU_EDITORS).await;
    let (id, client) = user(sandbox, "ada", json!({"roles": ["local"], "facts": {"region": "eu"}})).await;
    World { eu: workspace(&eu), us: workspace(&us), ada: json!({"type": "user", "id": id}), client }
}

fn workspace(id: &str) -> Value {
    json!({"type": "workspace", "id": id})
}

fn can(subject: &Value, action: &str, resource: &Value) -> Value {
    json!({"subject": subject, "action": {"name": action}, "resource": resource})
}

/// The question with more members, or others.
fn with(question: &Value, members: Value) -> Value {
    let mut question = question.clone();
    question.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
    question
}

async fn ask(client: &Client, path: &str, body: &Value) -> Value {
    let (status, answer) = client.post_json(path, body).await;
    assert_eq!(status, 200, "{path} {body} → {answer}");
    answer
}

/// Asks what must be refused, in words that name `what`.
async fn refuses(client: &Client, path: &str, body: &Value, what: &str) {
    let answer = client.post_json(path, body).await;
    refused(&answer, 400, "bad_question");
    assert!(answer.1["detail"].as_str().is_some_and(|detail| detail.contains(what)), "{what}: {body} → {}", answer.1);
}

async fn sent(request: admin_testkit::RequestBuilder, media_type: Option<&str>, body: &str) -> Reply {
    let request = request.body(body.to_owned());
    reply(match media_type {
        Some(media_type) => request.header("content-type", media_type),
        None => request,
    })
    .await
}

story!(a_question_has_a_decision_and_nothing_else, async |sandbox: &Sandbox| {
    let World { eu, us, ada, .. } = world(sandbox).await;
    for (action, on, expected) in
        [("read", &eu, true), ("workspace.update", &eu, true), ("delete", &eu, false), ("read", &us, false)]
    {
        for _ in 0..2 {
            let answer = ask(sandbox, EVALUATION, &can(&ada, action, on)).await;
            assert_eq!(answer, json!({"decision": expected}), "{action} {on}");
        }
    }
    // What is not there may do nothing, and nothing may be done to it.
    let nobody = json!({"type": "user", "id": "alice@example.com"});
    let wrong_type = json!({"type": "client", "id": ada["id"]});
    for question in [
        can(&nobody, "read", &eu),
        can(&wrong_type, "read", &eu),
        can(&json!({"type": "spaceship", "id": "1"}), "read", &eu),
        can(&ada, "read", &workspace("123")),
        can(&ada, "read", &json!({"type": "folder", "id": eu["id"]})),
        can(&ada, "fly", &eu),
    ] {
        assert_eq!(ask(sandbox, EVALUATION, &question).await, json!({"decision": false}), "{question}");
    }
    // Context, properties and what is not known are taken, and change nothing.
    let rich = json!({
        "subject": with(&ada, json!({"properties": {"facts": {"region": "us"}, "roles": ["owner"]}, "new": 1})),
        "action": {"name": "read", "properties": {"method": "GET"}},
        "resource": with(&us, json!({"properties": {"region": "eu"}})),
        "context": {"time": "2025-06-27T18:03-07:00", "nested": {"a": [null]}},
        "futureField": {"nested": true},
    });
    assert_eq!(ask(sandbox, EVALUATION, &rich).await, json!({"decision": false}));
    assert_eq!(ask(sandbox, EVALUATION, &with(&rich, json!({"resource": eu}))).await, json!({"decision": true}));
    let request = sandbox.request(Method::POST, EVALUATION).json(&can(&ada, "read", &eu));
    assert_eq!(reply(request).await.header("content-type"), "application/json");
});

story!(what_is_no_question_is_refused, async |sandbox: &Sandbox| {
    let World { eu, ada, client, .. } = world(sandbox).await;
    let good = can(&ada, "read", &eu);
    for (members, what) in [
        (json!({"subject": null}), "`subject`"),
        (json!({"action": null}), "`action`"),
        (json!({"resource": null}), "`resource`"),
        (json!({"subject": {"id": ada["id"]}}), "`subject.type`"),
        (json!({"subject": {"type": "user"}}), "`subject.id`"),
        (json!({"action": {}}), "`action.name`"),
        (json!({"resource": {"id": eu["id"]}}), "`resource.type`"),
        (json!({"resource": {"type": "workspace"}}), "`resource.id`"),
        (json!({"subject": "alice"}), "`subject`"),
        (json!({"resource": []}), "`resource`"),
        (json!({"action": {"name": 123}}), "`action.name`"),
        (json!({"subject": {"type": 1, "id": "x"}}), "`subject.type`"),
        (json!({"subject": {"type": "user", "id": 7}}), "`subject.id`"),
        (json!({"context": "now"}), "`context`"),
        (json!({"action": {"name": "read", "properties": 1}}), "`action.properties`"),
    ] {
        refuses(sandbox, EVALUATION, &with(&good, members.clone()), what).await;
        refuses(sandbox, EVALUATIONS, &with(&good, members), what).await;
    }
    for missing in ["subject", "action", "resource"] {
        let mut question = good.clone();
        question.as_object_mut().expect("an object").remove(missing);
        refuses(sandbox, EVALUATION, &question, &format!("`{missing}`")).await;
    }
    refuses(sandbox, EVALUATION, &json!([good]), "object").await;
    refuses(sandbox, EVALUATION, &json!(null), "object").await;

    // What is no JSON, or does not say that it is.
    let post = |client: &Client| client.request(Method::POST, EVALUATION);
    for (media_type, body, code) in [
        (Some("application/json"), "{\"subject\": ", "invalid_json"),
        (Some("application/json"), "", "invalid_json"),
        (Some("text/plain"), &*good.to_string(), "bad_question"),
        (None, &*good.to_string(), "bad_question"),
    ] {
        let answer = sent(post(sandbox), media_type, body).await;
        assert_eq!((answer.status, &answer.body["code"]), (400, &json!(code)), "{body}: {}", answer.body);
    }
    let answer = sent(post(sandbox), Some("application/json; charset=utf-8"), &good.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);

    // Who asks must say who they are; about others may ask who may read policies.
    for stranger in [sandbox.anonymous(), sandbox.with_token("nonsense")] {
        for path in [EVALUATION, EVALUATIONS, searches::SUBJECT, searches::RESOURCE, searches::ACTION] {
            let answer = reply(stranger.request(Method::POST, path).json(&good)).await;
            assert_eq!(answer.status, 401, "{path}");
            assert!(answer.header("www-authenticate").starts_with("Bearer realm="), "{path}");
        }
    }
    assert_eq!(ask(&client, EVALUATION, &good).await["decision"], true, "about herself she may");
    let (bob, _) = user(sandbox, "bob", json!({})).await;
    let about_bob = can(&json!({"type": "user", "id": bob}), "read", &eu);
    refused(&client.post_json(EVALUATION, &about_bob).await, 403, "forbidden");
});

story!(the_request_id_comes_back_as_it_was, async |sandbox: &Sandbox| {
    let World { eu, ada, .. } = world(sandbox).await;
    let good = can(&ada, "read", &eu);
    let long = "x".repeat(500);
    for id in ["bfe9eb29-ab87-4ca3-be83-a1d5d8305716", "any string; {at} all", "a,b", &long] {
        let ask = async |client: &Client, path: &str, body: &Value| {
            reply(client.request(Method::POST, path).header("x-request-id", id).json(body)).await
        };
        let nobody = sandbox.anonymous();
        for (client, path, body, status) in [
            (&**sandbox, EVALUATION, &good, 200),
            (sandbox, EVALUATIONS, &good, 200),
            (sandbox, searches::SUBJECT, &good, 200),
            (sandbox, searches::RESOURCE, &good, 200),
            (sandbox, searches::ACTION, &good, 200),
            (sandbox, EVALUATION, &json!({}), 400),
            (&nobody, EVALUATION, &good, 401),
        ] {
            let answer = ask(client, path, body).await;
            assert_eq!((answer.status, answer.header("x-request-id")), (status, id), "{path} {body}");
        }
    }
    let without = reply(sandbox.request(Method::POST, EVALUATION).json(&good)).await;
    assert!(without.header("x-request-id").starts_with("req_"));
});

story!(many_questions_are_answered_in_order, async |sandbox: &Sandbox| {
    let World { eu, us, ada, .. } = world(sandbox).await;
    let decisions = |answer: &Value| -> Vec<bool> {
        assert!(answer.get("decision").is_none(), "{answer}");
        let each = answer["evaluations"].as_array().expect("decisions").iter();
        each.map(|one| one["decision"].as_bool().expect("a decision")).collect()
    };
    let ask_many = async |body: Value| decisions(&ask(sandbox, EVALUATIONS, &body).await);

    // Each whole; then what they share said once, and overridden; then a part of an entity said once.
    let whole = json!({"evaluations": [can(&ada, "read", &eu), can(&ada, "delete", &eu), can(&ada, "read", &us)]});
    assert_eq!(ask_many(whole).await, [true, false, false]);
    let shared = json!({"subject": ada, "action": {"name": "read"}, "resource": eu, "context": {"a": 1},
        "evaluations": [{}, {"resource": us}, {"action": {"name": "delete"}}, {"context": {"b": 2}}]});
    assert_eq!(ask_many(shared).await, [true, false, false, true]);
    let partial = json!({"subject": ada, "action": {"name": "read"}, "resource": {"type": "workspace"},
        "evaluations": [{"resource": {"id": eu["id"]}}, {"resource": {"id": us["id"]}}]});
    assert_eq!(ask_many(partial).await, [true, false]);

    // Without any, it is the single question.
    for none in [json!({}), json!({"evaluations": []})] {
        let answer = ask(sandbox, EVALUATIONS, &with(&can(&ada, "read", &eu), none)).await;
        assert_eq!(answer, json!({"decision": true}));
    }
    refuses(sandbox, EVALUATIONS, &json!({"evaluations": []}), "`subject`").await;
    for (wrong, what) in [
        (json!({"evaluations": {}}), "`evaluations`"),
        (json!({"evaluations": [{}], "options": []}), "`options`"),
        (json!({"evaluations": [{}], "options": {"evaluations_semantic": "guess"}}), "evaluations_semantic"),
        (json!({"evaluations": [{}], "options": {"evaluations_semantic": 1}}), "evaluations_semantic"),
        (json!({"evaluations": [{}], "subject": "alice"}), "`subject`"),
        (json!({"evaluations": vec![json!({}); 1001]}), "1000"),
    ] {
        refuses(sandbox, EVALUATIONS, &wrong, what).await;
    }
});

story!(one_bad_question_denies_itself_alone, async |sandbox: &Sandbox| {
    let World { eu, ada, client, .. } = world(sandbox).await;
    let (bob, _) = user(sandbox, "bob", json!({})).await;
    let many = |semantic: &str| {
        json!({"subject": ada, "action": {"name": "read"}, "options": {"evaluations_semantic": semantic, "other": 1},
            "evaluations": [{"resource": eu}, {}, {"resource": "eu"}, 7, {"resource": eu}]})
    };
    let answer = ask(sandbox, EVALUATIONS, &many("execute_all")).await;
    let each = answer["evaluations"].as_array().expect("decisions");
    let outline: Vec<Value> = each.iter().map(|one| one["decision"].clone()).collect();
    assert_eq!(outline, [true, false, false, false, true], "{answer}");
    assert_eq!(each[0], json!({"decision": true}));
    let error = |at: usize| &each[at]["context"]["error"];
    assert_eq!(*error(1), json!({"status": 400, "message": "`resource` is missing."}));
    assert_eq!(*error(2), json!({"status": 400, "message": "`resource` must be an object."}));
    assert_eq!(error(3)["status"], 400);

    // Where the first denial ends it, an error is one; where the first permission does, it is none.
    let stopped = async |semantic: &str, questions: Value| {
        let answer = ask(sandbox, EVALUATIONS, &with(&many(semantic), json!({"evaluations": questions}))).await;
        answer["evaluations"].as_array().expect("decisions").iter().map(|one| one["decision"] == true).collect()
    };
    let (good, bad) = (json!({"resource": eu}), json!({}));
    let denied = json!({"resource": eu, "action": {"name": "delete"}});
    for (semantic, questions, expected) in [
        ("deny_on_first_deny", json!([good, bad, good]), vec![true, false]),
        ("deny_on_first_deny", json!([good, denied, good]), vec![true, false]),
        ("deny_on_first_deny", json!([good, good]), vec![true, true]),
        ("permit_on_first_permit", json!([bad, denied, good, good]), vec![false, false, true]),
        ("execute_all", json!([denied, good, denied]), vec![false, true, false]),
    ] {
        let decisions: Vec<bool> = stopped(semantic, questions.clone()).await;
        assert_eq!(decisions, expected, "{semantic} {questions}");
    }

    // What she may not ask is an error of that question.
    let about = json!({"action": {"name": "read"}, "resource": eu,
        "evaluations": [{"subject": {"type": "user", "id": bob}}, {"subject": ada}]});
    let answer = ask(&client, EVALUATIONS, &about).await;
    assert_eq!(answer["evaluations"][0]["context"]["error"]["status"], 403, "{answer}");
    assert_eq!(
        (&answer["evaluations"][0]["decision"], &answer["evaluations"][1]["decision"]),
        (&json!(false), &json!(true))
    );
});

#[tokio::test]
async fn the_configuration_names_the_public_url_and_believes_no_header() {
    let endpoints = ["access_evaluation", "access_evaluations", "search_subject", "search_resource", "search_action"];
    let paths = [EVALUATION, EVALUATIONS, searches::SUBJECT, searches::RESOURCE, searches::ACTION];
    let check = async |sandbox: &Sandbox, base: &str| {
        let request = sandbox.anonymous().request(Method::GET, "/.well-known/authzen-configuration");
        let request = request.header("host", "evil.example").header("x-forwarded-proto", "https");
        let told = reply(request.header("x-forwarded-host", "evil.example")).await;
        assert_eq!((told.status, told.header("content-type")), (200, "application/json"));
        assert!(told.header("cache-control").starts_with("max-age="));
        assert_eq!(told.body["policy_decision_point"], base);
        for (name, path) in endpoints.iter().zip(paths) {
            assert_eq!(told.body[format!("{name}_endpoint")], format!("{base}{path}"), "{}", told.body);
        }
        assert_eq!(told.body.as_object().map(serde_json::Map::len), Some(6), "{}", told.body);
    };
    let plain = Sandbox::start_on(Backend::Sqlite).await;
    check(&plain, &plain.base_url).await;
    let public = "https://admin.example.org";
    let settings = [("ADMIN_PUBLIC_URL", "https://admin.example.org/")];
    let sandbox = Sandbox::start_with(Backend::Sqlite, &settings).await;
    check(&sandbox, public).await;

    // Links that are printed begin with it too, and the command line still finds the server itself.
    let link = format!("{public}/set-up?token=sgn_");
    // What it prints comes after it is ready.
    eventually("it says where it is", async || {
        let said = sandbox.log();
        (said.contains(&link) && said.contains(&format!("Admin is ready at {public}\n"))).then_some(())
    })
    .await;
    assert!(sandbox.log().contains(&format!("Listens at      {}", sandbox.base_url)), "{}", sandbox.log());
    assert!(sandbox.cli(&["sign-in"]).contains(&link));
    assert!(sandbox.cli(&["--public-url", "http://other:1", "sign-in"]).contains("http://other:1/set-up?token=sgn_"));
    assert!(sandbox.cli(&["export", "--type", "user"]).contains("\"owner\""));
    let said = sandbox.try_cli(&["--public-url", "https://a/b", "sign-in"]);
    assert!(
        String::from_utf8_lossy(&said.stderr).contains("`public_url` = \"https://a/b\" (from --public-url) must be")
    );
}

#[test]
fn every_demand_names_a_story_that_is_there() {
    let document = include_str!("../../../../../docs/authzen.md");
    let stories = [include_str!("authzen.rs"), include_str!("authzen/searches.rs")].concat();
    let (_, demands) = document.split_once("## What the standard demands").expect("the table");
    let rows = demands.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---")).skip(1);
    let cells = rows.map(|row| row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default());
    let named: Vec<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert!(named.len() >= 20, "{named:?}");
    for name in named.into_iter().filter(|name| !name.ends_with(".rs")) {
        let told = [format!("story!({name},"), format!("fn {name}(")].iter().any(|text| stories.contains(text));
        assert!(told, "docs/authzen.md names the story {name}, which is not there");
    }
}
