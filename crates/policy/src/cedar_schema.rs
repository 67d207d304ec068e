//! The schema that Cedar validates against, as the JSON that Cedar reads.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::schema::{Kind, NAMED, PRINCIPALS};
use crate::shape::{Record, Shape};

/// The schema of all entity types and actions.
pub(crate) fn json(kinds: &BTreeMap<String, Kind>) -> Value {
    let mut entities = Map::new();
    entities.insert("Resource".to_owned(), json!({ "memberOfTypes": ["Resource"] }));
    for kind in kinds.values() {
        entities.insert(kind.name.clone(), entity(kind));
    }
    let mut actions = Map::new();
    for name in groups(kinds) {
        actions.insert(name, json!({}));
    }
    for kind in kinds.values() {
        for verb in &kind.verbs {
            actions.insert(format!("{}.{verb}", kind.name), action(kind, verb));
        }
    }
    json!({ "": { "commonTypes": { "Context": context() }, "entityTypes": entities, "actions": actions } })
}

/// The names of all actions.
pub(crate) fn actions(kinds: &BTreeMap<String, Kind>) -> BTreeSet<String> {
    let own = kinds.values().flat_map(|kind| kind.verbs.iter().map(|verb| format!("{}.{verb}", kind.name)));
    own.chain(groups(kinds)).collect()
}

/// `resource.read` holds the `read` of every type.
fn groups(kinds: &BTreeMap<String, Kind>) -> BTreeSet<String> {
    let verbs: BTreeSet<&String> = kinds.values().flat_map(|kind| &kind.verbs).collect();
    verbs.into_iter().map(|verb| format!("resource.{verb}")).collect()
}

fn entity(kind: &Kind) -> Value {
    let mut attributes = Map::new();
    for (name, of) in [("name", text()), ("status", text()), ("version", json!({ "type": "Long" }))] {
        attributes.insert(name.to_owned(), of);
    }
    for name in ["created_at", "updated_at"] {
        attributes.insert(name.to_owned(), extension("datetime"));
    }
    attributes.insert("labels".to_owned(), json!({ "type": "Set", "element": text() }));
    attributes.insert("attributes".to_owned(), record(&kind.attributes.record));
    if let Some(parent) = &kind.parent {
        attributes.insert("parent".to_owned(), json!({ "type": "Entity", "name": parent, "required": false }));
    }
    if let Some(facts) = &kind.facts {
        attributes.insert("facts".to_owned(), record(facts));
    }
    let mut above = vec!["Resource"];
    if PRINCIPALS.contains(&kind.name.as_str()) || kind.name == "group" {
        above.extend(NAMED);
    }
    json!({ "memberOfTypes": above, "shape": { "type": "Record", "attributes": attributes } })
}

fn action(kind: &Kind, verb: &str) -> Value {
    json!({
        "memberOf": [{ "id": format!("resource.{verb}") }],
        "appliesTo": { "principalTypes": PRINCIPALS, "resourceTypes": [kind.name], "context": { "type": "Context" } },
    })
}

fn context() -> Value {
    let mut address = extension("ipaddr");
    address["required"] = json!(false);
    let auth = json!({ "type": "Record", "attributes": { "method": text(), "age": { "type": "Long" } } });
    json!({ "type": "Record", "attributes": {
        "time": extension("datetime"), "address": address, "request_id": text(), "auth": auth,
    } })
}

fn record(record: &Record) -> Value {
    let mut attributes = Map::new();
    for (name, member) in &record.members {
        let mut of = shape(&member.shape);
        of["required"] = json!(member.required);
        attributes.insert(name.clone(), of);
    }
    json!({ "type": "Record", "attributes": attributes })
}

fn shape(shape: &Shape) -> Value {
    match shape {
        Shape::Text => text(),
        Shape::Integer => json!({ "type": "Long" }),
        Shape::Boolean => json!({ "type": "Boolean" }),
        Shape::Reference(name) => json!({ "type": "Entity", "name": name }),
        Shape::Set(element) => json!({ "type": "Set", "element": self::shape(element) }),
        Shape::Record(members) => record(members),
    }
}

fn text() -> Value {
    json!({ "type": "String" })
}

fn extension(name: &str) -> Value {
    json!({ "type": "Extension", "name": name })
}
