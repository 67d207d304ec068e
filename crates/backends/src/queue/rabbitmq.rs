//! The queue over RabbitMQ, from 3.10 on: the log is relayed to an exchange, and each reader consumes queues of its own.
//!
//! - [`relay`] is a reader of the log that publishes what it reads, in the order of each org, and goes on after the broker
//!   has confirmed.
//! - [`consume`] handles what comes out of a reader's queues. There is one for each partition of the resources, and each has one
//!   active consumer, whichever process that is in, so the events of a resource stay in order.
//! - What a process did not survive too often, the broker puts into the reader's dead letters; they are parked in the log,
//!   beside those that the handler failed at.
//!
//! Whatever the connection suffers, it is made anew, for as long as it takes; what was not acknowledged comes again.

mod connection;
mod consumer;
mod dead_letters;
mod depths;
mod message;
mod publisher;
mod recent;
mod topology;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Handler, Log, Settings, run};

pub use connection::check;
pub use consumer::consume;
pub use depths::{Depth, depths};
pub use topology::PARTITIONS;

/// The name under which the relay reads the log.
pub const RELAY: &str = "relay";

/// How an event is written as a message (CloudEvents 1.0, section 2).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum ContentMode {
    /// The body is the event; the attributes are headers.
    #[default]
    Binary,
    /// The body is a JSON document of both.
    Structured,
}

impl std::str::FromStr for ContentMode {
    type Err = ();

    fn from_str(text: &str) -> Result<ContentMode, ()> {
        match text {
            "binary" => Ok(ContentMode::Binary),
            "structured" => Ok(ContentMode::Structured),
            _ => Err(()),
        }
    }
}

/// Where the broker is, and within which bounds it is used.
#[derive(Clone)]
pub struct Broker {
    /// `amqp://user:password@host:port/vhost`, or `amqps://…`.
    pub url: String,
    /// Certificates in PEM that are trusted beside those of the machine.
    pub authorities: Option<String>,
    /// What the connections are called at the broker, such as by the host and process id.
    pub name: String,
    /// The base of the events' `source`.
    pub source: String,
    /// How messages are written.
    pub mode: ContentMode,
    /// After how many seconds without a word a connection counts as broken; the address may say otherwise.
    pub heartbeat: u16,
    /// How long it may take to connect, and to be told the next confirmation.
    pub patience: Duration,
    /// The most messages of a queue that a process holds unacknowledged.
    pub prefetch: u16,
    /// How often a message is delivered before it is a dead letter. The broker counts for all that a process had in hand when it
    /// ended, so those of the same partition behind an event that ends every process become dead letters with it, at most `prefetch`.
    pub deliveries: u32,
    /// Every reader that consumes from the broker, so that nothing is published which one of them does not get.
    pub readers: Vec<String>,
}

impl Broker {
    /// The broker at an address, used by the readers of these names.
    pub fn new(url: impl Into<String>, readers: &[&str]) -> Broker {
        Broker {
            url: url.into(),
            authorities: None,
            name: "admin".to_owned(),
            source: String::new(),
            mode: ContentMode::Binary,
            heartbeat: 15,
            patience: Duration::from_secs(10),
            prefetch: 64,
            deliveries: 20,
            readers: readers.iter().map(|reader| (*reader).to_owned()).collect(),
        }
    }
}

/// The address holds a password.
impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("name", &self.name).field("readers", &self.readers).finish_non_exhaustive()
    }
}

/// What the relay does about events: it publishes them.
#[must_use]
pub fn publisher(broker: Broker) -> Arc<dyn Handler> {
    Arc::new(publisher::Publisher::new(broker))
}

/// Publishes the log until `stop`, whenever no other process does.
pub async fn relay(log: Arc<dyn Log>, holder: &str, broker: Broker, settings: Settings, stop: CancellationToken) {
    // The publisher has bounds of its own: that the broker does not answer is no reason to park an event.
    let handle_within = settings.handle_within.max(broker.patience * (publisher::BATCH + 2));
    let settings = Settings { handle_within, ..settings };
    run(log, (RELAY, holder), Arc::new(publisher::Publisher::new(broker)), settings, stop).await;
}
