//! Lists: pages, types, statuses, the trash; what is resolved beside a resource, and what is left out.

mod totals;
mod walks;

use admin_testkit::{Client, Method, Sandbox, story};
use serde_json::{Value, json};

use crate::acts::{add, create, define, get, id, path, pointers, refused};

fn ids(page: &Value) -> Vec<String> {
    page["data"].as_array().expect("a list").iter().map(id).collect()
}

fn names(page: &Value) -> Vec<&str> {
    page["data"].as_array().expect("a list").iter().map(|row| row["name"].as_str().expect("a name")).collect()
}

async fn things(client: &Client, count: usize) -> Vec<String> {
    define(client, "thing", json!({"n": {"type": "integer", "x-index": true}})).await;
    let mut made = vec![];
    for n in 0..count {
        made.push(add(client, "thing", &format!("t{n:03}"), json!({"n": n})).await);
    }
    made
}

story!(pages_are_cut_where_the_limit_says, async |sandbox: &Sandbox| {
    let made = things(sandbox, 120).await;
    let page = get(sandbox, "/v3/things").await;
    assert_eq!(ids(&page), made[..50], "50 by default, by id");
    assert_eq!(page["pagination"]["current_page"], 1);
    assert_eq!(page["pagination"]["per_page"], 50);
    assert_eq!(page["pagination"]["total_items"], 120);
    let third = get(sandbox, "/v3/things?page=3").await;
    assert_eq!(ids(&third), made[100..]);
    assert_eq!((&third["pagination"]["current_page"], &third["pagination"]["next_cursor"]), (&json!(3), &Value::Null));
    let beyond = get(sandbox, "/v3/things?page=4").await;
    assert_eq!((ids(&beyond).len(), &beyond["pagination"]["total_items"]), (0, &json!(120)));
    assert_eq!(ids(&get(sandbox, "/v3/things?limit=200").await), made);
    assert_eq!(ids(&get(sandbox, "/v3/things?limit=1&page=120").await), made[119..]);
    assert_eq!(ids(&get(sandbox, "/v3/things?limit=60&page=2&sort=-attributes.n").await).last(), Some(&made[0]));

    let cursor = page["pagination"]["next_cursor"].as_str().expect("a cursor");
    let next = get(sandbox, &format!("/v3/things?cursor={cursor}")).await;
    assert_eq!(ids(&next), made[50..100]);
    assert!(next["pagination"].get("current_page").is_none(), "a page reached by cursor has no number");
    let wider = get(sandbox, &format!("/v3/things?cursor={cursor}&limit=200")).await;
    assert_eq!(ids(&wider), made[50..], "a walk may change its step");
});

story!(a_page_reaches_so_deep_and_no_deeper, async |sandbox: &Sandbox| {
    things(sandbox, 3).await;
    assert_eq!(ids(&get(sandbox, "/v3/things?page=2001&limit=50").await).len(), 0, "100,000 rows deep");
    assert_eq!(ids(&get(sandbox, "/v3/things?page=501&limit=200").await).len(), 0);
    for query in ["page=2002&limit=50", "page=502&limit=200", "page=100002&limit=1", "page=18446744073709551615"] {
        let answer = sandbox.get_json(&format!("/v3/things?{query}")).await;
        refused(&answer, 400, "invalid_parameter");
        assert!(answer.1["detail"].as_str().expect("a detail").contains("cursor"), "the remedy is named: {}", answer.1);
    }
});

story!(a_cursor_belongs_to_its_query, async |sandbox: &Sandbox| {
    things(sandbox, 9).await;
    define(sandbox, "gadget", json!({})).await;
    let first = "/v3/things?limit=2&sort=name&filter=version=1";
    let cursor = get(sandbox, first).await["pagination"]["next_cursor"].as_str().expect("a cursor").to_owned();
    assert_eq!(names(&get(sandbox, &format!("{first}&cursor={cursor}")).await), ["t002", "t003"]);
    // What differs in space alone is the same query.
    let spaced = "/v3/resources?type=thing&limit=2&sort=name&filter=%20version%20=%20(1)".replace("(1)", "1");
    assert_eq!(names(&get(sandbox, &format!("{spaced}&cursor={cursor}")).await), ["t002", "t003"]);
    for other in [
        "/v3/things?sort=name",
        "/v3/things?sort=-name&filter=version=1",
        "/v3/things?filter=version=1",
        "/v3/things?sort=name&filter=version=2",
        "/v3/things?sort=name&filter=version=1&status=active",
        "/v3/gadgets?sort=name&filter=version=1",
        "/v3/things?filter=version=1&trashed=true",
    ] {
        refused(&sandbox.get_json(&format!("{other}&cursor={cursor}")).await, 400, "invalid_parameter");
    }
    // Any letter exchanged: refused, or a place in the same list; never a fault, never rows of another list.
    for at in 0..cursor.len() {
        let letter = if cursor.as_bytes()[at] == b'A' { "B" } else { "A" };
        let tampered = format!("{}{letter}{}", &cursor[..at], &cursor[at + 1..]);
        let (status, body) = sandbox.get_json(&format!("{first}&cursor={tampered}")).await;
        assert!([200, 400, 410].contains(&status), "{at}: {body}");
        assert!(at > 10 || status == 400, "the query that it belongs to was exchanged: {body}");
    }
});

story!(a_list_is_of_the_types_that_are_named, async |sandbox: &Sandbox| {
    for (name, count) in [("thing", 3), ("gadget", 4), ("widget", 5)] {
        define(sandbox, name, json!({})).await;
        for n in 0..count {
            add(sandbox, name, &format!("{name}{n}"), json!({})).await;
        }
    }
    for (query, total) in [
        ("", 12),
        ("?type=thing", 3),
        ("?type=thing,gadget", 7),
        ("?type=gadget,thing,thing", 7),
        ("?type=type", 11),
        ("?type=user,thing", 4),
        ("?type=thing,gadget&filter=type!=thing", 4),
        ("?filter=type=widget%20OR%20name:thing", 8),
    ] {
        let page = get(sandbox, &format!("/v3/resources{query}")).await;
        assert_eq!((&page["pagination"]["total_items"], ids(&page).len()), (&json!(total), total), "{query}");
        let suffixes: Vec<String> = ids(&page).iter().map(|id| id[4..].to_owned()).collect();
        assert!(suffixes.is_sorted(), "{query} is in the order of ids: {suffixes:?}");
    }
});

story!(a_status_and_the_trash_narrow_a_list, async |sandbox: &Sandbox| {
    let schema = json!({"type": "object"});
    create(
        sandbox,
        &json!({"type": "type", "name": "thing", "attributes": {"statuses": ["open", "closed"], "schema": schema}}),
    )
    .await;
    let mut made = vec![];
    for (name, status) in [("a", "open"), ("b", "closed"), ("c", "open"), ("d", "closed"), ("e", "open")] {
        made.push(create(sandbox, &json!({"type": "thing", "name": name, "status": status})).await);
    }
    assert_eq!(names(&get(sandbox, "/v3/things?status=open").await), ["a", "c", "e"]);
    assert_eq!(names(&get(sandbox, "/v3/things?status=open&filter=name!=c&sort=-name").await), ["e", "a"]);
    for gone in [0, 1] {
        assert_eq!(sandbox.delete_json(&format!("/v3/things/{}", made[gone])).await.0, 200);
    }
    for (query, expected) in [
        ("status=open", &["c", "e"][..]),
        ("trashed=true", &["a", "b"]),
        ("trashed=true&sort=-id", &["b", "a"]),
        ("trashed=true&status=closed", &["b"]),
        ("trashed=true&filter=name=a", &["a"]),
        ("trashed=false", &["c", "d", "e"]),
    ] {
        let page = get(sandbox, &format!("/v3/things?{query}")).await;
        assert_eq!(
            (names(&page), &page["pagination"]["total_items"]),
            (expected.to_vec(), &json!(expected.len())),
            "{query}"
        );
    }
    assert_eq!(sandbox.post_json(&format!("/v3/things/{}/restore", made[0]), &json!({})).await.0, 200);
    assert_eq!(names(&get(sandbox, "/v3/things?status=open").await), ["a", "c", "e"]);
    assert_eq!(names(&get(sandbox, "/v3/things?trashed=true").await), ["b"]);
});

story!(references_are_resolved_beside_the_resource, async |sandbox: &Sandbox| {
    define(sandbox, "country", json!({"code": {"type": "string"}})).await;
    define(
        sandbox,
        "city",
        json!({"in": {"type": "object", "properties": {"country/of": {"type": "string", "x-ref": "country"}}}}),
    )
    .await;
    define(sandbox, "tour", json!({"stops": {"type": "array", "items": {"type": "string"}, "x-ref": "city"}, "home": {"type": ["string", "null"], "x-ref": "city"}})).await;
    let france = add(sandbox, "country", "France", json!({"code": "fr"})).await;
    let in_france = json!({"in": {"country/of": france}});
    let (paris, lyon) =
        (add(sandbox, "city", "Paris", in_france.clone()).await, add(sandbox, "city", "Lyon", in_france).await);
    let parent = add(sandbox, "country", "nowhere", json!({})).await;
    let tour = json!({"type": "tour", "name": "grand", "parent": parent, "attributes": {"stops": [lyon, paris], "home": paris}});
    create(sandbox, &tour).await;
    add(sandbox, "tour", "empty", json!({"stops": [], "home": null})).await;

    let expand = "expand=attributes.stops,attributes.home.attributes.in.country/of,parent";
    let page = get(sandbox, &format!("/v3/tours?{expand}&fields=name")).await;
    let grand = &page["data"][0];
    let mut keys: Vec<_> = grand.as_object().expect("an object").keys().collect();
    keys.sort_unstable();
    assert_eq!(keys, ["expanded", "id", "name", "type"]);
    let expanded = &grand["expanded"];
    assert_eq!(
        expanded["attributes.stops"].as_array().expect("a list").iter().map(id).collect::<Vec<_>>(),
        [lyon, paris.clone()]
    );
    assert_eq!(expanded["attributes.home"]["id"], json!(paris));
    assert_eq!(expanded["attributes.home"]["expanded"]["attributes.in.country/of"]["attributes"]["code"], "fr");
    assert_eq!(expanded["parent"]["name"], "nowhere");
    let empty = &page["data"][1]["expanded"];
    assert_eq!(
        (&empty["attributes.stops"], &empty["attributes.home"], &empty["parent"]),
        (&json!([]), &Value::Null, &Value::Null)
    );
    refused(&sandbox.get_json("/v3/tours?expand=parent.parent.parent.parent").await, 400, "invalid_parameter");

    // Each must be a reference of the type; of several types, of one at least; level by level.
    let tour = path(&id(grand));
    for (path, wrong) in [
        ("/v3/tours", "attributes.nothing"),
        ("/v3/tours", "attributes.home.attributes.in"),
        ("/v3/tours", "attributes.home.attributes.stops"),
        ("/v3/countrys", "attributes.code"),
        (&tour, "attributes.in.country/of"),
        ("/v3/resources?type=country,city", "attributes.home"),
        ("/v3/resources", "attributes.nothing"),
    ] {
        let ask = if path.contains('?') { '&' } else { '?' };
        let answer = sandbox.get_json(&format!("{path}{ask}expand={wrong}")).await;
        refused(&answer, 400, "invalid_parameter");
        assert_eq!(pointers(&answer.1), ["expand"], "{path} {wrong}");
    }
    for right in ["attributes.home", "parent.attributes.stops", "attributes.home.attributes.in.country/of"] {
        get(sandbox, &format!("/v3/resources?type=tour,country&expand={right}")).await;
        get(sandbox, &format!("/v3/resources?expand={right}")).await;
    }
});

story!(only_the_fields_that_are_named_are_sent, async |sandbox: &Sandbox| {
    define(
        sandbox,
        "thing",
        json!({"a": {"type": "object", "properties": {"b": {"type": "integer"}, "c": {"type": "integer"}}}, "free": {"type": "object"}}),
    )
    .await;
    refused(&sandbox.get_json("/v3/things?fields=nonsense").await, 400, "invalid_parameter");
    let thing = json!({"type": "thing", "name": "a", "attributes": {"a": {"b": 1, "c": 2}}, "labels": {"x.y/z": "1", "w": "2"}});
    let made = create(sandbox, &thing).await;
    for (fields, expected) in [
        ("id", json!({})),
        ("name,status", json!({"name": "a", "status": "active"})),
        ("attributes.a.b", json!({"attributes": {"a": {"b": 1}}})),
        ("attributes.a,attributes.a.b", json!({"attributes": {"a": {"b": 1, "c": 2}}})),
        ("attributes.free.x", json!({"attributes": {}})),
        ("labels.x.y/z", json!({"labels": {"x.y/z": "1"}})),
        ("parent,version", json!({"parent": null, "version": 1})),
    ] {
        let mut expected = expected;
        (expected["id"], expected["type"]) = (json!(made), json!("thing"));
        assert_eq!(get(sandbox, &format!("/v3/things?fields={fields}")).await["data"][0], expected, "{fields}");
        assert_eq!(get(sandbox, &format!("/v3/things/{made}?fields={fields}")).await["data"], expected, "{fields}");
    }
    for unknown in ["attributes.nothing", "attributes.a.nothing", "attributes.a.b.x", "name.x"] {
        for path in ["/v3/things", "/v3/resources?type=thing", &path(&made)] {
            let ask = if path.contains('?') { '&' } else { '?' };
            let answer = sandbox.get_json(&format!("{path}{ask}fields={unknown}")).await;
            refused(&answer, 400, "invalid_parameter");
            assert_eq!(pointers(&answer.1), ["fields"], "{path} {unknown}");
        }
    }
    // A list of several types has what any of them has; what is no object has nothing below it.
    let page = get(sandbox, "/v3/resources?fields=attributes.a.b.x,attributes.nothing").await;
    assert_eq!(page["data"][0]["attributes"], json!({"a": {}}));
    let shaped = sandbox.request(Method::GET, "/v3/things?fields=version,name,attributes.a&expand=parent");
    let text = shaped.send().await.expect("an answer").text().await.expect("a text");
    let order = ["\"id\":", "\"type\":", "\"name\":", "\"attributes\":", "\"version\":", "\"expanded\":"];
    let places: Vec<_> = order.iter().map(|key| text.find(key).expect(key)).collect();
    assert!(places.is_sorted(), "{text}");
});
