//! A state of a resource: its wire text and all that follows from it in other tables. Made in one place, so that the
//! row, the index, the references and the event can never disagree.

use std::sync::Arc;

use admin_db::indexes::Entry;
use admin_schema::{OnDelete, TypeDefinition, key};
use admin_types::{Error, FieldError, Resource, ResourceId, Result};
use serde_json::Value;

use crate::TypeEntry;
use crate::builtin::is_named;
use crate::catalogue::index_name;

/// The name under which the names of what policies name stand among unique values.
pub(crate) const NAME: &str = "name";

/// A state of a resource under its type.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) entry: Arc<TypeEntry>,
    pub(crate) resource: Resource,
    /// The wire text.
    pub(crate) document: String,
}

/// A reference that a state holds.
pub(crate) struct Link {
    pub(crate) field: String,
    pub(crate) pointer: String,
    pub(crate) target: ResourceId,
    pub(crate) target_type: String,
    pub(crate) on_delete: &'static str,
}

impl State {
    /// The state that a resource is in. `resource` must hold no secrets.
    pub(crate) fn of(entry: Arc<TypeEntry>, resource: Resource) -> Result<State> {
        let document = serde_json::to_string(&resource).map_err(Error::internal)?;
        Ok(State { entry, resource, document })
    }

    /// The state that a stored text tells of.
    pub(crate) fn read(entry: Arc<TypeEntry>, document: String) -> Result<State> {
        let resource = serde_json::from_str(&document).map_err(Error::internal)?;
        Ok(State { entry, resource, document })
    }

    /// Whether the resource is in the trash.
    pub(crate) fn is_trashed(&self) -> bool {
        self.resource.deleted_at.is_some()
    }

    /// The rows that the index holds for it.
    pub(crate) fn index(&self) -> Vec<(String, Vec<u8>)> {
        let resource = &self.resource;
        let mut rows = vec![
            ("created_at".to_owned(), encoded(&Value::from(resource.created_at.0))),
            ("name".to_owned(), encoded(&Value::from(resource.name.as_str()))),
            ("status".to_owned(), encoded(&Value::from(resource.status.as_str()))),
            ("updated_at".to_owned(), encoded(&Value::from(resource.updated_at.0))),
        ];
        for field in self.entry.definition.indexed() {
            let name = index_name(field);
            rows.extend(field_keys(field, resource).into_iter().map(|key| (name.clone(), key)));
        }
        rows
    }

    /// The values that it holds alone.
    pub(crate) fn uniques(&self) -> Vec<(String, Vec<u8>)> {
        let fields = self.entry.definition.unique();
        let name =
            is_named(&self.resource.type_name).then(|| (NAME.to_owned(), encoded(&self.resource.name.as_str().into())));
        let values =
            fields.filter_map(|field| Some((field.key.clone(), key::encode(field.get(&self.resource.attributes)?)?)));
        values.chain(name).collect()
    }

    /// The references that it holds. Values that are not ids at all are errors.
    pub(crate) fn links(&self) -> Result<Vec<Link>> {
        links(&self.entry.definition, &self.resource)
    }
}

/// The references that a resource holds under a definition.
pub(crate) fn links(definition: &TypeDefinition, resource: &Resource) -> Result<Vec<Link>> {
    let (mut links, mut errors) = (vec![], vec![]);
    for field in definition.references() {
        let Some(reference) = &field.reference else { continue };
        for value in field.values(&resource.attributes) {
            match value.as_str().and_then(ResourceId::parse) {
                Some(target) => links.push(Link {
                    field: field.key.clone(),
                    pointer: field.pointer(),
                    target,
                    target_type: reference.type_name.clone(),
                    on_delete: on_delete(reference.on_delete),
                }),
                None => errors.push(FieldError::new(
                    field.pointer(),
                    format!("must be the id of a resource of the type `{}`", reference.type_name),
                )),
            }
        }
    }
    if errors.is_empty() { Ok(links) } else { Err(Error::validation(errors)) }
}

/// The keys that a field of a resource has in the index: one for each element of an array, [`key::MISSING`] for a
/// scalar that is not there.
pub(crate) fn field_keys(field: &admin_schema::Field, resource: &Resource) -> Vec<Vec<u8>> {
    let mut keys: Vec<Vec<u8>> = field.values(&resource.attributes).into_iter().filter_map(key::encode).collect();
    if keys.is_empty() && !field.many {
        keys.push(key::MISSING.to_vec());
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn encoded(value: &Value) -> Vec<u8> {
    key::encode(value).unwrap_or_else(|| key::MISSING.to_vec())
}

fn on_delete(rule: OnDelete) -> &'static str {
    match rule {
        OnDelete::Restrict => "restrict",
        OnDelete::Cascade => "cascade",
        OnDelete::Null => "null",
    }
}

/// Rows as the database takes them.
pub(crate) fn entries(rows: &[(String, Vec<u8>)]) -> Vec<Entry<'_>> {
    rows.iter().map(|(field, value)| Entry { field, value: value.clone() }).collect()
}

/// The rows of `rows` that are not among `others`.
pub(crate) fn without<'a>(rows: &'a [(String, Vec<u8>)], others: &[(String, Vec<u8>)]) -> Vec<Entry<'a>> {
    let only = rows.iter().filter(|row| !others.contains(row));
    only.map(|(field, value)| Entry { field, value: value.clone() }).collect()
}
