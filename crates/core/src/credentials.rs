//! Credentials of a user or a client are no resources, but who changes them may act as it: decided like a change of the
//! principal itself, and recorded as an event of it.

use admin_db::{Tx, events};
use admin_types::{Error, EventId, ResourceId, Result};

use crate::Core;
use crate::access::{Verb, grants};
use crate::op::Op;
use crate::resources::current;

/// Decides whether the caller may change the credentials of a live principal of the type `type_name`, and writes the event
/// `<type>.<verb>`. The credentials themselves are for the caller to write, in the same job.
pub async fn change_credentials(
    core: &Core,
    tx: &mut Tx,
    op: &Op,
    (type_name, id): (&str, ResourceId),
    verb: &'static str,
) -> Result<()> {
    let state = current(core, tx, op, (Some(type_name), id, Verb::Update)).await?;
    if state.is_trashed() {
        return Err(Error::not_found(type_name));
    }
    let actor = core.actor_in_tx(tx, &op.principal).await?;
    // Whoever has its credentials may act as it: every right of it is given away.
    grants::check_acts_as(tx, op, &actor, id).await?;
    let seq = tx.next_seq()?;
    let org = op.principal.org;
    let event = events::EventRow {
        id: EventId::new(org, seq, op.now, &*core.random),
        action: verb,
        at: op.now,
        actor: &op.principal.actor(),
        type_name,
        resource: id,
        version: state.resource.version,
        request_id: &op.request_id,
        before: Some(&state.document),
        after: Some(&state.document),
    };
    events::insert(tx, org, &event).await?;
    if op.dry_run {
        tx.roll_back();
    }
    Ok(())
}

/// Whether the caller may see the principal at all, and change it: for those who ask which credentials it has.
pub async fn see_credentials(core: &Core, tx: &mut Tx, op: &Op, principal: (&str, ResourceId)) -> Result<()> {
    current(core, tx, op, (Some(principal.0), principal.1, Verb::Update)).await.map(drop)
}
