//! Publishes batches: all of a batch is sent, then all of it is confirmed.
//!
//! Only the first event of each partition on a channel goes by itself. A quorum queue without a leader yet refuses what comes
//! first and may take what was sent behind it; once it has taken one message of a channel it keeps the order of the others.

use std::sync::Arc;

use admin_types::cloud_event::CloudEvent;
use admin_types::{Error, Event, OrgId, Result};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Confirmation, Connection, PublisherConfirm};
use tokio::sync::{Mutex, OnceCell};
use tokio::time::{Duration, Instant, timeout};

use super::connection::{away, channel, connect};
use super::message;
use super::topology::{self, EVENTS, PARTITIONS, partition, routing_key};
use super::{Broker, RELAY};
use crate::queue::Handler;

/// How long to leave a broker alone that could not be reached.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(500);

/// How much longer a batch may take than the first of its confirmations.
pub(super) const BATCH: u32 = 3;

/// The handler of the relay.
pub(super) struct Publisher {
    broker: Broker,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    session: Option<Arc<Session>>,
    failed: Option<Instant>,
}

struct Session {
    channel: Channel,
    /// The partitions whose queues have taken an event of this channel.
    open: [OnceCell<()>; PARTITIONS as usize],
    /// Closed when it is dropped.
    _connection: Connection,
}

impl Publisher {
    pub(super) fn new(broker: Broker) -> Publisher {
        Publisher { broker, state: Mutex::default() }
    }

    /// One caller connects; the others wait for it.
    async fn session(&self) -> Result<Arc<Session>> {
        let mut state = self.state.lock().await;
        if let Some(session) = &state.session {
            return Ok(session.clone());
        }
        if state.failed.is_some_and(|failed| failed.elapsed() < BETWEEN_ATTEMPTS) {
            return Err(away("it was asked a moment ago"));
        }
        match timeout(self.broker.patience, self.connect()).await.map_err(away).flatten() {
            Ok(session) => {
                let session = Arc::new(session);
                (state.session, state.failed) = (Some(session.clone()), None);
                Ok(session)
            }
            Err(error) => {
                state.failed = Some(Instant::now());
                Err(error)
            }
        }
    }

    /// The queues of all readers are there before anything is published.
    async fn connect(&self) -> Result<Session> {
        let connection = connect(&self.broker, RELAY).await?;
        let channel = channel(&self.broker, &connection).await?;
        topology::declare(&channel, &self.broker, &self.broker.readers).await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(away)?;
        Ok(Session { channel, open: Default::default(), _connection: connection })
    }

    /// A session that failed is not used again.
    async fn forget(&self, failed: &Arc<Session>) {
        let mut state = self.state.lock().await;
        if state.session.as_ref().is_some_and(|session| Arc::ptr_eq(session, failed)) {
            state.session = None;
        }
    }

    async fn publish(&self, session: &Session, org: OrgId, events: &[Event]) -> Result<()> {
        let mut confirms = Vec::with_capacity(events.len());
        for event in events {
            let mut is_sent = false;
            let open = &session.open[usize::from(partition(event))];
            open.get_or_try_init(async || {
                is_sent = true;
                self.confirmed(self.send(session, org, event).await?).await
            })
            .await?;
            if !is_sent {
                confirms.push(self.send(session, org, event).await?);
            }
        }
        for confirm in confirms {
            self.confirmed(confirm).await?;
        }
        Ok(())
    }

    async fn send(&self, session: &Session, org: OrgId, event: &Event) -> Result<PublisherConfirm> {
        let mandatory = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let cloud_event = CloudEvent::new(&self.broker.source, org, event);
        let (properties, body) = message::write(&cloud_event, self.broker.mode).map_err(Error::internal)?;
        let key = routing_key(org, event).into();
        session.channel.basic_publish(EVENTS.into(), key, mandatory, &body, properties).await.map_err(away)
    }

    async fn confirmed(&self, confirm: PublisherConfirm) -> Result<()> {
        // After it has started anew, a broker may forget what was sent to a queue without a leader: then it is sent again.
        match timeout(self.broker.patience, confirm).await.map_err(away)?.map_err(away)? {
            Confirmation::Ack(None) => Ok(()),
            Confirmation::Ack(Some(_)) => Err(away("no queue takes the events")),
            _ => Err(away("it did not take an event")),
        }
    }
}

impl Handler for Publisher {
    fn handle<'a>(&'a self, org: OrgId, events: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        async move {
            let session = self.session().await?;
            let published = timeout(self.broker.patience * BATCH, self.publish(&session, org, events)).await;
            let published = published.map_err(away).flatten();
            if published.is_err() {
                self.forget(&session).await;
            }
            published
        }
        .boxed()
    }
}
