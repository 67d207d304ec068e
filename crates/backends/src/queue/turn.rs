//! One org's turn: its next batches, until nothing is left, the time is over, or something failed.

use std::sync::Arc;

use admin_types::{Error, Event, OrgId, Result};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::attempt::attempt;
use super::meters::Meters;
use super::trouble::{Next, Trouble};
use super::{Behind, Handler, Log, Settings};

/// What all turns of a reader share.
pub(super) struct Reader {
    pub(super) log: Arc<dyn Log>,
    pub(super) name: String,
    pub(super) handler: Arc<dyn Handler>,
    pub(super) settings: Settings,
    pub(super) stop: CancellationToken,
    pub(super) meters: Meters,
}

/// How a turn ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    /// Nothing is left of what was there when it began.
    CaughtUp,
    /// The time was over.
    More,
    /// Something failed and is tried again, after a pause.
    Failed,
}

impl Reader {
    /// Works for one org.
    pub(super) async fn turn(&self, behind: Behind, trouble: &mut Trouble) -> Ended {
        let (mut done, over) = (behind.done, Instant::now() + self.settings.turn);
        while done < behind.head {
            if self.stop.is_cancelled() || Instant::now() >= over {
                return Ended::More;
            }
            match self.step(behind.org, done, trouble).await {
                Ok(Some(moved)) => done = moved,
                Ok(None) => return Ended::Failed,
                Err(error) => {
                    trouble.away();
                    self.tell_away(behind.org, &error, trouble);
                    return Ended::Failed;
                }
            }
        }
        Ended::CaughtUp
    }

    /// One batch: the number up to which the reader is now done, or `None` if the handler failed. An error is the log's.
    async fn step(&self, org: OrgId, done: i64, trouble: &mut Trouble) -> Result<Option<i64>> {
        let limit = if trouble.singly(done) { 1 } else { self.settings.batch };
        let events = self.log.read(org, done, limit, self.settings.bytes).await?;
        let Some(last) = events.last() else {
            return Err(Error::internal(format!("the log of {org} has a gap after {done}")));
        };
        if !self.handled(org, &events, trouble).await? {
            return Ok(None);
        }
        if !self.log.advance(&self.name, org, done, last.seq).await? {
            return Err(Error::internal(format!("somebody else moved the reader from {done}")));
        }
        trouble.over();
        Ok(Some(last.seq))
    }

    /// Whether the events are done with: handled, or parked. An error is the log's.
    pub(super) async fn handled(&self, org: OrgId, events: &[Event], trouble: &mut Trouble) -> Result<bool> {
        let Err(failure) = attempt(&*self.handler, org, events, self.settings.handle_within).await else {
            self.meters.handled.increment(events.len() as u64);
            return Ok(true);
        };
        self.meters.failed.increment(1);
        let told = failure.to_string();
        match trouble.failed(failure, events, &self.settings) {
            Next::Again if trouble.just_away() => {
                tracing::warn!(reader = self.name, %org, why = told, "what a reader needs is away; trying on");
            }
            Next::Again => {
                tracing::debug!(reader = self.name, %org, why = told, "events were not handled; trying again");
            }
            Next::Park(reason) => {
                for event in events {
                    self.log.park(&self.name, org, event, &reason).await?;
                    self.meters.parked.increment(1);
                    tracing::error!(reader = self.name, %org, event = %event.id, reason, "an event was parked");
                }
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn tell_away(&self, org: OrgId, error: &Error, trouble: &Trouble) {
        if trouble.just_away() {
            tracing::warn!(reader = self.name, %org, %error, "the log of events is away; trying on");
        }
    }
}
