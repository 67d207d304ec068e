//! A draft: what a caller sent as a resource, checked for its shape, before it becomes a state.

use admin_schema::TypeDefinition;
use admin_types::{Attributes, Error, FieldError, Labels, Resource, ResourceId, Result, json};
use serde_json::Value;

/// The longest name, in characters.
const MAX_NAME: usize = 200;
/// The most labels.
const MAX_LABELS: usize = 64;
/// The longest key of a label, in bytes, and the longest value, in characters.
const MAX_LABEL: (usize, usize) = (63, 200);

/// What a caller may say about a resource.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Draft {
    pub(crate) id: Option<ResourceId>,
    pub(crate) type_name: Option<String>,
    pub(crate) name: String,
    pub(crate) status: Option<String>,
    pub(crate) attributes: Attributes,
    pub(crate) labels: Labels,
    pub(crate) parent: Option<ResourceId>,
}

impl Draft {
    /// Reads a draft. With `current`, fields that only Admin writes may be sent back as they are, but not changed.
    pub(crate) fn read(document: Value, current: Option<&Resource>) -> Result<Draft> {
        let Value::Object(mut object) = document else {
            let detail =
                "must be a JSON object such as {\"type\":\"workspace\",\"name\":\"Production\",\"attributes\":{}}";
            return Err(Error::validation(vec![FieldError::new("", detail)]));
        };
        let mut errors = vec![];
        let draft = Draft {
            id: take_id(&mut object, "id", &mut errors),
            type_name: take_text(&mut object, "type", &mut errors),
            name: take_name(&mut object, &mut errors),
            status: take_text(&mut object, "status", &mut errors),
            attributes: take_attributes(&mut object, &mut errors),
            labels: take_labels(&mut object, &mut errors),
            parent: take_id(&mut object, "parent", &mut errors),
        };
        for (key, value) in object {
            if let Err(error) = check_other(&key, &value, current) {
                errors.push(error);
            }
        }
        if let Some(current) = current {
            unchanged("id", draft.id.is_none_or(|id| id == current.id), &mut errors);
            unchanged("type", draft.type_name.as_ref().is_none_or(|name| *name == current.type_name), &mut errors);
        }
        if errors.is_empty() { Ok(draft) } else { Err(Error::validation(errors)) }
    }

    /// The status, or the type's default.
    pub(crate) fn status_of(&self, definition: &TypeDefinition) -> Result<String> {
        let Some(status) = &self.status else { return Ok(definition.statuses[0].clone()) };
        check_status(definition, status).map(|()| status.clone())
    }
}

/// Refuses a status that the type does not have.
pub(crate) fn check_status(definition: &TypeDefinition, status: &str) -> Result<()> {
    if definition.statuses.iter().any(|known| known == status) {
        return Ok(());
    }
    let (name, known) = (&definition.name, definition.statuses.join(", "));
    let detail = format!("`{status}` is not a status of `{name}`; use one of: {known}");
    Err(Error::validation(vec![FieldError::new("/status", detail)]))
}

fn unchanged(field: &str, same: bool, errors: &mut Vec<FieldError>) {
    if !same {
        errors.push(FieldError::new(format!("/{field}"), "cannot be changed"));
    }
}

fn check_other(key: &str, value: &Value, current: Option<&Resource>) -> Result<(), FieldError> {
    let pointer = format!("/{}", json::escape(key));
    let kept = match (key, current) {
        ("version", Some(current)) => Value::from(current.version),
        ("created_at", Some(current)) => Value::from(current.created_at.to_string()),
        ("updated_at", Some(current)) => Value::from(current.updated_at.to_string()),
        ("version" | "created_at" | "updated_at" | "deleted_at", _) => {
            return Err(FieldError::new(pointer, "is written by Admin; leave it out"));
        }
        _ => {
            let detail =
                "is not a field of a resource; the fields are type, name, status, attributes, labels and parent";
            return Err(FieldError::new(pointer, detail));
        }
    };
    if *value == kept { Ok(()) } else { Err(FieldError::new(pointer, "is written by Admin and cannot be changed")) }
}

fn take_text(object: &mut Attributes, key: &str, errors: &mut Vec<FieldError>) -> Option<String> {
    match object.remove(key) {
        None => None,
        Some(Value::String(text)) => Some(text),
        Some(_) => {
            errors.push(FieldError::new(format!("/{key}"), "must be a string"));
            None
        }
    }
}

fn take_id(object: &mut Attributes, key: &str, errors: &mut Vec<FieldError>) -> Option<ResourceId> {
    match object.remove(key) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => {
            let id = ResourceId::parse(&text);
            if id.is_none() {
                errors.push(FieldError::new(
                    format!("/{key}"),
                    "must be the id of a resource, such as res_01h455vb4pex5vsknk084sn02q",
                ));
            }
            id
        }
        Some(_) => {
            errors.push(FieldError::new(format!("/{key}"), "must be the id of a resource, or null"));
            None
        }
    }
}

fn take_name(object: &mut Attributes, errors: &mut Vec<FieldError>) -> String {
    let Some(name) = object.remove("name") else {
        errors.push(FieldError::new("/name", "is missing; give the resource a name"));
        return String::new();
    };
    let Value::String(name) = name else {
        errors.push(FieldError::new("/name", "must be a string"));
        return String::new();
    };
    errors.extend(check_name(&name).err().map(|detail| FieldError::new("/name", detail)));
    name
}

/// Refuses what is no name, with what would be one.
pub(crate) fn check_name(name: &str) -> std::result::Result<(), String> {
    let length = name.chars().count();
    match (1..=MAX_NAME).contains(&length) && !name.chars().any(char::is_control) && !name.trim().is_empty() {
        true => Ok(()),
        false => Err(format!("must be 1 to {MAX_NAME} visible characters; it has {length}")),
    }
}

fn take_attributes(object: &mut Attributes, errors: &mut Vec<FieldError>) -> Attributes {
    match object.remove("attributes") {
        None => Attributes::new(),
        Some(Value::Object(attributes)) => attributes,
        Some(_) => {
            errors.push(FieldError::new("/attributes", "must be an object"));
            Attributes::new()
        }
    }
}

fn take_labels(object: &mut Attributes, errors: &mut Vec<FieldError>) -> Labels {
    let labels = match object.remove("labels") {
        None | Some(Value::Null) => return Labels::new(),
        Some(Value::Object(labels)) => labels,
        Some(_) => {
            errors.push(FieldError::new("/labels", "must be an object of strings"));
            return Labels::new();
        }
    };
    if labels.len() > MAX_LABELS {
        errors.push(FieldError::new("/labels", format!("has {} entries; the most is {MAX_LABELS}", labels.len())));
    }
    let mut taken = Labels::new();
    for (key, value) in labels {
        let pointer = format!("/labels/{}", json::escape(&key));
        match value {
            _ if !is_label_key(&key) => {
                let detail =
                    "the key must be 1 to 63 of a-z, 0-9, `.`, `_`, `/` and `-`, beginning with a letter or digit";
                errors.push(FieldError::new(pointer, detail));
            }
            Value::String(text) if text.chars().count() <= MAX_LABEL.1 => {
                taken.insert(key, text);
            }
            _ => {
                errors.push(FieldError::new(pointer, format!("must be a string of at most {} characters", MAX_LABEL.1)))
            }
        }
    }
    taken
}

fn is_label_key(key: &str) -> bool {
    let mut bytes = key.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    first
        && key.len() <= MAX_LABEL.0
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._/-".contains(&b))
}
