//! Headers that mean something.

use admin_testkit::{Method, Sandbox, story};
use serde_json::json;

use super::{define_thing, is_problem};
use crate::acts::{add, reply};

story!(conditions_and_keys_are_checked, async |sandbox: &Sandbox| {
    define_thing(sandbox).await;
    let id = add(sandbox, "thing", "a", json!({})).await;
    let path = format!("/v3/things/{id}");
    for value in
        ["garbage", "1", "\"x\"", "W/\"1\"", "\"1\", \"2\"", "\"\"", "\"99999999999999999999\"", "\"+1\"", "\"-1\""]
    {
        for method in [Method::PATCH, Method::DELETE] {
            let request = sandbox.request(method, &path).header("if-match", value);
            let request = request.header("content-type", "application/merge-patch+json").body(r#"{"name":"b"}"#);
            is_problem(&reply(request).await, 400, "invalid_parameter", &["If-Match"], value);
        }
    }
    let stale = sandbox.request(Method::DELETE, &path).header("if-match", "\"7\"");
    is_problem(&reply(stale).await, 412, "version_mismatch", &[], "another version");
    let long = "k".repeat(256);
    for key in ["", &long, "ä", "a\tb"] {
        let request = sandbox.request(Method::POST, "/v3/things").header("idempotency-key", key.as_bytes());
        let reply = reply(request.json(&json!({"name": "b"}))).await;
        is_problem(&reply, 400, "invalid_parameter", &["Idempotency-Key"], key);
    }
});

story!(request_ids_are_sane_or_refused, async |sandbox: &Sandbox| {
    let long = "a".repeat(129);
    for id in ["", " ", "a b", "<script>", "ä", "a\"b", &long] {
        let request = sandbox.request(Method::GET, "/v3/resources").header("x-request-id", id.as_bytes());
        let reply = reply(request).await;
        is_problem(&reply, 400, "invalid_parameter", &["X-Request-Id"], id);
        assert!(reply.header("x-request-id").starts_with("req_"), "a refused id is not sent back");
    }
    let request = sandbox.request(Method::GET, "/v3/resources").header("x-request-id", "trace-1:2/3");
    assert_eq!(reply(request).await.header("x-request-id"), "trace-1:2/3");
});

story!(headers_have_a_bound, async |sandbox: &Sandbox| {
    for (bytes, status) in [(30_000, 200), (33_000, 431)] {
        let request = sandbox.request(Method::GET, "/v3/resources").header("x-much", "a".repeat(bytes));
        let reply = reply(request).await;
        assert_eq!(reply.status, status, "{}", reply.body);
        if status == 431 {
            is_problem(&reply, 431, "headers_too_large", &["x-much"], "large headers");
        }
    }
});

story!(tokens_are_whole_or_refused, async |sandbox: &Sandbox| {
    let token = &sandbox.owner_token;
    let (head, signature) = token.rsplit_once('.').expect("a JWT");
    let cut = &token[..token.len() - 5];
    let (long, unsigned) = ("a".repeat(5000), format!("{head}."));
    let other = format!("{head}.{}", signature.chars().rev().collect::<String>());
    for token in ["garbage", "a.b.c", cut, &unsigned, &other, &long] {
        let request = sandbox.with_token(token).request(Method::GET, "/v3/resources");
        is_problem(&reply(request).await, 401, "bad_token", &[], &token[..token.len().min(40)]);
    }
    for value in ["Basic YTpi", "Bearer", "Bearer ", token] {
        let request = sandbox.anonymous().request(Method::GET, "/v3/resources").header("authorization", value);
        is_problem(&reply(request).await, 401, "missing_token", &[], &value[..value.len().min(40)]);
    }
});
