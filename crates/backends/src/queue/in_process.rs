//! The embedded queue: a reader of the log in this process, durable by its cursor in each org.
//!
//! It goes round the orgs in which it is behind, page by page. Each gets a turn; several at once, each org by one alone. What
//! fails waits outside of the turns, so it takes no place from those that go well.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use admin_types::OrgId;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::lease::Claim;
use super::meters::Meters;
use super::trouble::{Trouble, pause};
use super::turn::{Ended, Reader};
use super::{Behind, Handler, Log, Settings};

/// Orgs asked for at once.
const PAGE: u32 = 64;

/// Works for the reader until `stop`, whenever no other process does: reads what it is behind, has `handler` handle it, and
/// moves the reader on. `holder` names this process, such as by its host and process id.
pub async fn run(
    log: Arc<dyn Log>,
    (name, holder): (&str, &str),
    handler: Arc<dyn Handler>,
    settings: Settings,
    stop: CancellationToken,
) {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let holder = format!("{holder}/{}", RUNS.fetch_add(1, Ordering::Relaxed));
    let claim = Claim { log: log.clone(), reader: name.to_owned(), holder, time: settings.lease };
    let meters = Meters::new(name);
    let reader = Arc::new(Reader { log, name: name.to_owned(), handler, settings, stop: stop.clone(), meters });
    while let Some(lease) = claim.take(&stop).await {
        tracing::debug!(reader = name, "this process works for the reader");
        // Dropped with the lease: whoever is at work stops, as if the process had ended.
        let _ = lease.lost.run_until_cancelled(Rounds::new(reader.clone()).work()).await;
        match stop.is_cancelled() {
            true => claim.give_up(lease).await,
            false => tracing::warn!(reader = name, "the lease of a reader was lost; asking for it again"),
        }
    }
}

/// An org that failed, until it is tried again.
struct Paused {
    trouble: Trouble,
    until: Instant,
}

/// The rounds of one reader over its orgs.
struct Rounds {
    reader: Arc<Reader>,
    turns: JoinSet<(OrgId, Trouble, Ended)>,
    /// The orgs that have a turn, and whether they were met again meanwhile.
    busy: HashMap<OrgId, bool>,
    paused: HashMap<OrgId, Paused>,
    waiting: VecDeque<Behind>,
    /// The round that is under way: the last org of its last page.
    round: Option<Option<OrgId>>,
    began: Instant,
    /// Whether another round follows.
    another: bool,
}

impl Rounds {
    fn new(reader: Arc<Reader>) -> Rounds {
        let (busy, paused) = (HashMap::new(), HashMap::new());
        let (waiting, began) = (VecDeque::new(), Instant::now());
        Rounds { reader, turns: JoinSet::new(), busy, paused, waiting, round: None, began, another: true }
    }

    /// Returns when the reader stops, and those at work have ended or their grace has.
    async fn work(mut self) {
        let reader = self.reader.clone();
        // Taken before the log is asked, so that nothing is committed in between unheard.
        let mut news = reader.log.wait();
        while !reader.stop.is_cancelled() {
            if self.round.is_none() && self.another {
                (self.round, self.began, self.another) = (Some(None), Instant::now(), false);
            }
            if self.waiting.is_empty() && self.has_room() && self.round.is_some() {
                self.next_page().await;
                self.start();
                continue;
            }
            self.start();
            let pause_ends = self.pause_ends();
            tokio::select! {
                () = reader.stop.cancelled() => break,
                Some(ended) = self.turns.join_next(), if !self.turns.is_empty() => self.settle(ended),
                () = &mut news, if self.round.is_none() => {
                    let _ = reader.stop.run_until_cancelled(sleep(reader.settings.linger)).await;
                    news = reader.log.wait();
                    self.another = true;
                }
                () = wait_until(pause_ends), if self.round.is_none() && pause_ends.is_some() => self.another = true,
            }
        }
        let all_ended = timeout(reader.settings.grace, async { while self.turns.join_next().await.is_some() {} }).await;
        if all_ended.is_err() {
            tracing::warn!(reader = reader.name, "events that were being handled at the stop will be handled again");
        }
    }

    fn has_room(&self) -> bool {
        self.turns.len() < self.reader.settings.concurrency
    }

    /// When the next round is due for those that failed: many of them share one.
    fn pause_ends(&self) -> Option<Instant> {
        let first = self.paused.values().map(|paused| paused.until).min()?;
        Some(first.max(self.began + self.reader.settings.first_pause / 2))
    }

    /// Asks for the next orgs of the round, until the log answers.
    async fn next_page(&mut self) {
        let reader = self.reader.clone();
        let after = self.round.flatten();
        let mut failures = 0;
        let page = loop {
            let asked = reader.stop.run_until_cancelled(reader.log.behind(&reader.name, after, PAGE)).await;
            match asked {
                None => return,
                Some(Ok(page)) => break page,
                Some(Err(error)) => {
                    if failures == 0 {
                        tracing::warn!(reader = reader.name, %error, "the log of events is away; trying on");
                    }
                    failures += 1;
                    let _ = reader.stop.run_until_cancelled(sleep(pause(failures, &reader.settings))).await;
                }
            }
        };
        self.round = (page.len() == PAGE as usize).then(|| page.last().map(|last| last.org));
        let now = Instant::now();
        for behind in page {
            if let Some(met) = self.busy.get_mut(&behind.org) {
                *met = true;
            } else if self.paused.get(&behind.org).is_none_or(|paused| paused.until <= now) {
                self.waiting.push_back(behind);
            }
        }
        if self.round.is_none() {
            // Who could be tried again and was not met is not behind any more: somebody else has done it.
            let (began, waiting) = (self.began, &self.waiting);
            let is_waiting = |org| waiting.iter().any(|behind| behind.org == org);
            self.paused.retain(|org, paused| paused.until > began || is_waiting(*org));
        }
    }

    /// Gives turns to those who wait, as long as there is room.
    fn start(&mut self) {
        while self.has_room()
            && let Some(behind) = self.waiting.pop_front()
        {
            self.busy.insert(behind.org, false);
            let mut trouble = self.paused.remove(&behind.org).map(|paused| paused.trouble).unwrap_or_default();
            let reader = self.reader.clone();
            self.turns.spawn(async move {
                let ended = reader.turn(behind, &mut trouble).await;
                (behind.org, trouble, ended)
            });
        }
    }

    fn settle(&mut self, ended: Result<(OrgId, Trouble, Ended), tokio::task::JoinError>) {
        // What handlers do wrong is caught where they are called; a turn does not panic.
        let Ok((org, trouble, ended)) = ended else { return };
        let met = self.busy.remove(&org).unwrap_or(false);
        self.another |= met || ended == Ended::More;
        if ended != Ended::CaughtUp {
            let until = Instant::now() + trouble.pause(&self.reader.settings);
            self.paused.insert(org, Paused { trouble, until });
        }
    }
}

async fn wait_until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
