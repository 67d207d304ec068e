//! What a type may say, what is refused and where, and what its resources may hold.

mod bombs;
mod refused;
mod validate;

use serde_json::{Value, json};

use super::*;
use crate::{FieldKind, OnDelete, Reference};

fn attributes(value: Value) -> Attributes {
    value.as_object().expect("an object").clone()
}

/// The type `thing` with this schema.
fn with_schema(schema: Value) -> Result<TypeDefinition, Error> {
    TypeDefinition::compile("thing", &attributes(json!({ "schema": schema })))
}

/// The type `thing` whose schema has these properties and no others.
fn with_properties(properties: Value) -> TypeDefinition {
    with_schema(json!({"type": "object", "properties": properties, "additionalProperties": false})).expect("a type")
}

fn field<'d>(definition: &'d TypeDefinition, key: &str) -> &'d Field {
    definition.fields.iter().find(|field| field.key == key).expect(key)
}

#[test]
fn a_type_says_little_and_the_rest_is_default() {
    let definition = with_schema(json!({"type": "object"})).expect("a type");
    assert_eq!(definition.plural, "things");
    assert_eq!(definition.statuses, ["active"]);
    assert!(definition.fields.is_empty() && !definition.sensitive);

    let said = json!({
        "plural": "boxes", "statuses": ["open", "shut-up"], "description": "A box.", "actions": ["seal"], "parent": "shelf",
        "sensitive": true,
        "schema": {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"},
    });
    let definition = TypeDefinition::compile("box", &attributes(said)).expect("a type");
    assert_eq!(definition.plural, "boxes");
    assert_eq!(definition.statuses, ["open", "shut-up"]);
    assert_eq!(
        (definition.actions.as_slice(), definition.parent.as_deref(), definition.sensitive),
        (&["seal".to_owned()][..], Some("shelf"), true)
    );
}

#[test]
fn the_built_in_types_are_types() {
    let text = json!({"type": "string"});
    let types = json!({"plural": "types", "schema": {
        "type": "object",
        "properties": {
            "plural": text, "description": text, "schema": {"type": "object"},
            "statuses": {"type": "array", "items": text},
        },
        "required": ["schema"], "additionalProperties": false,
    }});
    let types = TypeDefinition::compile("type", &attributes(types)).expect("a type");
    types.validate(&attributes(json!({"schema": {"x-anything": [1]}}))).expect("valid");

    let users = json!({"plural": "users", "schema": {
        "type": "object",
        "properties": {
            "email": {"type": "string", "format": "email", "x-unique": true},
            "roles": {"type": "array", "items": text, "x-index": true},
            "facts": {"type": "object"},
        },
    }});
    let users = TypeDefinition::compile("user", &attributes(users)).expect("a type");
    assert!(field(&users, "roles").many);
    assert_eq!(field(&users, "facts").kind, FieldKind::Other);
}

#[test]
fn fields_are_found_by_path() {
    let definition = with_properties(json!({
        "region": {"type": "string", "x-index": true},
        "seats": {"type": ["integer", "null"], "x-unique": true},
        "price": {"type": ["integer", "number"]},
        "plan": {"enum": ["free", "paid", null], "x-index": true},
        "done": {"const": true},
        "mixed": {"type": ["string", "integer"]},
        "tags": {"type": "array", "items": {"type": "string"}, "x-index": true},
        "pairs": {"type": "array", "items": {"type": "array", "items": {"type": "string"}}},
        "tuple": {"type": "array", "prefixItems": [{"type": "integer"}], "items": {"type": "string"}},
        "key": {"type": "string", "x-secret": true, "x-immutable": true},
        "address": {"type": "object", "properties": {"city": {"type": "string", "x-index": true}, "x-foo": {}}},
    }));
    let of = |key: &str| (field(&definition, key).kind, field(&definition, key).many);
    assert_eq!(of("region"), (FieldKind::Text, false));
    assert_eq!(of("seats"), (FieldKind::Integer, false));
    assert_eq!(of("price"), (FieldKind::Number, false));
    assert_eq!(of("plan"), (FieldKind::Text, false));
    assert_eq!(of("done"), (FieldKind::Boolean, false));
    assert_eq!(of("tags"), (FieldKind::Text, true));
    for other in ["mixed", "pairs", "tuple", "address", "address.x-foo"] {
        assert_eq!(of(other), (FieldKind::Other, false), "{other}");
    }
    let keys = |fields: &mut dyn Iterator<Item = &Field>| fields.map(|field| field.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&mut definition.indexed()), ["address.city", "plan", "region", "tags"]);
    assert_eq!(keys(&mut definition.unique()), ["seats"]);
    assert_eq!(keys(&mut definition.secrets()), ["key"]);
    assert_eq!(keys(&mut definition.immutable()), ["key"]);
    for field in &definition.fields {
        assert_eq!(definition.field(&field.path), Some(field));
    }
    assert_eq!(definition.field(&["city".to_owned()]), None);
}

#[test]
fn annotations_reach_through_references() {
    let definition = with_schema(json!({
        "type": "object",
        "$defs": {
            "id": {"type": "string"},
            "owner": {"$ref": "#/$defs/id", "x-ref": {"type": "user", "on_delete": "cascade"}},
            "base": {"properties": {"code": {"$ref": "#/$defs/id", "x-unique": true}, "name": {"type": "string"}}},
        },
        "$ref": "#/$defs/base",
        "properties": {
            "owner": {"$ref": "#/$defs/owner"},
            "members": {"type": "array", "items": {"$ref": "#/$defs/id"}, "x-ref": "user"},
            "name": {"x-index": true},
        },
        "required": ["owner"],
    }))
    .expect("a type");
    let reference = |on_delete| Some(Reference { type_name: "user".to_owned(), on_delete });
    assert_eq!(field(&definition, "owner").reference, reference(OnDelete::Cascade));
    assert_eq!(field(&definition, "members").reference, reference(OnDelete::Restrict));
    assert!(field(&definition, "members").many);
    assert!(field(&definition, "code").unique);
    assert!(field(&definition, "name").index, "what two schemas say of one property counts together");
    assert_eq!(field(&definition, "name").kind, FieldKind::Text);
}

#[test]
fn names_and_data_that_look_like_annotations_are_none() {
    let definition = with_properties(json!({
        "x-foo": {"type": "string", "default": {"x-bar": 1}},
        "other": {"enum": [{"x-bar": {"$ref": "http://example.org"}}], "examples": [{"x-bar": 1, "$id": "a"}]},
        "a.b": {"type": "string"},
        "": {"type": "string"},
    }));
    assert_eq!(field(&definition, "x-foo").kind, FieldKind::Text);
    let plain = definition.plain_schema();
    assert_eq!(plain, definition.schema);
}

#[test]
fn the_plain_schema_has_no_annotations() {
    let definition = with_properties(json!({"region": {"type": "string", "x-index": true, "title": "Region"}}));
    assert_eq!(definition.plain_schema()["properties"]["region"], json!({"type": "string", "title": "Region"}));
    assert_eq!(definition.schema["properties"]["region"]["x-index"], true);
}

#[test]
fn rows_are_checked_again_only_when_the_rules_change() {
    let old = with_properties(json!({"a": {"type": "string", "title": "A"}, "b": {"type": "string", "x-index": true}}));
    let same = json!({"a": {"type": "string", "default": "x", "x-immutable": true, "x-secret": true}, "b": {
        "type": "string", "description": "b", "$comment": "c", "examples": [1], "x-unique": true}});
    assert!(!with_properties(same).must_recheck(&old));
    let stricter = json!({"a": {"type": "string", "maxLength": 3}, "b": {"type": "string"}});
    assert!(with_properties(stricter).must_recheck(&old));
    let newly_indexed = json!({"a": {"type": "string", "x-index": true}, "b": {"type": "string"}});
    assert!(with_properties(newly_indexed).must_recheck(&old), "an indexed text has a bound of its own");
    let named_default = json!({"default": {"type": "string"}, "b": {"type": "string"}});
    assert!(with_properties(named_default).must_recheck(&old), "a property may be named `default`");
}

#[test]
fn a_field_finds_its_values() {
    let definition = with_properties(json!({
        "address": {"type": "object", "properties": {"city": {"type": ["string", "null"]}}},
        "tags": {"type": "array", "items": {"type": ["string", "null"]}},
        "a/b": {"type": "string"},
    }));
    let held = attributes(json!({"address": {"city": "Oslo"}, "tags": ["a", null, "b"]}));
    assert_eq!(field(&definition, "address.city").get(&held), Some(&json!("Oslo")));
    assert_eq!(field(&definition, "tags").values(&held), [&json!("a"), &json!("b")]);
    for without in [json!({}), json!({"address": null}), json!({"address": {"city": null}}), json!({"address": "Oslo"})]
    {
        let without = attributes(without);
        assert_eq!(field(&definition, "address.city").get(&without), None);
        assert!(field(&definition, "address.city").values(&without).is_empty());
    }
    assert_eq!(field(&definition, "address.city").pointer(), "/attributes/address/city");
    assert_eq!(field(&definition, "a/b").pointer(), "/attributes/a~1b");
}
