//! JSON as Cedar's values, by the shapes that the schema promises.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use admin_types::{Resource, Timestamp};
use cedar_policy_core::ast::{EntityUID, Literal, Name, PartialValue, Value, ValueKind};
use cedar_policy_core::extensions::Extensions;
use serde_json::Value as Json;
use smol_str::SmolStr;

use crate::facts::{Context, MAX_SET};
use crate::schema::{Kind, Schema};
use crate::shape::{Record, Shape};

/// Something failed; Cedar would skip the statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Failed;

/// How to read one resource's values.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) kind: &'a Kind,
    pub(crate) resource: &'a Resource,
    /// Whether sets may have any number of elements; those of principals may not.
    pub(crate) unbounded: bool,
}

impl Reader<'_> {
    /// The entity itself.
    pub(crate) fn uid(&self) -> EntityUID {
        uid(self.kind, self.resource)
    }

    /// All attributes of the entity.
    pub(crate) fn all(&self) -> Vec<(SmolStr, Value)> {
        let names =
            ["name", "status", "version", "created_at", "updated_at", "labels", "attributes", "parent", "facts"];
        names.into_iter().filter_map(|name| Some((name.into(), self.at(&[name])?))).collect()
    }

    /// The value that the path of names leads to, from the entity on; `None` when there is none.
    pub(crate) fn at(&self, path: &[&str]) -> Option<Value> {
        let (first, rest) = path.split_first()?;
        let resource = self.resource;
        match *first {
            "attributes" => self.member(&self.kind.attributes.record, Some(&resource.attributes), rest),
            "facts" => {
                let facts = resource.attributes.get("facts").and_then(Json::as_object);
                self.member(self.kind.facts.as_ref()?, facts, rest)
            }
            _ if !rest.is_empty() => None,
            "name" => Some(resource.name.as_str().into()),
            "status" => Some(resource.status.as_str().into()),
            "version" => Some(resource.version.into()),
            "created_at" => Some(datetime(millis(resource.created_at))),
            "updated_at" => Some(datetime(millis(resource.updated_at))),
            "labels" => {
                let labels = resource.labels.iter().map(|(key, value)| Value::from(format!("{key}={value}").as_str()));
                self.set(labels.collect())
            }
            "parent" => {
                let parent = self.schema.kind(self.kind.parent.as_ref()?)?;
                Some(parent.uid(&resource.parent?.to_string()).into())
            }
            _ => None,
        }
    }

    /// What `path` leads to within an object of the shape `record`; the object itself when the path is empty.
    fn member(&self, record: &Record, object: Option<&serde_json::Map<String, Json>>, path: &[&str]) -> Option<Value> {
        let Some((first, rest)) = path.split_first() else { return Some(self.record(record, object)) };
        let shape = &record.members.get(*first)?.shape;
        let json = object?.get(*first)?;
        match (shape, rest) {
            (shape, []) => self.value(shape, json),
            (Shape::Record(record), rest) => self.member(record, Some(json.as_object()?), rest),
            _ => None,
        }
    }

    /// The value; `None` for null, and for what is not of the shape.
    fn value(&self, shape: &Shape, json: &Json) -> Option<Value> {
        match shape {
            Shape::Text => json.as_str().map(Value::from),
            Shape::Integer => json.as_i64().map(Value::from),
            Shape::Boolean => json.as_bool().map(Value::from),
            Shape::Reference(name) => Some(self.schema.kind(name)?.uid(json.as_str()?).into()),
            Shape::Set(element) => {
                self.set(json.as_array()?.iter().filter_map(|item| self.value(element, item)).collect())
            }
            Shape::Record(record) => Some(self.record(record, Some(json.as_object()?))),
        }
    }

    fn record(&self, record: &Record, object: Option<&serde_json::Map<String, Json>>) -> Value {
        let read = |(name, json): (&String, &Json)| {
            let member = record.members.get(name)?;
            Some((SmolStr::from(name.as_str()), self.value(&member.shape, json)?))
        };
        let members: BTreeMap<SmolStr, Value> = object.into_iter().flatten().filter_map(read).collect();
        Value::record_arc(Arc::new(members), None)
    }

    fn set(&self, elements: Vec<Value>) -> Option<Value> {
        (self.unbounded || elements.len() <= MAX_SET).then(|| Value::set(elements, None))
    }
}

/// The entity that stands for a resource.
pub(crate) fn uid(kind: &Kind, resource: &Resource) -> EntityUID {
    if kind.is_named() { kind.uid(&resource.name) } else { kind.uid(&resource.id.to_string()) }
}

/// The context as a record.
pub(crate) fn context(context: &Context) -> BTreeMap<SmolStr, Value> {
    let text = |text: &str| Value::from(text);
    let auth = [("method", text(&context.auth_method)), ("age", context.auth_age_seconds.into())];
    let mut record = BTreeMap::from([
        (SmolStr::from("time"), datetime(millis(context.time))),
        ("request_id".into(), text(&context.request_id)),
        ("auth".into(), Value::record(auth, None)),
    ]);
    let address = context.address.and_then(|address| call("ip", &[text(&address.to_string())]).ok());
    record.extend(address.map(|address| ("address".into(), address)));
    record
}

/// Milliseconds since 1970, rounded down.
pub(crate) fn millis(time: Timestamp) -> i64 {
    time.0.div_euclid(1000)
}

/// The instant `millis` milliseconds after 1970.
pub(crate) fn datetime(millis: i64) -> Value {
    let after = call("duration", &[Value::from(format!("{millis}ms").as_str())]);
    let at = after.and_then(|after| call("offset", &[EPOCH.clone(), after]));
    at.unwrap_or_else(|Failed| EPOCH.clone())
}

/// Milliseconds between 1970 and the instant.
pub(crate) fn datetime_millis(value: &Value) -> Result<i64, Failed> {
    let since = call("durationSince", &[value.clone(), EPOCH.clone()])?;
    match call("toMilliseconds", &[since])?.value {
        ValueKind::Lit(Literal::Long(millis)) => Ok(millis),
        _ => Err(Failed),
    }
}

static EPOCH: LazyLock<Value> =
    LazyLock::new(|| call("datetime", &[Value::from("1970-01-01")]).expect("Cedar's own text of a date is one"));

/// Calls a function of Cedar's extensions.
fn call(name: &'static str, arguments: &[Value]) -> Result<Value, Failed> {
    // Cedar finds a function by a parsed name, and parsing costs more than calling.
    static NAMES: LazyLock<BTreeMap<&str, Name>> = LazyLock::new(|| {
        let names = ["datetime", "duration", "offset", "durationSince", "toMilliseconds", "ip"];
        names.into_iter().filter_map(|name| Some((name, Name::parse_unqualified_name(name).ok()?))).collect()
    });
    call_named(NAMES.get(name).ok_or(Failed)?, arguments)
}

/// Calls a function of Cedar's extensions.
pub(crate) fn call_named(name: &Name, arguments: &[Value]) -> Result<Value, Failed> {
    let function = Extensions::all_available().func(name).map_err(|_| Failed)?;
    match function.call(arguments) {
        Ok(PartialValue::Value(value)) => Ok(value),
        _ => Err(Failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_survive_cedar() {
        for millis in [0, -1, 1, 1_736_497_800_123, -62_000_000_000_000, 253_000_000_000_000] {
            assert_eq!(datetime_millis(&datetime(millis)), Ok(millis));
        }
        assert_eq!(millis(Timestamp(-1)), -1);
    }
}
