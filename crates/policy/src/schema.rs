//! The org's types as Cedar sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use admin_schema::TypeDefinition;
use cedar_policy_core::ast::{Eid, EntityType, EntityUID, Name};
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::validator::ValidatorSchema;
use serde_json::Value;

use crate::cedar_schema;
use crate::shape::{Attributes, Member, Record, Shape};

/// The types that a principal is of.
pub(crate) const PRINCIPALS: [&str; 2] = ["user", "client"];
/// The verbs that every type has.
pub(crate) const VERBS: [&str; 4] = ["read", "create", "update", "delete"];
/// Named by the resource's name instead of its id.
pub(crate) const NAMED: [&str; 2] = ["group", "role"];

/// The types of an org, as Cedar sees them: what policies are checked against.
///
/// A type whose name is a word of Cedar's (such as `in`), or `resource`, cannot be named in a policy; no policy applies to
/// it.
#[derive(Debug)]
pub struct Schema {
    pub(crate) kinds: BTreeMap<String, Kind>,
    pub(crate) cedar: ValidatorSchema,
    /// The names of all actions, groups of actions too.
    pub(crate) actions: BTreeSet<String>,
}

/// A type, as Cedar sees it.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) name: String,
    pub(crate) entity: EntityType,
    /// The type of the parents, if it is declared and known.
    pub(crate) parent: Option<String>,
    pub(crate) attributes: Attributes,
    /// The copy of `attributes.facts` that principals have.
    pub(crate) facts: Option<Record>,
    /// The verbs that apply to it; none for a type that is not in the org.
    pub(crate) verbs: BTreeSet<String>,
    /// Whether resources may have attributes that the type does not declare.
    pub(crate) is_open: bool,
    /// The paths of all fields, also of those that Cedar does not see.
    pub(crate) fields: BTreeSet<Vec<String>>,
}

impl Schema {
    /// The schema of these types, which are all of the org's. The time grows with the number of fields.
    pub fn build(types: &[&TypeDefinition]) -> Schema {
        let named: BTreeMap<&str, &TypeDefinition> =
            types.iter().filter(|one| is_usable(&one.name)).map(|one| (one.name.as_str(), *one)).collect();
        let is_known = |name: &str| named.contains_key(name) || PRINCIPALS.contains(&name) || NAMED.contains(&name);
        let mut kinds = BTreeMap::new();
        for name in named.keys().copied().chain(PRINCIPALS).chain(NAMED) {
            kinds.entry(name.to_owned()).or_insert_with(|| Kind::new(name, named.get(name).copied(), &is_known));
        }
        let cedar = ValidatorSchema::from_json_value(cedar_schema::json(&kinds), Extensions::all_available());
        match cedar {
            Ok(cedar) => Schema { actions: cedar_schema::actions(&kinds), kinds, cedar },
            // Nothing that a type may say leads here; were there something, then better no policy than a wrong one.
            Err(_) if !types.is_empty() => Schema::build(&[]),
            Err(_) => Schema { kinds: BTreeMap::new(), cedar: ValidatorSchema::empty(), actions: BTreeSet::new() },
        }
    }

    pub(crate) fn kind(&self, name: &str) -> Option<&Kind> {
        self.kinds.get(name)
    }
}

impl Kind {
    fn new(name: &str, definition: Option<&TypeDefinition>, is_known: &dyn Fn(&str) -> bool) -> Kind {
        let attributes = definition.map(|definition| Attributes::read(definition, is_known)).unwrap_or_default();
        let verbs = definition.map_or_else(BTreeSet::new, |definition| {
            VERBS.into_iter().map(str::to_owned).chain(definition.actions.iter().cloned()).collect()
        });
        Kind {
            name: name.to_owned(),
            entity: entity_type(name),
            parent: definition.and_then(|definition| definition.parent.clone()).filter(|name| is_known(name)),
            facts: PRINCIPALS.contains(&name).then(|| facts(&attributes.record)),
            attributes,
            verbs,
            is_open: definition.is_some_and(|one| is_open(&one.schema)),
            fields: definition.into_iter().flat_map(|one| one.fields.iter().map(|field| field.path.clone())).collect(),
        }
    }

    /// The entity of this type with the id, or for groups and roles the name, `id`.
    pub(crate) fn uid(&self, id: &str) -> EntityUID {
        EntityUID::from_components(self.entity.clone(), Eid::new(id), None)
    }

    /// Whether its entities are named by the resource's name.
    pub(crate) fn is_named(&self) -> bool {
        NAMED.contains(&self.name.as_str())
    }
}

/// Whether an object may have properties that its schema, or that of an object in it, does not declare. In doubt, it may.
fn is_open(schema: &Value) -> bool {
    let closed = ["additionalProperties", "unevaluatedProperties"]
        .iter()
        .any(|word| schema.get(word) == Some(&Value::Bool(false)));
    let inner = schema.get("properties").and_then(Value::as_object).into_iter().flat_map(|names| names.values());
    let mut objects = inner.filter(|inner| inner.get("properties").is_some() || inner.get("$ref").is_some());
    !closed || objects.any(is_open)
}

/// The members of `attributes.facts`. Where the attribute itself may be missing, so may all of them: the copy is then empty.
fn facts(attributes: &Record) -> Record {
    match attributes.members.get("facts") {
        Some(Member { shape: Shape::Record(record), required: true }) => record.clone(),
        Some(Member { shape: Shape::Record(record), required: false }) => {
            let optional =
                |(name, member): (&String, &Member)| (name.clone(), Member { required: false, ..member.clone() });
            Record { members: record.members.iter().map(optional).collect() }
        }
        _ => Record::default(),
    }
}

/// The entity type of a name that [`is_usable`].
fn entity_type(name: &str) -> EntityType {
    let name = Name::parse_unqualified_name(name);
    EntityType::from(name.expect("names that Cedar cannot read were left out, and the built-in ones are plain words"))
}

/// The entity `Action::"name"`.
pub(crate) fn action(name: &str) -> EntityUID {
    static ACTION: LazyLock<EntityType> = LazyLock::new(|| entity_type("Action"));
    EntityUID::from_components(ACTION.clone(), Eid::new(name), None)
}

/// The entity `Resource::"id"`, which stands for a resource of any type in the tree.
pub(crate) fn node(id: &str) -> EntityUID {
    static RESOURCE: LazyLock<EntityType> = LazyLock::new(|| entity_type("Resource"));
    EntityUID::from_components(RESOURCE.clone(), Eid::new(id), None)
}

/// Whether Cedar can name the type; and `resource` would make its actions those of all types.
fn is_usable(name: &str) -> bool {
    name != "resource" && Name::parse_unqualified_name(name).is_ok()
}
