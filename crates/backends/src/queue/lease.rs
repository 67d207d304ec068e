//! One process works for a reader: the one that has its lease.
//!
//! The lease is good from before it was asked for, so it ends here no later than in the log.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::Log;

/// A lease that is renewed in the background while this value lives.
pub(super) struct Lease {
    /// Cancelled when the lease could not be kept.
    pub(super) lost: CancellationToken,
    keeper: AbortOnDropHandle<()>,
}

/// What is leased, and by whom.
#[derive(Clone)]
pub(super) struct Claim {
    pub(super) log: Arc<dyn Log>,
    pub(super) reader: String,
    pub(super) holder: String,
    pub(super) time: Duration,
}

impl Claim {
    /// Waits until the lease is had. `None` when `stop` comes first.
    pub(super) async fn take(&self, stop: &CancellationToken) -> Option<Lease> {
        let held = stop.run_until_cancelled(self.ask_until_had()).await?;
        let lost = CancellationToken::new();
        let (claim, end) = (self.clone(), lost.clone());
        let keeper = tokio::spawn(async move {
            claim.keep(held).await;
            end.cancel();
        });
        Some(Lease { lost, keeper: AbortOnDropHandle::new(keeper) })
    }

    async fn ask_until_had(&self) -> Instant {
        let mut told = false;
        loop {
            let asked = Instant::now();
            match timeout(self.time, self.log.lease(&self.reader, &self.holder, self.seconds())).await {
                Ok(Ok(true)) => return asked + self.time,
                Ok(Err(error)) if !told => {
                    tracing::warn!(reader = self.reader, %error, "cannot ask for the lease of a reader; asking on");
                    told = true;
                }
                _ => {}
            }
            sleep(self.time / 5).await;
        }
    }

    /// Renews the lease; returns when it is no longer had.
    async fn keep(&self, mut until: Instant) {
        loop {
            sleep(self.time / 3).await;
            while Instant::now() < until {
                let asked = Instant::now();
                match timeout_at(until, self.log.lease(&self.reader, &self.holder, self.seconds())).await {
                    Ok(Ok(true)) => {
                        until = asked + self.time;
                        break;
                    }
                    Ok(Ok(false)) => return,
                    // The log is away: perhaps it is back before the lease ends.
                    Ok(Err(_)) => sleep(self.time / 20).await,
                    Err(_) => return,
                }
            }
            if Instant::now() >= until {
                return;
            }
        }
    }

    /// Gives the lease up, so that the next one need not wait for its end.
    pub(super) async fn give_up(&self, lease: Lease) {
        drop(lease.keeper);
        let given_up = timeout(self.time / 5, self.log.lease(&self.reader, &self.holder, 0)).await;
        if !matches!(given_up, Ok(Ok(_))) {
            tracing::debug!(reader = self.reader, "the lease of a reader was not given up; it ends by itself");
        }
    }

    fn seconds(&self) -> i64 {
        i64::try_from(self.time.as_secs()).unwrap_or(i64::MAX).max(1)
    }
}
