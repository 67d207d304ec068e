//! The lane of one endpoint: takes what is due, sends it as fast as the endpoint takes it, and no faster than it wants.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use admin_core::webhooks::{disable_webhook, find_webhook};
use admin_db::deliveries::{self, DeliveryRow, Endpoint};
use admin_types::Result;
use serde_json::Value;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::attempt::Ready;
use crate::circuit::Circuit;
use crate::record::{Record, note};
use crate::{Webhooks, matching};

/// Messages under way to one endpoint, at most. It begins with one, and one more is let go with each that arrives.
const MOST: usize = 32;
/// Deliveries that are read at a time.
const PAGE: u32 = 100;
/// Tests that are sent at a time.
const TESTS: u32 = 10;
/// How long a lane stays when nothing is due.
const LINGER: Duration = Duration::from_secs(2);
/// How long nothing may arrive at an endpoint until it is taken out of service, in seconds.
const FAILING_SECONDS: i64 = 5 * 86_400;
/// How long a webhook is used as it was read, before it is read anew.
const FRESH: Duration = Duration::from_millis(500);

/// What the lanes share.
pub(crate) struct Shared {
    pub(crate) suspects: Arc<Semaphore>,
    /// For the work on endpoints that fail: when thousands fail at once, the others do not wait for them.
    pub(crate) troubled: Arc<Semaphore>,
    pub(crate) results: mpsc::Sender<Record>,
    pub(crate) stop: CancellationToken,
}

/// Works for an endpoint until nothing is due there for a while. `news`: something has become due.
pub(crate) async fn run(webhooks: Webhooks, endpoint: Endpoint, news: Arc<Notify>, shared: Shared) {
    let stop = shared.stop.clone();
    let mut lane = Lane::new(webhooks, endpoint, shared);
    loop {
        let wait = match lane.take_turn().await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::warn!(%error, webhook = %endpoint.1, "cannot deliver; trying again");
                Wait::Until(Instant::now() + LINGER)
            }
        };
        let until = match wait {
            Wait::Until(until) => until,
            Wait::Idle if lane.under_way.is_empty() => Instant::now() + LINGER,
            Wait::Idle => Instant::now() + Duration::from_secs(60),
            Wait::Gone => return,
        };
        let idle = matches!(wait, Wait::Idle) && lane.under_way.is_empty();
        let busy = !lane.under_way.is_empty();
        let ended = tokio::select! {
            () = stop.cancelled() => {
                // What is under way ends within its time, and is written down.
                while lane.under_way.join_next().await.is_some() {}
                return;
            }
            () = news.notified() => {
                lane.has_news = true;
                None
            }
            ended = lane.under_way.join_next(), if busy => ended,
            () = tokio::time::sleep_until(until) => match idle {
                true => return,
                false => None,
            }
        };
        if let Some(ended) = ended {
            lane.finish(ended).await;
        }
    }
}

/// What a lane waits for, beside the messages under way.
enum Wait {
    /// For something to become due.
    Idle,
    /// For a time.
    Until(Instant),
    /// For nothing: the webhook is gone.
    Gone,
}

/// What came of a message.
struct Ended {
    seq: i64,
    /// Whether it arrived; `None` if nothing was sent.
    arrived: Option<bool>,
    pause: Option<Duration>,
    gone: bool,
}

struct Lane {
    webhooks: Webhooks,
    endpoint: Endpoint,
    shared: Shared,
    /// Where it sent to last.
    url: Option<String>,
    ready: Option<(Arc<Ready>, Instant)>,
    under_way: JoinSet<Ended>,
    /// Read, and not sent yet.
    queue: VecDeque<DeliveryRow>,
    /// Those under way.
    numbers: HashSet<i64>,
    circuit: Circuit,
    /// How many may be under way.
    window: usize,
    /// When the next message may go, by the rate limit.
    next: Instant,
    /// Whether something has become due since it was last looked.
    has_news: bool,
}

impl Lane {
    fn new(webhooks: Webhooks, endpoint: Endpoint, shared: Shared) -> Lane {
        let (under_way, next) = (JoinSet::new(), Instant::now());
        let (numbers, circuit) = (HashSet::new(), Circuit::default());
        let queue = VecDeque::new();
        Lane {
            webhooks,
            endpoint,
            shared,
            url: None,
            ready: None,
            under_way,
            queue,
            numbers,
            circuit,
            window: 1,
            next,
            has_news: true,
        }
    }

    /// The webhook, as it is now.
    async fn ready(&mut self) -> Result<Option<Arc<Ready>>> {
        if let Some((ready, at)) = &self.ready
            && at.elapsed() < FRESH
        {
            return Ok(Some(ready.clone()));
        }
        let (org, id) = self.endpoint;
        let found = match find_webhook(&self.webhooks.core, org, id).await {
            Ok(found) => found,
            // Whoever it shows the view of is gone or disabled, or may not be shown by it any more, or what it asks for is not
            // there any more.
            Err(error) if !error.is_passing() => {
                self.fail_waiting("the webhook cannot see anything any more; look at its health").await?;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let Some((webhook, active)) = found else { return Ok(None) };
        if !active {
            self.fail_waiting("the webhook was disabled").await?;
            return Ok(None);
        }
        let ready = Arc::new(Ready::read(&self.webhooks, webhook).await?);
        // How it went at another address says nothing of this one.
        if self.url.as_ref().is_some_and(|url| *url != ready.url) {
            self.circuit = Circuit::default();
        }
        self.url = Some(ready.url.clone());
        self.ready = Some((ready.clone(), Instant::now()));
        Ok(Some(ready))
    }

    async fn fail_waiting(&self, reason: &'static str) -> Result<()> {
        let (endpoint, now) = (self.endpoint, self.webhooks.core.clock().now());
        let job = async move |tx: &mut admin_db::Tx| deliveries::fail_waiting(tx, endpoint, reason, now).await;
        self.webhooks.core.db().write_global(job).await
    }

    /// A turn, of which those of endpoints that fail are taken by a few at a time.
    async fn take_turn(&mut self) -> Result<Wait> {
        let _turn = self.wait_in_trouble().await;
        self.turn().await
    }

    /// Waits with the others whose endpoints fail, if this one's does.
    async fn wait_in_trouble(&self) -> Option<OwnedSemaphorePermit> {
        match self.circuit.is_sound() {
            true => None,
            false => self.shared.troubled.clone().acquire_owned().await.ok(),
        }
    }

    /// Sends what may be sent now.
    async fn turn(&mut self) -> Result<Wait> {
        let Some(ready) = self.ready().await? else { return Ok(Wait::Gone) };
        let probing = !self.circuit.is_sound();
        if std::mem::take(&mut self.has_news)
            && (probing || !self.queue.is_empty() || self.under_way.len() >= self.window)
        {
            self.send_tests(&ready).await?;
        }
        if let Some(until) = self.circuit.closed_until(Instant::now()) {
            return Ok(Wait::Until(until));
        }
        let window = if probing { 1 } else { self.window };
        if self.under_way.len() >= window {
            return Ok(Wait::Idle);
        }
        if self.queue.is_empty() {
            self.read(&ready).await?;
        }
        while self.under_way.len() < window
            && let Some(row) = self.queue.pop_front()
        {
            if let Some(pause) = ready.pause {
                let now = Instant::now();
                if self.next > now {
                    self.queue.push_front(row);
                    return Ok(Wait::Until(self.next));
                }
                // A lane that was idle does not make up for it.
                self.next = now.max(self.next) + pause;
            }
            self.send(&ready, row);
        }
        if !self.under_way.is_empty() {
            return Ok(Wait::Idle);
        }
        let now = self.webhooks.core.clock().now();
        let next = {
            let mut conn = self.webhooks.core.db().read_once().await?;
            deliveries::next_due(&mut conn, self.endpoint, ready.in_order).await?
        };
        Ok(match next.map(|due| Duration::from_micros(u64::try_from(due.0 - now.0).unwrap_or(0))) {
            Some(wait) if wait < LINGER => Wait::Until(Instant::now() + wait),
            _ => Wait::Idle,
        })
    }

    /// Sends the tests: whoever tries an endpoint does not wait for what waits there.
    async fn send_tests(&mut self, ready: &Arc<Ready>) -> Result<()> {
        let mut conn = self.webhooks.core.db().read_once().await?;
        let rows = deliveries::tests(&mut conn, self.endpoint, TESTS).await?;
        drop(conn);
        self.queue.retain(|row| row.seq > 0);
        for row in rows {
            if !self.numbers.contains(&row.seq) {
                self.send(ready, row);
            }
        }
        Ok(())
    }

    /// Reads what is due and not under way.
    async fn read(&mut self, ready: &Ready) -> Result<()> {
        let now = self.webhooks.core.clock().now();
        let limit = PAGE + u32::try_from(self.numbers.len()).unwrap_or(0);
        let mut conn = self.webhooks.core.db().read_once().await?;
        let rows = deliveries::due(&mut conn, self.endpoint, now, (ready.in_order, limit)).await?;
        self.queue.extend(rows.into_iter().filter(|row| !self.numbers.contains(&row.seq)));
        Ok(())
    }

    fn send(&mut self, ready: &Arc<Ready>, row: DeliveryRow) {
        self.numbers.insert(row.seq);
        let (webhooks, ready, endpoint) = (self.webhooks.clone(), ready.clone(), self.endpoint);
        let suspects = (!self.circuit.is_sound()).then(|| self.shared.suspects.clone());
        let results = self.shared.results.clone();
        self.under_way.spawn(async move {
            let _turn = match suspects {
                Some(suspects) => suspects.acquire_owned().await.ok(),
                None => None,
            };
            // Whoever tries a webhook has just changed it, as likely as not.
            let ready = match row.seq < 0 {
                true => anew(&webhooks, endpoint).await.unwrap_or(ready),
                false => ready,
            };
            let attempt = ready.attempt(&webhooks, row).await;
            let (seq, arrived) = (attempt.row.seq, attempt.arrived());
            let ended = Ended { seq, arrived, pause: attempt.pause, gone: attempt.gone };
            note(&webhooks, &results, endpoint, attempt).await;
            ended
        });
    }

    /// Takes in the end of one message, which is written down.
    async fn finish(&mut self, ended: std::result::Result<Ended, JoinError>) {
        let ended = match ended {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(%error, "a delivery ended without a result");
                self.numbers.clear();
                self.queue.clear();
                return;
            }
        };
        self.numbers.remove(&ended.seq);
        match ended.arrived {
            Some(true) => {
                self.circuit.succeeded();
                self.window = (self.window + 1).min(MOST);
            }
            Some(false) => {
                self.circuit.failed(Instant::now());
                self.window = 1;
            }
            None => {}
        }
        if let Some(pause) = ended.pause {
            self.circuit.pause(Instant::now() + pause);
        }
        let _turn = self.wait_in_trouble().await;
        if let Err(error) = self.health((ended.arrived, ended.gone)).await {
            tracing::warn!(%error, webhook = %self.endpoint.1, "cannot note how it goes with a webhook");
        }
    }

    /// Notes since when nothing arrives, and takes the webhook out of service when that is too long.
    async fn health(&mut self, (arrived, gone): (Option<bool>, bool)) -> Result<()> {
        let Some((ready, _)) = &self.ready else { return Ok(()) };
        let now = self.webhooks.core.clock().now();
        let failing = ready.failing_since();
        let too_long = failing.is_some_and(|since| since.plus_seconds(FAILING_SECONDS) <= now);
        match (arrived, failing) {
            (Some(true), Some(_)) => {
                matching::set_failing(&self.webhooks, self.endpoint, None).await?;
                self.ready = None;
            }
            (Some(false), _) if gone || too_long => {
                let reason = if gone { "the endpoint answered 410 Gone" } else { "nothing arrived for five days" };
                let (org, id) = self.endpoint;
                if disable_webhook(&self.webhooks.core, org, id, reason).await? {
                    tracing::warn!(%org, webhook = %id, reason, "a webhook was disabled");
                }
                self.ready = None;
            }
            (Some(false), None) => {
                matching::set_failing(&self.webhooks, self.endpoint, Some(now)).await?;
                self.ready = None;
            }
            _ => {}
        }
        Ok(())
    }
}

/// The webhook as it is this moment.
async fn anew(webhooks: &Webhooks, (org, id): Endpoint) -> Option<Arc<Ready>> {
    let (webhook, _) = find_webhook(&webhooks.core, org, id).await.ok()??;
    Ready::read(webhooks, webhook).await.ok().map(Arc::new)
}

/// The pause between messages that a rate limit makes.
pub(crate) fn pause(limit: Option<&Value>) -> Option<Duration> {
    let limit = limit.and_then(Value::as_u64).filter(|limit| *limit > 0)?;
    Some(Duration::from_secs(1) / u32::try_from(limit).unwrap_or(u32::MAX))
}
