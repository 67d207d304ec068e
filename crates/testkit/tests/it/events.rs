//! Events: every change leaves exactly one, numbered without gaps.

use admin_testkit::{Client, Method, Sandbox, story};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::acts::*;

async fn define_device(client: &Client) {
    define(client, "device", json!({"serial": {"type": "string", "x-unique": true}})).await;
}

fn seqs(events: &[Value]) -> Vec<u64> {
    events.iter().map(|event| event["seq"].as_u64().expect("a number")).collect()
}

story!(every_change_leaves_one_event_that_says_what_was_and_what_is, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    let start = last_seq(sandbox).await;
    let document = json!({"type": "device", "name": "d", "attributes": {"serial": "a"}});
    let mut states = vec![Value::Null];
    let (_, body) = sandbox.post_json("/v3/resources", &document).await;
    let path = path(&id(&body["data"]));
    states.push(body["data"].clone());
    for answer in [
        sandbox.patch_json(&path, &json!({"name": "e"})).await,
        sandbox.put_json(&path, &json!({"name": "f"})).await,
        sandbox.delete_json(&path).await,
        sandbox.post_json(&format!("{path}/restore"), &json!({})).await,
    ] {
        assert_eq!(answer.0, 200, "{}", answer.1);
        states.push(answer.1["data"].clone());
    }
    assert_eq!(sandbox.delete_json(&format!("{path}?purge=true")).await.0, 200);
    states.push(Value::Null);

    let events = events_after(sandbox, start).await;
    let verbs = ["created", "updated", "updated", "deleted", "restored", "purged"];
    let types: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, verbs.map(|verb| format!("device.{verb}")));
    assert_eq!(seqs(&events), (start + 1..=start + 6).collect::<Vec<_>>());
    let owner = get(sandbox, "/v3/users").await["data"][0]["id"].clone();
    for (n, event) in events.iter().enumerate() {
        assert_eq!((&event["before"], &event["after"]), (&states[n], &states[n + 1]), "{event}");
        assert_eq!(event["resource"], json!({"type": "device", "id": states[1]["id"], "version": n + 1}));
        assert_eq!(event["actor"], json!({"type": "user", "id": owner}));
        let one = get(sandbox, &format!("/v3/events/{}", event["id"].as_str().unwrap())).await;
        assert_eq!(&one["data"], event);
    }
    refused(&sandbox.get_json("/v3/events/evt_01h455vb4pex5vsknk084sn02q").await, 404, "not_found");
    refused(&sandbox.get_json("/v3/events/nonsense").await, 404, "not_found");
});

story!(a_refused_change_leaves_none, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    let id = add(sandbox, "device", "d", json!({"serial": "a"})).await;
    let start = last_seq(sandbox).await;
    let taken = json!({"type": "device", "name": "e", "attributes": {"serial": "a"}});
    let answers = [
        sandbox.post_json("/v3/resources", &taken).await,
        sandbox.post_json("/v3/resources", &json!({"type": "nothing", "name": "x"})).await,
        sandbox.patch_json(&path(&id), &json!({"attributes": {"serial": 7}})).await,
        sandbox.delete_json(&path("res_01h455vb4pex5vsknk084sn02q")).await,
    ];
    assert_eq!(answers.map(|(status, _)| status), [409, 422, 422, 404]);
    assert_eq!(last_seq(sandbox).await, start);
});

story!(the_caller_finds_its_request_again, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    let create = |name: &str| {
        let document = json!({"type": "device", "name": name, "attributes": {}});
        sandbox.request(Method::POST, "/v3/resources").json(&document)
    };
    let mine = reply(create("a").header("x-request-id", "import/2025-01-10:a")).await;
    assert_eq!((mine.status, mine.header("x-request-id")), (201, "import/2025-01-10:a"));
    let theirs = reply(create("b")).await;
    assert!(theirs.header("x-request-id").starts_with("req_"), "{:?}", theirs.headers);
    for (reply, name) in [(&mine, "a"), (&theirs, "b")] {
        let request_id = reply.header("x-request-id");
        let found = query(sandbox, "/v3/events", &[("request_id", request_id)]).await;
        assert_eq!(found["pagination"]["total_items"], 1);
        assert_eq!(
            (&found["data"][0]["after"]["name"], &found["data"][0]["request_id"]),
            (&json!(name), &json!(request_id))
        );
    }
    let insane = reply(create("c").header("x-request-id", "a b")).await;
    assert_eq!((insane.status, &insane.body["code"]), (400, &json!("invalid_parameter")));
    let problem = reply(sandbox.request(Method::GET, "/v3/nothing").header("x-request-id", "mine")).await;
    assert_eq!(
        (problem.status, &problem.body["request_id"], problem.header("x-request-id")),
        (404, &json!("mine"), "mine")
    );
});

story!(events_are_filtered_and_walked, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    define(sandbox, "site", json!({})).await;
    let first = add(sandbox, "device", "one", json!({})).await;
    let middle = events_after(sandbox, last_seq(sandbox).await - 1).await[0]["at"].as_str().unwrap().to_owned();
    let site = add(sandbox, "site", "here", json!({})).await;
    sandbox.patch_json(&path(&first), &json!({"name": "two"})).await;
    let owner = id(&get(sandbox, "/v3/users").await["data"][0]);
    let all = events_after(sandbox, 0).await;
    let last = all.len() as u64;
    assert_eq!(seqs(&all), (1..=last).collect::<Vec<_>>());

    let pick = |keep: &dyn Fn(&Value) -> bool| all.iter().filter(|event| keep(event)).cloned().collect::<Vec<_>>();
    let cases = [
        (vec![("type", "device.created")], pick(&|e| e["type"] == "device.created")),
        (vec![("type", "device.*")], pick(&|e| e["resource"]["type"] == "device")),
        (vec![("type", "nothing.*")], vec![]),
        (vec![("resource", &*first)], pick(&|e| e["resource"]["id"] == first)),
        (vec![("resource", &*first), ("type", "device.updated")], pick(&|e| e["type"] == "device.updated")),
        (vec![("actor", &*owner)], all.clone()),
        (vec![("actor", &*site)], vec![]),
        (vec![("since", &*middle)], pick(&|e| e["at"].as_str() >= Some(&middle))),
        (vec![("until", &*middle)], pick(&|e| e["at"].as_str() < Some(&middle))),
    ];
    for (params, expected) in cases {
        let found = query(sandbox, "/v3/events", &params).await;
        assert_eq!(found["data"], json!(expected), "{params:?}");
        assert_eq!(found["pagination"]["total_items"], expected.len(), "{params:?}");
        let mut newest = query(sandbox, "/v3/events", &[&params[..], &[("order", "desc")]].concat()).await;
        newest["data"].as_array_mut().unwrap().reverse();
        assert_eq!(newest["data"], json!(expected), "{params:?}, newest first");
    }
    for order in ["asc", "desc"] {
        let (mut walked, mut cursor) = (vec![], String::new());
        loop {
            let page = get(sandbox, &format!("/v3/events?limit=2&order={order}{cursor}")).await;
            walked.extend(seqs(page["data"].as_array().unwrap()));
            assert_eq!(page["pagination"]["total_items"], last);
            let Some(next) = page["pagination"]["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        walked.sort_unstable();
        assert_eq!(walked, (1..=last).collect::<Vec<_>>(), "{order}");
    }
    let page = get(sandbox, &format!("/v3/events?limit=2&page={}", last.div_ceil(2))).await;
    assert_eq!(seqs(page["data"].as_array().unwrap()).last(), Some(&last));
    for wrong in [
        "type=device",
        "order=up",
        "resource=x",
        "since=yesterday",
        "cursor=x",
        "limit=0",
        "limit=201",
        "page=0",
        "colour=red",
    ] {
        refused(&sandbox.get_json(&format!("/v3/events?{wrong}")).await, 400, "invalid_parameter");
    }
});

story!(numbers_have_no_gaps_though_many_write_and_fail_at_once, async |sandbox: &Sandbox| {
    define_device(sandbox).await;
    let start = last_seq(sandbox).await;
    let documents: Vec<Value> = (0..60)
        .map(|n| json!({"type": "device", "name": format!("n{n}"), "attributes": {"serial": format!("s{}", n % 40)}}))
        .collect();
    let answers = join_all(documents.iter().enumerate().map(|(n, document)| {
        let path = if n % 5 == 0 { "/v3/resources?dry_run=true" } else { "/v3/resources" };
        sandbox.post_json(path, document)
    }))
    .await;
    let created: Vec<_> =
        answers.iter().filter(|(status, _)| *status == 201).map(|(_, body)| id(&body["data"])).collect();
    let events = events_after(sandbox, start).await;
    assert_eq!(seqs(&events), (start + 1..=start + created.len() as u64).collect::<Vec<_>>());
    let mut told: Vec<_> = outline(&events).into_iter().map(|(_, id)| id.to_owned()).collect();
    let mut created = created;
    told.sort_unstable();
    created.sort_unstable();
    assert_eq!(told, created);
});

story!(events_are_cloud_events_for_those_who_accept_them, async |sandbox: &Sandbox| {
    let accept = async |path: &str, media_type: &str| {
        reply(sandbox.request(Method::GET, path).header("accept", media_type)).await
    };
    const BATCH: &str = "application/cloudevents-batch+json";
    let (mut all, mut next) = (vec![], "/v3/events?limit=7&order=asc".to_owned());
    loop {
        let page = accept(&next, &format!("{BATCH}, application/json;q=0.5")).await;
        assert_eq!((page.status, page.header("content-type")), (200, BATCH));
        all.extend(page.body.as_array().expect("a batch").clone());
        let Some(link) = page.headers.get("link") else { break };
        let link = link.to_str().expect("text");
        let link = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).expect("a link");
        next = link[link.find("/v3").expect("a path")..].to_owned();
    }
    let plain = get(sandbox, "/v3/events?limit=200").await["data"].as_array().expect("events").clone();
    assert!(plain.len() > 7);
    assert_eq!(all.iter().map(|event| event["data"].clone()).collect::<Vec<_>>(), plain);
    let first = &all[0];
    assert_eq!(
        (&first["specversion"], &first["id"], &first["type"]),
        (&json!("1.0"), &plain[0]["id"], &plain[0]["type"])
    );
    let one = format!("/v3/events/{}", id(&plain[0]));
    let structured = accept(&one, "application/cloudevents+json").await;
    assert_eq!((structured.header("content-type"), &structured.body), ("application/cloudevents+json", first));
    for media_type in ["application/json", "*/*", "application/json, application/cloudevents+json"] {
        assert_eq!(accept(&one, media_type).await.body["data"], plain[0]);
    }
});
