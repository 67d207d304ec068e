//! What stands behind the `x-` words of one schema object.

use admin_types::json::escape;
use serde_json::{Map, Value};

use super::head::is_type_name;
use super::problems::Problems;
use crate::{OnDelete, Reference};

/// The annotations of one schema object.
#[derive(Clone, PartialEq, Default, Debug)]
pub(super) struct Annotations<'a> {
    pub(super) index: bool,
    pub(super) unique: bool,
    pub(super) immutable: bool,
    pub(super) secret: bool,
    pub(super) reference: Option<Reference>,
    /// The words that stand there, whatever they say.
    pub(super) words: Vec<&'a str>,
}

/// Reads the annotations of the schema object at `pointer`; what is wrong with them goes to `problems`.
pub(super) fn read<'a>(
    schema: &'a Map<String, Value>,
    pointer: impl Fn() -> String,
    problems: &mut Problems,
) -> Annotations<'a> {
    let mut annotations = Annotations::default();
    for (word, value) in schema.iter().filter(|(word, _)| word.starts_with("x-")) {
        let mut wrong = |detail: &str| problems.add(|| format!("{}/{}", pointer(), escape(word)), detail);
        let switch = match word.as_str() {
            "x-index" => &mut annotations.index,
            "x-unique" => &mut annotations.unique,
            "x-immutable" => &mut annotations.immutable,
            "x-secret" => &mut annotations.secret,
            "x-ref" => {
                annotations.words.push(word);
                match reference(value) {
                    Ok(reference) => annotations.reference = Some(reference),
                    Err(detail) => wrong(detail),
                }
                continue;
            }
            "x-pii" => {
                wrong("`x-pii` is reserved for a coming version; take it out");
                continue;
            }
            _ => {
                wrong("unknown annotation; there are x-index, x-unique, x-immutable, x-secret and x-ref");
                continue;
            }
        };
        annotations.words.push(word);
        match value {
            Value::Bool(value) => *switch = *value,
            _ => wrong("must be true or false"),
        }
    }
    annotations
}

fn reference(value: &Value) -> Result<Reference, &'static str> {
    const SHAPE: &str =
        "must be a type's name, or {\"type\": <name>, \"on_delete\": \"restrict\", \"cascade\" or \"null\"}";
    let (name, on_delete) = match value {
        Value::String(name) => (name, OnDelete::Restrict),
        Value::Object(object) => {
            if object.keys().any(|key| key != "type" && key != "on_delete") {
                return Err(SHAPE);
            }
            let Some(Value::String(name)) = object.get("type") else { return Err(SHAPE) };
            let on_delete = match object.get("on_delete").map(Value::as_str) {
                None | Some(Some("restrict")) => OnDelete::Restrict,
                Some(Some("cascade")) => OnDelete::Cascade,
                Some(Some("null")) => OnDelete::Null,
                Some(_) => return Err("`on_delete` must be \"restrict\", \"cascade\" or \"null\""),
            };
            (name, on_delete)
        }
        _ => return Err(SHAPE),
    };
    if !is_type_name(name) {
        return Err(
            "does not name a type: a type's name has 1 to 48 characters a-z, 0-9 and _ and begins with a letter",
        );
    }
    Ok(Reference { type_name: name.clone(), on_delete })
}
