//! Exchanges, queues and keys.
//!
//! Events go to the topic exchange `admin.events` under `<org>.<partition>.<type>.<verb>`; whoever wants to may bind queues
//! of their own to it. A reader has the queues `admin.<reader>.<partition>` and `admin.<reader>.dead`.

use admin_types::{Event, OrgId, Result};
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};

use super::Broker;
use super::connection::away;

/// Into how many queues a reader's events are parted. A resource has one for ever, so this may not change.
pub const PARTITIONS: u8 = 8;

/// Where events are published.
pub(super) const EVENTS: &str = "admin.events";
/// Where the broker puts what was delivered too often.
const DEAD_LETTERS: &str = "admin.dead-letters";
/// What is no event of Admin's ends here.
pub(super) const UNREADABLE: &str = "admin.unreadable";
/// How much of it is kept.
const MOST_UNREADABLE: i64 = 10_000;

/// The queue of a reader's partition.
pub(super) fn queue(reader: &str, partition: u8) -> String {
    format!("admin.{reader}.{partition}")
}

/// The queue of a reader's dead letters.
pub(super) fn dead(reader: &str) -> String {
    format!("admin.{reader}.dead")
}

/// The partition of an event. The last bits of a resource's id are random.
pub(super) fn partition(event: &Event) -> u8 {
    event.resource.id.bytes[15] % PARTITIONS
}

/// The key under which an event is published.
pub(super) fn routing_key(org: OrgId, event: &Event) -> String {
    format!("{org}.{}.{}", partition(event), event.kind)
}

/// Declares all that a reader needs. What is there already stays.
pub(super) async fn declare(channel: &Channel, broker: &Broker, readers: &[String]) -> Result<()> {
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    for (exchange, kind) in [(EVENTS, ExchangeKind::Topic), (DEAD_LETTERS, ExchangeKind::Direct)] {
        channel.exchange_declare(exchange.into(), kind, durable, FieldTable::default()).await.map_err(away)?;
    }
    let unreadable = [
        ("x-max-length", AMQPValue::LongLongInt(MOST_UNREADABLE)),
        ("x-overflow", AMQPValue::LongString("drop-head".into())),
    ];
    bound_queue(channel, (UNREADABLE, unreadable.into()), (DEAD_LETTERS, UNREADABLE)).await?;
    for reader in readers {
        let dead = dead(reader);
        bound_queue(channel, (&dead, dying_to(UNREADABLE)), (DEAD_LETTERS, &dead)).await?;
        for partition in 0..PARTITIONS {
            let mut arguments = dying_to(&dead);
            arguments.push(("x-single-active-consumer", AMQPValue::Boolean(true)));
            arguments
                .push(("x-delivery-limit", AMQPValue::LongInt(i32::try_from(broker.deliveries).unwrap_or(i32::MAX))));
            let key = format!("*.{partition}.#");
            bound_queue(channel, (&queue(reader, partition), arguments), (EVENTS, &key)).await?;
        }
    }
    Ok(())
}

type Arguments = Vec<(&'static str, AMQPValue)>;

/// What leaves such a queue unwanted is put under `key` into the dead letters, and is there before it is gone here.
fn dying_to(key: &str) -> Arguments {
    vec![
        ("x-dead-letter-exchange", AMQPValue::LongString(DEAD_LETTERS.into())),
        ("x-dead-letter-routing-key", AMQPValue::LongString(key.into())),
        ("x-dead-letter-strategy", AMQPValue::LongString("at-least-once".into())),
        ("x-overflow", AMQPValue::LongString("reject-publish".into())),
    ]
}

async fn bound_queue(
    channel: &Channel,
    (name, arguments): (&str, Arguments),
    (exchange, key): (&str, &str),
) -> Result<()> {
    let mut table = FieldTable::default();
    table.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    for (argument, value) in arguments {
        table.insert(argument.into(), value);
    }
    channel.queue_declare(name.into(), QueueDeclareOptions::durable(), table).await.map_err(away)?;
    let options = QueueBindOptions::default();
    channel.queue_bind(name.into(), exchange.into(), key.into(), options, FieldTable::default()).await.map_err(away)
}
