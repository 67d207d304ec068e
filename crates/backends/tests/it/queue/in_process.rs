//! The embedded adapter.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use admin_backends::queue::{Lag, Settings, lag, run};
use futures_util::FutureExt;

use super::contract::contract;
use super::memory_log::MemoryLog;
use super::recorder::{Deed, History, Recorder, eventually};
use super::{Harness, Process, READER, settings};

struct InProcess(Arc<MemoryLog>);

impl Harness for InProcess {
    async fn fresh() -> InProcess {
        InProcess(Arc::default())
    }

    fn log(&self) -> &Arc<MemoryLog> {
        &self.0
    }

    async fn process(&self, recorder: &Arc<Recorder>) -> Process {
        self.with(recorder, settings())
    }
}

impl InProcess {
    fn with(&self, recorder: &Arc<Recorder>, settings: Settings) -> Process {
        let (log, recorder) = (self.0.clone(), recorder.clone());
        Process::of([Box::new(move |stop| {
            async move { run(log, (READER, "test"), recorder, settings, stop).await }.boxed()
        }) as _])
    }
}

contract!(InProcess, #[tokio::test(start_paused = true)]);

/// On threads that run at once, with time as it is.
mod on_threads {
    use super::{InProcess, contract};

    contract!(InProcess, #[tokio::test(flavor = "multi_thread", worker_threads = 2)]);
}

/// Orgs with a million events before them do not keep the others waiting, nor do orgs whose handler fails.
#[tokio::test]
async fn no_org_waits_for_another() {
    let (harness, history) = (InProcess::fresh().await, Arc::new(History::default()));
    let big: Vec<_> = (0..20).map(|_| harness.0.org()).collect();
    let bad: Vec<_> = (0..20).map(|_| harness.0.org()).collect();
    let small: Vec<_> = (0..200).map(|_| harness.0.org()).collect();
    for (orgs, events) in [(&big, 1_000_000), (&bad, 10), (&small, 3)] {
        for org in orgs {
            harness.0.commit(*org, events);
        }
    }
    let (of_big, of_small) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counters = (of_big.clone(), of_small.clone());
    let recorder = Recorder::new(&history, move |org, events| {
        if bad.contains(&org) {
            return Deed::Away;
        }
        let counter = if big.contains(&org) { &counters.0 } else { &counters.1 };
        counter.fetch_add(events.len(), Ordering::SeqCst);
        Deed::Succeed
    });
    let process = harness.with(&recorder, Settings { turn: Duration::from_millis(10), ..settings() });
    history.until("the small ones are handled", |_| of_small.load(Ordering::SeqCst) == 600).await;
    process.kill().await;
    let of_big = of_big.load(Ordering::SeqCst);
    assert!(of_big < 1_000_000, "the small ones waited for {of_big} events of the big ones");
    assert!(of_big > 0, "the big ones had turns too");
}

/// A batch is bounded by its events and by its bytes, whatever is before the reader.
#[tokio::test(start_paused = true)]
async fn memory_is_bounded() {
    for (padding, most) in [(0, 8 * 512), (1 << 20, 8 * 4)] {
        let (harness, history) = (InProcess::fresh().await, Arc::new(History::default()));
        harness.0.pad(padding);
        for _ in 0..100 {
            let org = harness.0.org();
            harness.0.commit(org, 100_000);
        }
        let process = harness.process(&Recorder::new(&history, |_, _| Deed::Hang)).await;
        history.until("all places are taken", |history| history.handled().len() as i64 >= most / 2).await;
        tokio::time::sleep(Duration::from_secs(30)).await;
        process.kill().await;
        assert!(harness.0.events_read() <= most, "{} events were in memory", harness.0.events_read());
    }
}

/// Whoever has lost the lease, because the log was away for longer than it is good, stops before the next one begins.
#[tokio::test(start_paused = true)]
async fn a_lost_lease_stops_the_work() {
    let (harness, history) = (InProcess::fresh().await, Arc::new(History::default()));
    let org = harness.0.org();
    harness.0.commit(org, 10);
    let (hung, other) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let tell = hung.clone();
    let first = Recorder::new(&history, move |_, _| {
        tell.store(true, Ordering::SeqCst);
        Deed::Hang
    });
    let first = harness.process(&first).await;
    history.until("the first is at work", |_| hung.load(Ordering::SeqCst)).await;
    let tell = other.clone();
    let second = Recorder::new(&history, move |_, _| {
        tell.store(true, Ordering::SeqCst);
        Deed::Succeed
    });
    let second = harness.process(&second).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(!other.load(Ordering::SeqCst), "the lease is kept while its holder is at work");
    harness.0.be_away(true);
    tokio::time::sleep(Duration::from_secs(5)).await;
    harness.0.be_away(false);
    eventually("the log stands at the end", || harness.0.done(READER, org) == 10).await;
    first.stop().await;
    second.stop().await;
}

/// A handler that never answers is a failure like others.
#[tokio::test(start_paused = true)]
async fn no_answer_is_a_failure() {
    let (harness, history) = (InProcess::fresh().await, Arc::new(History::default()));
    let org = harness.0.org();
    harness.0.commit(org, 10);
    let hang_at_four = |_, events: &[admin_types::Event]| match events.iter().any(|event| event.seq == 4) {
        true => Deed::Hang,
        false => Deed::Succeed,
    };
    let settings = Settings { handle_within: Duration::from_secs(2), ..settings() };
    let process = harness.with(&Recorder::new(&history, hang_at_four), settings);
    eventually("the reader is done", || harness.0.done(READER, org) == 10).await;
    process.stop().await;
    assert_eq!(harness.0.parked(READER), [(org, 4, "no answer within 2s".to_owned())]);
}

/// The figures of a reader: events, orgs, and the age of the oldest.
#[tokio::test]
async fn the_lag_is_counted() {
    let log = MemoryLog::default();
    assert_eq!(lag(&log, READER, MemoryLog::NOW).await.unwrap(), Lag::default());
    for events in 0..700 {
        let org = log.org();
        log.commit(org, events % 3);
    }
    let found = lag(&log, READER, MemoryLog::NOW).await.unwrap();
    assert_eq!(found, Lag { events: 699, orgs: 466, age: Duration::from_secs(60) });
    log.be_away(true);
    assert!(lag(&log, READER, MemoryLog::NOW).await.is_err());
}
