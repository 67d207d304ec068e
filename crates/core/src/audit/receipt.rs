//! Receipts: all that is needed to verify offline that an event is in the log (c2sp.org/tlog-proof@v1).

use std::time::Duration;

use admin_db::audit;
use admin_db::events::{self, EventQuery};
use admin_tlog::{Entry, inclusion_tiles, prove_inclusion};
use admin_types::{Error, EventId, Kind, OrgId, ResourceId, Result};
use tokio::time::{Instant, sleep};

use super::store::{altered_event, altered_tile};
use crate::Core;
use crate::access::Known;
use crate::op::Op;

/// How long a receipt waits for its event to be sealed.
const SEALED_WITHIN: Duration = Duration::from_secs(5);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(50);
/// How many events of a resource are looked at for the one that made a version.
const LOOKED_AT: u32 = 100;
/// How often a proof is begun anew because the log has grown meanwhile.
const ATTEMPTS: u32 = 5;

/// A receipt, and the event that it is for.
#[derive(Debug)]
pub struct Receipt {
    /// The event.
    pub event: EventId,
    /// The receipt's text.
    pub text: String,
}

/// The receipt of an event, with the event itself in it if that is wanted. It is for those who see all of the event: others could
/// try, one by one, which values of what is hidden from them lead to its hash. Waits a moment for the event to be sealed.
pub async fn receipt(core: &Core, op: &Op, id: EventId, with_event: bool) -> Result<Receipt> {
    let (actor, org) = (core.actor(op).await?, op.principal.org);
    let mut conn = core.db.read().await?;
    let found = events::get(&mut conn, org, id.seq()).await?.filter(|event| event.id == id);
    let found = match found {
        Some(event) => event,
        None => return Err(gone_or_unknown(core, op, id).await),
    };
    let whole = serde_json::to_vec(&found).map_err(Error::internal)?;
    let shown = actor.show_event(&mut conn, op, &mut Known::default(), found).await?;
    drop(conn);
    let shown = shown.ok_or_else(|| Error::not_found("event"))?;
    if serde_json::to_vec(&shown).map_err(Error::internal)? != whole {
        let detail = "A part of this event is hidden from you, and its receipt is for those who see all of it.";
        return Err(Error::forbidden(detail));
    }
    let entry = Entry::of_record(&whole).map_err(Error::internal)?;
    receipt_of(core, org, id, (&entry, with_event)).await
}

async fn gone_or_unknown(core: &Core, op: &Op, id: EventId) -> Error {
    let log = async { audit::get(&mut *core.db.read().await?, op.principal.org).await };
    match log.await {
        Ok(Some(log)) if (1..=log.first).contains(&id.seq()) => {
            let detail = "This event is older than what the log keeps. A receipt that was made before stays valid.";
            Error::new(Kind::Gone, "event_gone", detail)
        }
        Ok(_) => Error::not_found("event"),
        Err(error) => error,
    }
}

/// The receipt of the change that made this version of a resource, for whoever has just made it, as [`receipt`] gives it.
pub async fn receipt_of_change(core: &Core, op: &Op, (id, version): (ResourceId, i64)) -> Result<Receipt> {
    let query = EventQuery { resource: Some(id), changes: true, descending: true, ..EventQuery::default() };
    // Others may have changed it since; what is not a change of the resource, such as new credentials, has its version too.
    let newest = events::list(&mut *core.db.read().await?, op.principal.org, &query, 0, LOOKED_AT).await?;
    let made = newest.into_iter().rfind(|event| event.resource.version == version);
    receipt(core, op, made.ok_or_else(|| Error::not_found("event"))?.id, false).await
}

/// The receipt of an event, with its entry beside it if that is wanted.
async fn receipt_of(core: &Core, org: OrgId, id: EventId, (entry, with_entry): (&Entry, bool)) -> Result<Receipt> {
    sealed(core, org, id.seq()).await?;
    let index = u64::try_from(id.seq() - 1).map_err(|_| Error::not_found("event"))?;
    let (store, policy) = (core.log_store(org)?, core.audit_policy(org).await?);
    for _ in 0..ATTEMPTS {
        let Some((note, checkpoint, _)) = store.checkpoint(&policy).await? else { break };
        if checkpoint.head.size <= index {
            break;
        }
        let wanted = inclusion_tiles(index, checkpoint.head.size).map_err(Error::internal)?;
        let tiles = store.tiles(wanted.clone()).await?;
        // Partial tiles are removed when the next checkpoint has replaced them.
        if wanted.iter().any(|id| !tiles.contains_key(id)) {
            continue;
        }
        let proof = prove_inclusion(index, &checkpoint.head, &tiles).map_err(altered_tile)?;
        proof.verify(&entry.hash(), &checkpoint.head).map_err(|_| altered_event(id))?;
        let extra = if with_entry { entry.bytes().to_vec() } else { vec![] };
        let receipt = admin_tlog::Receipt { extra, proof, checkpoint: note };
        return Ok(Receipt { event: id, text: receipt.to_string() });
    }
    Err(not_yet(None))
}

/// Waits until the log has the event.
async fn sealed(core: &Core, org: OrgId, seq: i64) -> Result<()> {
    let until = Instant::now() + SEALED_WITHIN;
    loop {
        let log = audit::get(&mut *core.db.read().await?, org).await?;
        if log.as_ref().is_some_and(|log| log.size >= seq) {
            return Ok(());
        }
        let trouble = log.and_then(|log| log.trouble);
        if Instant::now() >= until {
            return Err(not_yet(trouble));
        }
        sleep(LOOK).await;
    }
}

fn not_yet(trouble: Option<String>) -> Error {
    let detail = match &trouble {
        None => "The event is not sealed yet. Try again in a second.",
        Some(_) => {
            "The event is not sealed: the audit log has stopped, and GET /v3/audit/log says why. Whoever runs this Admin must look at it."
        }
    };
    Error { context: trouble, ..Error::new(Kind::Unavailable, "not_sealed", detail) }
}
