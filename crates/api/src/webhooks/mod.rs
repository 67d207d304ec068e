//! What webhooks have beside what every resource has: secrets, deliveries, replays, tests.

pub(crate) mod deliveries;
pub(crate) mod secrets;
pub(crate) mod sending;

use admin_types::{Error, FieldError, ResourceId, Result};
use serde_json::{Map, Value};

fn webhook(id: &str) -> Result<ResourceId> {
    ResourceId::parse(id).ok_or_else(|| Error::not_found("webhook"))
}

fn wrong(pointer: &str, detail: impl Into<String>) -> Error {
    Error::validation(vec![FieldError::new(pointer, detail)])
}

/// A body that is an object with none but these members.
fn object<'d>(document: &'d Value, known: &[&str]) -> Result<&'d Map<String, Value>> {
    let object = document.as_object().ok_or_else(|| wrong("", "must be an object, such as {}"))?;
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(other) => Err(wrong(&format!("/{other}"), format!("is not known here; there are {}", known.join(", ")))),
        None => Ok(object),
    }
}

fn text<'d>(object: &'d Map<String, Value>, name: &str) -> Result<Option<&'d str>> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or_else(|| wrong(&format!("/{name}"), "must be a text")),
    }
}
