//! The metrics of requests. A meter is looked up by name once and then kept: a request only counts.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use axum::http::Method;
use metrics::{Counter, Histogram};

/// Meters by path, as the router wrote it, then by method and status.
#[derive(Default)]
pub(crate) struct Meters(RwLock<HashMap<String, Vec<Meter>>>);

#[derive(Clone)]
struct Meter {
    method: &'static str,
    status: u16,
    requests: Counter,
    seconds: Histogram,
}

impl Meters {
    /// Counts one answered request.
    pub(crate) fn record(&self, path: &str, method: &Method, status: u16, took: Duration) {
        let method = label(method);
        let meter = self.known(path, method, status).unwrap_or_else(|| self.add(path, method, status));
        meter.requests.increment(1);
        meter.seconds.record(took.as_secs_f64());
    }

    fn known(&self, path: &str, method: &'static str, status: u16) -> Option<Meter> {
        let meters = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let meter = meters.get(path)?.iter().find(|meter| meter.status == status && meter.method == method);
        meter.cloned()
    }

    fn add(&self, path: &str, method: &'static str, status: u16) -> Meter {
        let labels = [("method", method.to_owned()), ("path", path.to_owned()), ("status", status.to_string())];
        let meter = Meter {
            method,
            status,
            requests: metrics::counter!("admin_http_requests_total", &labels),
            seconds: metrics::histogram!("admin_http_request_seconds", &labels[..2]),
        };
        let mut meters = self.0.write().unwrap_or_else(PoisonError::into_inner);
        meters.entry(path.to_owned()).or_default().push(meter.clone());
        meter
    }
}

/// Clients may send any word as a method; each label that is new would be kept for ever.
fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
