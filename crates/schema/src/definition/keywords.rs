//! Where JSON Schema 2020-12 holds schemas within schemas. The one table that tells a keyword from a name and from
//! data.

use serde_json::{Map, Value};

/// How a keyword holds its subschemas.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Layout {
    /// The keyword's value is a schema.
    One,
    /// An array of schemas.
    List,
    /// An object whose values are schemas.
    Map,
}

/// Which value a subschema speaks of, seen from the value of the schema that holds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Route {
    /// The property of a name: the one static route.
    Property,
    /// Any property.
    Members,
    /// The names of properties.
    Names,
    /// Items of an array.
    Items,
    /// The value itself.
    Same,
    /// The value itself, as one of several alternatives.
    Alternative,
    /// The value itself, by `$ref`.
    Reference,
    /// Nothing, until a `$ref` points there.
    Shelf,
}

impl Route {
    /// Whether the subschema speaks of the same value.
    pub(super) fn in_place(self) -> bool {
        matches!(self, Route::Same | Route::Alternative | Route::Reference)
    }
}

/// What `keyword` holds; `None` when it holds no schema.
pub(super) fn applicator(keyword: &str) -> Option<(Layout, Route)> {
    Some(match keyword {
        "properties" => (Layout::Map, Route::Property),
        "patternProperties" => (Layout::Map, Route::Members),
        "additionalProperties" | "unevaluatedProperties" => (Layout::One, Route::Members),
        "propertyNames" => (Layout::One, Route::Names),
        "items" | "contains" | "unevaluatedItems" | "additionalItems" => (Layout::One, Route::Items),
        "prefixItems" => (Layout::List, Route::Items),
        "allOf" => (Layout::List, Route::Same),
        "not" | "if" | "then" | "else" | "contentSchema" => (Layout::One, Route::Same),
        "dependentSchemas" | "dependencies" => (Layout::Map, Route::Same),
        "anyOf" | "oneOf" => (Layout::List, Route::Alternative),
        "$defs" | "definitions" => (Layout::Map, Route::Shelf),
        _ => return None,
    })
}

/// A copy of `schema` without the keywords that `unwanted` names, at every place where a keyword can stand: names of
/// properties and data (`const`, `enum`, `default`, `examples`) stay as they are.
pub(super) fn without(schema: &Value, unwanted: fn(&str) -> bool) -> Value {
    let Value::Object(keywords) = schema else { return schema.clone() };
    let kept = keywords.iter().filter(|(keyword, _)| !unwanted(keyword)).map(|(keyword, value)| {
        let value = match (applicator(keyword), value) {
            (Some((Layout::One, _)), value) => without(value, unwanted),
            (Some((Layout::List, _)), Value::Array(list)) => list.iter().map(|one| without(one, unwanted)).collect(),
            (Some((Layout::Map, _)), Value::Object(map)) => {
                let cleaned = map.iter().map(|(name, one)| (name.clone(), without(one, unwanted)));
                Value::Object(cleaned.collect::<Map<_, _>>())
            }
            _ => value.clone(),
        };
        (keyword.clone(), value)
    });
    Value::Object(kept.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn takes_out_keywords_but_not_names_and_data() {
        let schema = json!({
            "type": "object",
            "x-a": 1,
            "properties": {"x-a": {"type": "string", "x-a": true, "default": {"x-a": 1}}},
            "$defs": {"x-a": {"x-a": 1, "const": {"x-a": 1}}},
            "anyOf": [{"x-a": 1}, true],
        });
        let clean = json!({
            "type": "object",
            "properties": {"x-a": {"type": "string", "default": {"x-a": 1}}},
            "$defs": {"x-a": {"const": {"x-a": 1}}},
            "anyOf": [{}, true],
        });
        assert_eq!(without(&schema, |keyword| keyword.starts_with("x-")), clean);
    }
}
