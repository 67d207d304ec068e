//! The one write path: a state before, a state after, and one event, in one transaction.

use std::collections::{BTreeSet, HashMap};

use admin_db::{Tx, counts, events, indexes, logout_notices, references, resources, sign_in, uniques};
use admin_schema::Filter;
use admin_types::{Error, EventId, FieldError, OrgId, ResourceId, Result};

use crate::access::facts::ACTIVE;
use crate::access::{Actor, Known, Verb, grants};
use crate::builtin::is_named;
use crate::event_types::verbs;
use crate::op::Op;
use crate::state::{Link, NAME, State, entries, without};
use crate::webhooks;
use crate::{Inner, clients};

/// How many levels of parents there may be.
const MAX_PARENTS: usize = 64;

/// Decides one change, and writes it and its event. Everything is checked before anything is written, so that a refused
/// change of a batch leaves the others alone. Answers the event's number.
pub(crate) async fn apply(
    core: &Inner,
    tx: &mut Tx,
    op: &Op,
    verb: &'static str,
    before: Option<&State>,
    after: Option<&State>,
) -> Result<i64> {
    let actor = core.actor_in_tx(tx, &op.principal).await?;
    permit(core, tx, op, &actor, before, after).await?;
    write(core, tx, op, Some(&actor), (verb, before, after)).await
}

/// Whether the principal may make this change: what it does to the resource must be allowed in the state before and in the
/// state after.
pub(crate) async fn permit(
    core: &Inner,
    tx: &mut Tx,
    op: &Op,
    actor: &Actor,
    before: Option<&State>,
    after: Option<&State>,
) -> Result<()> {
    let (was, is) = (before.map(|state| &state.resource), after.map(|state| &state.resource));
    let mut known = Known::default();
    let verb = match (was, is) {
        (None, _) => Verb::Create,
        (Some(was), Some(is)) if is.deleted_at.is_none() || was.deleted_at.is_some() => Verb::Update,
        _ => Verb::Delete,
    };
    for (state, what) in [(was, "as it is"), (is.filter(|_| verb != Verb::Delete), "as it would be")] {
        let Some(state) = state else { continue };
        if !actor.may(tx, op, &mut known, verb, state).await? {
            return Err(actor.refusal(tx, op, &mut known, (verb, state), what).await?);
        }
    }
    if let Some(is) = is.filter(|_| verb != Verb::Delete) {
        actor.check_fields(tx, op, &mut known, verb, (was, is), &[]).await?;
    }
    grants::check(tx, op, actor, was, is).await?;
    clients::check(was, is)?;
    webhooks::check(core, tx, op, was, is).await
}

/// Notes a user who is active no more, so that they are signed out everywhere.
async fn note_departure(
    tx: &mut Tx,
    op: &Op,
    id: ResourceId,
    (before, after): (Option<&State>, Option<&State>),
) -> Result<()> {
    let active = |state: &State| state.resource.status == ACTIVE;
    match before.is_some_and(active) && !after.is_some_and(active) {
        true => logout_notices::depart(tx, op.principal.org, id, op.now).await,
        false => Ok(()),
    }
}

/// An invitation is for the address that the user had then.
async fn end_invitations(
    tx: &mut Tx,
    op: &Op,
    id: ResourceId,
    (before, after): (Option<&State>, Option<&State>),
) -> Result<()> {
    let address = |state: Option<&State>| state.and_then(|state| state.resource.attributes.get("email").cloned());
    match before.is_some() && address(before) != address(after) {
        true => sign_in::end_invitations(tx, op.principal.org, id).await,
        false => Ok(()),
    }
}

/// Writes one change and its event. `actor`: who must be able to see what it refers to; nobody for what Admin does itself.
pub(crate) async fn write(
    core: &Inner,
    tx: &mut Tx,
    op: &Op,
    actor: Option<&Actor>,
    change: (&'static str, Option<&State>, Option<&State>),
) -> Result<i64> {
    write_with(core, tx, op, actor, change, None).await
}

/// The same, with details in the event.
pub(crate) async fn write_with(
    core: &Inner,
    tx: &mut Tx,
    op: &Op,
    actor: Option<&Actor>,
    (verb, before, after): (&'static str, Option<&State>, Option<&State>),
    details: Option<&str>,
) -> Result<i64> {
    let org = op.principal.org;
    let one = after.or(before).ok_or_else(|| Error::internal("a change of nothing"))?;
    let (type_name, id) = (one.resource.type_name.as_str(), one.resource.id);
    let live_before = before.filter(|state| !state.is_trashed());
    let live_after = after.filter(|state| !state.is_trashed());

    let links = live_after.map(State::links).transpose()?.unwrap_or_default();
    let (held, wanted) =
        (live_before.map(State::uniques).unwrap_or_default(), live_after.map(State::uniques).unwrap_or_default());
    let (let_go, take) = (without(&held, &wanted), without(&wanted, &held));
    check_unique(tx, op, actor, (type_name, id), &take).await?;
    if let Some(after) = live_after {
        check_targets(tx, op, actor, &links, (live_before, after)).await?;
        if live_before.is_none_or(|before| before.resource.parent != after.resource.parent) {
            check_parent(tx, org, id, after.resource.parent).await?;
        }
    }

    let seq = tx.next_seq()?;
    match (before, after) {
        (None, Some(after)) => {
            resources::insert(tx, org, &after.resource, !after.entry.builtin, &after.document).await?
        }
        (Some(_), Some(after)) => resources::update(tx, org, &after.resource, &after.document).await?,
        (_, None) => resources::purge(tx, org, id).await?,
    }
    let (old, new) =
        (live_before.map(State::index).unwrap_or_default(), live_after.map(State::index).unwrap_or_default());
    match live_after {
        Some(_) => {
            let rows = (&without(&old, &new)[..], &without(&new, &old)[..]);
            indexes::change(tx, org, type_name, id, rows, (seq, op.now)).await?;
        }
        None => indexes::remove(tx, org, type_name, id, &entries(&old)).await?,
    }
    uniques::change(tx, org, type_name, id, &let_go, &take).await?;
    let had = live_before.is_some_and(|before| before.entry.definition.references().next().is_some());
    write_links(tx, org, type_name, id, &links, had).await?;
    count(tx, one, live_before, live_after)?;
    tell(core, tx, op, seq, (verb, before, after), details).await?;
    if type_name == "user" {
        note_departure(tx, op, id, (live_before, live_after)).await?;
        end_invitations(tx, op, id, (live_before, live_after)).await?;
    }
    if type_name == "webhook" {
        webhooks::changed(core, tx, op, (id, seq), (before, after)).await?;
    }
    // Last of all: whatever is read under the new version must see the change.
    bump(tx, type_name)?;
    Ok(seq)
}

/// Writes the event of a number: what was done to the resource of these states.
pub(crate) async fn tell(
    core: &Inner,
    tx: &mut Tx,
    op: &Op,
    seq: i64,
    (verb, before, after): (&'static str, Option<&State>, Option<&State>),
    details: Option<&str>,
) -> Result<()> {
    let org = op.principal.org;
    let one = after.or(before).ok_or_else(|| Error::internal("an event about nothing"))?;
    debug_assert!(verbs(&one.resource.type_name).any(|known| known == verb), "{verb} is in the catalogue");
    let event = events::EventRow {
        id: EventId::new(org, seq, op.now, &*core.random),
        action: verb,
        at: op.now,
        actor: &op.principal.actor(),
        type_name: &one.resource.type_name,
        resource: one.resource.id,
        version: after.map_or(one.resource.version + 1, |after| after.resource.version),
        request_id: &op.request_id,
        before: before.map(|state| state.document.as_str()),
        after: after.map(|state| state.document.as_str()),
        outcome: None,
        address: op.origin.address,
        details,
    };
    events::insert(tx, org, &event).await
}

/// Moves on the version of what a change of such a resource is part of.
fn bump(tx: &mut Tx, type_name: &str) -> Result<()> {
    match type_name {
        "type" => tx.bump_catalogue(),
        "policy" | "role" | "group" => tx.bump_policies(),
        "user" | "client" | "role_binding" | "webhook" => tx.bump_principals(),
        _ => Ok(()),
    }
}

async fn check_unique(
    tx: &mut Tx,
    op: &Op,
    actor: Option<&Actor>,
    (type_name, id): (&str, ResourceId),
    take: &[indexes::Entry<'_>],
) -> Result<()> {
    let Some((entry, holder)) = uniques::conflict(tx, op.principal.org, (type_name, id), take).await? else {
        return Ok(());
    };
    let pointer = match entry.field {
        NAME if is_named(type_name) => "/name".to_owned(),
        field => format!("/attributes/{}", field.replace('.', "/")),
    };
    let taken = format!("`{pointer}` must be unique among resources of the type `{type_name}`, and");
    let error = |detail: String| Error::conflict("not_unique", detail).at(pointer.clone(), "is already taken");
    // That a value is taken cannot be kept from who asks for it; by whom, can.
    let seen = match actor {
        Some(actor) => actor.readable(tx, op, &mut Known::default(), holder).await?.is_some(),
        None => true,
    };
    Err(match seen {
        true => error(format!("{taken} {holder} has this value.")).with(serde_json::json!({"conflicting": holder})),
        false => error(format!("{taken} this value is taken.")),
    })
}

/// Everything that the state newly points to must be there, of the right type, and not hidden from who points there.
async fn check_targets(
    tx: &mut Tx,
    op: &Op,
    actor: Option<&Actor>,
    links: &[Link],
    (before, after): (Option<&State>, &State),
) -> Result<()> {
    let resource = &after.resource;
    // A reference that was there before was checked then, and its target could not go away since.
    let same = before.map(State::links).transpose()?.unwrap_or_default();
    let alike = |old: &Link, new: &Link| {
        (old.target, &old.target_type, &old.field) == (new.target, &new.target_type, &new.field)
    };
    let is_old = |link: &Link| same.iter().any(|old| alike(old, link));
    let itself = |link: &Link| link.target == resource.id && link.target_type == resource.type_name;
    let new: Vec<&Link> = links.iter().filter(|link| !is_old(link) && !itself(link)).collect();
    let parent = resource.parent.filter(|parent| before.is_none_or(|before| before.resource.parent != Some(*parent)));
    let ids = new.iter().map(|link| link.target.bytes).chain(parent.map(|parent| parent.bytes)).collect();
    let live = visible(tx, op, actor, &ids).await?;
    let mut errors = dangling(new, &live);
    let of_type = after.entry.definition.parent.as_ref();
    if let Some(parent) = parent.filter(|parent| *parent != resource.id) {
        match (live.get(&parent), of_type) {
            (None, _) => errors.push(FieldError::new("/parent", format!("there is no resource {parent}"))),
            (Some(found), Some(wanted)) if found != wanted => {
                let detail = format!("must be a resource of the type `{wanted}`; {parent} is of the type `{found}`");
                errors.push(FieldError::new("/parent", detail));
            }
            _ => {}
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::unprocessable("dangling_reference", errors)) }
}

/// Everything that a state points to by the fields named must be there and not hidden from the actor, also what it pointed to
/// before.
pub(crate) async fn check_seen_targets(
    tx: &mut Tx,
    op: &Op,
    actor: &Actor,
    state: &State,
    fields: &[Vec<String>],
) -> Result<()> {
    let names = |link: &Link| format!("attributes.{}", link.field);
    let mut links = state.links()?;
    links.retain(|link| fields.iter().any(|field| names(link) == field.join(".")));
    let live = visible(tx, op, Some(actor), &links.iter().map(|link| link.target.bytes).collect()).await?;
    let errors = dangling(links.iter().collect(), &live);
    if errors.is_empty() { Ok(()) } else { Err(Error::unprocessable("dangling_reference", errors)) }
}

/// The references whose targets are not among the live resources, as errors.
fn dangling(links: Vec<&Link>, live: &HashMap<ResourceId, String>) -> Vec<FieldError> {
    let dangling = links.into_iter().filter(|link| live.get(&link.target) != Some(&link.target_type));
    let error = |link: &Link| {
        let detail = format!("there is no resource {} of the type `{}`", link.target, link.target_type);
        FieldError::new(link.pointer.clone(), detail)
    };
    dangling.map(error).collect()
}

/// The types of those that are live and that the actor may see.
async fn visible(
    tx: &mut Tx,
    op: &Op,
    actor: Option<&Actor>,
    ids: &BTreeSet<[u8; 16]>,
) -> Result<HashMap<ResourceId, String>> {
    let mut live = references::live(tx, op.principal.org, ids).await?;
    let Some(actor) = actor else { return Ok(live) };
    let mut known = Known::default();
    for (id, type_name) in live.clone() {
        let all = actor.rule(op, Verb::Read.as_str(), &type_name).rows == Filter::True;
        if !all && actor.readable(tx, op, &mut known, id).await?.is_none() {
            live.remove(&id);
        }
    }
    Ok(live)
}

async fn check_parent(tx: &mut Tx, org: OrgId, id: ResourceId, parent: Option<ResourceId>) -> Result<()> {
    let wrong = |detail: String| Err(Error::unprocessable("parent_cycle", vec![FieldError::new("/parent", detail)]));
    let Some(parent) = parent else { return Ok(()) };
    let mut above = Some(parent.bytes);
    for _ in 0..MAX_PARENTS {
        let Some(next) = above else { return Ok(()) };
        if next == id.bytes {
            return wrong(format!("{parent} is below this resource, or is this resource"));
        }
        above = resources::parent(tx, org, next).await?.flatten();
    }
    wrong(format!("there are more than {MAX_PARENTS} levels of parents"))
}

async fn write_links(
    tx: &mut Tx,
    org: OrgId,
    type_name: &str,
    id: ResourceId,
    links: &[Link],
    had: bool,
) -> Result<()> {
    if had {
        references::remove(tx, org, id).await?;
    }
    let rows: Vec<_> = links
        .iter()
        .map(|link| references::Link { field: &link.field, target: link.target, on_delete: link.on_delete })
        .collect();
    references::insert(tx, org, type_name, id, &rows).await
}

fn count(tx: &mut Tx, one: &State, before: Option<&State>, after: Option<&State>) -> Result<()> {
    let status = |state: &State| state.resource.status.clone();
    let (old, new) = (before.map(status), after.map(status));
    if old == new {
        return Ok(());
    }
    for (status, delta) in [(old, -1), (new, 1)] {
        let Some(status) = status else { continue };
        tx.count(&one.resource.type_name, &status, delta)?;
        if !one.entry.builtin && before.is_some() != after.is_some() {
            tx.count(counts::OWN, "", delta)?;
        }
    }
    Ok(())
}
