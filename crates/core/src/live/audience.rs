//! Those who watch an org, so that an event finds who may want it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use admin_db::orgs::Versions;
use admin_types::{Event, Resource};
use tokio::sync::mpsc;

use super::watch::Frame;
use crate::interest::{Handles, Index, Interest};
use crate::op::Op;

/// Somebody who watches.
pub(super) struct Watcher {
    pub(super) op: Op,
    pub(super) interest: Interest,
    /// Full when the watcher is slower than the events, which ends its place here.
    pub(super) frames: mpsc::Sender<Frame>,
    /// The number of the last event that was held against the interest.
    pub(super) seen: Arc<AtomicI64>,
}

/// Those who watch an org.
#[derive(Default)]
pub(super) struct Audience {
    next: u64,
    watchers: HashMap<u64, (Arc<Watcher>, Handles)>,
    index: Index,
    /// What the handles were made under; none if some were made under others.
    pub(super) versions: Option<Versions>,
    /// The number of the last event that was handed to the watchers.
    pub(super) position: i64,
}

impl Audience {
    /// An audience of nobody, to which the events after `position` are handed.
    pub(super) fn new(position: i64) -> Audience {
        Audience { position, ..Audience::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.watchers.is_empty()
    }

    pub(super) fn all(&self) -> Vec<(u64, Arc<Watcher>)> {
        self.watchers.iter().map(|(number, (watcher, _))| (*number, watcher.clone())).collect()
    }

    /// Takes a watcher in, who hears of every event after the position that this answers, beside its number. `head` is the
    /// number of an event that was committed: where nobody watched, what came before it is handed to nobody.
    pub(super) fn add(
        &mut self,
        watcher: Arc<Watcher>,
        handles: Handles,
        (versions, head): (Versions, i64),
    ) -> (u64, i64) {
        self.next += 1;
        if self.watchers.is_empty() {
            self.versions = Some(versions);
            self.position = self.position.max(head);
        }
        self.versions = self.versions.filter(|known| *known == versions);
        watcher.seen.store(self.position, Ordering::Relaxed);
        self.put(self.next, watcher, handles);
        (self.next, self.position)
    }

    fn put(&mut self, number: u64, watcher: Arc<Watcher>, handles: Handles) {
        self.index.add(number, &handles);
        self.watchers.insert(number, (watcher, handles));
    }

    pub(super) fn remove(&mut self, number: u64) {
        let Some((_, handles)) = self.watchers.remove(&number) else { return };
        self.index.remove(number, &handles);
    }

    /// Arranges those who are still here anew.
    pub(super) fn rearrange(&mut self, handles: HashMap<u64, Handles>, versions: Versions) {
        self.index = Index::default();
        let mut all_anew = true;
        let mut handles = handles;
        for (number, (watcher, before)) in std::mem::take(&mut self.watchers) {
            // Who came meanwhile stays as they were.
            all_anew &= handles.contains_key(&number);
            self.put(number, watcher, handles.remove(&number).unwrap_or(before));
        }
        self.versions = all_anew.then_some(versions);
    }

    /// Those who may want an event; it counts as handed to them.
    pub(super) fn candidates(&mut self, event: &Event, state: Option<&Resource>) -> Vec<(u64, Arc<Watcher>)> {
        if event.seq <= self.position {
            return vec![];
        }
        self.position = event.seq;
        let numbers = self.index.candidates(event, state);
        numbers.filter_map(|number| Some((number, self.watchers.get(&number)?.0.clone()))).collect()
    }
}
