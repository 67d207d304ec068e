//! A handler that remembers what it handled, and fails as it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use admin_backends::queue::Handler;
use admin_types::{Error, Event, OrgId, ResourceId, Result};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::timeout;

/// Longer than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a handler does with a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Deed {
    Succeed,
    /// Fails at the events.
    Refuse,
    /// What it needs is away.
    Away,
    Panic,
    /// Does its work, and then never comes back, as if its process stopped there.
    Hang,
}

/// One event that was handled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handled {
    pub(super) org: OrgId,
    pub(super) seq: i64,
    pub(super) resource: ResourceId,
    pub(super) version: i64,
}

type Plan = Box<dyn FnMut(OrgId, &[Event]) -> Deed + Send>;

/// What the handlers of all processes of a test did.
#[derive(Default)]
pub(super) struct History {
    handled: Mutex<Vec<Handled>>,
    calls: watch::Sender<usize>,
}

/// The handler of one process.
pub(super) struct Recorder {
    pub(super) history: Arc<History>,
    plan: Mutex<Plan>,
}

impl Recorder {
    /// One that follows the plan.
    pub(super) fn new(
        history: &Arc<History>,
        plan: impl FnMut(OrgId, &[Event]) -> Deed + Send + 'static,
    ) -> Arc<Recorder> {
        Arc::new(Recorder { history: history.clone(), plan: Mutex::new(Box::new(plan)) })
    }

    /// One that always succeeds.
    pub(super) fn good(history: &Arc<History>) -> Arc<Recorder> {
        Recorder::new(history, |_, _| Deed::Succeed)
    }
}

impl Handler for Recorder {
    fn handle<'a>(&'a self, org: OrgId, events: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        async move {
            tokio::task::yield_now().await;
            let deed = (self.plan.lock().unwrap_or_else(std::sync::PoisonError::into_inner))(org, events);
            if matches!(deed, Deed::Succeed | Deed::Hang) {
                self.history.add(org, events);
            }
            self.history.calls.send_modify(|calls| *calls += 1);
            match deed {
                Deed::Succeed => Ok(()),
                Deed::Refuse => Err(Error::internal("it does not like this")),
                Deed::Away => Err(Error::unavailable("Something is away.", "the test says so")),
                Deed::Panic => panic!("it is beside itself"),
                Deed::Hang => std::future::pending().await,
            }
        }
        .boxed()
    }
}

impl History {
    fn add(&self, org: OrgId, events: &[Event]) {
        let all = events.iter().map(|event| Handled {
            org,
            seq: event.seq,
            resource: event.resource.id,
            version: event.resource.version,
        });
        self.handled.lock().unwrap().extend(all);
    }

    /// What was handled, in order.
    pub(super) fn handled(&self) -> Vec<Handled> {
        self.handled.lock().unwrap().clone()
    }

    /// The numbers of an org's events that were handled.
    pub(super) fn numbers(&self, org: OrgId) -> BTreeSet<i64> {
        self.handled.lock().unwrap().iter().filter(|handled| handled.org == org).map(|handled| handled.seq).collect()
    }

    /// Returns when it is so; asks after every call of a handler.
    pub(super) async fn until(&self, what: &str, mut done: impl FnMut(&History) -> bool) {
        let mut calls = self.calls.subscribe();
        let waited = timeout(PATIENCE, async {
            while !done(self) {
                calls.changed().await.expect("the history outlives the wait");
            }
        });
        assert!(waited.await.is_ok(), "{what}: not after {PATIENCE:?}, {} events", self.handled().len());
    }

    /// The events of each resource were handled in order: whatever came again, each came for the first time after the
    /// one before it.
    pub(super) fn assert_order(&self, but: impl Fn(&Handled) -> bool) {
        let mut last: BTreeMap<ResourceId, i64> = BTreeMap::new();
        for handled in self.handled() {
            let last = last.entry(handled.resource).or_default();
            let mut next = *last + 1;
            // What was parked is stepped over.
            while next < handled.version && but(&Handled { version: next, ..handled }) {
                next += 1;
            }
            assert!(handled.version <= next, "{handled:?} came after version {last} of its resource");
            *last = (*last).max(handled.version);
        }
    }
}

/// Returns when it is so; for what no handler tells of.
pub(super) async fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let waited = timeout(PATIENCE, async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    assert!(waited.await.is_ok(), "{what}: not after {PATIENCE:?}");
}
