//! How a filter gets from one resource to another: up by `parent`, and along references.

use std::collections::BTreeSet;

use admin_types::{Resource, ResourceId};
use serde_json::Value;

use super::{Filter, Path, Related};
use crate::field::lookup;

/// The most levels that are climbed: more than there can be.
const MAX_LEVELS: usize = 100;

/// The resource in question, and others.
pub(super) struct Rooted<'a> {
    pub(super) root: &'a Resource,
    pub(super) related: &'a dyn Related,
}

impl Related for Rooted<'_> {
    fn get(&self, id: ResourceId) -> Option<&Resource> {
        if id == self.root.id { Some(self.root) } else { self.related.get(id) }
    }
}

/// Whether the resource is `top`, or lies below it.
pub(super) fn is_below(resource: &Resource, top: ResourceId, related: &dyn Related) -> bool {
    resource.id == top || ancestors(resource, related).any(|id| id == top)
}

/// The ids above a resource, from the nearest on, as far as they are known.
fn ancestors(resource: &Resource, related: &dyn Related) -> impl Iterator<Item = ResourceId> {
    std::iter::successors(resource.parent, |id| related.get(*id)?.parent).take(MAX_LEVELS)
}

/// What a reference leads to, if it leads anywhere.
pub(super) fn target(resource: &Resource, path: &Path) -> Option<ResourceId> {
    if resource.deleted_at.is_some() {
        return None;
    }
    match path {
        Path::Parent => resource.parent,
        Path::Attribute(names) => {
            lookup(&resource.attributes, names).and_then(Value::as_str).and_then(ResourceId::parse)
        }
        _ => None,
    }
}

/// Adds to `missing` what the filter would ask `related` for in vain.
pub(super) fn collect(filter: &Filter, resource: &Resource, related: &dyn Related, missing: &mut BTreeSet<ResourceId>) {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => {
            for part in parts {
                collect(part, resource, related, missing);
            }
        }
        Filter::Not(inner) => collect(inner, resource, related, missing),
        Filter::Below { id } if resource.id != *id => {
            let highest = ancestors(resource, related).find(|above| above == id || related.get(*above).is_none());
            missing.extend(highest.filter(|above| above != id));
        }
        Filter::Of { path, filter, .. } => {
            let Some(id) = target(resource, path) else { return };
            match related.get(id) {
                Some(other) => collect(filter, other, related, missing),
                None => missing.extend([id]),
            }
        }
        _ => {}
    }
}
