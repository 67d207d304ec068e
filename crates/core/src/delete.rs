//! Deletion: to the trash, or for good. References decide what else happens: `restrict` refuses, `cascade` deletes,
//! `null` lets go.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use admin_db::{Tx, api_keys, client_secrets, references, resources, secrets};
use admin_types::{Error, Kind, Resource, ResourceId, Result, action};
use serde_json::{Value, json};

use crate::access::{Actor, Known, Verb};
use crate::catalogue::Catalogue;
use crate::op::Op;
use crate::patch::Patch;
use crate::resources::{Written, current, finish, update};
use crate::state::State;
use crate::{Core, Inner, change, secrets as sealed, type_change};

/// The most resources that one deletion may take along or let go of.
const MAX_AFFECTED: usize = 1000;
/// The most referrers that an error names.
const NAMED: usize = 20;

/// Moves a resource to the trash, or with `purge` removes it for good (also out of the trash).
pub async fn delete_resource(
    core: &Core,
    op: Op,
    of_type: Option<String>,
    id: ResourceId,
    purge: bool,
) -> Result<Written> {
    let org = op.principal.org;
    let job = (core.clone(), Arc::new((op, of_type)));
    let written = core.db.write(org, async move |tx: &mut Tx| {
        let (core, job) = &job;
        let (op, of_type) = &**job;
        let first = tx.seq()?;
        let state = current(core, tx, op, (of_type.as_deref(), id, Verb::Delete)).await?;
        if state.is_trashed() && !purge {
            return Err(Error::not_found("resource"));
        }
        let written = match state.is_trashed() {
            true => remove(core, tx, op, &state, true).await?,
            false => delete_with_referrers(core, tx, op, &state, purge).await?,
        };
        finish(core, tx, op, first, written).await
    });
    let written = written.await?;
    core.written(org, &written.type_name).await?;
    Ok(written)
}

async fn delete_with_referrers(core: &Inner, tx: &mut Tx, op: &Op, state: &State, purge: bool) -> Result<Written> {
    let actor = core.actor_in_tx(tx, &op.principal).await?;
    let catalogue = actor.catalogue();
    let plan = Deletion::plan(tx, op, &actor, state.resource.id).await?;
    let mut stuck = vec![];
    for (referrer, fields) in &plan.let_go {
        let before = state_of(tx, op, catalogue, *referrer).await?;
        match update(core, tx, op, &before, &let_go(&before, fields)?).await {
            Err(error) if error.kind == Kind::Unprocessable => {
                stuck.extend(fields.keys().map(|field| (*referrer, format!("attributes.{field}"))));
            }
            done => drop(done?),
        }
    }
    if !stuck.is_empty() {
        return Err(referenced(&stuck, " and cannot do without it"));
    }
    // The last found first: a resource goes before what it refers to.
    for id in plan.delete.iter().rev().filter(|id| **id != state.resource.id) {
        let other = state_of(tx, op, catalogue, *id).await?;
        remove(core, tx, op, &other, purge).await?;
    }
    remove(core, tx, op, state, purge).await
}

/// What a deletion takes along.
struct Deletion {
    delete: Vec<ResourceId>,
    /// Who lets go.
    let_go: BTreeMap<ResourceId, Fields>,
}

/// Fields, and the targets that each of them lets go of.
type Fields = BTreeMap<String, Vec<ResourceId>>;

impl Deletion {
    async fn plan(tx: &mut Tx, op: &Op, actor: &Actor, id: ResourceId) -> Result<Deletion> {
        let (mut delete, mut let_go, mut refuse) = (vec![id], BTreeMap::<ResourceId, Fields>::new(), vec![]);
        let mut seen = HashSet::from([id]);
        let mut next = 0;
        while let Some(target) = delete.get(next).copied() {
            next += 1;
            let limit = MAX_AFFECTED as i64 + 1;
            for child in resources::children(tx, op.principal.org, target, limit).await? {
                refuse.push((child, "parent".to_owned()));
            }
            for referrer in references::referrers(tx, op.principal.org, target, limit).await? {
                match referrer.on_delete.as_str() {
                    "cascade" if seen.insert(referrer.id) => delete.push(referrer.id),
                    "cascade" => {}
                    "null" => {
                        let_go.entry(referrer.id).or_default().entry(referrer.field).or_default().push(target);
                    }
                    _ => refuse.push((referrer.id, format!("attributes.{}", referrer.field))),
                }
            }
            if delete.len() + let_go.len() > MAX_AFFECTED {
                let detail = format!(
                    "The deletion would touch more than {MAX_AFFECTED} resources. Delete those that refer to this one first."
                );
                return Err(Error::conflict("deletion_too_large", detail));
            }
        }
        refuse.retain(|(id, _)| !seen.contains(id));
        let_go.retain(|referrer, _| !seen.contains(referrer));
        let affected = delete.iter().skip(1).chain(let_go.keys()).copied();
        let hidden = hidden(tx, op, actor, affected.chain(refuse.iter().map(|(id, _)| *id)).collect()).await?;
        refuse.retain(|(id, _)| !hidden.contains(id));
        match (refuse.is_empty(), hidden.is_empty()) {
            (true, true) => Ok(Deletion { delete, let_go }),
            (false, _) => Err(referenced(&refuse, "")),
            (true, false) => {
                let detail =
                    "Resources that you may not see refer to this one. Ask somebody who may see them to delete it.";
                Err(Error::conflict("referenced", detail))
            }
        }
    }
}

/// Those that the actor may not see.
async fn hidden(tx: &mut Tx, op: &Op, actor: &Actor, ids: HashSet<ResourceId>) -> Result<HashSet<ResourceId>> {
    let (mut hidden, mut known) = (HashSet::new(), Known::default());
    for id in ids {
        if actor.readable(tx, op, &mut known, id).await?.is_none() {
            hidden.insert(id);
        }
    }
    Ok(hidden)
}

/// Refuses a deletion for the sake of those that refer to what would go, each by a field.
fn referenced(referrers: &[(ResourceId, String)], because: &str) -> Error {
    let named: Vec<_> = referrers.iter().take(NAMED).map(|(id, field)| json!({"id": id, "field": field})).collect();
    let detail = match referrers {
        [(id, field)] => {
            format!("1 resource refers to this one{because}: {id} by `{field}`. Delete or change it first.")
        }
        [(id, field), ..] => format!(
            "{} resources refer to this one{because}, the first is {id} by `{field}`. Delete or change them first.",
            referrers.len()
        ),
        [] => String::new(),
    };
    Error::conflict("referenced", detail).with(json!({"referrers": named, "count": referrers.len()}))
}

async fn state_of(tx: &mut Tx, op: &Op, catalogue: &Catalogue, id: ResourceId) -> Result<State> {
    let missing = || Error::internal(format!("a reference names {id}, which is not there"));
    let row = resources::get(tx, op.principal.org, id).await?.ok_or_else(missing)?;
    let entry = catalogue.named(&row.type_name).ok_or_else(missing)?;
    State::read(entry.clone(), row.document)
}

/// The patch that takes targets out of the fields that refer to them.
fn let_go(state: &State, fields: &Fields) -> Result<Patch> {
    let mut attributes = json!({});
    for (key, targets) in fields {
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        let field = state.entry.definition.field(&path).ok_or_else(|| Error::internal("a reference from no field"))?;
        let gone = |value: &Value| value.as_str().and_then(ResourceId::parse).is_some_and(|id| targets.contains(&id));
        let value = match field.many {
            true => {
                field.values(&state.resource.attributes).into_iter().filter(|value| !gone(value)).cloned().collect()
            }
            false => Value::Null,
        };
        sealed::put(Some(&mut attributes), &path, value);
    }
    Ok(Patch::Merge(json!({ "attributes": attributes })))
}

/// Removes one resource: to the trash, or for good with its secrets.
async fn remove(core: &Inner, tx: &mut Tx, op: &Op, before: &State, purge: bool) -> Result<Written> {
    if before.entry.definition.name == "type" {
        type_change::deleted(core, tx, op, before).await?;
    }
    let version = before.resource.version + 1;
    let resource = Resource { deleted_at: Some(op.now), updated_at: op.now, version, ..before.resource.clone() };
    let after = State::of(before.entry.clone(), resource)?;
    if purge {
        change::apply(core, tx, op, action::PURGED, Some(before), None).await?;
        secrets::remove(tx, op.principal.org, before.resource.id).await?;
        if before.resource.id.prefix.is_principal() {
            client_secrets::remove_all(tx, op.principal.org, before.resource.id).await?;
            api_keys::remove_all(tx, op.principal.org, before.resource.id).await?;
        }
    } else {
        change::apply(core, tx, op, action::DELETED, Some(before), Some(&after)).await?;
    }
    Ok(Written::new(&after))
}
