//! One who watches: from where they were, by the database until they have caught up, and live from then on.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use admin_db::{events, orgs};
use admin_schema::Filter;
use admin_types::{Error, Event, EventId, Kind, Resource, ResourceId, Result};
use tokio::sync::mpsc;

use super::audience::Watcher;
use super::hub::Watched;
use crate::Core;
use crate::access::{Known, Verb};
use crate::events::EventQuery;
use crate::interest::{Interest, deciding};
use crate::op::Op;

/// Events that wait for a watcher; one who is slower reads them from the database.
const WAITING: usize = 64;
/// Events that are read at a time to catch up.
const BATCH: u32 = 100;

/// An event as a watcher is sent it.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its id.
    pub id: EventId,
    /// `<type>.<verb>`.
    pub kind: Arc<str>,
    /// The event as JSON, as the watcher may see it.
    pub data: Arc<str>,
}

impl Frame {
    pub(super) fn of(event: &Event) -> Result<Frame> {
        let data = serde_json::to_string(event).map_err(Error::internal)?;
        Ok(Frame { id: event.id, kind: event.kind.as_str().into(), data: data.into() })
    }
}

/// Where a watcher begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// With the next event.
    Now,
    /// With the one after this.
    After(EventId),
    /// With the first.
    First,
}

/// Somebody's live events.
pub struct Watch {
    core: Core,
    op: Op,
    interest: Interest,
    /// The last event that was sent or passed over, and its id where that is known.
    position: i64,
    /// Read, and not sent yet.
    ready: std::collections::VecDeque<Frame>,
    live: Option<Live>,
}

/// A place among those who watch.
struct Live {
    watched: Arc<Watched>,
    number: u64,
    seen: Arc<AtomicI64>,
    frames: mpsc::Receiver<Frame>,
    /// Where live events begin.
    from: i64,
}

impl Drop for Live {
    fn drop(&mut self) {
        self.watched.audience().remove(self.number);
    }
}

/// Begins to watch. Errors: `invalid_parameter`; `event_gap` if the event to go on after is not there, so that what followed it
/// cannot be told.
pub async fn watch_events(
    core: &Core,
    op: Op,
    kinds: &[String],
    resource: Option<ResourceId>,
    filter: Option<&str>,
    start: Start,
) -> Result<Watch> {
    let interest = core.acting(&op, |actor| Interest::read(&op, actor, kinds, resource, filter)).await?;
    let mut conn = core.db.read().await?;
    let position = match start {
        Start::First => 0,
        Start::Now => orgs::state(&mut conn, op.principal.org).await?.0,
        Start::After(id) => {
            let found = events::get(&mut conn, op.principal.org, id.seq()).await?;
            found.filter(|event| event.id == id).ok_or_else(|| gap(id))?.seq
        }
    };
    Ok(Watch { core: core.clone(), op, interest, position, ready: Default::default(), live: None })
}

fn gap(id: EventId) -> Error {
    let detail = format!(
        "There is no event {id} any more, or there never was, so what followed it cannot be told. Read the resources anew, then watch without Last-Event-ID."
    );
    Error::new(Kind::Gone, "event_gap", detail)
}

impl Watch {
    /// The next event that is wanted and may be seen; waits for it. May be dropped while it waits: nothing is lost.
    pub async fn next(&mut self) -> Result<Frame> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Ok(frame);
            }
            let Some(live) = &mut self.live else {
                self.live = Some(self.enter().await?);
                continue;
            };
            if self.position < live.from {
                self.catch_up().await?;
                continue;
            }
            let mut closing = self.core.live.closing.subscribe();
            let frame = tokio::select! {
                frame = live.frames.recv() => frame,
                _ = closing.wait_for(|closing| *closing) => {
                    return Err(Error::unavailable("Admin is shutting down. Go on from the last event in a moment.", "stopping"));
                }
            };
            match frame {
                // Read from the database before.
                Some(frame) if frame.id.seq() <= self.position => {}
                Some(frame) => {
                    self.position = frame.id.seq();
                    return Ok(frame);
                }
                // Too slow, or what may be seen has changed: on from there by the database.
                None => {
                    self.position = self.position.max(live.seen.load(Ordering::Relaxed));
                    self.live = None;
                }
            }
        }
    }

    /// Takes a place among those who watch.
    async fn enter(&self) -> Result<Live> {
        let org = self.op.principal.org;
        let actor = self.core.actor_of(&self.op.principal).await?;
        let head = orgs::state(&mut *self.core.db.read_once().await?, org).await?.0;
        let (sender, frames) = mpsc::channel(WAITING);
        let (op, interest, seen) = (self.op.clone(), self.interest.clone(), Arc::new(AtomicI64::new(0)));
        let watcher = Arc::new(Watcher { op, interest, frames: sender, seen: seen.clone() });
        let versions = actor.access.versions;
        let handles = watcher.interest.handles(&watcher.op, &actor);
        Ok(self.core.live.enter(org, head, |watched| {
            let (number, from) = watched.audience().add(watcher, handles, (versions, head));
            Live { watched: watched.clone(), number, seen, frames, from }
        }))
    }

    /// Reads a batch of what came before the live events.
    async fn catch_up(&mut self) -> Result<()> {
        let Some(live) = &self.live else { return Ok(()) };
        let query = EventQuery { after: Some(self.position), ..EventQuery::default() };
        let org = self.op.principal.org;
        let batch = events::list(&mut *self.core.db.scan().await?, org, &query, 0, BATCH).await?;
        let until = live.from;
        let full = batch.len() == BATCH as usize;
        for event in batch.into_iter().filter(|event| event.seq <= until) {
            let state = deciding(&event)?;
            let shared = Frame::of(&event)?;
            let shown = show(&self.core, &self.op, &self.interest, (&event, state.as_ref()), &shared).await?;
            self.ready.extend(shown);
            self.position = event.seq;
        }
        if !full {
            self.position = self.position.max(until);
        }
        Ok(())
    }
}

/// The event as a principal is sent it, if it wants and may see it. `shared`: the whole event.
pub(super) async fn show(
    core: &Core,
    op: &Op,
    interest: &Interest,
    (event, state): (&Event, Option<&Resource>),
    shared: &Frame,
) -> Result<Option<Frame>> {
    if !interest.wants(event, state) {
        return Ok(None);
    }
    let actor = core.actor_of(&op.principal).await?;
    let op = Op { now: core.clock.now(), ..op.clone() };
    let rule = actor.rule(&op, Verb::Read.as_str(), &event.resource.type_name);
    if rule.rows == Filter::True && rule.fields.is_empty() {
        return Ok(Some(shared.clone()));
    }
    let mut conn = core.db.read().await?;
    let shown = actor.show_event(&mut conn, &op, &mut Known::default(), event.clone()).await?;
    shown.map(|event| Frame::of(&event)).transpose()
}
