//! `expand=` and `fields=`: references resolved beside the resource, one statement a level; and only what is asked for.

use std::collections::{BTreeMap, BTreeSet};

use admin_db::{Conn, resources};
use admin_types::{Error, ResourceId, Result};
use serde_json::{Map, Value};

use crate::Core;
use crate::catalogue::Catalogue;
use crate::decide::{Verb, decide};
use crate::op::Op;

/// The most references that a request may resolve, and how deep.
const MAX_EXPANSIONS: usize = 10;
const MAX_LEVELS: usize = 3;
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

/// References to resolve, as a tree: `attributes.country` → what to resolve in the country.
#[derive(Default, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Expansions(BTreeMap<String, Expansions>);

/// Reads `attributes.country`, `parent`, `attributes.subdivision.parent`: each `attributes.…` or `parent` is a level.
pub(crate) fn parse(texts: &[String]) -> Result<Expansions> {
    let mut root = Expansions::default();
    if texts.len() > MAX_EXPANSIONS {
        return Err(Error::parameter("expand", format!("names more than {MAX_EXPANSIONS} references")));
    }
    for text in texts {
        let levels = levels(text).ok_or_else(|| {
            Error::parameter(
                "expand",
                format!(
                    "`{text}` is not a reference; write `parent` or `attributes.NAME`, and after it a dot and the next"
                ),
            )
        })?;
        if levels.len() > MAX_LEVELS {
            return Err(Error::parameter("expand", format!("`{text}` is more than {MAX_LEVELS} levels deep")));
        }
        let mut at = &mut root;
        for level in levels {
            at = at.0.entry(level).or_default();
        }
    }
    Ok(root)
}

fn levels(text: &str) -> Option<Vec<String>> {
    let mut levels: Vec<String> = vec![];
    for segment in text.split('.') {
        match (segment, levels.last_mut()) {
            ("", _) => return None,
            ("parent" | "attributes", _) => levels.push(segment.to_owned()),
            (_, Some(level)) if level.starts_with("attributes") => {
                level.push('.');
                level.push_str(segment);
            }
            _ => return None,
        }
    }
    (!levels.is_empty() && !levels.iter().any(|level| level == "attributes")).then_some(levels)
}

/// The documents as they are asked for: expanded, and cut to `fields`.
pub(crate) async fn shape(
    conn: &mut Conn,
    op: &Op,
    catalogue: &Catalogue,
    documents: Vec<String>,
    expansions: &Expansions,
    fields: &[String],
) -> Result<Vec<String>> {
    if fields.len() > MAX_FIELDS {
        return Err(Error::parameter("fields", format!("names more than {MAX_FIELDS} fields")));
    }
    let fields = fields.iter().map(|field| segments(field)).collect::<Result<Vec<_>>>()?;
    if expansions.0.is_empty() && fields.is_empty() {
        return Ok(documents);
    }
    let parse = |text: &String| serde_json::from_str(text).map_err(Error::internal);
    let mut values = documents.iter().map(parse).collect::<Result<Vec<Value>>>()?;
    let expanded = resolve(conn, op, catalogue, &values, expansions).await?;
    for value in &mut values {
        let source = value.clone();
        if !fields.is_empty() {
            *value = cut(&source, &fields);
        }
        if let (Some(object), Some(extra)) = (value.as_object_mut(), attach(&source, expansions, &expanded)) {
            object.insert("expanded".into(), extra);
        }
    }
    Ok(values.iter().map(Value::to_string).collect())
}

/// One document as it is asked for.
pub async fn shape_resource(
    core: &Core,
    op: &Op,
    document: String,
    expand: &[String],
    fields: &[String],
) -> Result<String> {
    let catalogue = core.catalogues.get(&core.db, op.principal.org).await?;
    let mut conn = core.db.read().await?;
    let shaped = shape(&mut conn, op, &catalogue, vec![document], &parse(expand)?, fields).await?;
    shaped.into_iter().next().ok_or_else(|| Error::internal("a document was lost"))
}

/// What stands at a reference's path; no name on the way to a reference holds a dot.
fn at<'v>(value: &'v Value, reference: &str) -> Option<&'v Value> {
    reference.split('.').try_fold(value, |at, name| at.get(name))
}

fn targets(value: &Value, reference: &str) -> Vec<ResourceId> {
    match at(value, reference) {
        Some(Value::String(text)) => ResourceId::parse(text).into_iter().collect(),
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).filter_map(ResourceId::parse).collect(),
        _ => vec![],
    }
}

/// All resources that the expansions reach, by id: one statement for each level.
async fn resolve(
    conn: &mut Conn,
    op: &Op,
    catalogue: &Catalogue,
    values: &[Value],
    expansions: &Expansions,
) -> Result<BTreeMap<ResourceId, Value>> {
    let mut known: BTreeMap<ResourceId, Value> = BTreeMap::new();
    let mut level: Vec<(Value, &Expansions)> = values.iter().map(|value| (value.clone(), expansions)).collect();
    while !level.is_empty() {
        let mut wanted: BTreeMap<ResourceId, Vec<&Expansions>> = BTreeMap::new();
        for (value, expansions) in &level {
            for (reference, next) in &expansions.0 {
                for id in targets(value, reference) {
                    let nexts = wanted.entry(id).or_default();
                    if !nexts.contains(&next) {
                        nexts.push(next);
                    }
                }
            }
        }
        let missing: BTreeSet<[u8; 16]> =
            wanted.keys().filter(|id| !known.contains_key(id)).map(|id| id.bytes).collect();
        for row in resources::many(conn, op.principal.org, &missing).await? {
            let allowed =
                catalogue.named(&row.type_name).is_some_and(|entry| decide(&op.principal, Verb::Read, entry).is_ok());
            if allowed && !row.deleted {
                let value: Value = serde_json::from_str(&row.document).map_err(Error::internal)?;
                if let Some(id) = value["id"].as_str().and_then(ResourceId::parse) {
                    known.insert(id, value);
                }
            }
        }
        let reached = wanted.iter().filter_map(|(id, nexts)| Some((known.get(id)?, nexts)));
        level = reached.flat_map(|(value, nexts)| nexts.iter().map(|next| (value.clone(), *next))).collect();
        level.retain(|(_, next)| !next.0.is_empty());
    }
    Ok(known)
}

/// `{"attributes.country": {…}}` for one resource; arrays of references become arrays.
fn attach(value: &Value, expansions: &Expansions, known: &BTreeMap<ResourceId, Value>) -> Option<Value> {
    if expansions.0.is_empty() {
        return None;
    }
    let mut extra = Map::new();
    for (reference, next) in &expansions.0 {
        let found = targets(value, reference).into_iter().filter_map(|id| {
            let mut value = known.get(&id)?.clone();
            if let Some(extra) = attach(&value.clone(), next, known) {
                value.as_object_mut()?.insert("expanded".into(), extra);
            }
            Some(value)
        });
        let many = matches!(at(value, reference), Some(Value::Array(_)));
        let mut found = found.collect::<Vec<_>>();
        let value = if many { Value::Array(found) } else { found.pop().unwrap_or(Value::Null) };
        extra.insert(reference.clone(), value);
    }
    Some(Value::Object(extra))
}

/// The names that lead to a field. A label's key may hold dots.
fn segments(field: &str) -> Result<Vec<&str>> {
    let segments = match field.strip_prefix("labels.") {
        Some(key) => vec!["labels", key],
        None => field.split('.').collect(),
    };
    if !FIELDS.contains(&segments[0]) || segments.contains(&"") {
        let detail =
            format!("`{field}` is not a field; there are: {}, and `attributes.NAME`, `labels.NAME`", FIELDS.join(", "));
        return Err(Error::parameter("fields", detail));
    }
    Ok(segments)
}

/// Only the named fields, and always id and type.
fn cut(value: &Value, fields: &[Vec<&str>]) -> Value {
    let mut kept = Map::new();
    for field in [&["id"][..], &["type"]].into_iter().chain(fields.iter().map(Vec::as_slice)) {
        copy(value, &mut kept, field);
    }
    Value::Object(kept)
}

fn copy(from: &Value, to: &mut Map<String, Value>, segments: &[&str]) {
    let [first, rest @ ..] = segments else { return };
    let Some(value) = from.get(first) else { return };
    if rest.is_empty() {
        to.insert((*first).to_owned(), value.clone());
    } else if let Value::Object(inner) = to.entry((*first).to_owned()).or_insert_with(|| Value::Object(Map::new())) {
        copy(value, inner, rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_levels() {
        assert_eq!(
            levels("attributes.a.b.parent.attributes.c"),
            Some(vec!["attributes.a.b".into(), "parent".into(), "attributes.c".into()])
        );
        for bad in ["", "attributes", "x", "parent.x", "attributes..a", "parent.attributes"] {
            assert_eq!(levels(bad), None, "{bad}");
        }
    }

    #[test]
    fn cuts_to_the_named_fields() {
        let value =
            serde_json::json!({"id": 1, "type": "t", "name": "n", "attributes": {"a": {"b": 2, "c": 3}, "d": 4}});
        let cut = cut(&value, &[segments("attributes.a.b").expect("a field")]);
        assert_eq!(cut, serde_json::json!({"id": 1, "type": "t", "attributes": {"a": {"b": 2}}}));
    }
}
