//! What a type says besides its schema: name, plural, statuses, actions, parent, sensitivity, description.

use admin_types::Attributes;
use admin_types::json::escape;
use serde_json::Value;

use super::problems::Problems;

/// First segments of paths under `/v3`, which a plural would hide.
const RESERVED: [&str; 13] = [
    "api-keys",
    "resources",
    "events",
    "index-builds",
    "access",
    "audit",
    "me",
    "batch",
    "search",
    "history",
    "orgs",
    "auth",
    "oauth",
];
/// Names that mean something else in policies: Cedar's words, and `resource.read` for every type's `read`.
const TAKEN: [&str; 10] = ["resource", "true", "false", "if", "then", "else", "in", "is", "like", "has"];
const MAX_STATUSES: usize = 50;
const MAX_ACTIONS: usize = 50;
/// What can be done to every resource.
const VERBS: [&str; 4] = ["read", "create", "update", "delete"];
const MAX_DESCRIPTION: usize = 2000;

/// The checked words of a type.
pub(super) struct Head {
    pub(super) plural: String,
    pub(super) statuses: Vec<String>,
    pub(super) actions: Vec<String>,
    pub(super) parent: Option<String>,
    pub(super) sensitive: bool,
}

/// `^[a-z][a-z0-9_]{0,47}$`
pub(super) fn is_type_name(name: &str) -> bool {
    is_word(name, 48, "_")
}

fn is_word(text: &str, most: usize, besides: &str) -> bool {
    let lower = |c: char| c.is_ascii_lowercase();
    text.len() <= most
        && text.starts_with(lower)
        && text.chars().all(|c| lower(c) || c.is_ascii_digit() || besides.contains(c))
}

/// Reads everything but the schema; what is wrong goes to `problems`, with pointers from the resource's root.
pub(super) fn read(name: &str, attributes: &Attributes, problems: &mut Problems) -> Head {
    if !is_type_name(name) {
        let detail = "must have 1 to 48 characters a-z, 0-9 and _ and begin with a letter";
        problems.add(|| "/name".to_owned(), detail);
    }
    if TAKEN.contains(&name) {
        problems.add(|| "/name".to_owned(), format!("`{name}` is a word of policies; give the type another name"));
    }
    for key in attributes.keys() {
        if !matches!(
            key.as_str(),
            "plural" | "statuses" | "actions" | "parent" | "sensitive" | "schema" | "description"
        ) {
            let detail = "a type has no such attribute; it has plural, statuses, actions, parent, sensitive, schema and description";
            problems.add(|| format!("/attributes/{}", escape(key)), detail);
        }
    }
    match attributes.get("description") {
        None => {}
        Some(Value::String(text)) if text.chars().count() <= MAX_DESCRIPTION => {}
        Some(_) => {
            problems.add(|| "/attributes/description".to_owned(), "must be a text of at most 2,000 characters");
        }
    }
    Head {
        plural: plural(name, attributes, problems),
        statuses: statuses(attributes, problems),
        actions: actions(attributes, problems),
        parent: parent(attributes, problems),
        sensitive: sensitive(attributes, problems),
    }
}

fn sensitive(attributes: &Attributes, problems: &mut Problems) -> bool {
    match attributes.get("sensitive") {
        None => false,
        Some(Value::Bool(sensitive)) => *sensitive,
        Some(_) => {
            problems.add(|| "/attributes/sensitive".to_owned(), "must be true or false");
            false
        }
    }
}

fn parent(attributes: &Attributes, problems: &mut Problems) -> Option<String> {
    match attributes.get("parent")? {
        Value::String(name) if is_type_name(name) => Some(name.clone()),
        _ => {
            problems.add(|| "/attributes/parent".to_owned(), "must be the name of a type, such as `workspace`");
            None
        }
    }
}

fn plural(name: &str, attributes: &Attributes, problems: &mut Problems) -> String {
    let plural = match attributes.get("plural") {
        None => format!("{name}s"),
        Some(Value::String(text)) if is_word(text, 63, "_-") => text.clone(),
        Some(_) => {
            let detail = "must be a text of 1 to 63 characters a-z, 0-9, _ and - that begins with a letter";
            problems.add(|| "/attributes/plural".to_owned(), detail);
            return String::new();
        }
    };
    if RESERVED.contains(&plural.as_str()) {
        let detail = format!("`{plural}` is a path of the API itself; give another plural");
        problems.add(|| "/attributes/plural".to_owned(), detail);
    }
    plural
}

fn statuses(attributes: &Attributes, problems: &mut Problems) -> Vec<String> {
    match attributes.get("statuses") {
        None => vec!["active".to_owned()],
        Some(Value::Array(list)) if (1..=MAX_STATUSES).contains(&list.len()) => words("statuses", list, &[], problems),
        Some(_) => {
            problems.add(|| "/attributes/statuses".to_owned(), "must be an array of 1 to 50 texts");
            vec![]
        }
    }
}

fn actions(attributes: &Attributes, problems: &mut Problems) -> Vec<String> {
    match attributes.get("actions") {
        None => vec![],
        Some(Value::Array(list)) if list.len() <= MAX_ACTIONS => words("actions", list, &VERBS, problems),
        Some(_) => {
            problems.add(|| "/attributes/actions".to_owned(), "must be an array of at most 50 texts");
            vec![]
        }
    }
}

/// Words that differ, from each other and from those that are `taken`.
fn words(key: &str, list: &[Value], taken: &[&str], problems: &mut Problems) -> Vec<String> {
    let mut words: Vec<String> = vec![];
    for (at, word) in list.iter().enumerate() {
        let pointer = || format!("/attributes/{key}/{at}");
        match word.as_str() {
            Some(text) if words.iter().any(|earlier| earlier == text) => {
                problems.add(pointer, format!("`{text}` stands here twice"));
            }
            Some(text) if taken.contains(&text) => {
                problems.add(pointer, format!("`{text}` is there for every type; leave it out"));
            }
            Some(text) if is_word(text, 48, "_-") => words.push(text.to_owned()),
            _ => {
                let detail = "must be a text of 1 to 48 characters a-z, 0-9, _ and - that begins with a letter";
                problems.add(pointer, detail);
            }
        }
    }
    words
}
