//! The events as those read them who do something about each: in order, without a gap, each reader from where it was. An
//! org's events are numbered under its lock, so that whoever sees one event sees all before it.

use std::collections::BTreeSet;
use std::time::Duration;

use admin_backends::queue::{Behind, Log};
use admin_db::event_readers::{self, BehindRow, ParkedRow};
use admin_db::events::{self, EventQuery};
use admin_db::{Head, Tx, leases};
use admin_types::{Event, OrgId, Result, Timestamp};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Mutex;
use tokio::sync::broadcast::{Receiver, error::TryRecvError};

use crate::Core;

/// How often all orgs are looked at: so late may what another process wrote be seen.
const LOOK_AT_ALL: Duration = Duration::from_millis(500);
/// Events that are read in one statement.
const STEP: u32 = 64;
/// The most characters that are kept of why a reader failed.
const MAX_REASON: usize = 1000;

/// The events of all orgs, for one reader of them.
pub struct Feed {
    core: Core,
    news: Mutex<News>,
    /// The same, for whoever waits: apart, since to wait must not keep anybody from asking.
    waiting: Mutex<Receiver<Head>>,
}

/// Where there may be new events.
struct News {
    heads: Receiver<Head>,
    orgs: BTreeSet<OrgId>,
    /// When all orgs were looked at; never, if some were missed.
    looked: Option<Timestamp>,
}

impl Feed {
    /// The events, for a reader of its own.
    #[must_use]
    pub fn new(core: &Core) -> Feed {
        let news = News { heads: core.db.heads(), orgs: BTreeSet::new(), looked: None };
        Feed { core: core.clone(), news: Mutex::new(news), waiting: Mutex::new(core.db.heads()) }
    }

    async fn behind(&self, reader: &str, after: Option<OrgId>, limit: u32) -> Result<Vec<BehindRow>> {
        let (mut news, now) = (self.news.lock().await, self.core.clock.now());
        news.hear();
        let mut conn = self.core.db.read_once().await?;
        if news.is_old(now) {
            let rows = event_readers::behind(&mut conn, reader, after, limit).await?;
            news.orgs.extend(rows.iter().map(|row| row.org));
            // The end of a round over all orgs.
            if rows.len() < limit as usize {
                news.looked = Some(now);
            }
            return Ok(rows);
        }
        let orgs: Vec<OrgId> = news.orgs.iter().copied().filter(|org| after.is_none_or(|after| *org > after)).collect();
        let mut rows = vec![];
        for org in orgs {
            match event_readers::behind_in(&mut conn, reader, org).await? {
                Some(row) => rows.push(row),
                None => drop(news.orgs.remove(&org)),
            }
            if rows.len() == limit as usize {
                break;
            }
        }
        Ok(rows)
    }

    async fn read(&self, org: OrgId, after: i64, limit: u32, bytes: u32) -> Result<Vec<Event>> {
        let mut conn = self.core.db.read().await?;
        let (mut all, mut room, mut after) = (vec![], bytes as usize, after);
        while all.len() < limit as usize {
            let query = EventQuery { after: Some(after), ..EventQuery::default() };
            let wanted = STEP.min(limit - u32::try_from(all.len()).unwrap_or(limit));
            let step = events::list(&mut conn, org, &query, 0, wanted).await?;
            let full = step.len() == wanted as usize;
            for event in step {
                let size = size(&event);
                if size > room && !all.is_empty() {
                    return Ok(all);
                }
                room = room.saturating_sub(size);
                after = event.seq;
                all.push(event);
            }
            if !full {
                break;
            }
        }
        Ok(all)
    }

    async fn advance(&self, reader: &str, org: OrgId, from: i64, to: i64) -> Result<bool> {
        let reader = reader.to_owned();
        let job = async move |tx: &mut Tx| event_readers::advance(tx, &reader, org, (from, to)).await;
        self.core.db.write_global(job).await
    }

    async fn park(&self, reader: &str, org: OrgId, event: &Event, reason: &str) -> Result<()> {
        let row = parked_row(&self.core, reader, event.seq, reason);
        self.core.db.write_global(async move |tx: &mut Tx| event_readers::park(tx, org, &row).await).await
    }

    async fn lease(&self, reader: &str, holder: &str, seconds: i64) -> Result<bool> {
        // One process alone has nobody to share with, and need not wait for the lease of its predecessor.
        if self.core.db.is_embedded() {
            return Ok(true);
        }
        let (name, holder, now) = (format!("reader {reader}"), holder.to_owned(), self.core.clock.now());
        let job = async move |tx: &mut Tx| match seconds {
            0 => leases::release(tx, &name, &holder).await.map(|()| true),
            _ => leases::hold(tx, &name, &holder, (now, now.plus_seconds(seconds))).await,
        };
        self.core.db.write_global(job).await
    }

    async fn wait(&self) {
        let mut heads = self.waiting.lock().await;
        // Where it was, whoever asks hears for themselves. Without news it is time to look, or the process ends.
        let _ = tokio::time::timeout(LOOK_AT_ALL, heads.recv()).await;
        while !matches!(heads.try_recv(), Err(TryRecvError::Empty | TryRecvError::Closed)) {}
    }
}

impl News {
    /// Takes in what was said since it was last asked.
    fn hear(&mut self) {
        loop {
            match self.heads.try_recv() {
                Ok((org, _)) => drop(self.orgs.insert(org)),
                Err(TryRecvError::Lagged(_)) => self.looked = None,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    fn is_old(&self, now: Timestamp) -> bool {
        let since = self.looked.map(|looked| now.0.abs_diff(looked.0));
        since.is_none_or(|since| u128::from(since) >= LOOK_AT_ALL.as_micros())
    }
}

/// An event to put aside now.
pub(crate) fn parked_row(core: &Core, reader: &str, seq: i64, reason: &str) -> ParkedRow {
    let reason = reason.chars().take(MAX_REASON).collect();
    ParkedRow { reader: reader.to_owned(), seq, reason, at: core.clock.now() }
}

fn size(event: &Event) -> usize {
    [&event.before, &event.after].into_iter().flatten().map(|state| state.get().len()).sum()
}

impl Log for Feed {
    fn behind<'a>(&'a self, reader: &'a str, after: Option<OrgId>, limit: u32) -> BoxFuture<'a, Result<Vec<Behind>>> {
        let shown = |BehindRow { org, done, head, since }| Behind { org, done, head, since };
        async move { Ok(self.behind(reader, after, limit).await?.into_iter().map(shown).collect()) }.boxed()
    }

    fn read(&self, org: OrgId, after: i64, limit: u32, bytes: u32) -> BoxFuture<'_, Result<Vec<Event>>> {
        self.read(org, after, limit, bytes).boxed()
    }

    fn advance<'a>(&'a self, reader: &'a str, org: OrgId, from: i64, to: i64) -> BoxFuture<'a, Result<bool>> {
        self.advance(reader, org, from, to).boxed()
    }

    fn park<'a>(&'a self, reader: &'a str, org: OrgId, event: &'a Event, reason: &'a str) -> BoxFuture<'a, Result<()>> {
        self.park(reader, org, event, reason).boxed()
    }

    fn lease<'a>(&'a self, reader: &'a str, holder: &'a str, seconds: i64) -> BoxFuture<'a, Result<bool>> {
        self.lease(reader, holder, seconds).boxed()
    }

    fn wait(&self) -> BoxFuture<'_, ()> {
        self.wait().boxed()
    }
}
