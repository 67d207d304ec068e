//! A log in memory, which outlives the processes of a test, and can be told to be away.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use admin_backends::queue::{Behind, Log};
use admin_types::{
    Actor, Error, Event, EventId, EventResource, OrgId, Random, RequestId, ResourceId, Result, SystemRandom, Timestamp,
};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::value::to_raw_value;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::dice::Dice;

/// How many resources an org has: one in each partition of the queue.
pub(super) const RESOURCES: i64 = 8;

/// How long ago the first event of each org happened, in seconds of `MemoryLog::NOW`.
const AGE: i64 = 60;

#[derive(Default)]
pub(super) struct MemoryLog {
    /// The number of each org's last event.
    heads: Mutex<BTreeMap<OrgId, i64>>,
    cursors: Mutex<HashMap<(String, OrgId), i64>>,
    parked: Mutex<BTreeMap<(String, OrgId, i64), String>>,
    leases: Mutex<HashMap<String, (String, Instant)>>,
    news: Notify,
    away: AtomicBool,
    /// One call of so many fails, by these dice.
    flaky: Mutex<Option<(u64, Dice)>>,
    calls: AtomicU64,
    /// Bytes of padding in each event.
    padding: AtomicU64,
    /// Events that were read.
    read: AtomicI64,
}

impl MemoryLog {
    /// The present, for the ages of events.
    pub(super) const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

    /// A new org without events.
    pub(super) fn org(&self) -> OrgId {
        let org = OrgId::new(Self::NOW, &SystemRandom);
        self.heads.lock().unwrap().insert(org, 0);
        org
    }

    /// Commits so many events more; a process hears of it.
    pub(super) fn commit(&self, org: OrgId, events: i64) {
        *self.heads.lock().unwrap().entry(org).or_default() += events;
        self.news.notify_waiters();
    }

    /// From now on every call fails, or none.
    pub(super) fn be_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// From now on one call of `of` fails, by chance; none with 0.
    pub(super) fn be_flaky(&self, of: u64, seed: u64) {
        *self.flaky.lock().unwrap() = (of > 0).then(|| (of, Dice::seeded(seed)));
    }

    /// Makes each event so long.
    pub(super) fn pad(&self, bytes: u64) {
        self.padding.store(bytes, Ordering::SeqCst);
    }

    /// How many events were read so far.
    pub(super) fn events_read(&self) -> i64 {
        self.read.load(Ordering::SeqCst)
    }

    /// How often it was asked for something.
    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// How far the reader is in the org.
    pub(super) fn done(&self, reader: &str, org: OrgId) -> i64 {
        self.cursors.lock().unwrap().get(&(reader.to_owned(), org)).copied().unwrap_or(0)
    }

    /// What was parked for the reader.
    pub(super) fn parked(&self, reader: &str) -> Vec<(OrgId, i64, String)> {
        let parked = self.parked.lock().unwrap();
        let of_reader = parked.iter().filter(|((name, ..), _)| name == reader);
        of_reader.map(|((_, org, seq), reason)| (*org, *seq, reason.clone())).collect()
    }

    /// The resources of an org take turns, so the one of an event and its version follow from the event's number.
    pub(super) fn event(&self, org: OrgId, seq: i64) -> Event {
        let mut bytes = org.0;
        bytes[15] ^= (seq % RESOURCES) as u8;
        let padding = "x".repeat(self.padding.load(Ordering::SeqCst) as usize);
        Event {
            id: EventId::new(org, seq, Self::NOW, &Fixed),
            seq,
            kind: "workspace.updated".to_owned(),
            at: Self::NOW.plus_seconds(-AGE),
            actor: Actor { kind: "user".into(), id: ResourceId::of_row("user", org.0), via: None },
            resource: EventResource {
                type_name: "workspace".to_owned(),
                id: ResourceId::of_row("workspace", bytes),
                version: (seq - 1) / RESOURCES + 1,
            },
            before: None,
            after: Some(to_raw_value(&serde_json::json!({"name": "ä \"quoted\"", "padding": padding})).unwrap()),
            request_id: RequestId::accept("req_1").unwrap(),
            outcome: None,
            address: None,
            details: None,
        }
    }

    fn answer<T>(&self, answer: impl FnOnce() -> T) -> Result<T> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let fails = self.flaky.lock().unwrap().as_mut().is_some_and(|(of, dice)| dice.below(*of) == 0);
        if fails || self.away.load(Ordering::SeqCst) {
            return Err(Error::unavailable("The database is away.", "the test says so"));
        }
        Ok(answer())
    }
}

/// An event's id is the same however often it is read.
struct Fixed;

impl Random for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

impl Log for MemoryLog {
    fn behind<'a>(&'a self, reader: &'a str, after: Option<OrgId>, limit: u32) -> BoxFuture<'a, Result<Vec<Behind>>> {
        let answer = move || {
            let heads = self.heads.lock().unwrap();
            let all = heads.iter().filter(|(org, _)| after.is_none_or(|after| **org > after));
            let all = all.map(|(org, head)| Behind {
                org: *org,
                done: self.done(reader, *org),
                head: *head,
                since: Self::NOW.plus_seconds(-AGE),
            });
            all.filter(|behind| behind.done < behind.head).take(limit as usize).collect()
        };
        async move { self.answer(answer) }.boxed()
    }

    fn read(&self, org: OrgId, after: i64, limit: u32, bytes: u32) -> BoxFuture<'_, Result<Vec<Event>>> {
        let answer = move || {
            let head = self.heads.lock().unwrap()[&org];
            let (mut events, mut size) = (vec![], 0);
            for seq in (after + 1..=head).take(limit as usize) {
                let event = self.event(org, seq);
                size += event.after.as_ref().map_or(0, |after| after.get().len());
                if !events.is_empty() && size > bytes as usize {
                    break;
                }
                events.push(event);
            }
            self.read.fetch_add(events.len() as i64, Ordering::SeqCst);
            events
        };
        async move { self.answer(answer) }.boxed()
    }

    fn advance<'a>(&'a self, reader: &'a str, org: OrgId, from: i64, to: i64) -> BoxFuture<'a, Result<bool>> {
        let answer = move || {
            let mut cursors = self.cursors.lock().unwrap();
            let cursor = cursors.entry((reader.to_owned(), org)).or_default();
            let stands = *cursor == from;
            if stands {
                *cursor = to;
            }
            stands
        };
        async move { self.answer(answer) }.boxed()
    }

    fn park<'a>(&'a self, reader: &'a str, org: OrgId, event: &'a Event, reason: &'a str) -> BoxFuture<'a, Result<()>> {
        let answer = move || {
            let mut parked = self.parked.lock().unwrap();
            parked.entry((reader.to_owned(), org, event.seq)).or_insert_with(|| reason.to_owned());
        };
        async move { self.answer(answer) }.boxed()
    }

    fn lease<'a>(&'a self, reader: &'a str, holder: &'a str, seconds: i64) -> BoxFuture<'a, Result<bool>> {
        let answer = move || {
            let (mut leases, now) = (self.leases.lock().unwrap(), Instant::now());
            if leases.get(reader).is_some_and(|(other, until)| other != holder && *until > now) {
                return false;
            }
            let until = now + Duration::from_secs(seconds.unsigned_abs());
            leases.insert(reader.to_owned(), (holder.to_owned(), until));
            true
        };
        async move { self.answer(answer) }.boxed()
    }

    fn wait(&self) -> BoxFuture<'_, ()> {
        let news = self.news.notified();
        async move {
            let _ = timeout(Duration::from_secs(1), news).await;
        }
        .boxed()
    }
}

impl MemoryLog {
    /// The numbers of an org's events, for comparisons.
    pub(super) fn numbers(&self, org: OrgId) -> BTreeSet<i64> {
        (1..=self.heads.lock().unwrap()[&org]).collect()
    }
}
