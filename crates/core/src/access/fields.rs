//! Field rules: what of a resource its reader is shown, and what its writer may change.

use std::collections::BTreeSet;

use admin_db::Conn;
use admin_policy::Show;
use admin_schema::{Filter, Path};
use admin_types::{Error, FieldError, Kind, Resource, Result};
use serde_json::{Map, Value};

use super::{Actor, Known, Verb};
use crate::TypeEntry;
use crate::op::Op;

/// What stands where a text is masked.
const MASK: &str = "***";

impl Actor {
    /// The wire text of a resource, without what the principal may not see of it.
    pub(crate) async fn show(
        &self,
        conn: &mut Conn,
        op: &Op,
        known: &mut Known,
        type_name: &str,
        document: String,
    ) -> Result<String> {
        if self.rule(op, Verb::Read.as_str(), type_name).fields.is_empty() {
            return Ok(document);
        }
        let resource = serde_json::from_str(&document).map_err(Error::internal)?;
        let shown = self.shown(conn, op, known, resource).await?;
        serde_json::to_string(&shown).map_err(Error::internal)
    }

    /// Whether every resource of the type is shown whole.
    pub(crate) fn shows_all(&self, op: &Op, type_name: &str) -> bool {
        self.rule(op, Verb::Read.as_str(), type_name).fields.is_empty()
    }

    /// The wire texts of resources that may be read, each without what the principal may not see of it.
    pub(crate) async fn show_all(
        &self,
        conn: &mut Conn,
        op: &Op,
        known: &mut Known,
        documents: Vec<String>,
    ) -> Result<Vec<String>> {
        if self.catalogue().all().into_iter().all(|entry| self.shows_all(op, &entry.definition.name)) {
            return Ok(documents);
        }
        let mut shown = Vec::with_capacity(documents.len());
        for document in documents {
            let resource: Resource = serde_json::from_str(&document).map_err(Error::internal)?;
            shown.push(match self.shows_all(op, &resource.type_name) {
                true => document,
                false => self.show(conn, op, known, &resource.type_name, document).await?,
            });
        }
        Ok(shown)
    }

    /// A resource, without what the principal may not see of it.
    pub(crate) async fn shown(
        &self,
        conn: &mut Conn,
        op: &Op,
        known: &mut Known,
        mut resource: Resource,
    ) -> Result<Resource> {
        let rule = self.rule(op, Verb::Read.as_str(), &resource.type_name);
        let original = resource.clone();
        for field in &rule.fields {
            if known.matches(conn, op.principal.org, &field.rows, &original).await? {
                for path in &field.fields {
                    hide(&mut resource, path, field.show);
                }
            }
        }
        Ok(resource)
    }

    /// Puts back what a writer was not shown and so could not mean to change: where `document`, made from what was shown,
    /// still says what was shown.
    pub(crate) fn put_back(document: &mut Value, shown: &Resource, original: &Resource) -> Result<()> {
        if shown == original {
            return Ok(());
        }
        let shown = serde_json::to_value(shown).map_err(Error::internal)?;
        let original = serde_json::to_value(original).map_err(Error::internal)?;
        put_back(document, &shown, &original);
        Ok(())
    }

    /// Fields that the principal is not always shown, and of which `document` says other than what was shown. They count as
    /// changed even if they are not: whether a guess is right must not show.
    pub(crate) fn touched(&self, op: &Op, document: &Value, shown: &Resource) -> Result<Vec<Vec<String>>> {
        let shown = serde_json::to_value(shown).map_err(Error::internal)?;
        let rule = self.rule(op, Verb::Read.as_str(), shown["type"].as_str().unwrap_or_default());
        let differs = |path: &&Vec<String>| at(document, path).is_some_and(|value| Some(value) != at(&shown, path));
        Ok(rule.fields.iter().flat_map(|field| &field.fields).filter(differs).cloned().collect())
    }

    /// Refuses a change of fields that the principal may not write; those that are `touched` count as changed.
    pub(crate) async fn check_fields(
        &self,
        conn: &mut Conn,
        op: &Op,
        known: &mut Known,
        verb: Verb,
        states: (Option<&Resource>, &Resource),
        touched: &[Vec<String>],
    ) -> Result<()> {
        let (before, after) = states;
        let rule = self.rule(op, verb.as_str(), &after.type_name);
        let mut errors = vec![];
        for field in &rule.fields {
            let mut applies = known.matches(conn, op.principal.org, &field.rows, after).await?;
            if let Some(before) = before {
                applies |= known.matches(conn, op.principal.org, &field.rows, before).await?;
            }
            let is_touched = |path: &[String]| touched.iter().any(|one| one.starts_with(path) || path.starts_with(one));
            let differs = |path: &[String]| before.and_then(|before| get(before, path)) != get(after, path);
            let changed = field.fields.iter().filter(|path| is_touched(path) || differs(path));
            if applies {
                errors.extend(
                    changed.map(|path| FieldError::new(format!("/{}", path.join("/")), "is not yours to change")),
                );
            }
        }
        if errors.is_empty() {
            return Ok(());
        }
        let detail = format!("You may not write these fields of the type `{}`.", after.type_name);
        Err(Error { errors, ..Error::new(Kind::Forbidden, "forbidden_field", detail) })
    }

    /// Refuses a filter or a sort by what the principal is not always shown: the order would tell what it is.
    pub(crate) fn check_asked<'p>(
        &self,
        op: &Op,
        entry: &TypeEntry,
        parameter: &str,
        paths: impl Iterator<Item = &'p Path>,
    ) -> Result<()> {
        let rule = self.rule(op, Verb::Read.as_str(), &entry.definition.name);
        let hidden: BTreeSet<&[String]> =
            rule.fields.iter().flat_map(|field| &field.fields).map(Vec::as_slice).collect();
        if hidden.is_empty() {
            return Ok(());
        }
        for path in paths {
            let segments = segments(path);
            if hidden.iter().any(|hidden| hidden.starts_with(&segments) || segments.starts_with(hidden)) {
                let detail = format!("may not look at `{path}`, which you are not shown everywhere");
                return Err(Error::parameter(parameter, detail));
            }
        }
        Ok(())
    }
}

/// The names that lead to a path in the wire shape.
fn segments(path: &Path) -> Vec<String> {
    match path {
        Path::Attribute(names) => std::iter::once("attributes".to_owned()).chain(names.iter().cloned()).collect(),
        Path::Label(name) => vec!["labels".to_owned(), name.clone()],
        other => vec![other.to_string()],
    }
}

/// All paths that a filter looks at.
pub(crate) fn paths(filter: &Filter) -> Vec<&Path> {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().flat_map(paths).collect(),
        Filter::Not(inner) => paths(inner),
        Filter::Compare { path, .. }
        | Filter::Has { path, .. }
        | Filter::Present { path }
        | Filter::Like { path, .. }
        | Filter::Element { path, .. }
        | Filter::Of { path, .. } => vec![path],
        Filter::True | Filter::False | Filter::Below { .. } => vec![],
    }
}

fn at<'v>(document: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(document, |at, name| at.get(name))
}

fn get(resource: &Resource, path: &[String]) -> Option<Value> {
    match path {
        [labels] if labels == "labels" => (!resource.labels.is_empty()).then(|| serde_json::json!(resource.labels)),
        [_, first, rest @ ..] => {
            let first = resource.attributes.get(first)?;
            rest.iter().try_fold(first, |at, name| at.get(name)).filter(|value| !value.is_null()).cloned()
        }
        _ => None,
    }
}

fn hide(resource: &mut Resource, path: &[String], show: Show) {
    match path {
        [labels] if labels == "labels" => resource.labels.clear(),
        [_, names @ ..] => hide_in(&mut resource.attributes, names, show),
        [] => {}
    }
}

fn hide_in(object: &mut Map<String, Value>, names: &[String], show: Show) {
    let Some((name, rest)) = names.split_first() else { return };
    if !rest.is_empty() {
        if let Some(Value::Object(inner)) = object.get_mut(name) {
            hide_in(inner, rest, show);
        }
        return;
    }
    match (show, object.get_mut(name)) {
        (_, None) => {}
        (Show::Hidden, _) => drop(object.shift_remove(name)),
        (Show::Masked, Some(value @ Value::String(_))) => *value = MASK.into(),
        (_, Some(value)) => *value = Value::Null,
    }
}

/// Where `shown` differs from `original` and `document` says what `shown` says, or says nothing, `original` stands again.
fn put_back(document: &mut Value, shown: &Value, original: &Value) {
    let (Some(document), Some(original)) = (document.as_object_mut(), original.as_object()) else { return };
    for (name, original) in original {
        let was_shown = shown.get(name);
        if was_shown == Some(original) {
            continue;
        }
        match document.get_mut(name) {
            Some(value) if value.is_object() && original.is_object() => {
                put_back(value, was_shown.unwrap_or(&Value::Null), original);
            }
            Some(value) if Some(&*value) != was_shown => {}
            _ => drop(document.insert(name.clone(), original.clone())),
        }
    }
}
