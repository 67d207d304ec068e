//! Credentials of a user or a client are no resources, but who changes them may act as it: decided like a change of the
//! principal itself, and recorded as an event of it.

use admin_db::{Tx, resources};
use admin_types::{Error, Kind, OrgId, Principal, ResourceId, Result, action};

use serde_json::json;

use crate::Core;
use crate::access::{Verb, grants};
use crate::change;
use crate::op::Op;
use crate::resources::current;
use crate::state::State;

/// What an event says of credentials: the verb, and which of them, as the name and the value of a detail.
pub type Told<'a> = (&'static str, Option<(&'static str, &'a str)>);

/// Decides whether the caller may change the credentials of a live principal of the type `type_name`, and writes the event
/// `<type>.<verb>`. The credentials themselves are for the caller to write, in the same job.
pub async fn change_credentials(
    core: &Core,
    tx: &mut Tx,
    op: &Op,
    (type_name, id): (&str, ResourceId),
    told: Told<'_>,
) -> Result<()> {
    let state = current(core, tx, op, (Some(type_name), id, Verb::Update)).await?;
    if state.is_trashed() {
        return Err(Error::not_found(type_name));
    }
    let actor = core.actor_in_tx(tx, &op.principal).await?;
    if actor.is_limited() {
        let detail = "A key that is limited to some actions makes and ends no credentials.";
        return Err(Error::forbidden(detail));
    }
    // Whoever has its credentials may act as it: every right of it is given away.
    grants::check_acts_as(tx, op, &actor, id).await?;
    grants::check_credentials_of(&actor, &state.resource)?;
    record(core, tx, op, &state, told).await
}

/// Takes back a principal that was made in vain, because it could not get its credentials: whoever made it need not be allowed
/// to delete it. One that was changed since stays.
pub async fn take_back(core: &Core, op: Op, id: ResourceId) -> Result<()> {
    let (org, inner) = (op.principal.org, core.clone());
    let job = async move |tx: &mut Tx| {
        let Some(row) = resources::get(tx, org, id).await? else { return Ok(()) };
        let actor = inner.actor_in_tx(tx, &op.principal).await?;
        let state = State::read(actor.catalogue().of_resource(&row.type_name)?.clone(), row.document)?;
        if state.resource.version > 1 {
            return Ok(());
        }
        change::write(&inner, tx, &op, None, (action::PURGED, Some(&state), None)).await.map(drop)
    };
    core.db.write(org, job).await
}

/// The same for API keys, which principals also make for themselves: with them they can do no more than before.
pub async fn change_keys(core: &Core, tx: &mut Tx, op: &Op, id: ResourceId, told: Told<'_>) -> Result<()> {
    if !is_oneself(op, id) {
        return change_credentials(core, tx, op, (type_of(id)?, id), told).await;
    }
    let actor = core.actor_in_tx(tx, &op.principal).await?;
    let row = resources::get(tx, op.principal.org, id).await?.ok_or_else(|| Error::not_found("resource"))?;
    let state = State::read(actor.catalogue().of_resource(&row.type_name)?.clone(), row.document)?;
    record(core, tx, op, &state, told).await
}

/// Whether a user who let somebody act as another principal may still do so: with all rights of that one, and active.
pub async fn still_lets_act(core: &Core, org: OrgId, (by, principal): (ResourceId, ResourceId)) -> Result<bool> {
    let actor = match core.actor_of(&Principal::new(org, by)).await {
        Ok(actor) => actor,
        Err(error) if error.kind == Kind::Unauthenticated => return Ok(false),
        Err(error) => return Err(error),
    };
    grants::may_act_as(&mut *core.db.read().await?, &actor, &Principal::new(org, principal)).await
}

/// Whether the caller may see the principal at all, and change it: for those who ask which credentials it has.
pub async fn see_credentials(core: &Core, tx: &mut Tx, op: &Op, principal: (&str, ResourceId)) -> Result<()> {
    current(core, tx, op, (Some(principal.0), principal.1, Verb::Update)).await.map(drop)
}

/// The same for API keys, which principals also see of themselves.
pub async fn see_keys(core: &Core, tx: &mut Tx, op: &Op, id: ResourceId) -> Result<()> {
    match is_oneself(op, id) {
        true => core.actor_in_tx(tx, &op.principal).await.map(drop),
        false => see_credentials(core, tx, op, (type_of(id)?, id)).await,
    }
}

fn is_oneself(op: &Op, id: ResourceId) -> bool {
    id == op.principal.id && !op.principal.is_limited()
}

fn type_of(id: ResourceId) -> Result<&'static str> {
    let type_name = id.prefix.type_name().filter(|_| id.prefix.is_principal());
    type_name.ok_or_else(|| Error::not_found("user or client"))
}

pub(crate) async fn record(core: &Core, tx: &mut Tx, op: &Op, state: &State, (verb, which): Told<'_>) -> Result<()> {
    let seq = tx.next_seq()?;
    let details = which.map(|(name, id)| json!({ name: id }).to_string());
    change::tell(core, tx, op, seq, (verb, Some(state), Some(state)), details.as_deref()).await?;
    if op.dry_run {
        tx.roll_back();
    }
    Ok(())
}
