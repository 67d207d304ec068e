//! What policies may know: read from the org's policies, roles, groups, users, clients and role bindings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use admin_db::list::{self, Scope, Selection};
use admin_db::place::{Driver, Place, Range};
use admin_db::{Conn, resources};
use admin_policy::{Directory, Facts, Source};
use admin_schema::Filter;
use admin_types::{Error, Kind, OrgId, Principal, Resource, ResourceId, Result};
use serde_json::Value;

/// Rows read in one statement.
const BATCH: i64 = 500;
/// The most role bindings that count for one principal.
const MAX_BINDINGS: u32 = 10_000;
/// The status of what counts.
pub(crate) const ACTIVE: &str = "active";

/// All live resources of a type that are active.
async fn active(conn: &mut Conn, org: OrgId, type_name: &str) -> Result<Vec<Resource>> {
    let (mut found, mut after) = (vec![], vec![]);
    loop {
        let rows = resources::of_type(conn, org, type_name, &after, BATCH).await?;
        for (_, document) in &rows {
            let resource: Resource = serde_json::from_str(document).map_err(Error::internal)?;
            found.extend((resource.status == ACTIVE).then_some(resource));
        }
        match rows.last() {
            Some((id, _)) if rows.len() == BATCH as usize => after = id.to_vec(),
            _ => return Ok(found),
        }
    }
}

/// The org's policies.
pub(super) async fn sources(conn: &mut Conn, org: OrgId) -> Result<Vec<Source>> {
    let policies = active(conn, org, "policy").await?;
    Ok(policies.into_iter().map(|policy| source(&policy)).collect())
}

/// A policy as the policies are built from.
pub(crate) fn source(policy: &Resource) -> Source {
    let cedar = policy.attributes.get("cedar").and_then(Value::as_str).unwrap_or_default();
    Source { id: policy.id.to_string(), name: policy.name.clone(), cedar: cedar.to_owned() }
}

/// The org's groups.
pub(super) async fn directory(conn: &mut Conn, org: OrgId) -> Result<Directory> {
    let groups = active(conn, org, "group").await?;
    let list = |group: &Resource, attribute: &str| names(group, attribute).into_iter().collect();
    Ok(Directory::new(groups.iter().map(|group| (group.name.clone(), list(group, "groups"), list(group, "roles")))))
}

/// The names of the org's roles.
pub(super) async fn roles(conn: &mut Conn, org: OrgId) -> Result<BTreeSet<String>> {
    Ok(active(conn, org, "role").await?.into_iter().map(|role| role.name).collect())
}

/// The names in an array of a resource's attributes.
pub(crate) fn names(resource: &Resource, attribute: &str) -> BTreeSet<String> {
    let array = resource.attributes.get(attribute).and_then(Value::as_array);
    array.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What is known of a principal.
pub(super) async fn of(conn: &mut Conn, principal: &Principal, directory: &Arc<Directory>) -> Result<Facts> {
    let facts = held(conn, principal, directory).await?;
    match facts.principal.status == ACTIVE {
        true => Ok(facts),
        false => Err(refuse("The user or client of the token is disabled.")),
    }
}

/// The same, whether the principal is active or not.
pub(super) async fn held(conn: &mut Conn, principal: &Principal, directory: &Arc<Directory>) -> Result<Facts> {
    let row = resources::get(conn, principal.org, principal.id).await?;
    let row = row
        .filter(|row| !row.deleted && matches!(row.type_name.as_str(), "user" | "client"))
        .ok_or_else(|| refuse("The user or client of the token is not there any more."))?;
    let resource: Resource = serde_json::from_str(&row.document).map_err(Error::internal)?;
    let directory = directory.clone();
    if let Some(granted) = &principal.granted {
        let roles = granted.iter().cloned().collect();
        return Ok(Facts { principal: resource, roles, groups: [].into(), scoped: [].into(), directory });
    }
    let groups = directory.close(names(&resource, "groups").iter().map(String::as_str));
    let mut roles = names(&resource, "roles");
    roles.extend(carried(&directory, &groups));
    let mut scoped: BTreeMap<String, BTreeSet<ResourceId>> = BTreeMap::new();
    for binding in bindings(conn, principal, &groups).await? {
        let Some(role) = binding.attributes.get("role").and_then(Value::as_str) else { continue };
        match binding.parent {
            None => drop(roles.insert(role.to_owned())),
            Some(scope) => drop(scoped.entry(role.to_owned()).or_default().insert(scope)),
        }
    }
    Ok(Facts { principal: resource, roles, groups, scoped, directory })
}

/// The roles that members of these groups have.
pub(crate) fn carried(directory: &Directory, groups: &BTreeSet<String>) -> BTreeSet<String> {
    groups.iter().flat_map(|group| directory.roles_of(group)).cloned().collect()
}

/// The role bindings of a principal and of the groups that it is in.
async fn bindings(conn: &mut Conn, principal: &Principal, groups: &BTreeSet<String>) -> Result<Vec<Resource>> {
    let own = (principal.id.prefix.type_name().unwrap_or("user"), principal.id.to_string());
    let mut found = vec![];
    for (field, value) in std::iter::once(own).chain(groups.iter().map(|group| ("group", group.clone()))) {
        let bound = Place::Range(Range::value(&format!("attributes.{field}"), &Value::from(value)));
        let driver = Driver { place: bound, rest: Filter::True };
        let scope = Scope::Types(vec!["role_binding".into()]);
        let selection = Selection { org: principal.org, scope: &scope, trashed: false, filter: &Filter::True };
        for row in list::gather(conn, &selection, &driver, MAX_BINDINGS).await? {
            let binding: Resource = serde_json::from_str(&row.document).map_err(Error::internal)?;
            found.extend((binding.status == ACTIVE).then_some(binding));
        }
    }
    Ok(found)
}

fn refuse(detail: &str) -> Error {
    Error::new(Kind::Unauthenticated, "bad_token", detail)
}
