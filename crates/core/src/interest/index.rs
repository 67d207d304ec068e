//! Those who want events, arranged so that an event finds who may want it: by type, and by a value that the resource
//! must have. An event costs what they cost, however many others there are.

use std::collections::HashMap;

use admin_schema::{Path, key};
use admin_types::{Event, Resource};
use serde_json::Value;

/// For each type of which somebody may want events, the value that their resources must have, if one is known.
pub(crate) type Handles = Vec<(String, Option<(Path, Vec<u8>)>)>;

/// Numbers of those who want events, by their [`Handles`].
#[derive(Default)]
pub(crate) struct Index {
    by_type: HashMap<String, OfType>,
}

#[derive(Default)]
struct OfType {
    /// Those who may want any event of the type.
    any: Vec<u64>,
    by_value: HashMap<Path, HashMap<Vec<u8>, Vec<u64>>>,
}

impl Index {
    pub(crate) fn add(&mut self, number: u64, handles: &Handles) {
        for (type_name, handle) in handles {
            let of_type = self.by_type.entry(type_name.clone()).or_default();
            match handle {
                None => of_type.any.push(number),
                Some((path, key)) => {
                    let by_key = of_type.by_value.entry(path.clone()).or_default();
                    by_key.entry(key.clone()).or_default().push(number);
                }
            }
        }
    }

    /// Takes out whoever was added with these handles.
    pub(crate) fn remove(&mut self, number: u64, handles: &Handles) {
        for (type_name, handle) in handles {
            let Some(of_type) = self.by_type.get_mut(type_name) else { continue };
            match handle {
                None => of_type.any.retain(|one| *one != number),
                Some((path, key)) => of_type.remove(number, path, key),
            }
            if of_type.any.is_empty() && of_type.by_value.is_empty() {
                self.by_type.remove(type_name);
            }
        }
    }

    /// Those who may want an event, each once. `state` is [`super::deciding`] of it; what is no change has none, and is
    /// wanted only by those who ask for its kind or its resource.
    pub(crate) fn candidates(&self, event: &Event, state: Option<&Resource>) -> impl Iterator<Item = u64> {
        let of_type = self.by_type.get(&event.resource.type_name);
        let any = of_type.into_iter().flat_map(|of_type| &of_type.any);
        let by_value = of_type.into_iter().flat_map(|of_type| &of_type.by_value);
        let by_value = by_value.flat_map(move |(path, by_key)| {
            let key = match (state, path) {
                (Some(state), _) => key_at(state, path),
                (None, Path::Id) => key_of(&event.resource.id.to_string()),
                (None, _) => None,
            };
            by_key.get(&key?)
        });
        any.chain(by_value.flatten()).copied()
    }
}

impl OfType {
    fn remove(&mut self, number: u64, path: &Path, key: &[u8]) {
        let Some(by_key) = self.by_value.get_mut(path) else { return };
        if let Some(numbers) = by_key.get_mut(key) {
            numbers.retain(|one| *one != number);
            if numbers.is_empty() {
                by_key.remove(key);
            }
        }
        if by_key.is_empty() {
            self.by_value.remove(path);
        }
    }
}

/// The key of what a resource has at a path that `Interest::handle` answers.
fn key_at(resource: &Resource, path: &Path) -> Option<Vec<u8>> {
    match path {
        Path::Id => key_of(&resource.id.to_string()),
        Path::Name => key_of(&resource.name),
        Path::Status => key_of(&resource.status),
        Path::Parent => key_of(&resource.parent?.to_string()),
        Path::Label(name) => key_of(resource.labels.get(name)?),
        Path::Attribute(names) => {
            let (first, rest) = names.split_first()?;
            let first = resource.attributes.get(first)?;
            key::encode(rest.iter().try_fold(first, |at, name| at.get(name))?)
        }
        _ => None,
    }
}

fn key_of(text: &str) -> Option<Vec<u8>> {
    key::encode(&Value::from(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MANY: u64 = 10_000;

    /// An event of a resource in this region.
    fn event(type_name: &str, region: &str) -> (Event, Resource) {
        let (id, at) = ("res_01jh8x5n9bfqv8xk3c6m7t2d4e", "2025-01-10T08:30:00Z");
        let resource = json!({"id": id, "type": type_name, "name": "n", "status": "active", "labels": {}, "parent": null,
            "attributes": {"region": region}, "version": 1, "created_at": at, "updated_at": at});
        let event = json!({"id": "evt_01jh8x5n9bfqv8xk3c0000001a", "seq": 42, "type": format!("{type_name}.created"),
            "at": at, "actor": {"type": "user", "id": "usr_01jh8x5n9bfqv8xk3c6m7t2d4e"}, "request_id": "req_1",
            "resource": {"type": type_name, "id": id, "version": 1}, "before": null, "after": resource});
        let event = serde_json::from_str(&event.to_string()).expect("an event");
        (event, serde_json::from_value(resource).expect("a resource"))
    }

    fn handle(type_name: &str, region: Option<&str>) -> (String, Option<(Path, Vec<u8>)>) {
        let path = Path::Attribute(vec!["region".to_owned()]);
        (type_name.to_owned(), region.and_then(|region| Some((path, key::encode(&region.into())?))))
    }

    #[test]
    fn an_event_finds_those_of_its_type_and_value_alone() {
        let mut index = Index::default();
        let handles = |number: u64| match number {
            0 => vec![handle("server", None), handle("disk", Some("r7"))],
            number => vec![handle("server", Some(&format!("r{number}")))],
        };
        (0..MANY).for_each(|number| index.add(number, &handles(number)));
        let found = |index: &Index, type_name: &str, region: &str| -> Vec<u64> {
            let (event, state) = event(type_name, region);
            index.candidates(&event, Some(&state)).collect()
        };
        assert_eq!(found(&index, "server", "r7"), [0, 7]);
        assert_eq!(found(&index, "server", "elsewhere"), [0]);
        assert_eq!(found(&index, "disk", "r7"), [0]);
        assert!(found(&index, "disk", "r8").is_empty() && found(&index, "net", "r7").is_empty());
        let (event, _) = event("server", "r7");
        assert_eq!(index.candidates(&event, None).collect::<Vec<_>>(), [0], "of what has no state, those of its type");
        let of_resource = Some((Path::Id, key_of(&event.resource.id.to_string()).expect("a key")));
        index.add(MANY, &vec![("server".to_owned(), of_resource.clone())]);
        assert_eq!(index.candidates(&event, None).collect::<Vec<_>>(), [0, MANY], "and those of its resource");
        index.remove(MANY, &vec![("server".to_owned(), of_resource)]);
        index.remove(7, &handles(7));
        index.remove(0, &handles(0));
        assert!(found(&index, "server", "r7").is_empty());
        (0..MANY).for_each(|number| index.remove(number, &handles(number)));
        assert!(index.by_type.is_empty(), "nothing stays of who left");
    }
}
