//! How much waits in the broker.

use std::sync::Arc;
use std::time::Duration;

use admin_types::Result;
use lapin::Channel;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use tokio::time::{sleep, timeout};

use super::Broker;
use super::connection::{away, channel, connect};
use super::topology::{self, PARTITIONS};
use crate::queue::turn::Reader;

/// How often a process looks.
const EVERY: Duration = Duration::from_secs(10);

/// What waits for a reader. Messages that a process has in hand are not among them.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Depth {
    /// Messages in its queues.
    pub waiting: u64,
    /// Dead letters that are not parked yet.
    pub dead: u64,
}

/// What waits for each of the broker's readers.
///
/// # Errors
/// The broker is away, or a reader has no queues yet.
pub async fn depths(broker: &Broker) -> Result<Vec<(String, Depth)>> {
    let connection = connect(broker, "depths").await?;
    let channel = channel(broker, &connection).await?;
    let mut depths = vec![];
    for reader in &broker.readers {
        let depth = timeout(broker.patience, depth(&channel, reader)).await.map_err(away).flatten()?;
        depths.push((reader.clone(), depth));
    }
    Ok(depths)
}

async fn depth(channel: &Channel, reader: &str) -> Result<Depth> {
    let mut waiting = 0;
    for partition in 0..PARTITIONS {
        waiting += messages(channel, &topology::queue(reader, partition)).await?;
    }
    Ok(Depth { waiting, dead: messages(channel, &topology::dead(reader)).await? })
}

async fn messages(channel: &Channel, queue: &str) -> Result<u64> {
    let options = QueueDeclareOptions::durable().passive();
    let found = channel.queue_declare(queue.into(), options, FieldTable::default()).await.map_err(away)?;
    Ok(found.message_count().into())
}

/// Shows the reader's depth as gauges until it stops.
pub(super) async fn watch(reader: Arc<Reader>, channel: Channel) -> Result<()> {
    let gauge = |name: &'static str| metrics::gauge!(name, "reader" => reader.name.clone());
    let (waiting, dead) = (gauge("admin_queue_messages"), gauge("admin_queue_dead_letters"));
    while !reader.stop.is_cancelled() {
        let depth = depth(&channel, &reader.name).await?;
        waiting.set(depth.waiting as f64);
        dead.set(depth.dead as f64);
        let _ = reader.stop.run_until_cancelled(sleep(EVERY)).await;
    }
    Ok(())
}
