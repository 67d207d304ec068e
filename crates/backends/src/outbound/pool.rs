//! Connections that are kept for the next request to the same place. Few, and not for long: the one that waits longest goes
//! first.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::connect::Connection;
use super::target::Target;

/// A place that a connection leads to: the host, its port, and whether by TLS.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    host: Arc<str>,
    port: u16,
    tls: bool,
}

impl Place {
    pub(super) fn of(target: &Target) -> Place {
        Place { host: target.host.as_str().into(), port: target.port, tls: target.tls }
    }
}

pub(super) struct Pool {
    kept: Mutex<Kept>,
    most: usize,
    idle: Duration,
}

#[derive(Default)]
struct Kept {
    /// By place, each with the number under which it was put; the oldest first.
    connections: HashMap<Place, Vec<(u64, Connection)>>,
    /// By number, so the oldest first.
    order: BTreeMap<u64, (Place, Instant)>,
    next: u64,
    sweeping: bool,
}

impl Pool {
    pub(super) fn new(most: usize, idle: Duration) -> Arc<Pool> {
        Arc::new(Pool { kept: Mutex::default(), most, idle })
    }

    /// The connection that was put last.
    pub(super) fn take(&self, place: &Place) -> Option<Connection> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let of_place = kept.connections.get_mut(place)?;
        let (number, connection) = of_place.pop()?;
        if of_place.is_empty() {
            kept.connections.remove(place);
        }
        kept.order.remove(&number);
        Some(connection)
    }

    pub(super) fn put(self: &Arc<Pool>, place: Place, connection: Connection) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let number = kept.next;
        kept.next += 1;
        kept.order.insert(number, (place.clone(), Instant::now()));
        kept.connections.entry(place).or_default().push((number, connection));
        while kept.order.len() > self.most {
            kept.drop_oldest();
        }
        if !std::mem::replace(&mut kept.sweeping, true) {
            tokio::spawn(sweep(Arc::downgrade(self), self.idle));
        }
    }

    /// How many are kept.
    pub(super) fn len(&self) -> usize {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).order.len()
    }
}

impl Kept {
    fn drop_oldest(&mut self) {
        let Some((number, (place, _))) = self.order.pop_first() else { return };
        let Some(of_place) = self.connections.get_mut(&place) else { return };
        of_place.retain(|(other, _)| *other != number);
        if of_place.is_empty() {
            self.connections.remove(&place);
        }
    }
}

/// Drops what waited too long, until there is nothing left to drop.
async fn sweep(pool: Weak<Pool>, idle: Duration) {
    loop {
        tokio::time::sleep(idle / 2).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut kept = pool.kept.lock().unwrap_or_else(PoisonError::into_inner);
        while kept.order.first_key_value().is_some_and(|(_, (_, since))| since.elapsed() >= idle) {
            kept.drop_oldest();
        }
        if kept.order.is_empty() {
            kept.sweeping = false;
            return;
        }
    }
}
