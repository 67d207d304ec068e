//! The one write path: a state before, a state after, and one event, in one transaction.

use admin_db::{Tx, counts, events, indexes, references, resources, uniques};
use admin_types::{Error, EventId, FieldError, OrgId, ResourceId, Result};

use crate::Inner;
use crate::op::Op;
use crate::state::{Link, State, entries, without};

/// How many levels of parents there may be.
const MAX_PARENTS: usize = 64;

/// Writes one change and its event. Everything is checked before anything is written, so that a refused change of a
/// batch leaves the others alone. Answers the event's number.
pub(crate) async fn apply(
    core: &Inner,
    tx: &mut Tx,
    op: &Op,
    verb: &'static str,
    before: Option<&State>,
    after: Option<&State>,
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
    check_unique(tx, org, type_name, id, &take).await?;
    if let Some(after) = live_after {
        check_targets(tx, org, &links, (live_before, after)).await?;
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
    let event = events::EventRow {
        id: EventId::new(org, seq, op.now, &*core.random),
        action: verb,
        at: op.now,
        actor: &op.principal.actor(),
        type_name,
        resource: id,
        version: after.map_or(one.resource.version + 1, |after| after.resource.version),
        request_id: &op.request_id,
        before: before.map(|state| state.document.as_str()),
        after: after.map(|state| state.document.as_str()),
    };
    events::insert(tx, org, &event).await?;
    Ok(seq)
}

async fn check_unique(
    tx: &mut Tx,
    org: OrgId,
    type_name: &str,
    id: ResourceId,
    take: &[indexes::Entry<'_>],
) -> Result<()> {
    let Some((entry, holder)) = uniques::conflict(tx, org, (type_name, id), take).await? else { return Ok(()) };
    let pointer = format!("/attributes/{}", entry.field.replace('.', "/"));
    let detail =
        format!("`{pointer}` must be unique among resources of the type `{type_name}`, and {holder} has this value.");
    let error = Error::conflict("not_unique", detail).at(pointer, "is already taken");
    Err(error.with(serde_json::json!({"conflicting": holder})))
}

/// Everything that the state newly points to must be there, and of the right type.
async fn check_targets(
    tx: &mut Tx,
    org: OrgId,
    links: &[Link],
    (before, after): (Option<&State>, &State),
) -> Result<()> {
    let resource = &after.resource;
    // A reference that was there before was checked then, and its target could not go away since.
    let same = before.map(State::links).transpose()?.unwrap_or_default();
    let is_old = |link: &Link| same.iter().any(|old| old.target == link.target && old.target_type == link.target_type);
    let itself = |link: &Link| link.target == resource.id && link.target_type == resource.type_name;
    let new: Vec<&Link> = links.iter().filter(|link| !is_old(link) && !itself(link)).collect();
    let parent = resource.parent.filter(|parent| before.is_none_or(|before| before.resource.parent != Some(*parent)));
    let ids = new.iter().map(|link| link.target.bytes).chain(parent.map(|parent| parent.bytes)).collect();
    let live = references::live(tx, org, &ids).await?;
    let mut errors = vec![];
    for link in new {
        if live.get(&link.target) != Some(&link.target_type) {
            let detail = format!("there is no resource {} of the type `{}`", link.target, link.target_type);
            errors.push(FieldError::new(link.pointer.clone(), detail));
        }
    }
    if let Some(parent) = parent.filter(|parent| !live.contains_key(parent) && *parent != resource.id) {
        errors.push(FieldError::new("/parent", format!("there is no resource {parent}")));
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::unprocessable("dangling_reference", errors)) }
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
