//! `expand=`: references resolved beside the resource, one statement a level.

use std::collections::{BTreeMap, BTreeSet};

use admin_db::{Conn, resources};
use admin_schema::TypeDefinition;
use admin_types::{Error, Resource, ResourceId, Result};
use serde_json::{Map, Value};

use crate::access::{Actor, Known, Verb};
use crate::catalogue::Catalogue;
use crate::decisions::Expanded;
use crate::op::Op;

/// The most references that a request may resolve, and how deep.
const MAX_EXPANSIONS: usize = 10;
const MAX_LEVELS: usize = 3;
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

impl Expansions {
    /// Whether nothing is to be resolved.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Refuses what is a reference in none of the types, level by level. A parent may be of any type.
    pub(crate) fn check(&self, catalogue: &Catalogue, types: &[&TypeDefinition]) -> Result<()> {
        for (reference, next) in &self.0 {
            let targets: Vec<&TypeDefinition> = match reference.strip_prefix("attributes.") {
                None => catalogue.all().into_iter().map(|entry| &entry.definition).collect(),
                Some(key) => {
                    let fields = types.iter().flat_map(|definition| definition.references());
                    let references =
                        fields.filter(|field| field.key == key).filter_map(|field| field.reference.as_ref());
                    references
                        .filter_map(|reference| catalogue.named(&reference.type_name))
                        .map(|entry| &entry.definition)
                        .collect()
                }
            };
            if targets.is_empty() {
                let detail = format!("`{reference}` is no reference here; there are: {}", known_references(types));
                return Err(Error::parameter("expand", detail));
            }
            next.check(catalogue, &targets)?;
        }
        Ok(())
    }
}

/// The references of types, for an error.
fn known_references(types: &[&TypeDefinition]) -> String {
    let keys = types.iter().flat_map(|definition| definition.references()).map(|field| &field.key);
    let keys: BTreeSet<String> = keys.map(|key| format!("attributes.{key}")).collect();
    let names: Vec<String> = ["parent".to_owned()].into_iter().chain(keys).take(20).collect();
    names.join(", ")
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

/// All resources that the expansions reach, by id, and which of them are of sensitive types: one statement for each level.
pub(crate) async fn resolve(
    conn: &mut Conn,
    op: &Op,
    actor: &Actor,
    values: &[Value],
    expansions: &Expansions,
) -> Result<(BTreeMap<ResourceId, Value>, Expanded)> {
    let (mut known, mut related) = (BTreeMap::<ResourceId, Value>::new(), Known::default());
    let (all_sensitive, mut sensitive) = (actor.catalogue().sensitive(), vec![]);
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
            let resource: Resource = serde_json::from_str(&row.document).map_err(Error::internal)?;
            if !row.deleted && actor.may(conn, op, &mut related, Verb::Read, &resource).await? {
                let shown = actor.shown(conn, op, &mut related, resource).await?;
                if all_sensitive.contains(&shown.type_name) {
                    sensitive.push((shown.type_name.clone(), shown.id));
                }
                known.insert(shown.id, serde_json::to_value(shown).map_err(Error::internal)?);
            }
        }
        let reached = wanted.iter().filter_map(|(id, nexts)| Some((known.get(id)?, nexts)));
        level = reached.flat_map(|(value, nexts)| nexts.iter().map(|next| (value.clone(), *next))).collect();
        level.retain(|(_, next)| !next.0.is_empty());
    }
    Ok((known, sensitive))
}

/// `{"attributes.country": {…}}` for one resource; arrays of references become arrays.
pub(crate) fn attach(value: &Value, expansions: &Expansions, known: &BTreeMap<ResourceId, Value>) -> Option<Value> {
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
}
