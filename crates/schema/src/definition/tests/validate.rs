//! What resources of a type may hold, and what is said about those that do not.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// The places and reasons for which `held` is refused.
fn violations(definition: &TypeDefinition, held: Value) -> Vec<(String, String)> {
    let error = definition.validate(&attributes(held)).expect_err("violations");
    error.errors.into_iter().map(|error| (error.pointer, error.detail)).collect()
}

fn of_property(schema: Value, value: Value) -> String {
    let found = violations(&with_properties(json!({ "p": schema })), json!({ "p": value }));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "/attributes/p");
    found[0].1.clone()
}

#[test]
fn all_violations_are_said_each_at_its_place() {
    let definition = with_schema(json!({
        "type": "object",
        "properties": {
            "region": {"enum": ["eu", "us"]},
            "seats": {"type": "integer", "minimum": 1},
            "owner": {"type": "object", "properties": {"a/b": {"type": "string"}}, "required": ["mail"]},
        },
        "required": ["region", "plan"],
        "additionalProperties": false,
    }))
    .expect("a type");
    let found = violations(&definition, json!({"region": "asia", "seats": 0, "owner": {"a/b": 1}, "colour": "red"}));
    let expected = [
        ("/attributes/colour", "is not allowed here; there are region, seats, owner"),
        ("/attributes/owner/a~1b", "must be a string; it is an integer"),
        ("/attributes/owner/mail", "is required"),
        ("/attributes/plan", "is required"),
        ("/attributes/region", "must be one of \"eu\", \"us\""),
        ("/attributes/seats", "must be at least 1"),
    ];
    assert_eq!(found, expected.map(|(pointer, detail)| (pointer.to_owned(), detail.to_owned())));
}

#[test]
fn sentences_say_what_would_be_right() {
    for (schema, value, sentence) in [
        (json!({"type": ["string", "null"]}), json!(1), "must be null or a string; it is an integer"),
        (json!({"const": "a"}), json!("b"), "must be \"a\""),
        (json!({"minLength": 2}), json!("a"), "must have at least 2 characters"),
        (json!({"maxLength": 1}), json!("ab"), "must have at most 1 character"),
        (json!({"pattern": "^[a-z]+$"}), json!("A"), "must match the regular expression ^[a-z]+$"),
        (json!({"multipleOf": 5}), json!(3), "must be a multiple of 5"),
        (json!({"exclusiveMaximum": 5}), json!(5), "must be less than 5"),
        (json!({"minItems": 1}), json!([]), "must have at least 1 item"),
        (json!({"uniqueItems": true}), json!([1, 1.0]), "must not hold an item twice"),
        (json!({"maxProperties": 1}), json!({"a": 1, "b": 1}), "must have at most 1 property"),
        (json!({"not": {"type": "string"}}), json!("a"), "is just what the schema excludes by `not`"),
        (json!({"additionalProperties": false}), json!({"a": 1}), "must have no properties"),
        (json!(false), json!("a"), "must not be there: the schema allows no value here"),
        (
            json!({"anyOf": [{"type": "integer"}, {"type": "string", "maxLength": 2}]}),
            json!("abc"),
            "must match at least one of the schema's 2 alternatives: must be an integer; it is a string; \
             or must have at most 2 characters",
        ),
        (
            json!({"oneOf": [{"minLength": 1}, {"maxLength": 5}]}),
            json!("abc"),
            "must match exactly one of the schema's alternatives (`oneOf`), but matches several",
        ),
        (
            json!({"propertyNames": {"maxLength": 1}}),
            json!({"ab": 1}),
            "has a property whose name is not allowed; a name must have at most 1 character",
        ),
    ] {
        assert_eq!(of_property(schema, value), sentence);
    }
}

#[test]
fn formats_are_checked() {
    for (format, right, wrong) in [
        ("date-time", "2025-01-10T08:30:00Z", "2025-01-10"),
        ("date", "2025-01-10", "2025-02-30"),
        ("time", "08:30:00Z", "8:30"),
        ("duration", "P1DT12H", "1 day"),
        ("email", "ada@example.org", "ada"),
        ("hostname", "www.example.org", "-a-"),
        ("ipv4", "192.0.2.1", "192.0.2.256"),
        ("ipv6", "2001:db8::1", "2001"),
        ("uri", "https://example.org/a", "/a"),
        ("uuid", "123e4567-e89b-42d3-a456-426614174000", "123"),
        ("regex", "^a+$", "("),
    ] {
        let definition = with_properties(json!({"p": {"type": "string", "format": format}}));
        definition.validate(&attributes(json!({ "p": right }))).expect(format);
        let found = violations(&definition, json!({ "p": wrong }));
        assert!(found[0].1.starts_with("must be a"), "{found:?}");
    }
}

#[test]
fn a_violation_never_quotes_what_was_sent() {
    let secret = json!({
        "type": "string", "minLength": 50, "pattern": "^x", "enum": ["x"], "anyOf": [{"const": 1}], "x-secret": true,
    });
    let definition = with_properties(json!({ "p": secret }));
    let said = definition.validate(&attributes(json!({"p": "hunter2"}))).expect_err("violations");
    assert_eq!(said.errors.len(), 4, "{said:?}");
    assert!(!format!("{said:?}").contains("hunter2"));
}

#[test]
fn indexed_values_have_bounds() {
    let definition = with_properties(json!({
        "p": {"type": "string", "x-unique": true},
        "tags": {"type": "array", "items": {"type": "string"}, "x-index": true},
    }));
    definition.validate(&attributes(json!({"p": "é".repeat(512), "tags": vec!["a"; 1000]}))).expect("just within");
    let found = violations(&definition, json!({"p": "é".repeat(513), "tags": vec!["a"; 1001]}));
    assert_eq!(found[0].0, "/attributes/p");
    assert!(found[0].1.contains("1,024 bytes"));
    assert_eq!(found[1].0, "/attributes/tags");
    assert!(found[1].1.contains("1,000 items"));
}

/// Validates within the time, and returns how many violations were said.
fn soon(schema: Value, held: Value, most: Duration) -> Vec<FieldError> {
    let definition = with_properties(json!({ "p": schema }));
    let held = attributes(json!({ "p": held }));
    let before = Instant::now();
    let result = definition.validate(&held);
    println!("{:?}: {}", before.elapsed(), result.as_ref().err().map_or("valid", |error| &error.errors[0].detail));
    assert!(before.elapsed() < most, "{:?}", before.elapsed());
    result.err().map(|error| error.errors).unwrap_or_default()
}

#[test]
fn large_arrays_are_checked_soon() {
    let many: Vec<Value> = (0..100_000).map(|at| json!(at)).collect();
    let unique = json!({"type": "array", "items": {"type": "integer", "minimum": 0}, "uniqueItems": true});
    assert_eq!(soon(unique, json!(many), Duration::from_secs(5)), []);
    let objects: Vec<Value> = (0..30_000).map(|at| json!({"a": at, "b": {"c": [at]}})).collect();
    assert_eq!(soon(json!({"uniqueItems": true}), json!(objects), Duration::from_secs(5)), []);
}

#[test]
fn violations_are_at_most_fifty() {
    let many: Vec<Value> = (0..10_000).map(|at| json!(at)).collect();
    assert_eq!(soon(json!({"items": {"type": "string"}}), json!(many), Duration::from_secs(5)).len(), 50);
    let object: serde_json::Map<_, _> = (0..10_000).map(|at| (format!("p{at}"), json!(1))).collect();
    let closed = json!({"properties": {"a": {}}, "additionalProperties": false});
    assert_eq!(soon(closed, object.into(), Duration::from_secs(5)).len(), 50);
}

#[test]
fn of_a_very_large_document_the_first_violation_is_said() {
    let many: Vec<Value> = (0..100_000).map(|at| json!(at)).collect();
    let found = soon(json!({"items": {"type": "integer", "maximum": 99_998}}), json!(many), Duration::from_secs(5));
    assert_eq!(found, [FieldError::new("/attributes/p/99999", "must be at most 99998")]);
}

#[test]
fn documents_that_would_take_too_long_are_refused() {
    // Far more than it takes, and far less than the check would: minutes.
    let most = Duration::from_secs(20);
    let text = "01".repeat(400_000);
    let slow = json!({"pattern": "1[01]{2400}[2-9]"});
    assert!(soon(slow, json!(text), most)[0].detail.contains("too large to be checked"));
    let many: Vec<Value> = (0..100_000).map(|at| json!(at)).collect();
    let wide = json!({"items": {"allOf": vec![json!({"type": "integer"}); 2000]}});
    assert!(soon(wide, json!(many), most)[0].detail.contains("too large to be checked"));
    let names: serde_json::Map<_, _> = (0..500).map(|at| (format!("{at}{}", "01".repeat(1000)), json!(1))).collect();
    let named = json!({"patternProperties": {"1[01]{2400}[2-9]": true}});
    assert!(soon(named, names.into(), most)[0].detail.contains("too large to be checked"));
}

#[test]
fn alternatives_of_a_large_document_are_not_copied() {
    let many: Vec<Value> = (0..100_000).map(|at| json!(at)).collect();
    let alternatives: Vec<Value> = (0..1000).map(|at| json!({"maxItems": at})).collect();
    let found = soon(json!({ "anyOf": alternatives }), json!(many), Duration::from_secs(5));
    assert_eq!(found.len(), 1);
    assert!(found[0].detail.contains("too large for the places to be listed"));
}

#[test]
fn alternatives_of_a_long_text_are_not_copied() {
    let alternatives: Vec<Value> = (0..1000).map(|at| json!({"maxLength": at})).collect();
    let found = soon(json!({ "anyOf": alternatives }), json!("x".repeat(900_000)), Duration::from_secs(5));
    assert!(found[0].detail.contains("too large for the places to be listed"));
}

#[test]
fn alternatives_of_small_values_are_said_in_large_documents_too() {
    let shape = json!({"anyOf": [{"type": "string", "maxLength": 3}, {"type": "integer", "minimum": 0, "maximum": 9}]});
    let mut many: Vec<Value> = (0..20_000).map(|at| json!(at % 10)).collect();
    many.push(json!(-1));
    let found = soon(json!({ "items": shape }), json!(many), Duration::from_secs(5));
    assert_eq!(found[0].pointer, "/attributes/p/20000");
}

#[test]
fn names_on_the_way_to_a_value_have_a_bound() {
    let held = json!({"n".repeat(5000): [1, 2, 3]});
    let found = soon(json!({"type": "object"}), held, Duration::from_secs(5));
    assert!(found[0].detail.contains("4,096 bytes"));
}

fn documents() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3i64..9).prop_map(Value::from),
        "[a-c]{0,4}".prop_map(Value::from),
    ];
    scalar.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-c]", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever way a document is checked, yes and no are those of the plain validator.
    #[test]
    fn agrees_with_the_plain_validator(held in prop::collection::btree_map("[a-c]", documents(), 0..4)) {
        let schema = json!({
            "type": "object",
            "$defs": {
                "leaf": {"anyOf": [{"type": "string", "pattern": "^a"}, {"type": ["integer", "null"], "minimum": 0}]},
                "name": {"enum": ["a", "b"]},
            },
            "properties": {
                "a": {"$ref": "#/$defs/leaf"},
                "b": {"type": "array", "items": {"$ref": "#/$defs/leaf"}, "uniqueItems": true},
                "c": {
                    "type": "object",
                    "additionalProperties": {"$ref": "#/$defs/leaf"},
                    "propertyNames": {"$ref": "#/$defs/name"},
                },
            },
        });
        let plain = jsonschema::draft202012::new(&schema).expect("a schema");
        let held = Value::Object(held.into_iter().collect());
        let definition = with_schema(schema).expect("a type");
        prop_assert_eq!(definition.validate(&attributes(held.clone())).is_ok(), plain.is_valid(&held));
    }
}

#[test]
fn integers_have_64_bits() {
    let definition =
        with_properties(json!({"n": {"type": "integer"}, "many": {"type": "array", "items": {"type": "integer"}}}));
    definition.validate(&attributes(json!({"n": i64::MIN, "many": [i64::MAX, 1.0]}))).expect("valid");
    for wrong in [json!({"n": 1e300}), json!({"n": u64::MAX}), json!({"many": [1, -1e20]})] {
        let error = definition.validate(&attributes(wrong.clone())).expect_err(&wrong.to_string());
        assert!(error.errors[0].detail.contains("9223372036854775807"), "{wrong}: {error}");
    }
}
