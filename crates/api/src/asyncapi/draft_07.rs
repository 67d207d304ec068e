//! Schemas of JSON Schema 2020-12, as AsyncAPI 3.0 reads schemas: by draft 07. What that draft cannot say is left out, so
//! that it allows no less.

use serde_json::{Map, Value, json};

/// Says the same by the keywords of draft 07.
pub(super) fn translate(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (keyword, value) in map.iter_mut() {
                match (keyword.as_str(), value) {
                    ("const" | "enum" | "default" | "examples", _) => {}
                    ("properties" | "patternProperties" | "$defs" | "dependentSchemas", Value::Object(schemas)) => {
                        schemas.values_mut().for_each(translate);
                    }
                    (_, value) => translate(value),
                }
            }
            rename(map);
            // Beside `$ref`, nothing else is read.
            if map.len() > 1
                && let Some(Value::String(reference)) = map.get("$ref").cloned()
            {
                map.remove("$ref");
                let beside = std::mem::take(map);
                map.insert("allOf".into(), json!([{"$ref": reference}, beside]));
            }
        }
        Value::Array(values) => values.iter_mut().for_each(translate),
        _ => {}
    }
}

fn rename(map: &mut Map<String, Value>) {
    if map.get("prefixItems").is_some_and(Value::is_array) {
        let (first, rest) = (map.remove("prefixItems"), map.remove("items"));
        map.extend(first.map(|first| ("items".to_owned(), first)));
        map.extend(rest.map(|rest| ("additionalItems".to_owned(), rest)));
    }
    for keyword in ["dependentRequired", "dependentSchemas"] {
        let Some(Value::Object(more)) = map.remove(keyword) else { continue };
        let dependencies = map.entry("dependencies").or_insert_with(|| json!({}));
        for (name, what) in more {
            let what = if what.is_array() { json!({"required": what}) } else { what };
            let before = dependencies[&name].take();
            dependencies[&name] = if before.is_null() { what } else { json!({"allOf": [before, what]}) };
        }
    }
    map.remove("$anchor");
    map.remove("$dynamicAnchor");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_older_draft_calls_otherwise_is_called_so() {
        for (newer, older) in [
            (json!({"prefixItems": [{}], "items": false}), json!({"items": [{}], "additionalItems": false})),
            (json!({"items": {"type": "string"}}), json!({"items": {"type": "string"}})),
            (json!({"$ref": "#/a"}), json!({"$ref": "#/a"})),
            (json!({"$ref": "#/a", "minLength": 1}), json!({"allOf": [{"$ref": "#/a"}, {"minLength": 1}]})),
            (
                json!({"dependentRequired": {"a": ["b"]}, "dependentSchemas": {"a": {"minProperties": 2}}}),
                json!({"dependencies": {"a": {"allOf": [{"required": ["b"]}, {"minProperties": 2}]}}}),
            ),
        ] {
            let beside = json!({"const": {"prefixItems": []}});
            let mut schema = json!({"properties": {"x": newer, "dependentRequired": beside}});
            translate(&mut schema);
            assert_eq!(schema, json!({"properties": {"x": older, "dependentRequired": beside}}));
        }
    }
}
