//! Roles × types × actions, for people.

use std::collections::BTreeMap;

use admin_policy::Facts;
use admin_schema::Filter;
use admin_types::{Error, Resource, ResourceId, Result};
use serde::Serialize;

use crate::Core;
use crate::access::{Verb, context};
use crate::op::Op;

/// What somebody who has one role and nothing else may do.
#[derive(Serialize, Debug)]
pub struct RoleRow {
    /// The role's name.
    pub role: String,
    /// By type, by verb: `all`, `some` or `none` of its resources.
    pub types: BTreeMap<String, BTreeMap<String, &'static str>>,
}

/// What each role may do, by itself. For those who may read policies.
pub async fn access_matrix(core: &Core, op: &Op) -> Result<Vec<RoleRow>> {
    let actor = core.actor(op).await?;
    if actor.may_never(op, Verb::Read, "policy") {
        return Err(Error::forbidden("Only those who may read policies may see what roles may do."));
    }
    let roles: Vec<String> = actor.access.roles.iter().cloned().collect();
    let somebody = somebody(op, core);
    let context = context(op);
    let row = |role: String| {
        let facts = Facts {
            principal: somebody.clone(),
            roles: [role.clone()].into(),
            groups: [].into(),
            scoped: [].into(),
            directory: actor.access.directory.clone(),
        };
        let types = actor.catalogue().all().into_iter().map(|entry| {
            let definition = &entry.definition;
            let verbs = ["read", "create", "update", "delete"].into_iter();
            let verbs = verbs.chain(definition.actions.iter().map(String::as_str));
            let cell = |verb: &str| match actor.access.policies.rule(&facts, verb, &definition.name, &context).rows {
                Filter::True => "all",
                Filter::False => "none",
                _ => "some",
            };
            (definition.name.clone(), verbs.map(|verb| (verb.to_owned(), cell(verb))).collect())
        });
        RoleRow { types: types.collect(), role }
    };
    Ok(roles.into_iter().map(row).collect())
}

/// A user of whom nothing is known.
fn somebody(op: &Op, core: &Core) -> Resource {
    Resource {
        id: ResourceId::new("user", op.now, core.random()),
        type_name: "user".into(),
        name: "somebody".into(),
        status: "active".into(),
        attributes: Default::default(),
        labels: Default::default(),
        parent: None,
        version: 1,
        created_at: op.now,
        updated_at: op.now,
        deleted_at: None,
    }
}
