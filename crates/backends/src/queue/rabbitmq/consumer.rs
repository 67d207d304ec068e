//! Consumes a reader's queues, each in order: what was delivered is handled, then acknowledged.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use admin_types::{Event, OrgId, Result};
use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, BasicRejectOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, Consumer};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::connection::{away, channel, connect};
use super::recent::Recent;
use super::topology::{self, PARTITIONS};
use super::{Broker, dead_letters, depths, message};
use crate::queue::meters::Meters;
use crate::queue::trouble::{Trouble, pause};
use crate::queue::turn::Reader;
use crate::queue::{Handler, Log, Settings};

/// From the delivery of this number on, a message is handled by itself: it may be what ended the processes before, and the others
/// need not go down with it.
const SUSPICIOUS: i64 = 2;

/// Handles what comes out of the reader's queues until `stop`.
pub async fn consume(
    log: Arc<dyn Log>,
    name: &str,
    handler: Arc<dyn Handler>,
    (broker, settings): (Broker, Settings),
    stop: CancellationToken,
) {
    let meters = Meters::new(name);
    let reader = Arc::new(Reader { log, name: name.to_owned(), handler, settings, stop: stop.clone(), meters });
    let recent: Vec<Arc<Mutex<Recent>>> = (0..PARTITIONS).map(|_| Arc::default()).collect();
    let mut failures = 0;
    while !stop.is_cancelled() {
        let session = async {
            let connection = connect(&broker, name).await?;
            let channel = channel(&broker, &connection).await?;
            let declared = topology::declare(&channel, &broker, std::slice::from_ref(&reader.name));
            timeout(broker.patience, declared).await.map_err(away).flatten()?;
            Ok(connection)
        };
        let worked = match stop.run_until_cancelled(session).await {
            None => return,
            Some(Ok(connection)) => {
                failures = 0;
                let mut session = Session { connection: Some(connection), consumers: vec![] };
                let worked = work(&reader, &broker, &mut session, &recent).await;
                session.close(reader.settings.grace).await;
                worked
            }
            Some(Err(error)) => Err(error),
        };
        if let Err(error) = worked {
            failures += 1;
            if failures == 1 {
                tracing::warn!(reader = name, %error, "the connection to the queue is broken; connecting again");
            }
            let _ = stop.run_until_cancelled(sleep(pause(failures, &reader.settings))).await;
        }
    }
}

/// A connection that is closed before its consumers end. The broker would have the next consumer begin as soon as one is
/// cancelled, with messages that follow those which this one has in hand; when a connection ends, these come first.
struct Session {
    connection: Option<Connection>,
    consumers: Vec<Consumer>,
}

impl Session {
    async fn close(mut self, within: Duration) {
        if let Some(connection) = self.connection.take() {
            let _ = timeout(within, connection.close(200, "over".into())).await;
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let consumers = std::mem::take(&mut self.consumers);
        if let (Some(connection), Ok(runtime)) = (self.connection.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                let _ = connection.close(200, "over".into()).await;
                drop(consumers);
            });
        }
    }
}

/// Works on one connection. `Ok` when the reader stops; an error when the connection is not what it was.
async fn work(
    reader: &Arc<Reader>,
    broker: &Broker,
    session: &mut Session,
    recent: &[Arc<Mutex<Recent>>],
) -> Result<()> {
    let Session { connection: Some(connection), consumers } = session else { return Ok(()) };
    let mut parts = JoinSet::new();
    for (partition, recent) in (0..PARTITIONS).zip(recent) {
        let consumer = consumer(broker, connection, &topology::queue(&reader.name, partition)).await?;
        consumers.push(consumer.clone());
        let part = Part { reader: reader.clone(), most: broker.prefetch.into(), recent: recent.clone() };
        parts.spawn(part.work(consumer));
    }
    let dead = consumer(broker, connection, &topology::dead(&reader.name)).await?;
    parts.spawn(dead_letters::park(reader.clone(), dead));
    parts.spawn(depths::watch(reader.clone(), channel(broker, connection).await?));
    // Without its other parts none goes on: what it handles may be somebody else's by now.
    let all = async {
        while let Some(ended) = parts.join_next().await {
            ended.map_err(away).flatten()?;
        }
        Ok(())
    };
    let over = async {
        reader.stop.cancelled().await;
        sleep(reader.settings.grace).await;
    };
    let ended = tokio::select! {
        ended = all => ended,
        () = over => Ok(()),
    };
    parts.shutdown().await;
    ended
}

/// A consumer on a channel of its own, so that it acknowledges many messages at once.
async fn consumer(broker: &Broker, connection: &Connection, queue: &str) -> Result<Consumer> {
    let channel: Channel = channel(broker, connection).await?;
    channel.basic_qos(broker.prefetch, BasicQosOptions::default()).await.map_err(away)?;
    let options = BasicConsumeOptions::default();
    channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await.map_err(away)
}

/// One partition.
struct Part {
    reader: Arc<Reader>,
    most: usize,
    recent: Arc<Mutex<Recent>>,
}

impl Part {
    async fn work(self, mut consumer: Consumer) -> Result<()> {
        loop {
            let Some(first) = self.reader.stop.run_until_cancelled(consumer.next()).await else { return Ok(()) };
            let mut batch = vec![first.ok_or_else(|| away("the consumer was cancelled"))?.map_err(away)?];
            while batch.len() < self.most
                && let Some(Some(next)) = consumer.next().now_or_never()
            {
                batch.push(next.map_err(away)?);
            }
            let one_by_one = batch.iter().any(|delivery| message::earlier_deliveries(delivery) >= SUSPICIOUS);
            for messages in batch.chunks(if one_by_one { 1 } else { self.most.max(1) }) {
                if !self.messages(messages).await? {
                    return Ok(());
                }
            }
        }
    }

    /// Handles messages and acknowledges them; `false` if the reader stops before it is done.
    async fn messages(&self, messages: &[Delivery]) -> Result<bool> {
        let mut orgs: Vec<(OrgId, Vec<Event>)> = vec![];
        let mut last = None;
        for delivery in messages {
            match message::read(delivery) {
                Ok(received) => {
                    last = Some(delivery);
                    let is_known =
                        self.recent.lock().unwrap_or_else(PoisonError::into_inner).contains(received.event.id);
                    match orgs.iter_mut().find(|(org, _)| *org == received.org) {
                        _ if is_known => {}
                        Some((_, events)) => events.push(received.event),
                        None => orgs.push((received.org, vec![received.event])),
                    }
                }
                Err(reason) => {
                    tracing::error!(reader = self.reader.name, %reason, "a message was put aside: see the queue admin.unreadable");
                    delivery.acker.reject(BasicRejectOptions { requeue: false }).await.map_err(away)?;
                }
            }
        }
        for (org, events) in &orgs {
            if !self.events(*org, events).await {
                return Ok(false);
            }
        }
        if let Some(last) = last {
            last.acker.ack(BasicAckOptions { multiple: true }).await.map_err(away)?;
        }
        Ok(true)
    }

    /// Handles the events of an org, for as long as it takes; `false` if the reader stops before it is done.
    async fn events(&self, org: OrgId, events: &[Event]) -> bool {
        let (reader, mut trouble, mut done) = (&self.reader, Trouble::default(), 0);
        while let Some(next) = events.get(done) {
            if reader.stop.is_cancelled() {
                return false;
            }
            let chunk = if trouble.singly(next.seq - 1) { &events[done..=done] } else { &events[done..] };
            match reader.handled(org, chunk, &mut trouble).await {
                Ok(true) => {
                    trouble.over();
                    done += chunk.len();
                    let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
                    chunk.iter().for_each(|event| recent.add(event.id));
                    continue;
                }
                Ok(false) => {}
                Err(error) => {
                    trouble.away();
                    reader.tell_away(org, &error, &trouble);
                }
            }
            let _ = reader.stop.run_until_cancelled(sleep(trouble.pause(&reader.settings))).await;
        }
        true
    }
}
