//! Resources as Cedar's entities: the principal, the resource, what they refer to, and the tree above.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use admin_schema::Related;
use admin_types::{Resource, ResourceId};
use cedar_policy_core::ast::{Entity, EntityUID, PartialValue};
use cedar_policy_core::entities::{Entities, NoEntitiesSchema, TCComputation};
use cedar_policy_core::extensions::Extensions;

use crate::bounds::MAX_HOPS;
use crate::facts::{Facts, names};
use crate::known::Place;
use crate::schema::{Kind, PRINCIPALS, node};
use crate::shape::{Record, Shape};
use crate::values::Reader;

/// The most levels of the tree that are climbed.
const MAX_LEVELS: usize = 100;

/// Builds the entities that one decision needs.
pub(crate) struct Builder<'a> {
    pub(crate) place: Place<'a>,
    pub(crate) facts: &'a Facts,
    pub(crate) resource: &'a Resource,
    pub(crate) related: &'a dyn Related,
}

impl<'a> Builder<'a> {
    /// The entities, each with all that is above it. `None` when Cedar refuses them.
    pub(crate) fn build(&self) -> Option<Entities> {
        let mut entities: BTreeMap<EntityUID, Entity> = BTreeMap::new();
        let mut add = |entity: Entity| {
            entities.entry(entity.uid().clone()).or_insert(entity);
        };
        // Where the principal is the resource, what is decided about counts.
        add(self.entity(self.place.resource, self.resource)?);
        add(self.entity(self.place.principal, &self.facts.principal)?);
        for resource in self.referenced() {
            add(self.entity(self.place.schema.kind(&resource.type_name)?, resource)?);
        }
        for entity in self.groups() {
            add(entity);
        }
        let above = HashSet::from([self.place.group.clone()]);
        add(Entity::new_with_attr_partial_value(self.place.action.clone(), [], HashSet::new(), above, []));
        let (closed, extensions) = (TCComputation::AssumeAlreadyComputed, Extensions::all_available());
        Entities::from_entities(entities.into_values(), None::<&NoEntitiesSchema>, closed, extensions).ok()
    }

    fn entity(&self, kind: &'a Kind, resource: &'a Resource) -> Option<Entity> {
        let schema = self.place.schema;
        let is_principal = resource.id == self.facts.principal.id;
        let is_resource = resource.id == self.resource.id;
        let reader = Reader { schema, kind, resource, unbounded: !is_principal || is_resource };
        let attributes = reader.all().into_iter().map(|(name, value)| (name, PartialValue::Value(value)));
        let above = self.above(kind, resource, is_principal);
        Some(Entity::new_with_attr_partial_value(reader.uid(), attributes, HashSet::new(), above, []))
    }

    /// All that the resource is in.
    fn above(&self, kind: &Kind, resource: &Resource, is_principal: bool) -> HashSet<EntityUID> {
        let mut above: HashSet<EntityUID> = self.tree(resource).map(|id| node(&id.to_string())).collect();
        if PRINCIPALS.contains(&kind.name.as_str()) || kind.name == "group" {
            let (groups, roles) = if is_principal { self.held() } else { self.listed(resource) };
            let own = (kind.name == "group").then_some(&resource.name);
            above.extend(groups.iter().filter(|name| Some(*name) != own).filter_map(|name| self.named("group", name)));
            above.extend(roles.iter().filter_map(|name| self.named("role", name)));
        }
        above
    }

    fn named(&self, kind: &str, name: &str) -> Option<EntityUID> {
        Some(self.place.schema.kind(kind)?.uid(name))
    }

    /// The principal's groups, and its roles: also those that it has for the part of the tree where the resource lies.
    fn held(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let place: BTreeSet<ResourceId> = self.tree(self.resource).collect();
        let here = self.facts.scoped.iter().filter(|(_, scopes)| !scopes.is_disjoint(&place)).map(|(name, _)| name);
        (self.facts.groups.clone(), self.facts.roles.iter().chain(here).cloned().collect())
    }

    /// The groups and roles that a resource says it is in, and what follows from these.
    fn listed(&self, resource: &Resource) -> (BTreeSet<String>, BTreeSet<String>) {
        let groups = self.facts.directory.close(names(resource, "groups"));
        let through = groups.iter().flat_map(|group| self.facts.directory.roles_of(group)).cloned();
        let roles = names(resource, "roles").map(str::to_owned).chain(through).collect();
        (groups, roles)
    }

    /// The resource and what lies above it.
    fn tree(&self, resource: &Resource) -> impl Iterator<Item = ResourceId> {
        let above = std::iter::successors(resource.parent, |id| self.related.get(*id)?.parent);
        std::iter::once(resource.id).chain(above.take(MAX_LEVELS))
    }

    /// What the resource refers to, and what this refers to, as far as a path may follow.
    fn referenced(&self) -> Vec<&'a Resource> {
        let mut found: BTreeMap<ResourceId, &'a Resource> = BTreeMap::new();
        let mut edge: Vec<(&'a Kind, &'a Resource)> = vec![(self.place.resource, self.resource)];
        for _ in 0..=MAX_HOPS {
            let mut next = vec![];
            for (kind, resource) in edge {
                for (name, id) in references(kind, resource) {
                    let Some(other) = self.related.get(id) else { continue };
                    let live = other.deleted_at.is_none() && other.type_name == name;
                    if live && found.insert(id, other).is_none() {
                        next.extend(self.place.schema.kind(&name).map(|kind| (kind, other)));
                    }
                }
            }
            edge = next;
        }
        found.into_values().collect()
    }

    /// The org's groups, as far as they stand in `in`.
    fn groups(&self) -> Vec<Entity> {
        let directory = &self.facts.directory;
        let entity = |name: &String| {
            let above = directory.groups_of(name).iter().filter_map(|name| self.named("group", name));
            let roles = directory.roles_of(name).iter().filter_map(|name| self.named("role", name));
            let uid = self.named("group", name)?;
            Some(Entity::new_with_attr_partial_value(uid, [], HashSet::new(), above.chain(roles).collect(), []))
        };
        directory.names().filter_map(entity).collect()
    }
}

/// The ids that a resource refers to by single references, each with the type that it must lead to. What is in the trash
/// refers to nothing.
fn references(kind: &Kind, resource: &Resource) -> Vec<(String, ResourceId)> {
    let mut found = vec![];
    if resource.deleted_at.is_some() {
        return found;
    }
    found.extend(kind.parent.clone().zip(resource.parent));
    collect(&kind.attributes.record, Some(&resource.attributes), &mut found);
    found
}

fn collect(record: &Record, object: Option<&admin_types::Attributes>, found: &mut Vec<(String, ResourceId)>) {
    for (name, member) in &record.members {
        let Some(json) = object.and_then(|object| object.get(name)) else { continue };
        match &member.shape {
            Shape::Reference(to) => found.extend(json.as_str().and_then(ResourceId::parse).map(|id| (to.clone(), id))),
            Shape::Record(record) => collect(record, json.as_object(), found),
            _ => {}
        }
    }
}
