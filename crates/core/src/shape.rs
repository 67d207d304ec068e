//! How the resources of an answer are asked for: what is resolved beside them, and which of their fields are sent.

use std::sync::Arc;

use admin_db::Conn;
use admin_schema::{FieldKind, TypeDefinition};
use admin_types::{Error, Result};
use serde_json::{Map, Value};

use crate::Core;
use crate::access::Actor;
use crate::catalogue::Catalogue;
use crate::decisions::Expanded;
use crate::expand::{self, Expansions};
use crate::op::Op;

/// The most fields that a request may name.
const MAX_FIELDS: usize = 100;
/// The fields of every resource.
const FIELDS: [&str; 11] = [
    "id",
    "type",
    "name",
    "status",
    "attributes",
    "labels",
    "parent",
    "version",
    "created_at",
    "updated_at",
    "deleted_at",
];

/// How the resources of an answer are asked for.
pub(crate) struct Shape {
    expansions: Expansions,
    fields: Vec<Vec<String>>,
}

impl Shape {
    /// Reads `expand` and `fields` for resources of `types`, all of the org's own if there are none. A field must be
    /// one of the type if there is one type; a reference must be one of at least one of the types.
    pub(crate) fn parse(
        catalogue: &Catalogue,
        types: &[String],
        references: &[String],
        fields: &[String],
    ) -> Result<Shape> {
        if fields.len() > MAX_FIELDS {
            return Err(Error::parameter("fields", format!("names more than {MAX_FIELDS} fields")));
        }
        let expansions = expand::parse(references)?;
        let fields = fields.iter().map(|field| segments(field)).collect::<Result<Vec<_>>>()?;
        let named: Vec<&TypeDefinition> =
            types.iter().filter_map(|name| catalogue.named(name)).map(|entry| &entry.definition).collect();
        if let [definition] = named.as_slice() {
            fields.iter().try_for_each(|field| check_field(definition, field))?;
        }
        let all = || catalogue.all().into_iter().map(|entry| &entry.definition).collect();
        expansions.check(catalogue, &if types.is_empty() { all() } else { named })?;
        Ok(Shape { expansions, fields })
    }

    /// The documents as they are asked for: expanded, and cut to the fields; and what of sensitive types was expanded.
    pub(crate) async fn apply(
        &self,
        conn: &mut Conn,
        op: &Op,
        actor: &Actor,
        documents: Vec<String>,
    ) -> Result<(Vec<String>, Expanded)> {
        if self.expansions.is_empty() && self.fields.is_empty() {
            return Ok((documents, vec![]));
        }
        let parse = |text: &String| serde_json::from_str(text).map_err(Error::internal);
        let values = documents.iter().map(parse).collect::<Result<Vec<Value>>>()?;
        let (expanded, sensitive) = expand::resolve(conn, op, actor, &values, &self.expansions).await?;
        let shaped = values.into_iter().map(|source| {
            let extra = expand::attach(&source, &self.expansions, &expanded);
            let mut value = if self.fields.is_empty() { source } else { cut(&source, &self.fields) };
            if let (Some(object), Some(extra)) = (value.as_object_mut(), extra) {
                object.insert("expanded".into(), extra);
            }
            let mut text = String::new();
            print(&value, &mut text);
            text
        });
        Ok((shaped.collect(), sensitive))
    }
}

/// One document of a type as it is asked for.
pub async fn shape_resource(
    core: &Core,
    op: &Op,
    (type_name, document): (String, String),
    expand: &[String],
    fields: &[String],
) -> Result<String> {
    let types = [type_name];
    let parse = |actor: &Arc<Actor>| Ok((Shape::parse(actor.catalogue(), &types, expand, fields)?, actor.clone()));
    let (shape, actor) = core.acting(op, parse).await?;
    let mut conn = core.db.read().await?;
    let (shaped, expanded) = shape.apply(&mut conn, op, &actor, vec![document]).await?;
    drop(conn);
    core.record_expanded(op, expanded).await;
    shaped.into_iter().next().ok_or_else(|| Error::internal("a document was lost"))
}

/// Refuses an attribute that the type does not declare, unless it lies in an object that declares nothing: what filters
/// refuse too.
fn check_field(definition: &TypeDefinition, field: &[String]) -> Result<()> {
    let [first, names @ ..] = field else { return Ok(()) };
    if first != "attributes" || names.is_empty() || definition.field(names).is_some() {
        return Ok(());
    }
    let known = (1..names.len()).rev().find(|length| definition.field(&names[..*length]).is_some()).unwrap_or(0);
    let inside = definition.fields.iter().filter(|other| other.path.len() == known + 1);
    let declared: Vec<&str> = inside
        .filter(|other| other.path.starts_with(&names[..known]))
        .filter_map(|other| other.path.last().map(String::as_str))
        .collect();
    let outside = definition.field(&names[..known]);
    let detail = match (declared.as_slice(), outside) {
        ([], None) => return Ok(()),
        ([], Some(outside)) if outside.kind == FieldKind::Other && !outside.many => return Ok(()),
        ([], Some(outside)) => format!("`attributes.{}` has nothing below it", outside.key),
        (some, _) => {
            let shown = some[..some.len().min(20)].join(", ");
            let (name, path) = (&definition.name, field.join("."));
            format!("the type {name} has no `{path}`; at this place it has {shown}")
        }
    };
    Err(Error::parameter("fields", detail))
}

/// Writes a resource with its fields in their usual order, and so those beside it.
fn print(resource: &Value, text: &mut String) {
    let members = FIELDS.iter().chain(&["expanded"]).filter_map(|name| Some((*name, resource.get(*name)?)));
    for (n, (name, value)) in members.enumerate() {
        text.push(if n == 0 { '{' } else { ',' });
        text.push_str(&format!("\"{name}\":"));
        match value {
            Value::Object(beside) if name == "expanded" => print_all(beside, text),
            value => text.push_str(&value.to_string()),
        }
    }
    text.push('}');
}

fn print_all(beside: &Map<String, Value>, text: &mut String) {
    text.push('{');
    for (n, (reference, found)) in beside.iter().enumerate() {
        text.push_str(if n == 0 { "" } else { "," });
        text.push_str(&format!("{}:", Value::from(reference.as_str())));
        match found {
            Value::Array(many) => {
                text.push('[');
                for (n, one) in many.iter().enumerate() {
                    text.push_str(if n == 0 { "" } else { "," });
                    print(one, text);
                }
                text.push(']');
            }
            Value::Object(_) => print(found, text),
            none => text.push_str(&none.to_string()),
        }
    }
    text.push('}');
}

/// The names that lead to a field. A label's key may hold dots.
fn segments(field: &str) -> Result<Vec<String>> {
    let segments = match field.strip_prefix("labels.") {
        Some(key) => vec!["labels", key],
        None => field.split('.').collect(),
    };
    let has_parts = matches!(segments[0], "attributes" | "labels");
    if !FIELDS.contains(&segments[0]) || segments.contains(&"") || (segments.len() > 1 && !has_parts) {
        let detail =
            format!("`{field}` is not a field; there are: {}, and `attributes.NAME`, `labels.NAME`", FIELDS.join(", "));
        return Err(Error::parameter("fields", detail));
    }
    Ok(segments.into_iter().map(str::to_owned).collect())
}

/// Only the named fields, and always id and type.
fn cut(value: &Value, fields: &[Vec<String>]) -> Value {
    let mut kept = Map::new();
    for always in ["id", "type"] {
        copy(value, &mut kept, &[always.to_owned()]);
    }
    for field in fields {
        copy(value, &mut kept, field);
    }
    Value::Object(kept)
}

/// Copies what stands at a path, and the objects on the way to it. What is no object has nothing below it.
fn copy(from: &Value, to: &mut Map<String, Value>, segments: &[String]) {
    let [first, rest @ ..] = segments else { return };
    match from.get(first) {
        Some(value) if rest.is_empty() => {
            to.insert(first.clone(), value.clone());
        }
        Some(value @ Value::Object(_)) => {
            let inner = to.entry(first.as_str()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                copy(value, inner, rest);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_to_the_named_fields() {
        let value =
            serde_json::json!({"id": 1, "type": "t", "name": "n", "attributes": {"a": {"b": 2, "c": 3}, "d": 4}});
        let cut = cut(&value, &[segments("attributes.a.b").expect("a field")]);
        assert_eq!(cut, serde_json::json!({"id": 1, "type": "t", "attributes": {"a": {"b": 2}}}));
    }

    #[test]
    fn a_scalar_has_nothing_below_it() {
        let value = serde_json::json!({"id": 1, "type": "t", "attributes": {"n": 2, "list": [{"x": 1}]}});
        for field in ["attributes.n.x", "attributes.list.x", "attributes.nothing"] {
            let cut = cut(&value, &[segments(field).expect("a field")]);
            assert_eq!(cut, serde_json::json!({"id": 1, "type": "t", "attributes": {}}), "{field}");
        }
        assert!(segments("name.x").is_err());
    }

    #[test]
    fn writes_fields_in_their_usual_order() {
        let one = serde_json::json!({"version": 1, "name": "n", "id": 1, "type": "t"});
        let all = serde_json::json!({"version": 1, "type": "t", "id": 2, "expanded": {"attributes.\"": one, "parent": null, "x": [one, one]}});
        let mut text = String::new();
        print(&all, &mut text);
        let one = r#"{"id":1,"type":"t","name":"n","version":1}"#;
        let beside = format!(r#"{{"attributes.\"":{one},"parent":null,"x":[{one},{one}]}}"#);
        assert_eq!(text, format!(r#"{{"id":2,"type":"t","version":1,"expanded":{beside}}}"#));
    }
}
