//! The readers of events that there are in this installation: how far each is, what it left behind, and how that is tried
//! once more.

use std::sync::Arc;
use std::time::Duration;

use admin_backends::queue::{self, Failure, Handler};
use admin_db::event_readers::{self, ParkedRow};
use admin_db::{Tx, events};
use admin_types::{Error, EventId, Result, Timestamp};
use serde::Serialize;
use tokio::time::Instant;

use crate::feed::parked_row;
use crate::op::Op;
use crate::{Core, Inner};

/// The most events that are shown, or tried once more, of those that were left behind.
const PARKED: u32 = 100;
/// After this time no further event is tried once more.
const RETRIED_WITHIN: Duration = Duration::from_secs(10);
/// How long each may take.
const HANDLED_WITHIN: Duration = Duration::from_secs(10);

/// A reader of events.
#[derive(Clone)]
pub struct Reader {
    /// Its name.
    pub name: &'static str,
    /// What it does about an event whenever it comes; none if only the order makes sense.
    pub handler: Option<Arc<dyn Handler>>,
    /// Whether it is how far it is that counts; the events of others come out of the broker.
    pub has_cursor: bool,
}

impl Inner {
    /// Says which readers there are in this installation.
    pub fn set_readers(&self, readers: Vec<Reader>) {
        let _ = self.readers.set(readers);
    }

    /// Has a reader that is new begin where another is, in every org in which that one has begun.
    pub async fn begin_reader(&self, name: &'static str, like: &'static str) -> Result<()> {
        self.db.write_global(async move |tx: &mut Tx| event_readers::begin_like(tx, name, like).await).await
    }
}

/// How far a reader is in an org.
#[derive(Serialize, PartialEq, Eq, Debug)]
pub struct ReaderShown {
    /// Its name.
    reader: &'static str,
    /// The number of the last event that it is done with; null if the broker keeps account.
    done: Option<i64>,
    /// How many it has before it; null likewise.
    behind: Option<i64>,
    /// When the first of these happened.
    behind_since: Option<Timestamp>,
    /// Events that it failed at and left behind, at most 100.
    parked: Vec<ParkedShown>,
}

/// An event that a reader left behind.
#[derive(Serialize, PartialEq, Eq, Debug)]
struct ParkedShown {
    event: Option<EventId>,
    seq: i64,
    reason: String,
    at: Timestamp,
}

/// How far the readers of the org's events are, for those who may read all of them.
pub async fn list_readers(core: &Core, op: &Op) -> Result<Vec<ReaderShown>> {
    let (actor, org) = (core.actor(op).await?, op.principal.org);
    if !actor.sees_everything(op) {
        return Err(Error::forbidden("Only those who may read everything may see how far the readers of events are."));
    }
    let mut shown = vec![];
    for reader in core.readers.get().into_iter().flatten() {
        let mut conn = core.db.read().await?;
        let behind = event_readers::behind_in(&mut conn, reader.name, org).await?;
        let head = admin_db::orgs::state(&mut conn, org).await?.0;
        drop(conn);
        let done = behind.map_or(head, |row| row.done);
        let counts = |count: i64| reader.has_cursor.then_some(count);
        let since = behind.filter(|_| reader.has_cursor).map(|row| row.since);
        let parked = left_behind(core, op, reader.name).await?;
        let (reader, done, behind) = (reader.name, counts(done), counts(head - done));
        shown.push(ReaderShown { reader, done, behind, behind_since: since, parked });
    }
    Ok(shown)
}

async fn left_behind(core: &Core, op: &Op, reader: &str) -> Result<Vec<ParkedShown>> {
    let (mut conn, org) = (core.db.read().await?, op.principal.org);
    let mut shown = vec![];
    for ParkedRow { seq, reason, at, .. } in event_readers::parked(&mut conn, org, reader, PARKED).await? {
        let event = events::get(&mut conn, org, seq).await?.map(|event| event.id);
        shown.push(ParkedShown { event, seq, reason, at });
    }
    Ok(shown)
}

/// What came of trying once more.
#[derive(Serialize, PartialEq, Eq, Debug)]
pub struct Retried {
    /// How many events were handled, and are left behind no more.
    handled: u64,
    /// How many it failed at again.
    failed: u64,
    /// Events that are left behind still, at most 100.
    parked: Vec<ParkedShown>,
}

/// Has a reader handle the events once more that it left behind in the org, the first hundred, or as many as ten seconds allow; those that it
/// failed at least recently come first.
pub async fn retry_parked(core: &Core, op: &Op, name: &str) -> Result<Retried> {
    let (actor, org) = (core.actor(op).await?, op.principal.org);
    if !actor.is_owner() {
        return Err(Error::forbidden("Only owners of the org may have events handled once more."));
    }
    let reader = core.readers.get().into_iter().flatten().find(|reader| reader.name == name);
    let reader = reader.ok_or_else(|| Error::not_found("reader of events"))?;
    let handler = reader.handler.as_ref().ok_or_else(|| {
        Error::parameter("reader", format!("`{name}` takes events in their order alone; what it left behind stays so"))
    })?;
    let mut rows = event_readers::parked(&mut *core.db.read().await?, org, name, PARKED).await?;
    rows.sort_by_key(|row| (row.at, row.seq));
    let (began, mut handled, mut failed) = (Instant::now(), 0, 0);
    for row in rows {
        if began.elapsed() > RETRIED_WITHIN {
            break;
        }
        let event = events::get(&mut *core.db.read().await?, org, row.seq).await?;
        let outcome = match &event {
            Some(event) => queue::attempt(&**handler, org, std::slice::from_ref(event), HANDLED_WITHIN).await,
            // Nothing is left to be done about it.
            None => Ok(()),
        };
        let again = match outcome {
            Ok(()) => None,
            Err(Failure::Refused(reason)) => Some(parked_row(core, name, row.seq, &reason)),
            Err(Failure::Away(error)) => return Err(error),
        };
        *if again.is_none() { &mut handled } else { &mut failed } += 1;
        let job = async move |tx: &mut Tx| {
            event_readers::unpark(tx, org, &row).await?;
            match &again {
                Some(again) => event_readers::park(tx, org, again).await,
                None => Ok(()),
            }
        };
        core.db.write_global(job).await?;
    }
    Ok(Retried { handled, failed, parked: left_behind(core, op, name).await? })
}
