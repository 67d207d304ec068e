//! What the types of an org add to a document: their schemas, and their paths.

use admin_core::TypeEntry;
use serde_json::{Map, Value, json};

/// The paths of one type: those of `/v3/resources` with its own schema.
pub(super) fn add(document: &mut Value, generic: &Value, entry: &TypeEntry) {
    let definition = &entry.definition;
    let (name, plural) = (&definition.name, &definition.plural);
    let schemas = &mut document["components"]["schemas"];
    add_resource(schemas, entry);
    schemas[format!("{name}.new")] = typed(&schemas["NewResource"], entry);
    schemas[format!("{name}.replacement")] = typed(&schemas["Replacement"], entry);
    for path in ["", "/{id}", "/{id}/restore"] {
        let mut item = generic[format!("/v3/resources{path}")].clone();
        let Some(methods) = item.as_object_mut() else { continue };
        for operation in methods.values_mut() {
            let id = operation["operationId"]
                .as_str()
                .unwrap_or_default()
                .replace("resources", plural)
                .replace("resource", name);
            operation["operationId"] = json!(id);
            operation["tags"] = json!([plural]);
            if let Some(parameters) = operation["parameters"].as_array_mut() {
                parameters.retain(|parameter| parameter["name"] != "type");
            }
            swap_schema(operation, name);
        }
        document["paths"][format!("/v3/{plural}{path}")] = item;
    }
}

/// The schemas of a type's resources, beside that of all resources.
pub(crate) fn add_resource(schemas: &mut Value, entry: &TypeEntry) {
    let name = &entry.definition.name;
    let mut attributes = entry.definition.plain_schema();
    relocate(&mut attributes, &format!("#/components/schemas/{name}.attributes"));
    schemas[format!("{name}.attributes")] = attributes;
    schemas[name] = typed(&schemas["Resource"], entry);
}

fn typed(base: &Value, entry: &TypeEntry) -> Value {
    let mut schema = base.clone();
    let name = &entry.definition.name;
    schema["properties"]["type"] = json!({"type": "string", "const": name});
    schema["properties"]["status"] = json!({"type": "string", "enum": entry.definition.statuses});
    schema["properties"]["attributes"] = json!({"$ref": format!("#/components/schemas/{name}.attributes")});
    if entry.definition.sensitive {
        schema["x-sensitive"] = json!(true);
    }
    schema
}

fn swap_schema(value: &mut Value, name: &str) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get_mut("$ref") {
                if reference.ends_with("/NewResource") {
                    *reference = format!("#/components/schemas/{name}.new");
                } else if reference.ends_with("/Replacement") {
                    *reference = format!("#/components/schemas/{name}.replacement");
                } else if reference.ends_with("/ResourceAnswer") {
                    let own = Map::from_iter([
                        ("type".to_owned(), json!("object")),
                        ("required".to_owned(), json!(["status", "data"])),
                        (
                            "properties".to_owned(),
                            json!({"status": {"type": "string"}, "data": {"$ref": format!("#/components/schemas/{name}")}}),
                        ),
                    ]);
                    *map = own;
                }
                return;
            }
            map.values_mut().for_each(|value| swap_schema(value, name));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| swap_schema(value, name)),
        _ => {}
    }
}

/// A type's local references, seen from the document's root.
fn relocate(value: &mut Value, base: &str) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match value {
                    Value::String(reference) if key == "$ref" && reference.starts_with('#') => {
                        *reference = format!("{base}{}", &reference[1..])
                    }
                    _ => relocate(value, base),
                }
            }
            map.remove("$schema");
        }
        Value::Array(values) => values.iter_mut().for_each(|value| relocate(value, base)),
        _ => {}
    }
}
