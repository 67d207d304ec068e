//! The metrics of a reader: what it did, and what it has before it.

use metrics::{Counter, Gauge};

use super::Lag;

/// The counters of one reader, looked up once.
#[derive(Clone)]
pub(super) struct Meters {
    /// Events that were handled.
    pub(super) handled: Counter,
    /// Calls of the handler that failed at their events.
    pub(super) failed: Counter,
    /// Events that were parked.
    pub(super) parked: Counter,
}

impl Meters {
    pub(super) fn new(reader: &str) -> Meters {
        let labels = [("reader", reader.to_owned())];
        Meters {
            handled: metrics::counter!("admin_events_handled_total", &labels),
            failed: metrics::counter!("admin_events_failed_total", &labels),
            parked: metrics::counter!("admin_events_parked_total", &labels),
        }
    }
}

impl Lag {
    /// Shows the figures as gauges.
    pub fn record(&self, reader: &str) {
        let gauge = |name: &'static str| -> Gauge { metrics::gauge!(name, "reader" => reader.to_owned()) };
        gauge("admin_events_behind").set(self.events as f64);
        gauge("admin_events_behind_orgs").set(self.orgs as f64);
        gauge("admin_events_behind_seconds").set(self.age.as_secs_f64());
    }
}
