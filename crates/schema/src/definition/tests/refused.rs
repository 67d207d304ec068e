//! Types that are refused: where, and why.

use serde_json::{Value, json};

use super::*;

/// The first place and reason for which the type is refused.
fn refusal(name: &str, given: Value) -> (String, String) {
    let error = TypeDefinition::compile(name, &attributes(given.clone())).expect_err(&given.to_string());
    assert_eq!(error.code, "validation_failed");
    let first = error.errors.into_iter().next().expect("a place");
    (first.pointer, first.detail)
}

fn expect(given: Value, pointer: &str, reason: &str) {
    let (at, detail) = refusal("thing", given.clone());
    assert_eq!(at, pointer, "{given}: {detail}");
    assert!(detail.contains(reason), "{given}: {detail}");
}

/// A schema that is refused below `/attributes/schema`.
fn expect_schema(schema: Value, pointer: &str, reason: &str) {
    expect(json!({ "schema": schema }), &format!("/attributes/schema{pointer}"), reason);
}

/// A property `p` whose schema is refused at `pointer` below it.
fn expect_property(property: Value, pointer: &str, reason: &str) {
    let schema = json!({"type": "object", "properties": {"p": property}});
    expect_schema(schema, &format!("/properties/p{pointer}"), reason);
}

#[test]
fn names_plurals_statuses() {
    let schema = json!({"type": "object"});
    for name in ["", "Thing", "1thing", "thing-x", "thïng", &"t".repeat(49)] {
        assert_eq!(refusal(name, json!({ "schema": schema })).0, "/name", "{name}");
    }
    for name in ["resource", "in", "true"] {
        assert_eq!(refusal(name, json!({ "schema": schema })).0, "/name", "{name}");
    }
    for plural in
        [json!(""), json!("Things"), json!("_things"), json!("a b"), json!("t".repeat(64)), json!(1), json!(null)]
    {
        expect(json!({"schema": schema, "plural": plural}), "/attributes/plural", "must be a text of 1 to 63");
    }
    expect(json!({"schema": schema, "plural": "events"}), "/attributes/plural", "a path of the API itself");
    assert_eq!(refusal("event", json!({ "schema": schema })).0, "/attributes/plural", "also when it is the default");
    for statuses in [json!([]), json!("active"), json!(vec!["a"; 51])] {
        expect(json!({"schema": schema, "statuses": statuses}), "/attributes/statuses", "1 to 50 texts");
    }
    expect(json!({"schema": schema, "statuses": ["a", "b", "a"]}), "/attributes/statuses/2", "twice");
    expect(json!({"schema": schema, "statuses": ["a", "B"]}), "/attributes/statuses/1", "characters");
    expect(
        json!({"schema": schema, "actions": ["approve", "read"]}),
        "/attributes/actions/1",
        "is there for every type",
    );
    expect(json!({"schema": schema, "actions": ["a", "a"]}), "/attributes/actions/1", "twice");
    expect(json!({"schema": schema, "actions": vec!["a"; 51]}), "/attributes/actions", "at most 50");
    expect(json!({"schema": schema, "parent": "No"}), "/attributes/parent", "the name of a type");
    for sensitive in [json!("true"), json!(1), json!(null)] {
        expect(json!({"schema": schema, "sensitive": sensitive}), "/attributes/sensitive", "true or false");
    }
    expect(json!({"schema": schema, "description": "x".repeat(2001)}), "/attributes/description", "2,000");
    expect(json!({"schema": schema, "a/b": 1}), "/attributes/a~1b", "no such attribute");
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let error = TypeDefinition::compile(
        "X",
        &attributes(json!({"plural": 1, "statuses": [], "schema": {"type": "object", "properties": {
        "a": {"type": "string", "x-foo": 1, "x-index": "yes"}, "b": {"x-pii": "c"}}}})),
    )
    .expect_err("a type with many mistakes");
    let pointers: Vec<_> = error.errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/name",
            "/attributes/plural",
            "/attributes/statuses",
            "/attributes/schema/properties/a/x-foo",
            "/attributes/schema/properties/a/x-index",
            "/attributes/schema/properties/b/x-pii",
        ]
    );
}

#[test]
fn schemas_that_are_none() {
    expect(json!({}), "/attributes/schema", "is required");
    for schema in [json!(null), json!(true), json!("object"), json!([])] {
        expect_schema(schema, "", "must be a JSON Schema");
    }
    expect_schema(json!({}), "/type", "must be \"object\"");
    expect_schema(json!({"type": ["object", "null"]}), "/type", "must be \"object\"");
    expect_schema(json!({"type": "object", "required": "a"}), "/required", "must be an array; it is a string");
    expect_schema(json!({"type": "object", "properties": {"a": 1}}), "/properties/a", "must be");
    expect_schema(
        json!({"type": "object", "properties": {"a": {"type": "strin"}}}),
        "/properties/a/type",
        "\"string\"",
    );
    expect_property(json!({"minLength": -1}), "/minLength", "at least 0");
    expect_schema(
        json!({"type": "object", "$schema": "http://json-schema.org/draft-07/schema#"}),
        "/$schema",
        "2020-12",
    );
    expect_property(json!({"$schema": "https://json-schema.org/draft/2020-12/schema"}), "/$schema", "root");
    expect_property(json!({"format": "emial"}), "/format", "`emial` is not known");
}

#[test]
fn references_out_of_the_document() {
    for reference in ["http://example.org/a.json", "other.json#/a", "#anchor", "urn:x", "", "file:///etc/passwd"] {
        expect_property(json!({ "$ref": reference }), "/$ref", "must point into this schema");
    }
    for reference in ["#/$defs/none", "#/properties", "#/properties/p/enum/0", "#/type", "#/"] {
        expect_property(json!({"$ref": reference, "enum": [{}]}), "/$ref", "where no schema stands");
    }
    expect_property(json!({"$ref": "#/$defs/a%20b"}), "/$ref", "percent-encoded");
    for word in ["$id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$vocabulary", "$recursiveRef"] {
        expect_property(json!({ word: "#/$defs/a" }), &format!("/{word}"), "is not supported");
        expect_property(
            json!({"items": {"anyOf": [{ word: "a" }]}}),
            &format!("/items/anyOf/0/{word}"),
            "is not supported",
        );
    }
}

#[test]
fn unknown_annotations() {
    expect_property(json!({"x-idnex": true}), "/x-idnex", "unknown annotation");
    expect_property(json!({"x-a/b": true}), "/x-a~1b", "unknown annotation");
    expect_property(json!({"x-pii": "email"}), "/x-pii", "reserved for a coming version");
    expect_property(json!({"items": {"x-foo": 1}}), "/items/x-foo", "unknown annotation");
    expect_property(json!({"x-index": 1}), "/x-index", "must be true or false");
    expect_property(json!({"x-ref": 1}), "/x-ref", "must be a type's name");
    expect_property(json!({"x-ref": "User"}), "/x-ref", "does not name a type");
    expect_property(json!({"x-ref": {"type": "user", "onDelete": "cascade"}}), "/x-ref", "must be a type's name");
    expect_property(json!({"x-ref": {"type": "user", "on_delete": "set null"}}), "/x-ref", "`on_delete` must be");
}

#[test]
fn annotations_that_do_not_suit_the_property() {
    for property in
        [json!({}), json!({"type": "object"}), json!({"type": ["string", "integer"]}), json!({"type": "array"})]
    {
        for word in ["x-index", "x-unique", "x-secret"] {
            let mut property = property.clone();
            property[word] = json!(true);
            expect_property(property, &format!("/{word}"), "by `type`");
        }
    }
    expect_property(
        json!({"type": "array", "items": {"type": "object"}, "x-index": true}),
        "/x-index",
        "arrays of one",
    );
    expect_property(json!({"type": "array", "items": {"type": "string"}, "x-unique": true}), "/x-unique", "only texts");
    expect_property(json!({"type": "boolean", "x-unique": true}), "/x-unique", "only texts");
    expect_property(json!({"type": "integer", "x-ref": "user"}), "/x-ref", "a reference is a text");
    expect_property(json!({"type": "integer", "x-secret": true}), "/x-secret", "only a text");
    for word in ["x-index", "x-unique"] {
        expect_property(json!({"type": "string", "x-secret": true, word: true}), "/x-secret", "neither indexed");
    }
    expect_property(json!({"type": "string", "x-secret": true, "x-ref": "user"}), "/x-secret", "nor a reference");
}

#[test]
fn null_on_delete_needs_a_property_that_can_go() {
    let schema = |kind: Value, required: Value| {
        let property = json!({"type": kind, "x-ref": {"type": "user", "on_delete": "null"}});
        json!({"type": "object", "required": required, "properties": {"p": property}})
    };
    expect_schema(schema(json!("string"), json!(["p"])), "/properties/p/x-ref", "may be null or is not required");
    with_schema(schema(json!("string"), json!([]))).expect("a property that is not required");
    with_schema(schema(json!(["string", "null"]), json!(["p"]))).expect("a property that may be null");
    let fixed = json!({"type": "string", "x-immutable": true, "x-ref": {"type": "user", "on_delete": "null"}});
    expect_property(fixed, "/x-ref", "`x-immutable`");
}

#[test]
fn annotations_where_no_static_path_leads() {
    let noted = json!({"type": "string", "x-index": true});
    let object = json!({"type": "object", "properties": {"q": noted}});
    for (property, pointer, keyword) in [
        (json!({"type": "array", "items": noted}), "/items", "items"),
        (json!({"type": "array", "items": object}), "/items/properties/q", "items"),
        (json!({"type": "array", "prefixItems": [noted]}), "/prefixItems/0", "prefixItems"),
        (json!({ "anyOf": [object] }), "/anyOf/0/properties/q", "anyOf"),
        (json!({ "oneOf": [object] }), "/oneOf/0/properties/q", "oneOf"),
        (json!({ "allOf": [object] }), "/allOf/0/properties/q", "allOf"),
        (json!({ "not": noted }), "/not", "not"),
        (json!({ "if": noted }), "/if", "if"),
        (json!({ "additionalProperties": noted }), "/additionalProperties", "additionalProperties"),
        (json!({"patternProperties": {"^a": noted}}), "/patternProperties/^a", "patternProperties"),
        (json!({"dependentSchemas": {"a": object}}), "/dependentSchemas/a/properties/q", "dependentSchemas"),
    ] {
        expect_property(property, &format!("{pointer}/x-index"), &format!("under `{keyword}`"));
    }
    expect_schema(json!({"type": "object", "x-immutable": true}), "/x-immutable", "not on the whole object");
    let shelf = json!({"type": "object", "$defs": {"a": noted}});
    expect_schema(shelf, "/$defs/a/x-index", "no property uses this schema");
    let shared = json!({"type": "object", "$defs": {"a": noted}, "properties": {
        "p": {"$ref": "#/$defs/a"}, "q": {"type": "array", "items": {"$ref": "#/$defs/a"}}}});
    expect_schema(shared, "/$defs/a/x-index", "under `items`");
}

#[test]
fn annotated_properties_with_odd_names() {
    for name in ["a.b", "", &"a".repeat(101)] {
        let schema = |schema: Value| json!({"type": "object", "properties": { name: schema }});
        let noted = json!({"type": "string", "x-index": true});
        with_schema(schema(json!({"type": "string"}))).expect("fine without an annotation");
        expect_schema(
            schema(noted.clone()),
            &format!("/properties/{name}/x-index"),
            "1 to 100 characters without dots",
        );
        let inner = json!({"type": "object", "properties": {"q": noted}});
        expect_schema(schema(inner), &format!("/properties/{name}/properties/q/x-index"), "1 to 100 characters");
    }
    let long = "a".repeat(100);
    let deep =
        json!({"type": "object", "properties": {&long: {"properties": {&long: {"type": "string", "x-index": true}}}}});
    expect_schema(deep, &format!("/properties/{long}/properties/{long}/x-index"), "at most 200");
}

#[test]
fn two_references_for_one_property() {
    let schema = json!({"type": "object", "$defs": {"a": {"type": "string", "x-ref": "user"}}, "properties": {
        "p": {"$ref": "#/$defs/a", "x-ref": "group"}}});
    expect_schema(schema, "/$defs/a/x-ref", "says another");
}
