//! What Cedar sees of a type's attributes: which there are, of which kind, and which are always there.

use std::collections::{BTreeMap, BTreeSet};

use admin_schema::{Field, FieldKind, TypeDefinition};
use serde_json::Value;

/// The kind of one attribute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    Text,
    Integer,
    Boolean,
    /// The id of a resource of the type.
    Reference(String),
    /// An array of scalars or references.
    Set(Box<Shape>),
    Record(Record),
}

/// The members of an object.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Record {
    pub(crate) members: BTreeMap<String, Member>,
}

/// One member of an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Member {
    pub(crate) shape: Shape,
    /// Whether it is always there, and never null.
    pub(crate) required: bool,
}

/// The attributes of a type, as Cedar sees them.
#[derive(Clone, Default, Debug)]
pub(crate) struct Attributes {
    pub(crate) record: Record,
    /// Why an attribute cannot be used, by its last name: for the message when somebody tries.
    pub(crate) left_out: BTreeMap<String, &'static str>,
    /// The attributes without which a resource cannot be made.
    pub(crate) demanded: BTreeSet<Vec<String>>,
}

impl Attributes {
    /// Reads the attributes of a type; references lead only to the types of which `is_known` says so.
    pub(crate) fn read(definition: &TypeDefinition, is_known: &dyn Fn(&str) -> bool) -> Attributes {
        let mut reader = Reader { root: &definition.schema, is_known, attributes: Attributes::default() };
        let record = reader.record(&[], &definition.fields, &reader.layers([&definition.schema]), true);
        Attributes { record, ..reader.attributes }
    }
}

struct Reader<'a> {
    root: &'a Value,
    is_known: &'a dyn Fn(&str) -> bool,
    attributes: Attributes,
}

impl<'a> Reader<'a> {
    /// The object at `path`, whose fields are among `fields` and whose schemas are `layers`.
    fn record(&mut self, path: &[String], fields: &[Field], layers: &[&'a Value], demanded: bool) -> Record {
        let mut record = Record::default();
        for field in fields.iter().filter(|field| field.path.len() == path.len() + 1 && field.path.starts_with(path)) {
            let Some(name) = field.path.last() else { continue };
            let own = self.layers(layers.iter().filter_map(|layer| layer.get("properties")?.get(name)));
            let required = layers.iter().any(|layer| lists(layer.get("required"), name));
            if demanded && required {
                self.attributes.demanded.insert(field.path.clone());
            }
            match self.shape(field, fields, &own, demanded && required) {
                Ok(shape) => {
                    let required = required && !may_be_null(&own);
                    record.members.insert(name.clone(), Member { shape, required });
                }
                Err(reason) => {
                    self.attributes.left_out.insert(name.clone(), reason);
                }
            }
        }
        record
    }

    fn shape(
        &mut self,
        field: &Field,
        fields: &[Field],
        own: &[&'a Value],
        demanded: bool,
    ) -> Result<Shape, &'static str> {
        if field.secret {
            return Err("it is a secret");
        }
        let scalar = match (&field.reference, field.kind) {
            (Some(reference), _) if matches!(reference.type_name.as_str(), "role" | "group") => {
                return Err("it refers to roles or groups; use `in` on the principal or the resource instead");
            }
            (Some(reference), _) if !(self.is_known)(&reference.type_name) => {
                return Err("it refers to a type that is not there");
            }
            (Some(reference), _) => Shape::Reference(reference.type_name.clone()),
            (None, FieldKind::Text) => Shape::Text,
            (None, FieldKind::Integer) => Shape::Integer,
            (None, FieldKind::Boolean) => Shape::Boolean,
            (None, FieldKind::Number) => {
                return Err("Cedar has no fractions; use an integer, such as the amount in cents");
            }
            (None, FieldKind::Other) if types(own) == ["object"] && own.iter().any(|layer| has_properties(layer)) => {
                return Ok(Shape::Record(self.record(&field.path, fields, own, demanded)));
            }
            (None, FieldKind::Other) => {
                return Err("its values are of several kinds, or of a kind that its schema does not say");
            }
        };
        Ok(if field.many { Shape::Set(Box::new(scalar)) } else { scalar })
    }

    /// The schemas and what they refer to by `$ref`.
    fn layers(&self, schemas: impl IntoIterator<Item = &'a Value>) -> Vec<&'a Value> {
        let mut layers: Vec<&'a Value> = vec![];
        let mut open: Vec<&'a Value> = schemas.into_iter().collect();
        while let Some(schema) = open.pop() {
            if layers.iter().any(|known| std::ptr::eq(*known, schema)) {
                continue;
            }
            layers.push(schema);
            let pointer = schema.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
            open.extend(pointer.and_then(|pointer| self.root.pointer(pointer)));
        }
        layers
    }
}

fn has_properties(schema: &Value) -> bool {
    schema.get("properties").is_some_and(Value::is_object)
}

/// Whether the array `names` contains `name`.
fn lists(names: Option<&Value>, name: &str) -> bool {
    names.and_then(Value::as_array).is_some_and(|names| names.iter().any(|known| known == name))
}

/// The JSON types that all layers admit; empty when none says a type.
fn types<'a>(layers: &[&'a Value]) -> Vec<&'a str> {
    let mut common: Option<Vec<&'a str>> = None;
    for layer in layers {
        let own: Vec<&'a str> = match layer.get("type") {
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => continue,
        };
        match &mut common {
            None => common = Some(own),
            Some(common) => common.retain(|name| own.contains(name)),
        }
    }
    common.unwrap_or_default()
}

/// Whether null may stand there; where no `type` says otherwise, it may.
fn may_be_null(layers: &[&Value]) -> bool {
    let types = types(layers);
    types.is_empty() || types.contains(&"null")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(schema: Value) -> Attributes {
        let attributes = json!({ "schema": schema });
        let definition = TypeDefinition::compile("thing", attributes.as_object().expect("an object")).expect("a type");
        Attributes::read(&definition, &|name| name == "user")
    }

    #[test]
    fn what_may_be_null_is_never_required() {
        let attributes =
            read(json!({"type": "object", "required": ["a", "b", "c", "d"], "$defs": {"t": {"type": "string"}},
            "properties": {"a": {"type": "string"}, "b": {"type": ["string", "null"]}, "c": {"enum": ["x", null]},
                           "d": {"$ref": "#/$defs/t"}, "e": {"type": "string"}}}));
        let required: Vec<bool> = attributes.record.members.values().map(|member| member.required).collect();
        assert_eq!(required, [true, false, false, true, false]);
        assert_eq!(attributes.demanded.len(), 4);
    }

    #[test]
    fn what_cedar_cannot_hold_is_left_out_with_a_reason() {
        let attributes = read(json!({"type": "object", "properties": {
            "price": {"type": "number"}, "mixed": {"type": ["string", "integer"]}, "key": {"type": "string", "x-secret": true},
            "free": {"type": "object"}, "role": {"type": "string", "x-ref": "role"}, "gone": {"type": "string", "x-ref": "gone"},
            "list": {"type": "array", "items": {"type": "object"}},
            "ok": {"type": "array", "items": {"type": "integer"}}, "owner": {"type": "string", "x-ref": "user"},
            "bank": {"type": "object", "properties": {"iban": {"type": "string"}, "fee": {"type": "number"}}}}}));
        let names: Vec<&str> = attributes.record.members.keys().map(String::as_str).collect();
        assert_eq!(names, ["bank", "ok", "owner"]);
        let Shape::Record(bank) = &attributes.record.members["bank"].shape else { panic!("an object") };
        assert_eq!(bank.members.keys().collect::<Vec<_>>(), ["iban"]);
        assert!(attributes.left_out["price"].contains("use an integer") && attributes.left_out.contains_key("fee"));
        assert_eq!(attributes.left_out.len(), 8);
    }
}
