//! Closed and open loops: many connections on one thread, each with one request at a time.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hdrhistogram::Histogram;
use tokio::sync::Mutex;

use crate::http::Connection;
use crate::script::Script;

/// The longest latency that is told from longer ones, in microseconds.
const LONGEST: u64 = 60_000_000;
/// Below this, waiting for the next request's time means looking at the clock: timers are no finer than 1 ms.
const SPIN: Duration = Duration::from_millis(2);

/// When the next request is sent.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Pace {
    /// As soon as the answer before it is there: shows the peak.
    Closed,
    /// So many a second, whatever the answers do: shows latencies as users have them.
    Open(f64),
}

/// A load.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Load {
    /// Connections.
    pub clients: usize,
    /// When the next request is sent.
    pub pace: Pace,
    /// For how long requests are sent.
    pub time: Duration,
}

/// What came of a load.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Answers with a status of success.
    pub answered: u64,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// In nanoseconds; of an open loop, counted from when the request should have been sent.
    pub latencies: Histogram<u64>,
}

impl Outcome {
    /// Answers a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.answered as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency that a share of the answers stayed within, in microseconds.
    #[must_use]
    pub fn quantile(&self, share: f64) -> f64 {
        self.latencies.value_at_quantile(share) as f64 / 1000.0
    }
}

/// What the clients of a run share. All run on one thread.
struct Run<'a> {
    load: Load,
    script: &'a RefCell<dyn Script>,
    started: Instant,
    sent: Cell<u64>,
    /// Whose turn it is to wait for the next request's time.
    turn: Mutex<()>,
    latencies: RefCell<Histogram<u64>>,
}

/// Puts a load on a server. A request that is not answered with success ends the run: a figure over errors says
/// nothing.
///
/// # Errors
/// A request failed.
pub async fn run(address: &str, load: Load, script: &RefCell<dyn Script>) -> Result<Outcome> {
    let mut connections = vec![];
    for _ in 0..load.clients {
        connections.push(Connection::open(address).await?);
    }
    let run = Run {
        load,
        script,
        started: Instant::now(),
        sent: Cell::new(0),
        turn: Mutex::new(()),
        latencies: RefCell::new(Histogram::new_with_bounds(1, LONGEST * 1000, 3)?),
    };
    let mut clients: FuturesUnordered<_> =
        connections.into_iter().enumerate().map(|(client, connection)| run.client(client, connection)).collect();
    let mut answered = 0;
    while let Some(client) = clients.next().await {
        answered += client?;
    }
    drop(clients);
    Ok(Outcome { answered, elapsed: run.started.elapsed(), latencies: run.latencies.into_inner() })
}

impl Run<'_> {
    async fn client(&self, client: usize, mut connection: Connection) -> Result<u64> {
        let (mut answered, mut request) = (0, vec![]);
        while let Some(due) = self.next().await {
            request.clear();
            self.script.borrow_mut().request(client, &mut request);
            let answer = connection.exchange(&request).await?;
            let took = due.elapsed().as_nanos().try_into().unwrap_or(u64::MAX);
            if !self.script.borrow().is_success(answer.status) {
                let text = connection.body(&answer)?;
                ensure!(false, "{} answered {}: {text}", String::from_utf8_lossy(&request), answer.status);
            }
            self.latencies.borrow_mut().saturating_record(took);
            self.script.borrow_mut().answered(client);
            answered += 1;
        }
        Ok(answered)
    }

    /// Waits until the next request is due; `None` when the time is over.
    async fn next(&self) -> Option<Instant> {
        let Pace::Open(rate) = self.load.pace else {
            return (self.started.elapsed() < self.load.time).then(Instant::now);
        };
        let _turn = self.turn.lock().await;
        let offset = Duration::from_secs_f64(self.sent.get() as f64 / rate);
        if offset >= self.load.time {
            return None;
        }
        self.sent.set(self.sent.get() + 1);
        let due = self.started + offset;
        loop {
            let left = due.saturating_duration_since(Instant::now());
            match left {
                Duration::ZERO => return Some(due),
                left if left > SPIN => tokio::time::sleep(left - SPIN).await,
                _ => tokio::task::yield_now().await,
            }
        }
    }
}
