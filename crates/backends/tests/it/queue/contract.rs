//! What every adapter of the queue promises.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use admin_types::{Event, OrgId};

use super::dice::Dice;
use super::memory_log::MemoryLog;
use super::recorder::{Deed, Handled, History, Recorder, eventually};
use super::{Harness, Process, READER};

/// The suite for a harness; each test runs under the attribute given.
macro_rules! contract {
    ($harness:ty, $(#[$attribute:meta])+) => {
        crate::queue::contract::contract!(@ $harness, [$(#[$attribute])+]
            every_event_is_handled, failures_keep_the_order, a_crash_brings_events_back, poison_is_parked_once,
            many_processes_keep_the_order, a_stop_loses_nothing, what_is_away_is_waited_for, a_flaky_log_loses_nothing);
    };
    (@ $harness:ty, $attributes:tt $($name:ident),+) => {
        $(crate::queue::contract::contract!(@test $harness, $attributes $name);)+
    };
    (@test $harness:ty, [$(#[$attribute:meta])+] $name:ident) => {
        $(#[$attribute])+
        async fn $name() {
            crate::queue::contract::$name(<$harness as crate::queue::Harness>::fresh().await).await;
        }
    };
}
pub(super) use contract;

fn all_handled(log: &MemoryLog, orgs: &[OrgId]) -> impl Fn(&History) -> bool {
    let wanted: Vec<(OrgId, BTreeSet<i64>)> = orgs.iter().map(|org| (*org, log.numbers(*org))).collect();
    move |history| wanted.iter().all(|(org, numbers)| history.numbers(*org).is_superset(numbers))
}

fn orgs(log: &MemoryLog, count: usize) -> Vec<OrgId> {
    (0..count).map(|_| log.org()).collect()
}

/// Events that are there, and events that come, in several orgs.
pub(super) async fn every_event_is_handled(harness: impl Harness) {
    let (log, mut dice, history) = (harness.log(), Dice::new(), Arc::new(History::default()));
    let orgs = orgs(log, 5);
    log.commit(orgs[0], 1500);
    let process = harness.process(&Recorder::good(&history)).await;
    for _ in 0..40 {
        log.commit(orgs[dice.below(5) as usize], 1 + dice.below(20) as i64);
        tokio::task::yield_now().await;
    }
    history.until("all are handled", all_handled(log, &orgs)).await;
    // Heard of while there was nothing to do.
    log.commit(orgs[3], 1);
    history.until("one more is handled", all_handled(log, &orgs)).await;
    process.stop().await;
    history.assert_order(|_| false);
}

/// Each batch is failed at once or twice, in different ways.
pub(super) async fn failures_keep_the_order(harness: impl Harness) {
    let (log, mut dice, history) = (harness.log(), Dice::new(), Arc::new(History::default()));
    let orgs = orgs(log, 3);
    for org in &orgs {
        log.commit(*org, 700);
    }
    let mut failed: HashMap<(OrgId, i64), u64> = HashMap::new();
    let recorder = Recorder::new(&history, move |org, events| {
        let failures = failed.entry((org, events[0].seq)).or_default();
        *failures += 1;
        match dice.below(6) {
            _ if *failures > 2 => Deed::Succeed,
            0 => Deed::Refuse,
            1 => Deed::Panic,
            2 => Deed::Away,
            _ => Deed::Succeed,
        }
    });
    let process = harness.process(&recorder).await;
    history.until("all are handled", all_handled(log, &orgs)).await;
    process.stop().await;
    history.assert_order(|_| false);
    assert_eq!(log.parked(READER), [], "nobody failed so often");
}

/// A process ends after a handler has done its work, and before anybody noted it.
pub(super) async fn a_crash_brings_events_back(harness: impl Harness) {
    let (log, mut dice, history) = (harness.log(), Dice::new(), Arc::new(History::default()));
    let orgs = orgs(log, 3);
    let dead = Arc::new(Mutex::new(vec![]));
    for round in 0..3 {
        for org in &orgs {
            log.commit(*org, 400);
        }
        let (at, mut calls, hung) = (1 + dice.below(3), 0, dead.clone());
        let recorder = Recorder::new(&history, move |org, events| {
            calls += 1;
            if calls < at {
                return Deed::Succeed;
            }
            hung.lock().unwrap().push((round, org, events[0].seq));
            Deed::Hang
        });
        let process = harness.process(&recorder).await;
        history.until("it hangs", |_| dead.lock().unwrap().iter().any(|(when, ..)| *when == round)).await;
        process.kill().await;
    }
    let before = history.handled().len();
    let process = harness.process(&Recorder::good(&history)).await;
    history.until("all are handled", all_handled(log, &orgs)).await;
    let (_, org, seq) = *dead.lock().unwrap().last().unwrap();
    let again = |history: &History| history.handled()[before..].iter().any(|h| (h.org, h.seq) == (org, seq));
    history.until("what nobody noted comes again", again).await;
    process.stop().await;
    history.assert_order(|_| false);
    assert_eq!(log.parked(READER), []);
}

fn is_poison(event: i64) -> bool {
    event % 97 == 11
}

/// Events that are failed at every time are parked, each once, and the others go on.
pub(super) async fn poison_is_parked_once(harness: impl Harness) {
    let (log, history) = (harness.log(), Arc::new(History::default()));
    let orgs = orgs(log, 2);
    log.commit(orgs[0], 600);
    log.commit(orgs[1], 20);
    let refuse = |_: OrgId, events: &[Event]| match events.iter().find(|event| is_poison(event.seq)) {
        Some(event) if event.seq % 2 == 0 => Deed::Panic,
        Some(_) => Deed::Refuse,
        None => Deed::Succeed,
    };
    let processes = [
        harness.process(&Recorder::new(&history, refuse)).await,
        harness.process(&Recorder::new(&history, refuse)).await,
    ];
    let mut wanted: Vec<(OrgId, i64)> = vec![];
    for org in &orgs {
        wanted.extend(log.numbers(*org).into_iter().filter(|seq| is_poison(*seq)).map(|seq| (*org, seq)));
    }
    wanted.sort_unstable();
    let good = |org: &OrgId| log.numbers(*org).into_iter().filter(|seq| !is_poison(*seq)).collect::<BTreeSet<_>>();
    history.until("the others go on", |h| orgs.iter().all(|org| h.numbers(*org).is_superset(&good(org)))).await;
    eventually("all poison is parked", || log.parked(READER).len() >= wanted.len()).await;
    stop(processes).await;
    let parked = log.parked(READER);
    assert_eq!(parked.iter().map(|(org, seq, _)| (*org, *seq)).collect::<Vec<_>>(), wanted);
    for (_, seq, reason) in &parked {
        let word = if seq % 2 == 0 { "it panicked: it is beside itself" } else { "it does not like this" };
        assert!(reason.contains(word), "{seq}: {reason}");
    }
    history.assert_order(|handled| {
        let poison = |h: &Handled| wanted.iter().any(|(org, seq)| *org == h.org && version(*seq) == h.version);
        poison(handled)
    });
}

fn version(seq: i64) -> i64 {
    (seq - 1) / super::memory_log::RESOURCES + 1
}

async fn stop(processes: impl IntoIterator<Item = Process>) {
    for process in processes {
        process.stop().await;
    }
}

/// Processes come, end and are killed at any time; the events of a resource stay in order.
pub(super) async fn many_processes_keep_the_order(harness: impl Harness) {
    let (log, mut dice, history) = (harness.log(), Dice::new(), Arc::new(History::default()));
    let orgs = orgs(log, 4);
    let mut processes = vec![];
    for round in 0..8 {
        for org in &orgs {
            log.commit(*org, dice.below(200) as i64);
        }
        processes.push(harness.process(&Recorder::good(&history)).await);
        let (seen, more) = (history.handled().len(), 1 + dice.below(300) as usize);
        let all = all_handled(log, &orgs);
        history.until("some are handled", |history| history.handled().len() >= seen + more || all(history)).await;
        if round % 2 == 1 {
            let process: Process = processes.swap_remove(dice.below(processes.len() as u64) as usize);
            if dice.below(2) == 0 { process.kill().await } else { process.stop().await }
        }
    }
    history.until("all are handled", all_handled(log, &orgs)).await;
    stop(processes).await;
    history.assert_order(|_| false);
    assert_eq!(log.parked(READER), []);
}

/// A process that is asked to stop ends what it is at, and the next one goes on behind it.
pub(super) async fn a_stop_loses_nothing(harness: impl Harness) {
    let (log, mut dice, history) = (harness.log(), Dice::new(), Arc::new(History::default()));
    let orgs = orgs(log, 3);
    for _ in 0..4 {
        for org in &orgs {
            log.commit(*org, 1000);
        }
        let process = harness.process(&Recorder::good(&history)).await;
        let (seen, more) = (history.handled().len(), 1 + dice.below(1500) as usize);
        history.until("some are handled", |history| history.handled().len() >= seen + more).await;
        process.stop().await;
    }
    let process = harness.process(&Recorder::good(&history)).await;
    history.until("all are handled", all_handled(log, &orgs)).await;
    process.stop().await;
    history.assert_order(|_| false);
}

/// First the handler says that something is away, then the log itself is; nothing is parked for it.
pub(super) async fn what_is_away_is_waited_for(harness: impl Harness) {
    let (log, history) = (harness.log(), Arc::new(History::default()));
    let orgs = orgs(log, 2);
    log.commit(orgs[0], 30);
    let (away, calls) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU32::new(0)));
    let (is_away, count) = (away.clone(), calls.clone());
    let recorder = Recorder::new(&history, move |_, _| {
        count.fetch_add(1, Ordering::SeqCst);
        if is_away.load(Ordering::SeqCst) { Deed::Away } else { Deed::Succeed }
    });
    let process = harness.process(&recorder).await;
    history.until("it is tried on", |_| calls.load(Ordering::SeqCst) >= 20).await;
    assert_eq!(log.parked(READER), []);
    away.store(false, Ordering::SeqCst);
    history.until("it is back", all_handled(log, &orgs)).await;

    log.be_away(true);
    log.commit(orgs[1], 30);
    let asked = log.calls();
    eventually("the log is asked on", || log.calls() >= asked + 20).await;
    assert_eq!(history.numbers(orgs[1]), BTreeSet::new());
    log.be_away(false);
    history.until("the log is back", all_handled(log, &orgs)).await;
    process.stop().await;
    assert_eq!(log.parked(READER), []);
    history.assert_order(|_| false);
}

/// Every few calls of the log fail, whichever they are.
pub(super) async fn a_flaky_log_loses_nothing(harness: impl Harness) {
    let (log, mut dice, history) = (harness.log(), Dice::new(), Arc::new(History::default()));
    let orgs = orgs(log, 4);
    log.be_flaky(2 + dice.below(4), dice.below(u64::MAX));
    for org in &orgs {
        log.commit(*org, 1500);
    }
    let processes =
        [harness.process(&Recorder::good(&history)).await, harness.process(&Recorder::good(&history)).await];
    history.until("all are handled", all_handled(log, &orgs)).await;
    log.be_flaky(0, 0);
    stop(processes).await;
    history.assert_order(|_| false);
    assert_eq!(log.parked(READER), []);
}
