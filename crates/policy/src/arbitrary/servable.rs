//! Random orgs that a server takes: their names, labels and statuses are allowed, and what they refer to is there.

use serde_json::{Map, Value};

use super::{Attribute, Dice, Kind, Org, TYPES, conditions, definitions, fields};
use crate::facts::Facts;
use crate::shape::Shape;
use admin_types::{Resource, ResourceId};

/// Resources of each of the org's own types.
const EACH: u8 = 12;

impl Org {
    /// An org that can be made over HTTP. No reference is required, so that resources that refer to each other can be
    /// made one after the other. Those that have a time of deletion are to be deleted; of its users the first two, and the client, are active.
    pub fn servable(seed: u64) -> Org {
        let dice = &mut Dice::new(seed);
        let mut fields = fields(dice);
        fields.values_mut().for_each(|attributes| loosen(attributes));
        for attribute in fields.values_mut().flatten().filter(|one| one.name == "facts") {
            attribute.required = false;
        }
        let parents = [dice.pick(&[None, Some("alpha")]), dice.pick(&[None, Some("alpha"), Some("user")])];
        let types = definitions(&fields, parents);
        let mut org = Org::of(dice, types, fields, EACH);
        let known: Vec<ResourceId> = org.resources.keys().copied().collect();
        let mut resources = std::mem::take(&mut org.resources);
        for resource in resources.values_mut() {
            let attributes = org.fields.get(&resource.type_name);
            mend(&mut resource.attributes, attributes.map_or(&[], Vec::as_slice), &known);
            mend_core(resource);
        }
        org.resources = resources;
        org
    }

    /// Further policies for the org, some of them about the principal. They forbid owners nothing, so that somebody still
    /// sees what there is.
    pub fn more_policies(&self, principal: &Resource, dice: &mut Dice) -> Vec<String> {
        let facts = Facts { principal: principal.clone(), ..self.facts.clone() };
        let org = Org { facts, ..self.clone() };
        (0..dice.between(1, 3)).map(|_| spare_owners(&conditions::policy(&org, dice))).collect()
    }
}

/// Each statement is a line.
fn spare_owners(text: &str) -> String {
    let spare = |line: &str| match line.strip_suffix(';').filter(|_| line.starts_with("forbid")) {
        Some(statement) => format!("{statement} unless {{ principal in role::\"owner\" }};"),
        None => line.to_owned(),
    };
    text.lines().map(spare).collect::<Vec<_>>().join("\n")
}

fn loosen(attributes: &mut [Attribute]) {
    for attribute in attributes {
        match &mut attribute.kind {
            Kind::One(Shape::Reference(_)) => attribute.required = false,
            Kind::Object(inner) => loosen(inner),
            _ => {}
        }
    }
}

/// Takes out nulls, which a schema refuses, and references that lead nowhere.
fn mend(object: &mut Map<String, Value>, attributes: &[Attribute], known: &[ResourceId]) {
    let leads_nowhere =
        |value: &Value| value.as_str().and_then(ResourceId::parse).is_none_or(|id| !known.contains(&id));
    object.retain(|_, value| !value.is_null());
    for attribute in attributes {
        let Some(value) = object.get_mut(&attribute.name) else { continue };
        match (&attribute.kind, value) {
            (Kind::Object(inner), Value::Object(object)) => mend(object, inner, known),
            (Kind::Many(Shape::Reference(_)), Value::Array(items)) => items.retain(|item| !leads_nowhere(item)),
            (Kind::One(Shape::Reference(_)), value) if leads_nowhere(value) => drop(object.remove(&attribute.name)),
            _ => {}
        }
    }
}

fn mend_core(resource: &mut Resource) {
    let own = TYPES.contains(&resource.type_name.as_str());
    if resource.name.is_empty() {
        resource.name = "e".to_owned();
    }
    if !own {
        resource.deleted_at = None;
        let stays = resource.type_name == "role" || resource.id.bytes[15] < 2;
        resource.status = if stays || resource.status == "active" { "active" } else { "disabled" }.to_owned();
    }
    resource.labels.retain(|key, _| key.bytes().all(|byte| byte.is_ascii_lowercase()));
}
