//! Events as messages: CloudEvents in the binary mode or in the structured one, as the AMQP binding has it
//! (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/amqp-protocol-binding.md>). The binding is for AMQP 1.0; RabbitMQ
//! shows the headers of 0-9-1 as its application properties. Whichever is written, both are read.

use admin_types::cloud_event::{self, CloudEvent, NotAnEvent, Received};
use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable};

use super::ContentMode;

/// What the names of attributes begin with. The binding knows a second one, which is read as well.
const PREFIXES: [&str; 2] = ["cloudEvents_", "cloudEvents:"];
/// Kept on disk by the broker.
const PERSISTENT: u8 = 2;

/// An event's message: its properties and its body.
pub(super) fn write(
    event: &CloudEvent<'_>,
    mode: ContentMode,
) -> Result<(BasicProperties, Vec<u8>), serde_json::Error> {
    let properties = properties(event);
    match mode {
        ContentMode::Binary => {
            let properties = properties.with_content_type(cloud_event::DATA.into()).with_headers(headers(event));
            Ok((properties, serde_json::to_vec(event.event)?))
        }
        ContentMode::Structured => {
            Ok((properties.with_content_type(cloud_event::STRUCTURED.into()), serde_json::to_vec(event)?))
        }
    }
}

/// The attributes of an event.
fn headers(event: &CloudEvent<'_>) -> FieldTable {
    let mut headers = FieldTable::default();
    for (name, value) in event.attributes() {
        headers.insert(format!("{}{name}", PREFIXES[0]).into(), AMQPValue::LongString(value.into()));
    }
    headers
}

fn properties(event: &CloudEvent<'_>) -> BasicProperties {
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_message_id(event.event.id.to_string().into())
        .with_type(event.event.kind.as_str().into())
        .with_timestamp(u64::try_from(event.event.at.seconds()).unwrap_or(0))
        .with_app_id("admin".into())
}

/// Reads a message.
pub(super) fn read(delivery: &Delivery) -> Result<Received, NotAnEvent> {
    let media_type = delivery.properties.content_type().as_ref().map_or("", |media_type| media_type.as_str());
    if cloud_event::is_structured(media_type) {
        return cloud_event::structured(&delivery.data);
    }
    let attribute = |name: &str| PREFIXES.iter().find_map(|prefix| text(delivery, &format!("{prefix}{name}")));
    cloud_event::binary(attribute, media_type, &delivery.data)
}

/// How often the message came before and was not answered.
pub(super) fn earlier_deliveries(delivery: &Delivery) -> i64 {
    match header(delivery, "x-delivery-count") {
        Some(AMQPValue::LongLongInt(count)) => *count,
        Some(AMQPValue::LongInt(count)) => i64::from(*count),
        _ => 0,
    }
}

/// A header that holds text.
pub(super) fn text<'d>(delivery: &'d Delivery, name: &str) -> Option<&'d str> {
    match header(delivery, name)? {
        AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok(),
        AMQPValue::ShortString(text) => Some(text.as_str()),
        _ => None,
    }
}

fn header<'d>(delivery: &'d Delivery, name: &str) -> Option<&'d AMQPValue> {
    delivery.properties.headers().as_ref()?.inner().get(name)
}
