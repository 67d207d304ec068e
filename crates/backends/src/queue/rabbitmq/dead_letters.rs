//! What the broker delivered too often is parked in the log, where all that was given up is found.

use std::sync::Arc;

use admin_types::Result;
use futures_util::StreamExt;
use lapin::Consumer;
use lapin::options::{BasicAckOptions, BasicRejectOptions};
use tokio::time::sleep;

use super::connection::away;
use super::message;
use crate::queue::trouble::Trouble;
use crate::queue::turn::Reader;

/// Parks dead letters until the reader stops.
pub(super) async fn park(reader: Arc<Reader>, mut letters: Consumer) -> Result<()> {
    while let Some(letter) = reader.stop.run_until_cancelled(letters.next()).await {
        let letter = letter.ok_or_else(|| away("the consumer was cancelled"))?.map_err(away)?;
        let Ok(received) = message::read(&letter) else {
            // It goes on to the queue of what nobody can read.
            letter.acker.reject(BasicRejectOptions { requeue: false }).await.map_err(away)?;
            continue;
        };
        let reason = match message::text(&letter, "x-first-death-reason") {
            Some("delivery_limit") => "the process ended or lost the queue each time that it had this event in hand",
            _ => "the queue gave it up",
        };
        let (org, event, mut trouble) = (received.org, &received.event, Trouble::default());
        while let Err(error) = reader.log.park(&reader.name, org, event, reason).await {
            trouble.away();
            reader.tell_away(org, &error, &trouble);
            let paused = reader.stop.run_until_cancelled(sleep(trouble.pause(&reader.settings))).await;
            if paused.is_none() {
                return Ok(());
            }
        }
        reader.meters.parked.increment(1);
        tracing::error!(reader = reader.name, %org, event = %event.id, reason, "an event was parked");
        letter.acker.ack(BasicAckOptions::default()).await.map_err(away)?;
    }
    Ok(())
}
