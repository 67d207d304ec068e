//! One reader of the events for all who watch an org in this process.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use admin_db::{events, orgs};
use admin_types::{Event, OrgId, Result};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use tokio::sync::Notify;
use tokio::sync::broadcast::error::RecvError;

use super::audience::{Audience, Watcher};
use super::watch::{Frame, show};
use crate::Core;
use crate::events::EventQuery;
use crate::interest::{Handles, deciding};

/// How often the orgs that are watched are looked at, for what other processes wrote.
const LOOK: Duration = Duration::from_millis(250);
/// Events that are read at a time.
const BATCH: u32 = 100;
/// How long a reader of an org stays after the last who watched it.
const LINGER: Duration = Duration::from_secs(30);

/// All who watch, by org.
#[derive(Default)]
pub(crate) struct Hub {
    orgs: Mutex<HashMap<OrgId, Arc<Watched>>>,
    /// Orgs that nobody reads yet.
    fresh: Mutex<Vec<Arc<Watched>>>,
    changed: Notify,
    /// Cancelled when the process ends, and with it what anybody watches.
    pub(super) closing: tokio::sync::watch::Sender<bool>,
}

/// An org that is watched.
pub(super) struct Watched {
    org: OrgId,
    pub(super) audience: Mutex<Audience>,
    news: Notify,
}

impl Watched {
    pub(super) fn audience(&self) -> MutexGuard<'_, Audience> {
        self.audience.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hub {
    fn orgs(&self) -> MutexGuard<'_, HashMap<OrgId, Arc<Watched>>> {
        self.orgs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh(&self) -> MutexGuard<'_, Vec<Arc<Watched>>> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The org, which is read from now on. `head` is the number of its last event, to begin at if nobody watches it yet.
    /// `within` runs before anybody can find that nobody watches it.
    pub(super) fn enter<T>(&self, org: OrgId, head: i64, within: impl FnOnce(&Arc<Watched>) -> T) -> T {
        let mut orgs = self.orgs();
        let watched = orgs.entry(org).or_insert_with(|| {
            let audience = Mutex::new(Audience::new(head));
            let watched = Arc::new(Watched { org, audience, news: Notify::new() });
            self.fresh().push(watched.clone());
            self.changed.notify_one();
            watched
        });
        within(watched)
    }

    /// Ends the reading of an org that nobody watches; whether nobody does.
    fn leave(&self, watched: &Watched) -> bool {
        let mut orgs = self.orgs();
        let empty = watched.audience().is_empty();
        if empty {
            orgs.remove(&watched.org);
        }
        empty
    }

    fn wake(&self, org: OrgId) {
        if let Some(watched) = self.orgs().get(&org) {
            watched.news.notify_one();
        }
    }

    fn wake_all(&self) {
        self.orgs().values().for_each(|watched| watched.news.notify_one());
    }
}

/// Reads the events of the orgs that are watched until `stop` is done.
pub async fn follow_live(core: Core, stop: impl Future<Output = ()>) {
    let mut readers: tokio::task::JoinSet<()> = tokio::task::JoinSet::new();
    let mut heads = core.db.heads();
    let mut look = tokio::time::interval(LOOK);
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => {
                core.live.closing.send_replace(true);
                return;
            }
            head = heads.recv() => match head {
                Ok((org, _)) => core.live.wake(org),
                Err(RecvError::Lagged(_)) => core.live.wake_all(),
                Err(RecvError::Closed) => return,
            },
            () = core.live.changed.notified() => {
                for watched in std::mem::take(&mut *core.live.fresh()) {
                    readers.spawn(read(core.clone(), watched));
                }
            }
            // Alone, a process hears of all that is written.
            _ = look.tick(), if !core.db.is_embedded() => look_at_heads(&core).await,
            Some(_) = readers.join_next() => {}
        }
    }
}

/// Wakes the readers of the orgs in which another process wrote something.
async fn look_at_heads(core: &Core) {
    let watched: Vec<Arc<Watched>> = core.live.orgs().values().cloned().collect();
    let org_ids: Vec<OrgId> = watched.iter().map(|watched| watched.org).collect();
    let heads = async { orgs::heads(&mut *core.db.read_once().await?, &org_ids).await };
    match heads.await {
        Ok(heads) => {
            let heads: HashMap<OrgId, i64> = heads.into_iter().collect();
            let behind = |watched: &&Arc<Watched>| {
                heads.get(&watched.org).is_some_and(|head| *head > watched.audience().position)
            };
            watched.iter().filter(behind).for_each(|watched| watched.news.notify_one());
        }
        Err(error) => tracing::warn!(%error, "cannot look for new events; trying again"),
    }
}

/// Reads one org until nobody watches it.
async fn read(core: Core, watched: Arc<Watched>) {
    loop {
        let anybody = !watched.audience().is_empty();
        let handed = if anybody { hand_out(&core, &watched).await } else { Ok(false) };
        match handed {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, org = %watched.org, "cannot read the events of an org that is watched; trying again");
                tokio::time::sleep(LOOK).await;
                continue;
            }
        }
        let idle = tokio::time::timeout(LINGER, watched.news.notified()).await.is_err();
        if idle && core.live.leave(&watched) {
            return;
        }
    }
}

/// Hands a batch of events to those who want them; whether there was any.
async fn hand_out(core: &Core, watched: &Watched) -> Result<bool> {
    let position = watched.audience().position;
    let query = EventQuery { after: Some(position), ..EventQuery::default() };
    let batch = events::list(&mut *core.db.read().await?, watched.org, &query, 0, BATCH).await?;
    for event in &batch {
        let state = deciding(event)?;
        arrange(core, watched, event).await?;
        let candidates = watched.audience().candidates(event, state.as_ref());
        if candidates.is_empty() {
            continue;
        }
        let shared = Frame::of(event)?;
        for (number, watcher) in candidates {
            let shown = show(core, &watcher.op, &watcher.interest, (event, state.as_ref()), &shared).await;
            let kept = match shown {
                Ok(Some(frame)) => watcher.frames.try_send(frame).is_ok(),
                Ok(None) => !watcher.frames.is_closed(),
                // The watcher finds out by itself what is wrong.
                Err(_) => false,
            };
            match kept {
                true => watcher.seen.store(event.seq, Ordering::Relaxed),
                false => watched.audience().remove(number),
            }
        }
    }
    Ok(!batch.is_empty())
}

/// Has the watchers arranged under what was in force at the event: a change of types, policies or principals is an event
/// too, before those that it concerns.
async fn arrange(core: &Core, watched: &Watched, event: &Event) -> Result<()> {
    let (catalogue, versions) = core.catalogues.current(&core.db, watched.org).await?;
    let known = catalogue.named(&event.resource.type_name);
    let versions = match known.is_none_or(|entry| entry.builtin) {
        true => {
            core.catalogues.changed(&core.db, watched.org).await?;
            core.catalogues.current(&core.db, watched.org).await?.1
        }
        false => versions,
    };
    let all = {
        let audience = watched.audience();
        if audience.versions == Some(versions) {
            return Ok(());
        }
        audience.all()
    };
    let handles = |(number, watcher): (u64, Arc<Watcher>)| -> BoxFuture<'_, (u64, Option<Handles>)> {
        async move {
            let actor = core.actor_of(&watcher.op.principal).await;
            (number, actor.ok().map(|actor| watcher.interest.handles(&watcher.op, &actor)))
        }
        .boxed()
    };
    let made = join_all(all.into_iter().map(handles)).await;
    let mut audience = watched.audience();
    let mut anew = HashMap::new();
    for (number, handles) in made {
        match handles {
            Some(handles) => drop(anew.insert(number, handles)),
            // Not a principal any more.
            None => audience.remove(number),
        }
    }
    audience.rearrange(anew, versions);
    Ok(())
}
