//! What parameters and labels may be, wherever they stand in the document. `docs/limits.md` lists these bounds.

use serde_json::{Value, json};

/// The id of a resource.
const RESOURCE: &str = "(res|typ|usr|cli|pol|whk)_[0-7][0-9a-hjkmnp-tv-z]{25}";

/// States what is known of each parameter of an operation by its name alone.
pub(super) fn parameters(operation: &mut Value) {
    let events = operation["operationId"].as_str().is_some_and(|id| id.ends_with("_events") || id.ends_with("_event"));
    let lists_kinds = operation["operationId"] == "watch_events";
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
        let is_number = parameter["schema"]["format"] == "int64";
        let schema = match (name.as_str(), events) {
            ("id", true) => json!({"type": "string", "pattern": "^evt_[0-7][0-9a-hjkmnp-tv-z]{25}$"}),
            ("id", _) => json!({"type": "string", "pattern": format!("^{RESOURCE}$")}),
            ("If-Match", _) => json!({"type": "string", "pattern": "^(\\*|\"[0-9]{1,18}\")$"}),
            ("Idempotency-Key", _) => json!({"type": "string", "pattern": "^[!-~]{1,255}$"}),
            // In a query, empty is as good as absent.
            ("resource" | "actor", _) => json!({"type": "string", "pattern": format!("^({RESOURCE})?$")}),
            ("type", true) if lists_kinds => {
                json!({"type": "string", "pattern": "^([a-z][a-z0-9_]*\\.([a-z]+|\\*)(,[a-z][a-z0-9_]*\\.([a-z]+|\\*)){0,49})?$"})
            }
            ("after" | "Last-Event-ID", true) => {
                json!({"type": "string", "pattern": "^(0|evt_[0-7][0-9a-hjkmnp-tv-z]{25})?$"})
            }
            ("type", true) => json!({"type": "string", "pattern": "^([a-z][a-z0-9_]*\\.([a-z]+|\\*))?$"}),
            ("principal", _) => json!({"type": "string", "pattern": "^((usr|cli)_[0-7][0-9a-hjkmnp-tv-z]{25})?$"}),
            ("action", _) => json!({"type": "string", "pattern": "^([a-z][a-z0-9_-]*\\.[a-z][a-z0-9_-]*)?$"}),
            ("decision", _) => json!({"type": "string", "enum": ["allow", "deny", ""]}),
            ("request_id", _) => json!({"type": "string"}),
            ("since" | "until", _) => {
                json!({"type": "string", "anyOf": [{"format": "date-time"}, {"maxLength": 0}]})
            }
            ("order", _) => json!({"type": "string", "enum": ["asc", "desc", ""]}),
            ("cursor", _) if is_number => json!({"type": "integer", "format": "int64", "minimum": 0}),
            ("cursor", _) => json!({"type": "string", "maxLength": 2048}),
            ("page", _) => json!({"type": "integer", "format": "int64", "minimum": 1, "maximum": 100_001}),
            ("limit", _) => json!({"type": "integer", "format": "int32", "minimum": 1, "maximum": 200}),
            ("filter", _) => json!({"type": "string", "maxLength": 8192}),
            _ => continue,
        };
        parameter["schema"] = schema;
    }
}

/// States what labels may be.
pub(super) fn labels(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    schema.insert("maxProperties".into(), json!(64));
    schema.insert("propertyNames".into(), json!({"type": "string", "pattern": "^[a-z0-9][a-z0-9._/-]{0,62}$"}));
    schema.insert("additionalProperties".into(), json!({"type": ["string", "null"], "maxLength": 200}));
}

/// The schema of a body that may send back what Admin writes, unchanged.
pub(super) fn with_stamps(schema: &Value) -> Value {
    let mut schema = schema.clone();
    schema["properties"]["version"] = json!({"type": "integer", "format": "int64", "minimum": 1});
    for name in ["created_at", "updated_at"] {
        schema["properties"][name] = json!({"type": "string", "format": "date-time"});
    }
    schema
}
