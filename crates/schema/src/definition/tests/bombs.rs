//! Small schemas that stand for much work. Each is refused at once, in a debug build too.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::*;

/// The schema is refused at `pointer` for `reason`, within 50 ms.
fn refused(schema: Value, pointer: &str, reason: &str) {
    let given = attributes(json!({ "schema": schema }));
    let refuse = || {
        let before = Instant::now();
        (TypeDefinition::compile("thing", &given).expect_err("a bomb"), before.elapsed())
    };
    // Once within the time is enough: a machine that is busy with other tests may pause any one try.
    let mut tries = std::iter::repeat_with(refuse).take(20);
    let (error, took) = tries.find(|(_, took)| *took < Duration::from_millis(50)).unwrap_or_else(refuse);
    let first = &error.errors[0];
    assert!(first.detail.contains(reason), "{}", first.detail);
    assert_eq!(first.pointer, format!("/attributes/schema{pointer}"), "{}", first.detail);
    println!("{reason}: {took:?}");
    assert!(took < Duration::from_millis(50), "{reason}: {took:?}");
}

fn object(properties: Value) -> Value {
    json!({"type": "object", "properties": properties})
}

/// `$defs` from a0 to a(n-1), each made from the reference to the next one.
fn chain(length: usize, link: impl Fn(Value) -> Value) -> Value {
    let mut definitions = Map::new();
    for at in 0..length {
        definitions.insert(format!("a{at}"), link(json!({"$ref": format!("#/$defs/a{}", at + 1)})));
    }
    definitions.insert(format!("a{length}"), json!({"type": "string"}));
    Value::Object(definitions)
}

#[test]
fn a_large_schema() {
    let mut schema = object(json!({}));
    schema["description"] = json!("x".repeat(70_000));
    refused(schema, "", "more than 64 kB");
    let megabyte: Vec<Value> = (0..50_000).map(|at| json!({ "a": at })).collect();
    refused(json!({"type": "object", "enum": megabyte}), "", "more than 64 kB");
}

#[test]
fn a_deep_schema() {
    let nest = |levels| (0..levels).fold(json!({}), |inner, _| json!({"properties": {"p": inner}}));
    let deep = |levels| object(json!({"p": nest(levels - 1)}));
    with_schema(deep(32)).expect("32 levels");
    refused(deep(33), &"/properties/p".repeat(33), "more than 32 levels");
    refused(deep(100), "", "more than 32 levels");
    let data = (0..500).fold(json!(1), |inner, _| json!([inner]));
    refused(json!({"type": "object", "const": data}), "", "more than 32 levels");
}

#[test]
fn many_mistakes_below_long_names() {
    let mistakes: Map<String, Value> = (0..3000).map(|at| (format!("x-{at}"), json!(1))).collect();
    let nest = |levels| (0..levels).fold(json!(mistakes), |inner, _| json!({"properties": {"n".repeat(90): inner}}));
    let pointer = format!("{}/x-0", format!("/properties/{}", "n".repeat(90)).repeat(15));
    refused(object(json!({"n".repeat(90): nest(14)})), &pointer, "unknown annotation");
    refused(object(json!({"n".repeat(90): nest(30)})), "", "more than 2,048 bytes of keys");
}

#[test]
fn many_properties() {
    let many = |count| object((0..count).map(|at| (format!("p{at}"), json!({}))).collect::<Map<_, _>>().into());
    with_schema(many(1000)).expect("1,000 properties");
    refused(many(1001), "", "at most 1,000");
    let ten: Map<String, Value> = (0..10).map(|at| (format!("p{at}"), json!({}))).collect();
    let uses: Map<String, Value> = (0..100).map(|at| (format!("u{at}"), json!({"$ref": "#/$defs/ten"}))).collect();
    let schema = json!({"type": "object", "$defs": {"ten": {"properties": ten}}, "properties": uses});
    refused(schema, "", "more than 1,000 properties once every `$ref`");
}

#[test]
fn recursion() {
    refused(object(json!({"p": {"$ref": "#"}})), "/properties/p/$ref", "recursion is not supported");
    refused(json!({"type": "object", "$ref": "#"}), "/$ref", "recursion");
    let tree = json!({"type": "object", "$defs": {"tree": {"items": {"$ref": "#/$defs/tree"}}}});
    refused(tree, "/$defs/tree/items/$ref", "recursion");
    let mut circle = json!({"type": "object", "$defs": chain(10, |next| json!({ "anyOf": [next] }))});
    circle["$defs"]["a10"] = json!({"$ref": "#/$defs/a0"});
    refused(circle, "/$defs/a10/$ref", "recursion");
}

#[test]
fn references_that_double_at_each_step() {
    for keyword in ["allOf", "anyOf", "oneOf", "prefixItems"] {
        let doubling = chain(14, |next| json!({ keyword: [next, next] }));
        let schema = json!({"type": "object", "$defs": doubling, "properties": {"p": {"$ref": "#/$defs/a0"}}});
        refused(schema, "", "more than 10,000 schemas");
    }
    let fields = chain(12, |next| json!({"properties": {"a": next, "b": next}}));
    let schema = json!({"type": "object", "$defs": fields, "$ref": "#/$defs/a0"});
    refused(schema, "", "once every `$ref` is followed");
}

#[test]
fn a_long_chain_of_references() {
    let schema = json!({"type": "object", "$defs": chain(2000, |next| next), "$ref": "#/$defs/a0"});
    let given = attributes(json!({ "schema": schema }));
    let error = TypeDefinition::compile("thing", &given).expect_err("a bomb");
    assert!(error.errors[0].detail.contains("more than 32 levels"), "{error}");
}

#[test]
fn expressions_that_backtrack_are_not_taken() {
    let pattern = |text: &str| object(json!({"p": {"pattern": text}}));
    refused(pattern("(?=a)b"), "/properties/p/pattern", "look-around");
    refused(pattern("(?<!a)b"), "/properties/p/pattern", "look-around");
    refused(pattern(r"(a)\1"), "/properties/p/pattern", "backreferences");
    refused(pattern("("), "/properties/p/pattern", "unclosed group");
    refused(
        json!({"type": "object", "patternProperties": {"^(?!x)": true}}),
        "/patternProperties/^(?!x)",
        "look-around",
    );
    with_schema(pattern("(a+)+$")).expect("matches in linear time");
}

#[test]
fn large_expressions() {
    let pattern = |text: &str| object(json!({"p": {"pattern": text}}));
    refused(pattern(&"a".repeat(501)), "/properties/p/pattern", "at most 500");
    refused(pattern("((a{100}){100}){100}"), "/properties/p/pattern", "too large");
    with_schema(pattern(r"^\p{L}{5}$")).expect("a small number of large classes");
    with_schema(pattern(r"\p{L}{100}")).expect_err("a class of letters is large by itself");
    refused(pattern(&"(".repeat(500)), "/properties/p/pattern", "not a regular expression");
    let many: Map<String, Value> =
        (0..8).map(|at| (format!("p{at}"), json!({"pattern": format!("x{at}[01]{{600}}y")}))).collect();
    refused(object(many.into()), "/properties/p2/pattern", "together too large");
}

#[test]
fn unevaluated_upon_unevaluated() {
    let nest = |levels| {
        (0..levels).fold(
            json!({"type": "object"}),
            |inner, _| json!({"type": "object", "allOf": [inner], "unevaluatedProperties": {"type": "integer"}}),
        )
    };
    with_schema(nest(4)).expect("4 levels");
    refused(nest(5), "", "`unevaluatedProperties` or `unevaluatedItems` more than 4 levels");
    refused(nest(12), &"/allOf/0".repeat(7), "`unevaluatedProperties` or `unevaluatedItems` more than 4 levels");
}

#[test]
fn the_largest_schema_that_is_accepted_compiles_soon() {
    let schema = json!({"type": "object", "$defs": chain(11, |next| json!({ "anyOf": [next, next] })),
        "properties": {"p": {"$ref": "#/$defs/a0"}}});
    let before = Instant::now();
    let definition = with_schema(schema).expect("8,000 schemas");
    definition.validate(&attributes(json!({"p": "a"}))).expect("valid");
    definition.validate(&attributes(json!({"p": 1}))).expect_err("not valid");
    println!("compiled and used in {:?}", before.elapsed());
    assert!(before.elapsed() < Duration::from_secs(5));
}
