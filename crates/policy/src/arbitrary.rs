//! Orgs made up at random: types, resources, principals and policies that fit each other. For tests alone.

mod conditions;
mod dice;
mod servable;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use admin_schema::{Related, TypeDefinition};
use admin_types::{Prefix, Resource, ResourceId, Timestamp};
use serde_json::{Map, Value, json};

pub use self::dice::Dice;
use crate::facts::{Context, Directory, Facts, names};
use crate::shape::Shape;

/// The types that random orgs have besides the built-in ones.
pub const TYPES: [&str; 2] = ["alpha", "beta"];
/// How many resources of each type are referred to by name; small orgs have no more.
const FEW: u8 = 4;
const GROUPS: [&str; 3] = ["g0", "g1", "g2"];
const ROLES: [&str; 3] = ["r0", "r1", "r2"];
const TEXTS: [&str; 8] = ["eu", "us", "", "a*b", "ü", "日本", "e", "Eu"];
const INTEGERS: [i64; 8] = [0, 1, 2, -1, 7, i64::MAX, i64::MIN, i64::MAX - 1];
const NAMES: [&str; 8] = ["a", "b", "c", "x y", "naïve", "if", "0", "_d"];

/// An org: its types, its resources, who asks, and its policies.
#[derive(Clone, Debug)]
pub struct Org {
    /// The types, also `user`, `client`, `group` and `role`.
    pub types: Vec<TypeDefinition>,
    /// The resources, by id; some of them in the trash.
    pub resources: BTreeMap<ResourceId, Resource>,
    /// Who asks.
    pub facts: Facts,
    /// In which circumstances.
    pub context: Context,
    /// Texts of policies; most of them are valid.
    pub policies: Vec<String>,
    /// What the attributes of each type look like.
    fields: BTreeMap<String, Vec<Attribute>>,
}

#[derive(Clone, Debug)]
struct Attribute {
    name: String,
    kind: Kind,
    required: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    One(Shape),
    Many(Shape),
    Object(Vec<Attribute>),
}

impl Related for Org {
    fn get(&self, id: ResourceId) -> Option<&Resource> {
        self.resources.get(&id)
    }
}

impl Org {
    /// The org that the seed stands for.
    pub fn new(seed: u64) -> Org {
        let dice = &mut Dice::new(seed);
        let fields = fields(dice);
        let parents = [dice.pick(&[None, Some("alpha")]), dice.pick(&[None, Some("alpha"), Some("user")])];
        let types = definitions(&fields, parents);
        Org::of(dice, types, fields, FEW)
    }

    /// Another org with the same types: making types is what costs most.
    pub fn again(&self, seed: u64) -> Org {
        Org::of(&mut Dice::new(seed), self.types.clone(), self.fields.clone(), FEW)
    }

    fn of(dice: &mut Dice, types: Vec<TypeDefinition>, fields: BTreeMap<String, Vec<Attribute>>, each: u8) -> Org {
        let mut resources = resources(dice, &types, &fields, each);
        let groups = resources.values().filter(|one| one.type_name == "group" && one.status == "active");
        let directory = Directory::new(groups.filter(|group| group.deleted_at.is_none()).map(|group| {
            let list = |name| names(group, name).map(str::to_owned).collect();
            (group.name.clone(), list("groups"), list("roles"))
        }));
        let facts = facts(dice, &resources, Arc::new(directory));
        resources.insert(facts.principal.id, facts.principal.clone());
        let address = dice.pick(&[None, Some("10.0.0.1"), Some("192.168.0.1"), Some("::1")]);
        let context = Context {
            time: Timestamp(dice.time()),
            address: address.and_then(|text| text.parse().ok()),
            request_id: "req_1".to_owned(),
            auth_method: dice.pick(&["password", "key"]).to_owned(),
            auth_age_seconds: dice.pick(&INTEGERS),
        };
        let mut org = Org { types, resources, facts, context, policies: vec![], fields };
        org.policies = (0..dice.between(1, 6)).map(|_| conditions::policy(&org, dice)).collect();
        org
    }
}

fn scalar(dice: &mut Dice) -> Shape {
    match dice.between(0, 6) {
        0 | 1 => Shape::Text,
        2 | 3 => Shape::Integer,
        4 => Shape::Boolean,
        5 => Shape::Reference(dice.pick(&TYPES).to_owned()),
        _ => Shape::Reference("user".to_owned()),
    }
}

fn attributes(dice: &mut Dice, depth: usize) -> Vec<Attribute> {
    let mut attributes: Vec<Attribute> = vec![];
    for _ in 0..dice.between(1, 5) {
        let name = dice.pick(&NAMES).to_owned();
        if attributes.iter().any(|known| known.name == name) {
            continue;
        }
        let kind = match dice.between(0, 5) {
            0 if depth > 0 => Kind::Object(self::attributes(dice, depth - 1)),
            1 => Kind::Many(scalar(dice)),
            _ => Kind::One(scalar(dice)),
        };
        attributes.push(Attribute { name, kind, required: dice.chance(3) });
    }
    attributes
}

fn fields(dice: &mut Dice) -> BTreeMap<String, Vec<Attribute>> {
    let mut fields: BTreeMap<String, Vec<Attribute>> =
        TYPES.iter().map(|name| ((*name).to_owned(), attributes(dice, 2))).collect();
    let texts = |name: &str| Attribute { name: name.to_owned(), kind: Kind::Many(Shape::Text), required: false };
    for name in ["user", "client"] {
        let facts = Kind::Object(attributes(dice, 1));
        let facts = Attribute { name: "facts".to_owned(), kind: facts, required: dice.chance(2) };
        fields.insert(name.to_owned(), vec![texts("groups"), texts("roles"), facts]);
    }
    fields.insert("group".to_owned(), vec![texts("groups"), texts("roles")]);
    fields.insert("role".to_owned(), vec![]);
    fields
}

fn definitions(fields: &BTreeMap<String, Vec<Attribute>>, parents: [Option<&str>; 2]) -> Vec<TypeDefinition> {
    let define = |(name, attributes): (&String, &Vec<Attribute>)| {
        let mut definition = json!({ "schema": object_schema(attributes) });
        let parent = TYPES.iter().position(|known| known == name).and_then(|at| parents[at]);
        if let Some(parent) = parent {
            definition["parent"] = json!(parent);
        }
        let definition = definition.as_object().expect("made as an object above");
        TypeDefinition::compile(name, definition).expect("made valid above")
    };
    fields.iter().map(define).collect()
}

fn object_schema(attributes: &[Attribute]) -> Value {
    let properties: Map<String, Value> =
        attributes.iter().map(|attribute| (attribute.name.clone(), attribute_schema(&attribute.kind))).collect();
    let required: Vec<&String> = attributes.iter().filter(|one| one.required).map(|one| &one.name).collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

fn attribute_schema(kind: &Kind) -> Value {
    match kind {
        Kind::Object(attributes) => object_schema(attributes),
        Kind::One(Shape::Reference(to)) => json!({ "type": "string", "x-ref": to }),
        Kind::Many(Shape::Reference(to)) => json!({ "type": "array", "items": { "type": "string" }, "x-ref": to }),
        Kind::One(shape) => json!({ "type": type_word(shape) }),
        Kind::Many(shape) => json!({ "type": "array", "items": { "type": type_word(shape) } }),
    }
}

fn type_word(shape: &Shape) -> &'static str {
    match shape {
        Shape::Integer => "integer",
        Shape::Boolean => "boolean",
        _ => "string",
    }
}

/// The id of the resource `number` of a type.
fn id(type_name: &str, number: u8) -> ResourceId {
    let mut bytes = [0x01; 16];
    bytes[6] = 0x71;
    bytes[14] = type_name.bytes().fold(0, u8::wrapping_add);
    bytes[15] = number;
    ResourceId { prefix: Prefix::of_type(type_name), bytes }
}

fn resources(
    dice: &mut Dice,
    types: &[TypeDefinition],
    fields: &BTreeMap<String, Vec<Attribute>>,
    each: u8,
) -> BTreeMap<ResourceId, Resource> {
    let mut resources: BTreeMap<ResourceId, Resource> = BTreeMap::new();
    for number in 0..each {
        for definition in types {
            let name = definition.name.as_str();
            let named = match name {
                "group" => GROUPS.get(usize::from(number)).copied(),
                "role" => ROLES.get(usize::from(number)).copied(),
                "client" if number > 0 => None,
                "user" if number >= FEW => None,
                _ => Some(dice.pick(&TEXTS)),
            };
            let Some(own_name) = named else { continue };
            let above: Vec<&Resource> = resources
                .values()
                .filter(|one| definition.parent.as_ref().is_none_or(|parent| one.type_name == *parent))
                .collect();
            let parent = (!above.is_empty() && dice.chance(2)).then(|| above[dice.below(above.len())].id);
            let resource = Resource {
                id: id(name, number),
                type_name: name.to_owned(),
                name: own_name.to_owned(),
                status: dice.pick(&["active", "archived"]).to_owned(),
                attributes: values(dice, name, &fields[name]),
                labels: labels(dice),
                parent,
                version: dice.pick(&[1, 2, 3]),
                created_at: Timestamp(dice.time()),
                updated_at: Timestamp(dice.time()),
                deleted_at: dice.chance(8).then_some(Timestamp(0)),
            };
            resources.insert(resource.id, resource);
        }
    }
    resources
}

fn labels(dice: &mut Dice) -> BTreeMap<String, String> {
    (0..dice.below(3))
        .map(|_| (dice.pick(&["a", "a=b", "ü"]).to_owned(), dice.pick(&["1", "b=1", ""]).to_owned()))
        .collect()
}

fn values(dice: &mut Dice, type_name: &str, attributes: &[Attribute]) -> Map<String, Value> {
    let mut object = Map::new();
    for attribute in attributes {
        if !attribute.required && dice.chance(3) {
            if dice.chance(4) {
                object.insert(attribute.name.clone(), Value::Null);
            }
            continue;
        }
        let value = match &attribute.kind {
            Kind::Object(attributes) => values(dice, "", attributes).into(),
            Kind::Many(_) if !type_name.is_empty() && attribute.name == "groups" => some(dice, &GROUPS),
            Kind::Many(_) if !type_name.is_empty() && attribute.name == "roles" => some(dice, &ROLES),
            Kind::Many(shape) => (0..dice.below(4)).map(|_| value(dice, shape)).collect::<Vec<_>>().into(),
            Kind::One(shape) => value(dice, shape),
        };
        object.insert(attribute.name.clone(), value);
    }
    object
}

fn some(dice: &mut Dice, names: &[&str]) -> Value {
    let chosen: BTreeSet<&str> = (0..dice.below(3)).map(|_| dice.pick(names)).collect();
    json!(chosen)
}

fn value(dice: &mut Dice, shape: &Shape) -> Value {
    match shape {
        Shape::Integer => json!(dice.pick(&INTEGERS)),
        Shape::Boolean => json!(dice.chance(2)),
        // One in five leads nowhere.
        Shape::Reference(to) => json!(id(to, dice.pick(&[0, 1, 2, 3, 9]))),
        _ => json!(dice.pick(&TEXTS)),
    }
}

fn facts(dice: &mut Dice, resources: &BTreeMap<ResourceId, Resource>, directory: Arc<Directory>) -> Facts {
    let mut live = resources.values().filter(|one| ["user", "client"].contains(&one.type_name.as_str()));
    let count = live.clone().count();
    let mut principal = live.nth(dice.below(count)).cloned().expect("every org has four users");
    // Only who is not in the trash asks.
    principal.deleted_at = None;
    let groups = directory.close(names(&principal, "groups"));
    let through = groups.iter().flat_map(|group| directory.roles_of(group)).cloned();
    let roles = names(&principal, "roles").map(str::to_owned).chain(through).collect();
    let ids: Vec<ResourceId> = resources.keys().copied().collect();
    let scoped = (0..dice.below(3))
        .map(|_| (dice.pick(&ROLES).to_owned(), (0..dice.between(1, 2)).map(|_| ids[dice.below(ids.len())]).collect()))
        .collect();
    Facts { principal, roles, groups, scoped, directory }
}
