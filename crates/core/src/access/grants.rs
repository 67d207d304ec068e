//! Nobody gives away more than they have: changes of users, clients, groups, role bindings and policies are held against
//! the roles of whoever makes them.

use std::collections::BTreeSet;

use admin_db::list::{self, Scope, Selection};
use admin_db::place::{Driver, Place, Range};
use admin_db::{Conn, Tx};
use admin_policy::Facts;
use admin_schema::Filter;
use admin_types::{Error, Kind, Principal, Resource, ResourceId, Result};
use serde_json::Value;

use super::facts::{self, ACTIVE, carried, names};
use super::{Actor, Known, lockout};
use crate::op::Op;

/// The role that may do all; without it nobody could mend what went wrong.
const OWNER: &str = "owner";
/// The attributes of a client that say who may act as it, or as those who use it.
const CREDENTIALS: [&str; 5] =
    ["jwks", "token_endpoint_auth_method", "redirect_uris", "post_logout_redirect_uris", "grant_types"];
/// Owners that are looked at to find one who stays.
const OWNERS: u32 = 100;

/// Refuses a change that would give away what the actor does not have, or leave the org without an owner.
pub(crate) async fn check(
    tx: &mut Tx,
    op: &Op,
    actor: &Actor,
    before: Option<&Resource>,
    after: Option<&Resource>,
) -> Result<()> {
    let before = before.filter(|before| before.deleted_at.is_none());
    let after = after.filter(|after| after.deleted_at.is_none());
    let Some(one) = after.or(before) else { return Ok(()) };
    let states = || before.into_iter().chain(after);
    if !actor.has_role(OWNER) {
        match one.type_name.as_str() {
            "policy" => return refuse("Only an owner may change policies: they decide who may do what"),
            "user" | "client" => {
                check_facts(op, before, after)?;
                states().try_for_each(|state| check_held(actor, state))?;
                check_first_party(before, after)?;
                // A new client has no credentials to be held against, but whoever makes it has them.
                if before.is_none() && one.type_name == "client" && actor.is_limited() {
                    return refuse("A key that is limited to some actions makes no clients: it makes no credentials");
                }
                if let (Some(before), Some(after)) = (before, after)
                    && lets_act(before, after)
                {
                    check_acts_as(tx, op, actor, before.id).await?;
                }
            }
            "group" => states().try_for_each(|state| check_held(actor, state))?,
            "role_binding" => {
                for state in states() {
                    check_binding(tx, op, actor, state).await?;
                }
            }
            "webhook" => {
                let same = |after: &&Resource| before.is_some_and(|before| before.attributes == after.attributes);
                if let Some(after) = after.filter(|after| !same(after)) {
                    // Also before: what it keeps secret would go to another place with it.
                    for state in before.into_iter().chain([after]) {
                        check_sent(tx, op, actor, state).await?;
                    }
                }
            }
            _ => {}
        }
    }
    if one.type_name == "policy" {
        lockout::check(tx, op, actor, before, after).await?;
    }
    match before {
        Some(before) if is_owner(before) && !after.is_some_and(is_owner) => check_last_owner(tx, op, before.id).await,
        _ => Ok(()),
    }
}

/// Refuses to let somebody act as a principal that may do what they may not themselves.
pub(crate) async fn check_acts_as(tx: &mut Tx, op: &Op, actor: &Actor, id: ResourceId) -> Result<()> {
    if actor.is_limited() {
        return refuse(
            "A key that is limited to some actions lets nobody act as anybody: it makes and ends no credentials",
        );
    }
    // A token or key that is limited is not all that its principal is.
    let oneself = id == op.principal.id && !op.principal.is_limited();
    if actor.has_role(OWNER) || oneself {
        return Ok(());
    }
    // Also of one that is disabled: it may be active again.
    let principal = Principal::new(op.principal.org, id);
    check_holds(actor, &facts::held(tx, &principal, &actor.access.directory).await?)
}

/// What a webhook sends is what somebody may see: whoever says where it goes must be able to act as them.
pub(crate) async fn check_sent(tx: &mut Tx, op: &Op, actor: &Actor, webhook: &Resource) -> Result<()> {
    let as_whom = webhook.attributes.get("acts_as").and_then(Value::as_str).and_then(ResourceId::parse);
    match as_whom {
        Some(id) => check_acts_as(tx, op, actor, id).await,
        None => Ok(()),
    }
}

/// Whether somebody may act as another principal, who let others do so before: as an invitation does, when it is taken.
pub(crate) async fn may_act_as(conn: &mut Conn, actor: &Actor, principal: &Principal) -> Result<bool> {
    let other = facts::held(conn, principal, &actor.access.directory).await?;
    Ok(actor.has_role(OWNER) || check_holds(actor, &other).is_ok())
}

/// Refuses what another principal has and the actor does not.
fn check_holds(actor: &Actor, other: &Facts) -> Result<()> {
    check_names("role", &other.roles, actor.gives().roles)?;
    check_names("group", &other.groups, actor.gives().groups)?;
    for (role, scopes) in &other.scoped {
        let own = actor.gives().scoped.get(role);
        if !actor.has_role(role) && !own.is_some_and(|own| scopes.is_subset(own)) {
            return check_names("role", &[role.clone()].into(), actor.gives().roles);
        }
    }
    Ok(())
}

/// Roles and groups that a user, a client or a group has.
fn check_held(actor: &Actor, state: &Resource) -> Result<()> {
    let directory = &actor.access.directory;
    let groups = directory.close(names(state, "groups").iter().map(String::as_str));
    let mut roles = names(state, "roles");
    roles.extend(carried(directory, &groups));
    check_names("role", &roles, actor.gives().roles)?;
    check_names("group", &names(state, "groups"), actor.gives().groups)
}

fn check_names(what: &str, needed: &BTreeSet<String>, held: &BTreeSet<String>) -> Result<()> {
    match needed.difference(held).next() {
        None => Ok(()),
        Some(missing) => refuse(&format!(
            "This gives or touches the {what} `{missing}`, which you do not have: only an owner, or somebody with this {what}, may"
        )),
    }
}

/// Whether a change of a client may let somebody act as it who could not before: what it shows who it is by, and where
/// what it is given goes. Role bindings are not in the client itself, so they are looked for then.
fn lets_act(before: &Resource, after: &Resource) -> bool {
    let changed = |name: &&str| before.attributes.get(*name) != after.attributes.get(*name);
    before.type_name == "client" && CREDENTIALS.iter().any(changed)
}

/// People are not asked whether they agree to a client of the first party: whoever says where its answers go acts as
/// everybody who comes by.
fn check_first_party(before: Option<&Resource>, after: Option<&Resource>) -> Result<()> {
    let trusted = |state: &Resource| state.attributes.get("first_party") == Some(&Value::Bool(true));
    let Some(after) = after.filter(|after| trusted(after)) else { return Ok(()) };
    match before.is_some_and(|before| trusted(before) && !lets_act(before, after)) {
        true => Ok(()),
        false => refuse(
            "Nobody but an owner makes a client `first_party`, or changes how such a client shows who it is and where its answers go",
        ),
    }
}

/// Whoever has a credential of a client of the first party acts as everybody who comes by.
pub(crate) fn check_credentials_of(actor: &Actor, principal: &Resource) -> Result<()> {
    let trusted = principal.attributes.get("first_party") == Some(&Value::Bool(true));
    match trusted && !actor.has_role(OWNER) {
        true => refuse("Nobody but an owner makes and ends credentials of a client that is `first_party`"),
        false => Ok(()),
    }
}

/// Policies may decide by the facts of a principal, so nobody sets their own.
fn check_facts(op: &Op, before: Option<&Resource>, after: Option<&Resource>) -> Result<()> {
    let (Some(before), Some(after)) = (before, after) else { return Ok(()) };
    let own = before.id == op.principal.id;
    if own && before.attributes.get("facts") != after.attributes.get("facts") {
        return refuse("Nobody but an owner sets their own facts");
    }
    Ok(())
}

/// A role is given by who has it, in the whole org or within a scope that holds the one it is given for.
async fn check_binding(tx: &mut Tx, op: &Op, actor: &Actor, binding: &Resource) -> Result<()> {
    let Some(role) = binding.attributes.get("role").and_then(Value::as_str) else { return Ok(()) };
    if actor.has_role(role) {
        return Ok(());
    }
    if binding.parent.is_some()
        && let Some(scopes) = actor.gives().scoped.get(role)
    {
        let within = Filter::any(scopes.iter().map(|scope| Filter::Below { id: *scope }));
        if Known::default().matches(tx, op.principal.org, &within, binding).await? {
            return Ok(());
        }
    }
    check_names("role", &[role.to_owned()].into(), actor.gives().roles)
}

fn is_owner(state: &Resource) -> bool {
    state.type_name == "user" && state.status == ACTIVE && names(state, "roles").contains(OWNER)
}

async fn check_last_owner(tx: &mut Tx, op: &Op, leaving: ResourceId) -> Result<()> {
    let owners = Place::Range(Range::value("attributes.roles", &Value::from(OWNER)));
    let driver = Driver { place: owners, rest: Filter::True };
    let scope = Scope::Types(vec!["user".into()]);
    let selection = Selection { org: op.principal.org, scope: &scope, trashed: false, filter: &Filter::True };
    for row in list::gather(tx, &selection, &driver, OWNERS).await? {
        let user: Resource = serde_json::from_str(&row.document).map_err(Error::internal)?;
        if user.id != leaving && is_owner(&user) {
            return Ok(());
        }
    }
    let detail = "This is the org's last active owner. Make another user an owner first.";
    Err(Error::conflict("last_owner", detail))
}

fn refuse(detail: &str) -> Result<()> {
    Err(Error::new(Kind::Forbidden, "not_yours_to_give", format!("{detail}.")))
}
