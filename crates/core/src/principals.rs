//! Principals and roles as the operator names them.

use admin_types::{Error, OrgId, Principal, ResourceId, Result};

use crate::{Catalogue, Core};

/// Refuses a role that the org does not have.
pub async fn check_role(core: &Core, org: OrgId, role: &str) -> Result<()> {
    let roles = core.roles(org).await?;
    if roles.contains(role) {
        return Ok(());
    }
    let known: Vec<&str> = roles.iter().map(String::as_str).take(20).collect();
    Err(Error::invalid("unknown_role", format!("there is no role `{role}`; there are: {}", known.join(", "))))
}

/// Refuses a caller that is not there any more, or disabled: for what everybody else may ask.
pub async fn check_caller(core: &Core, caller: &Principal) -> Result<()> {
    core.actor_of(caller).await.map(drop)
}

/// Whether a principal that is there and active has a role in its whole org.
pub async fn has_role(core: &Core, principal: &Principal, role: &str) -> Result<bool> {
    match core.actor_of(principal).await {
        Ok(actor) => Ok(actor.has_role(role)),
        Err(error) if error.kind == admin_types::Kind::Unauthenticated => Ok(false),
        Err(error) => Err(error),
    }
}

/// Refuses an id that is not that of a live user, or client.
pub async fn check_principal(core: &Core, org: OrgId, type_name: &str, id: ResourceId) -> Result<()> {
    let row = admin_db::resources::get(&mut *core.db.read().await?, org, id).await?;
    match row {
        Some(row) if row.type_name == type_name && !row.deleted => Ok(()),
        _ => Err(Error::not_found(type_name)),
    }
}

/// Refuses what is no action of the org's types, such as `workspace.read`, or `resource.read` for the `read` of all; why.
pub fn check_action(catalogue: &Catalogue, action: &str) -> std::result::Result<(), String> {
    let Some((name, verb)) = action.split_once('.') else {
        return Err("must be a type and a verb, such as workspace.read, or resource.read for all types".to_owned());
    };
    let basic = ["read", "create", "update", "delete"].contains(&verb);
    match catalogue.named(name) {
        _ if name == "resource" && basic => Ok(()),
        Some(_) if basic => Ok(()),
        Some(entry) if entry.definition.actions.iter().any(|action| action == verb) => Ok(()),
        Some(_) => Err(format!("the type {name} has no such action; every type has read, create, update and delete")),
        None if name == "resource" => Err("resource has read, create, update and delete".to_owned()),
        None => Err(format!("there is no type {}", name.chars().take(60).collect::<String>())),
    }
}
