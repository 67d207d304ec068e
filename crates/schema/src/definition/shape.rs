//! What values a schema admits, as far as its `type`, `enum`, `const` and `items` say.

use serde_json::Value;

use super::keywords::Route;
use super::outline::Outline;
use crate::FieldKind;

/// What a property holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Shape {
    /// Of the value, or of the items of an array of scalars.
    pub(super) kind: FieldKind,
    /// Whether it is an array of scalars.
    pub(super) many: bool,
    /// Whether it may be null.
    pub(super) nullable: bool,
}

/// The positions that speak of one value: `ids` and what they refer to by `$ref`.
pub(super) fn layers(outline: &Outline<'_>, ids: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut layers: Vec<usize> = vec![];
    let mut open: Vec<usize> = ids.into_iter().collect();
    open.reverse();
    while let Some(id) = open.pop() {
        if layers.contains(&id) {
            continue;
        }
        layers.push(id);
        let references = outline.positions[id].edges.iter().filter(|edge| edge.route == Route::Reference);
        open.extend(references.map(|edge| edge.to));
    }
    layers
}

/// A set of JSON types, as bits. Numbers are integers and fractions, so that `number` includes `integer`.
type Types = u8;
const NULL: Types = 1;
const BOOLEAN: Types = 2;
const INTEGER: Types = 4;
const FRACTION: Types = 8;
const STRING: Types = 16;
const ARRAY: Types = 32;
const OBJECT: Types = 64;
const ANY: Types = 127;

impl Shape {
    /// What the positions `schemas` admit together.
    pub(super) fn of(outline: &Outline<'_>, schemas: &[usize]) -> Shape {
        let types = schemas.iter().fold(ANY, |types, id| types & types_of(outline, *id));
        let nullable = types & NULL != 0;
        let (kind, many) = match types & !NULL {
            STRING => (FieldKind::Text, false),
            INTEGER => (FieldKind::Integer, false),
            BOOLEAN => (FieldKind::Boolean, false),
            rest if rest & !(INTEGER | FRACTION) == 0 && rest != 0 => (FieldKind::Number, false),
            ARRAY => match items(outline, schemas) {
                Some(kind) => (kind, true),
                None => (FieldKind::Other, false),
            },
            _ => (FieldKind::Other, false),
        };
        Shape { kind, many, nullable }
    }
}

/// The kind of the items of an array, when all are scalars of one kind.
fn items(outline: &Outline<'_>, schemas: &[usize]) -> Option<FieldKind> {
    let edges = || schemas.iter().flat_map(|id| &outline.positions[*id].edges);
    if edges().any(|edge| edge.keyword == "prefixItems") {
        return None;
    }
    let items = layers(outline, edges().filter(|edge| edge.keyword == "items").map(|edge| edge.to));
    let shape = Shape::of(outline, &items);
    (shape.kind != FieldKind::Other && !shape.many).then_some(shape.kind)
}

fn types_of(outline: &Outline<'_>, id: usize) -> Types {
    let Some(schema) = outline.positions[id].schema else { return ANY };
    let named = match schema.get("type") {
        Some(Value::String(name)) => type_named(name),
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).fold(0, |types, name| types | type_named(name))
        }
        _ => ANY,
    };
    let listed = match (schema.get("const"), schema.get("enum")) {
        (Some(value), _) => type_of(value),
        (None, Some(Value::Array(values))) => values.iter().fold(0, |types, value| types | type_of(value)),
        _ => ANY,
    };
    named & listed
}

fn type_named(name: &str) -> Types {
    match name {
        "null" => NULL,
        "boolean" => BOOLEAN,
        "integer" => INTEGER,
        "number" => INTEGER | FRACTION,
        "string" => STRING,
        "array" => ARRAY,
        "object" => OBJECT,
        _ => 0,
    }
}

fn type_of(value: &Value) -> Types {
    match value {
        Value::Null => NULL,
        Value::Bool(_) => BOOLEAN,
        Value::Number(number) if number.is_f64() => FRACTION,
        Value::Number(_) => INTEGER,
        Value::String(_) => STRING,
        Value::Array(_) => ARRAY,
        Value::Object(_) => OBJECT,
    }
}
