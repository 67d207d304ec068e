//! The built-in types. They are rows like all others; only the engine makes them.

use admin_types::Attributes;
use serde_json::json;

/// A type that comes with every org.
pub(crate) struct BuiltIn {
    pub(crate) name: &'static str,
    pub(crate) attributes: fn() -> Attributes,
}

/// In the order in which they are made.
pub(crate) const BUILT_IN: &[BuiltIn] =
    &[BuiltIn { name: "type", attributes: type_attributes }, BuiltIn { name: "user", attributes: user_attributes }];

/// Whether a type comes with every org.
pub(crate) fn is_built_in(name: &str) -> bool {
    BUILT_IN.iter().any(|built_in| built_in.name == name)
}

fn object(value: serde_json::Value) -> Attributes {
    match value {
        serde_json::Value::Object(map) => map,
        _ => Attributes::new(),
    }
}

fn type_attributes() -> Attributes {
    object(json!({
        "plural": "types",
        "description": "Describes resources: a JSON Schema of their attributes, their statuses, their name in paths.",
        "statuses": ["active"],
        "schema": {
            "type": "object",
            "properties": {
                "plural": {"type": "string", "description": "The name in paths, such as `workspaces`."},
                "description": {"type": "string", "maxLength": 2000},
                "statuses": {"type": "array", "items": {"type": "string"}, "description": "The first is the default."},
                "schema": {"type": "object", "description": "JSON Schema 2020-12 of `attributes`."}
            },
            "required": ["schema"],
            "additionalProperties": false
        }
    }))
}

fn user_attributes() -> Attributes {
    object(json!({
        "plural": "users",
        "description": "A person who acts in this org.",
        "statuses": ["active", "disabled"],
        "schema": {
            "type": "object",
            "properties": {
                "email": {"type": "string", "format": "email", "maxLength": 254, "x-unique": true},
                "roles": {"type": "array", "items": {"type": "string", "maxLength": 100}, "maxItems": 100, "uniqueItems": true},
                "groups": {"type": "array", "items": {"type": "string", "maxLength": 100}, "maxItems": 1000, "uniqueItems": true},
                "facts": {"type": "object"}
            },
            "additionalProperties": false
        }
    }))
}
