//! Paths and parameters.

use admin_testkit::{Method, Sandbox, story};
use serde_json::json;

use super::{NOBODY, define_thing, is_problem, post};
use crate::acts::{add, get, reply};

story!(parameters_are_known_and_stand_once, async |sandbox: &Sandbox| {
    define_thing(sandbox).await;
    for name in ["a", "b", "c"] {
        add(sandbox, "thing", name, json!({"code": name})).await;
    }
    let cursor = get(sandbox, "/v3/things?limit=1&sort=name").await["pagination"]["next_cursor"].clone();
    let cursor = cursor.as_str().expect("a cursor");
    let deep = format!("filter={}name:a{}", "(".repeat(1000), ")".repeat(1000));
    let negated = format!("filter={}name:a", "NOT ".repeat(1000).replace(' ', "%20"));
    let wide = format!("filter={}", vec!["version=1"; 201].join("%20OR%20"));
    let cases = [
        ("limit", "limit=0"),
        ("limit", "limit=-1"),
        ("limit", "limit=201"),
        ("limit", "limit=1000000000"),
        ("limit", "limit=99999999999999999999"),
        ("limit", "limit=1.5"),
        ("limit", "limit=%2B1"),
        ("limit", "limit=ten"),
        ("page", "page=0"),
        ("page", "page=-1"),
        ("page", "page=1000000000"),
        ("page", "page=18446744073709551615"),
        ("page", "page=99999999999999999999999"),
        ("page", "page=2002&limit=50"),
        ("cursor", "cursor=garbage"),
        ("cursor", "cursor=AAAA"),
        ("cursor", "cursor=%F0%9F%98%80"),
        ("cursor", &format!("cursor={}", "A".repeat(5000))),
        ("cursor", &format!("cursor={cursor}")),
        ("cursor", &format!("cursor={cursor}&sort=-name")),
        ("cursor", &format!("cursor={cursor}&sort=name&filter=version=1")),
        ("cursor", &format!("cursor={cursor}&sort=name&page=2")),
        ("cursor", &format!("cursor={}&sort=name", &cursor[..20])),
        ("sort", "sort=nonsense"),
        ("sort", "sort=attributes.count"),
        ("sort", "sort=--name"),
        ("sort", "sort=name,-id"),
        ("status", "status=odd"),
        ("trashed", "trashed=yes"),
        ("fields", "fields=nonsense"),
        ("fields", "fields=attributes.nonsense"),
        ("expand", "expand=nonsense"),
        ("expand", "expand=attributes.code"),
        ("nonsense", "nonsense=1"),
        ("type", "type=thing"),
        ("limit", "limit=1&limit=1"),
        ("filter", "filter=name:a&filter=name:b"),
        ("filter", "filter=name%20==%20a"),
        ("filter", "filter=nonsense=1"),
        ("filter", "filter=attributes.nonsense=1"),
        ("filter", "filter=attributes.count=%22one%22"),
        ("filter", "filter=name:%FF"),
        ("filter", "filter=name:%00"),
        ("filter", "filter=name:%ED%A0%80"),
        ("filter", &deep),
        ("filter", &negated),
        ("filter", &wide),
        ("filter", &format!("filter=name:{}", "a".repeat(9000))),
    ];
    for (parameter, query) in cases {
        let what: String = query.chars().take(80).collect();
        let reply = reply(sandbox.request(Method::GET, &format!("/v3/things?{query}"))).await;
        is_problem(&reply, 400, "invalid_parameter", &[parameter], &what);
        assert!(!reply.body.to_string().contains("is not valid"), "{}", reply.body);
    }
    let reply = reply(sandbox.request(Method::GET, &format!("/v3/things?filter={}", "x".repeat(60_000)))).await;
    is_problem(&reply, 414, "uri_too_long", &[], "a filter of 60 kB");
});

story!(the_list_of_all_types_has_bounds_of_its_own, async |sandbox: &Sandbox| {
    define_thing(sandbox).await;
    let many = vec!["thing"; 21].join(",");
    for (parameter, query) in [
        ("type", "type=nonsense"),
        ("type", &format!("type={many}")),
        ("sort", "sort=name"),
        ("sort", "sort=attributes.code&type=thing,type"),
        ("sort", "sort=name&type=thing&trashed=true"),
    ] {
        let reply = reply(sandbox.request(Method::GET, &format!("/v3/resources?{query}"))).await;
        is_problem(&reply, 400, "invalid_parameter", &[parameter], query);
    }
    for (parameter, query) in [
        ("type", "type=created"),
        ("resource", "resource=thing"),
        ("actor", "actor=me"),
        ("since", "since=yesterday"),
        ("until", "until=2025-13-01T00:00:00Z"),
        ("order", "order=up"),
        ("cursor", "cursor=-1"),
        ("cursor", "cursor=9223372036854775808"),
        ("cursor", "cursor=1&page=1"),
        ("limit", "limit=0"),
        ("page", "page=1000000000"),
    ] {
        let reply = reply(sandbox.request(Method::GET, &format!("/v3/events?{query}"))).await;
        is_problem(&reply, 400, "invalid_parameter", &[parameter], query);
    }
});

story!(paths_lead_somewhere_or_are_refused, async |sandbox: &Sandbox| {
    define_thing(sandbox).await;
    for path in ["/v3/things", "/v3/resources"] {
        for (method, action, allowed) in [(Method::GET, "import", "POST"), (Method::POST, "export", "GET")] {
            let request = sandbox.request(method, &format!("{path}:{action}"));
            let reply = reply(request).await;
            is_problem(&reply, 405, "method_not_allowed", &[], action);
            assert!(reply.header("allow").split(',').any(|method| method == allowed), "{path}:{action}");
        }
    }
    let unknown = ["/v3", "/v3/", "/v3/nonsense", "/v3/things/x/y/z", "/v3/things/", "/v3//things", "/v4/things"];
    for path in unknown {
        is_problem(&reply(sandbox.request(Method::GET, path)).await, 404, "unknown_path", &[], path);
    }
    for path in ["/v3/nonsense", "/v3/things", "/v3/things/x/y/z", "/v3/resources", "/v3/events"] {
        let reply = reply(sandbox.anonymous().request(Method::GET, path)).await;
        is_problem(&reply, 401, "missing_token", &[], path);
        assert!(reply.header("www-authenticate").starts_with("Bearer"), "{path}");
    }
    for id in [
        "x",
        "res_",
        "res_01h455vb4pex5vsknk084sn02",
        "res_z1h455vb4pex5vsknk084sn02q",
        "RES_01h455vb4pex5vsknk084sn02q",
    ] {
        for method in [Method::GET, Method::DELETE] {
            let reply = reply(sandbox.request(method, &format!("/v3/things/{id}"))).await;
            is_problem(&reply, 400, "invalid_id", &["id"], id);
        }
    }
    for id in [NOBODY.to_owned(), NOBODY.replace("res", "typ"), NOBODY.replace("res", "usr")] {
        let reply = reply(sandbox.request(Method::GET, &format!("/v3/things/{id}"))).await;
        is_problem(&reply, 404, "not_found", &[], &id);
    }
});

story!(methods_that_a_path_does_not_take_are_named, async |sandbox: &Sandbox| {
    define_thing(sandbox).await;
    let one = format!("/v3/things/{NOBODY}");
    let cases = [
        (Method::DELETE, "/v3/resources", &["GET", "POST"][..]),
        (Method::PUT, "/v3/things", &["GET", "POST"]),
        (Method::POST, one.as_str(), &["GET", "PATCH", "PUT", "DELETE"]),
        (Method::POST, "/v3/events", &["GET"]),
        (Method::GET, "/v3/resources:import", &["POST"]),
        (Method::POST, "/v3/openapi.json", &["GET"]),
        (Method::POST, "/v3/asyncapi.json", &["GET"]),
        (Method::POST, "/livez", &["GET"]),
    ];
    for (method, path, allowed) in cases {
        let what = format!("{method} {path}");
        let reply = reply(sandbox.request(method, path)).await;
        is_problem(&reply, 405, "method_not_allowed", &[], &what);
        let allow: Vec<&str> = reply.header("allow").split(',').map(str::trim).collect();
        for method in allowed {
            assert!(allow.contains(method), "{what}: Allow is {allow:?}");
        }
    }
    let reply = post(sandbox, "/v3/things:nonsense", "{}").await;
    is_problem(&reply, 404, "unknown_path", &[], "an unknown verb");
});
