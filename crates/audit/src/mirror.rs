//! A mirror: the logs once more, in a second store that somebody else may hold. What is copied is derived anew on the way, from the
//! entries, and goes on from what the mirror has: so the mirror is a log that verifies at any moment, and never becomes another.

mod grow;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use admin_backends::blob::{Blob, Mode, Retention};
use admin_core::Core;
use admin_core::audit::LogStore;
use admin_db::audit::LogSize;
use admin_tlog::{Checkpoint, Note, Policy, TileId, TreeHead};
use admin_types::{Error, OrgId, Result};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::growing::partials;
use crate::rounds::{Turn, describe_objections, object, round, withdraw};
use grow::Grow;

/// How it is called where it objects.
const OBJECTOR: &str = "mirror";
/// What the lease is for.
const WORK: &str = "audit mirror";
/// How often it looks for what is new.
const EVERY: Duration = Duration::from_secs(30);
/// How long the last round may take when the process stops.
const LAST: Duration = Duration::from_secs(10);
/// Logs that are copied at once; each takes up to 140 MB where entries are as long as they may be, and a few where they are not.
const AT_ONCE: usize = 2;
/// How long a log is left alone that the mirror does not go on with.
const STOPPED: Duration = Duration::from_secs(300);

/// Copies logs to a second store.
pub struct Mirror {
    core: Core,
    blob: Arc<dyn Blob>,
    days: u64,
    logs: Mutex<HashMap<OrgId, Mirrored>>,
}

/// How far the mirror is with a log.
#[derive(Clone, Default)]
struct Mirrored {
    size: u64,
    /// The last look found nothing new: neither events nor cosignatures.
    settled: bool,
    /// Partial tiles of the checkpoint before the last one.
    stale: Vec<TileId>,
    /// Until when it is left alone, since it is not the log that the mirror has.
    stopped: Option<Instant>,
    /// It is known that the database has no objection.
    agrees: bool,
}

/// Why a log was not copied.
enum Failed {
    /// Something is away: in the next round.
    Away(Error),
    /// The log is not the one that the mirror has.
    Stopped(String),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        Failed::Away(error)
    }
}

impl Mirror {
    /// A mirror in a store. Checkpoints are locked there for so many days, if any.
    #[must_use]
    pub fn new(core: &Core, blob: Arc<dyn Blob>, days: u64) -> Mirror {
        metrics::describe_counter!("admin_audit_mirrored_total", "Checkpoints that were copied to the mirror");
        describe_objections();
        Mirror { core: core.clone(), blob, days, logs: Mutex::default() }
    }

    /// Works until `stop`, and then copies what is there once more.
    pub async fn run(self, turn: Turn, stop: CancellationToken) {
        loop {
            if stop.run_until_cancelled(self.turn(&turn)).await.is_none() {
                break;
            }
            if stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
                break;
            }
        }
        if tokio::time::timeout(LAST, self.turn(&turn)).await.is_err() {
            tracing::info!("not all of the audit log is mirrored yet; the next start goes on");
        }
        turn.give_up(WORK).await;
    }

    async fn turn(&self, turn: &Turn) {
        if !turn.is_ours(WORK).await {
            return;
        }
        if let Err(error) = round(&self.core, AT_ONCE, |log| self.is_due(log), |log| self.log(log)).await {
            tracing::debug!(%error, "cannot look for what is to be mirrored; looking on");
        }
    }

    fn known(&self, org: OrgId) -> Mirrored {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).get(&org).cloned().unwrap_or_default()
    }

    fn is_due(&self, log: &LogSize) -> bool {
        let known = self.known(log.org);
        match known.stopped {
            Some(until) => Instant::now() >= until,
            None => !known.settled || u64::try_from(log.size).is_ok_and(|size| size != known.size),
        }
    }

    async fn log(&self, log: LogSize) {
        let (org, mut known) = (log.org, self.known(log.org));
        match self.copy(org, &mut known).await {
            Ok(()) => {
                known.stopped = None;
                known.agrees = known.agrees || withdraw(&self.core, org, OBJECTOR).await;
            }
            Err(Failed::Away(error)) => {
                known.settled = false;
                let detail = error.context.as_deref().unwrap_or(&error.detail);
                tracing::warn!(%org, detail, "the audit log of an org could not be mirrored; trying again");
            }
            Err(Failed::Stopped(why)) => {
                object(&self.core, org, OBJECTOR, &format!("the mirror does not go on: {why}")).await;
                (known.stopped, known.agrees) = (Some(Instant::now() + STOPPED), false);
            }
        }
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).insert(org, known);
    }

    /// Brings the mirror up to the log's last checkpoint.
    async fn copy(&self, org: OrgId, known: &mut Mirrored) -> Result<(), Failed> {
        let (from, to) = (self.core.log_store(org)?, LogStore::new(self.blob.clone(), org));
        let policy = self.core.audit_policy(org).await?;
        let Some((note, checkpoint, _)) = from.checkpoint(&policy).await? else { return Ok(()) };
        let new = checkpoint.head;
        let there = last(&to, &policy).await?;
        let old = there.as_ref().map_or_else(TreeHead::empty, |(_, checkpoint, _)| checkpoint.head);
        if new.size < old.size {
            return Err(Failed::Stopped(format!(
                "it has {} events, and the log {}: an old copy of the log was restored",
                old.size, new.size
            )));
        }
        if new.size == old.size && new.root != old.root {
            return Err(Failed::Stopped(format!("it has another tree of {} events than the log", new.size)));
        }
        if let Some((there, ..)) = &there
            && new.size == old.size
            && note.signatures().len() <= there.signatures().len()
        {
            (known.size, known.settled) = (new.size, true);
            return Ok(());
        }
        if new.size > old.size {
            let grow = Grow { core: &self.core, org, from: &from, to: &to, policy: &policy };
            grow.run(old, new).await?;
        }
        to.keep(&note, new.size, self.retention()).await?;
        let before = there.as_ref().map(|(.., etag)| etag);
        if to.publish(&note, before).await?.is_none() {
            let why = "another process mirrors the log, too";
            return Err(Failed::Away(Error::unavailable("The mirror is busy.", why)));
        }
        metrics::counter!("admin_audit_mirrored_total").increment(1);
        // Whoever reads the checkpoint before still finds its tiles until the next one.
        let now = partials(new.size);
        let stale = std::mem::replace(&mut known.stale, partials(old.size));
        let stale = stale.into_iter().filter(|id| !now.contains(id) && !known.stale.contains(id)).collect();
        if let Err(error) = to.remove(stale).await {
            tracing::debug!(%org, %error, "partial tiles that are not needed any more were left in the mirror");
        }
        (known.size, known.settled) = (new.size, false);
        Ok(())
    }

    fn retention(&self) -> Option<Retention> {
        let seconds = i64::try_from(self.days.saturating_mul(86_400)).unwrap_or(i64::MAX);
        let until = self.core.clock().now().plus_seconds(seconds).0;
        (self.days > 0).then_some(Retention { until, mode: Mode::Compliance })
    }
}

/// The mirror's own checkpoint, which must be signed by the log.
async fn last(
    to: &LogStore,
    policy: &Policy,
) -> Result<Option<(Note, Checkpoint, admin_backends::blob::Etag)>, Failed> {
    to.checkpoint(policy).await.map_err(|error| match error.code {
        "log_altered" => {
            let why = error.context.unwrap_or_default();
            Failed::Stopped(format!("its own checkpoint is not one of this log: {why}"))
        }
        _ => Failed::Away(error),
    })
}
