//! What a caller sends to change a resource: a whole document, a merge patch (RFC 7396) or a JSON Patch (RFC 6902).

use admin_schema::TypeDefinition;
use admin_types::{Error, Resource, Result};
use serde_json::Value;

/// The most operations of a JSON Patch.
const MAX_OPERATIONS: usize = 1000;

/// A change that a caller asks for.
#[derive(Clone, PartialEq, Debug)]
pub enum Patch {
    /// The whole new document: what is not in it is removed.
    Replace(Value),
    /// JSON Merge Patch: what is in it is set, null removes.
    Merge(Value),
    /// JSON Patch: a list of operations.
    Operations(Value),
}

impl Patch {
    /// The document that results for `current`. An explicit null for a secret stays, as the wish to remove it.
    pub(crate) fn apply(&self, current: &Resource, definition: &TypeDefinition) -> Result<Value> {
        let document = || serde_json::to_value(current).map_err(Error::internal);
        match self {
            Patch::Replace(new) => Ok(new.clone()),
            Patch::Merge(patch) => {
                if !patch.is_object() {
                    return Err(Error::validation(vec![admin_types::FieldError::new(
                        "",
                        "a merge patch must be a JSON object",
                    )]));
                }
                let mut document = document()?;
                json_patch::merge(&mut document, patch);
                keep_removed_secrets(&mut document, patch, definition);
                Ok(document)
            }
            Patch::Operations(operations) => {
                if operations.as_array().is_some_and(|list| list.len() > MAX_OPERATIONS) {
                    let detail = format!("The JSON Patch has more than {MAX_OPERATIONS} operations.");
                    return Err(Error::invalid("invalid_patch", detail));
                }
                let patch: json_patch::Patch = serde_json::from_value(operations.clone()).map_err(|error| {
                    Error::invalid("invalid_patch", format!("The body is not a JSON Patch: {error}."))
                })?;
                let mut document = document()?;
                json_patch::patch(&mut document, &patch).map_err(|error| {
                    let pointer = format!("/{}", error.operation);
                    let detail = error.kind.to_string();
                    Error::conflict(
                        "patch_failed",
                        format!("Operation {} of the patch failed: {detail}.", error.operation),
                    )
                    .at(pointer, detail)
                })?;
                Ok(document)
            }
        }
    }
}

fn keep_removed_secrets(document: &mut Value, patch: &Value, definition: &TypeDefinition) {
    for field in definition.secrets() {
        if patch.pointer(&field.pointer()).is_some_and(Value::is_null) {
            crate::secrets::put(document.pointer_mut("/attributes"), &field.path, Value::Null);
        }
    }
}
