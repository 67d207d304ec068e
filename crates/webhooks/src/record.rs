//! What came of tries is written down, many at a time. A delivery is sent again only if its result was not written.

use admin_db::Tx;
use admin_db::deliveries::{self, AttemptRow, Endpoint, Tried};
use admin_types::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::Webhooks;
use crate::attempt::Attempt;

/// Results that wait to be written.
pub(crate) const WAITING: usize = 4096;
/// Results that are written together.
const BATCH: usize = 256;

/// A result, and whoever waits until it is written.
pub(crate) struct Record {
    endpoint: Endpoint,
    seq: i64,
    tried: Tried,
    attempt: Option<AttemptRow>,
    written: oneshot::Sender<()>,
}

/// Has a result written, and returns when it is.
pub(crate) async fn note(webhooks: &Webhooks, results: &mpsc::Sender<Record>, endpoint: Endpoint, attempt: Attempt) {
    let Some((tried, row)) = outcome(webhooks, &attempt) else { return };
    let (written, done) = oneshot::channel();
    let record = Record { endpoint, seq: attempt.row.seq, tried, attempt: row, written };
    if results.send(record).await.is_ok() {
        let _ = done.await;
    }
}

/// What is written down of a try; nothing if it could not even be found out what to send.
fn outcome(webhooks: &Webhooks, attempt: &Attempt) -> Option<(Tried, Option<AttemptRow>)> {
    let (now, row) = (webhooks.core.clock().now(), &attempt.row);
    let tried = |state, reason, step, tries, due_at, done| Tried {
        state,
        reason,
        step,
        tries_before: row.tries,
        tries,
        due_at,
        done_at: done,
    };
    let Some(sent) = &attempt.sent else {
        return match attempt.unsent.as_ref()? {
            Ok(why) => {
                Some((tried("skipped", Some((*why).to_owned()), row.step, row.tries, row.due_at, Some(now)), None))
            }
            Err(error) => {
                tracing::warn!(%error, "a delivery could not be prepared; trying again");
                // Not a try: it is due again shortly.
                let due = now.plus_seconds(5);
                Some((tried("waiting", None, row.step, row.tries, due, None), None))
            }
        };
    };
    let number = row.tries + 1;
    let document = match sent.document() {
        Ok(document) => document,
        Err(error) => {
            tracing::error!(%error, "a try cannot be written down");
            String::from("{}")
        }
    };
    let kept = AttemptRow { number, at: attempt.at, status: sent.status(), failure: sent.failure(), document };
    if sent.arrived() {
        return Some((tried("delivered", None, row.step, number, row.due_at, Some(now)), Some(kept)));
    }
    let (step, reason) = (row.step + 1, sent.failure());
    // A test is not sent again.
    let again = !attempt.gone && row.seq > 0;
    let next = match webhooks.schedule.wait(step, webhooks.core.random()).filter(|_| again) {
        None => tried("failed", reason, step, number, row.due_at, Some(now)),
        Some(wait) => {
            let wait = wait.max(attempt.pause.unwrap_or_default());
            let due = Timestamp(now.0.saturating_add(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)));
            tried("waiting", reason, step, number, due, None)
        }
    };
    Some((next, Some(kept)))
}

/// Writes results until nobody sends any more.
pub(crate) async fn write(webhooks: Webhooks, mut results: mpsc::Receiver<Record>) {
    loop {
        let mut batch = vec![];
        if results.recv_many(&mut batch, BATCH).await == 0 {
            return;
        }
        let mut waiting = vec![];
        let rows: Vec<_> = batch
            .into_iter()
            .map(|record| {
                count(&record);
                waiting.push(record.written);
                (record.endpoint, record.seq, record.tried, record.attempt)
            })
            .collect();
        let rows = std::sync::Arc::new(rows);
        let written = webhooks.core.db().write_global(async move |tx: &mut Tx| {
            for (endpoint, seq, tried, attempt) in rows.iter() {
                if deliveries::tried(tx, *endpoint, *seq, tried).await?
                    && let Some(attempt) = attempt
                {
                    deliveries::insert_attempt(tx, *endpoint, *seq, attempt).await?;
                }
            }
            Ok(())
        });
        if let Err(error) = written.await {
            tracing::warn!(%error, count = waiting.len(), "what came of deliveries could not be written; they are sent again");
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
        for one in waiting {
            let _ = one.send(());
        }
    }
}

fn count(record: &Record) {
    let arrived = record.tried.state == "delivered";
    let outcome = if arrived { "delivered" } else { record.tried.state };
    metrics::counter!("admin_webhook_attempts_total", "outcome" => outcome).increment(1);
}
