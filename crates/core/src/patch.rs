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
                let patch = read_operations(operations)?;
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

/// Reads a JSON Patch; names the operation that is none, and its member that is wrong.
fn read_operations(operations: &Value) -> Result<json_patch::Patch> {
    let refuse = |detail: String| Error::invalid("invalid_patch", detail);
    let Some(list) = operations.as_array() else {
        let detail = "The body is not a JSON Patch: it must be an array of operations.".to_owned();
        return Err(refuse(detail).at("", "must be an array of operations"));
    };
    if list.len() > MAX_OPERATIONS {
        return Err(refuse(format!("The JSON Patch has more than {MAX_OPERATIONS} operations.")));
    }
    let mut patch = vec![];
    for (n, operation) in list.iter().enumerate() {
        let read = serde_json::from_value(operation.clone());
        patch.push(read.map_err(|_| {
            let (member, wanted) = wrong_member(operation);
            refuse(format!("Operation {n} of the patch is none: {wanted}.")).at(format!("/{n}{member}"), wanted)
        })?);
    }
    Ok(json_patch::Patch(patch))
}

/// What an operation lacks (RFC 6902, section 4): the pointer of the member in it, and what must stand there.
fn wrong_member(operation: &Value) -> (&'static str, &'static str) {
    const POINTER: &str = "must be a JSON Pointer, such as /attributes/region";
    let is_pointer = |name: &str| {
        let text = operation[name].as_str();
        text.is_some_and(|text| {
            (text.is_empty() || text.starts_with('/')) && !text.replace("~0", "").replace("~1", "").contains('~')
        })
    };
    match operation["op"].as_str() {
        _ if !operation.is_object() => ("", "must be an object with `op` and `path`"),
        Some("add" | "remove" | "replace" | "move" | "copy" | "test") if !is_pointer("path") => ("/path", POINTER),
        Some("move" | "copy") if !is_pointer("from") => ("/from", POINTER),
        Some("add" | "replace" | "test") if operation.get("value").is_none() => ("/value", "is missing"),
        Some("add" | "remove" | "replace" | "move" | "copy" | "test") => ("", "must be an operation of a JSON Patch"),
        _ => ("/op", "must be add, remove, replace, move, copy or test"),
    }
}

fn keep_removed_secrets(document: &mut Value, patch: &Value, definition: &TypeDefinition) {
    for field in definition.secrets() {
        if patch.pointer(&field.pointer()).is_some_and(Value::is_null) {
            crate::secrets::put(document.pointer_mut("/attributes"), &field.path, Value::Null);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_the_operation_and_the_member_that_is_wrong() {
        let good = json!({"op": "add", "path": "/a~1b/-", "value": null});
        read_operations(&json!([good, {"op": "move", "from": "", "path": "/a"}])).expect("a patch");
        for (wrong, pointer) in [
            (json!(1), "/1"),
            (json!({"op": "frob", "path": "/a"}), "/1/op"),
            (json!({"path": "/a"}), "/1/op"),
            (json!({"op": "remove"}), "/1/path"),
            (json!({"op": "remove", "path": "a"}), "/1/path"),
            (json!({"op": "remove", "path": "/a~2"}), "/1/path"),
            (json!({"op": "copy", "path": "/a"}), "/1/from"),
            (json!({"op": "test", "path": "/a"}), "/1/value"),
        ] {
            let error = read_operations(&json!([good, wrong])).expect_err("refused");
            assert_eq!((error.code, error.errors[0].pointer.as_str()), ("invalid_patch", pointer), "{wrong}: {error}");
            assert!(!error.detail.contains("variant") && !error.detail.contains("field"), "{error}");
        }
        assert_eq!(read_operations(&json!({})).expect_err("refused").code, "invalid_patch");
    }
}
