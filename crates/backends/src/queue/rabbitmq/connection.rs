//! A connection to the broker. Its errors say that the broker is away, and never print the address, which holds a password.

use admin_types::{Error, Result};
use lapin::tcp::OwnedTLSConfig;
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties};
use tokio::time::timeout;

use super::Broker;

/// Whether the address of the broker can be understood; whether there is one is another matter.
///
/// # Errors
/// It cannot.
pub fn check(broker: &Broker) -> Result<()> {
    address(broker).map(|_| ())
}

fn address(broker: &Broker) -> Result<AMQPUri> {
    let mut uri: AMQPUri = broker.url.parse().map_err(|_| {
        let detail =
            "must be amqp://user:password@host:port/vhost or amqps://…, with special characters percent-encoded";
        Error::parameter("queue", detail)
    })?;
    uri.query.heartbeat.get_or_insert(broker.heartbeat);
    Ok(uri)
}

/// Connects; `purpose` is in the connection's name at the broker.
pub(super) async fn connect(broker: &Broker, purpose: &str) -> Result<Connection> {
    let name = format!("{} {purpose}", broker.name);
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let tls = OwnedTLSConfig { identity: None, cert_chain: broker.authorities.clone() };
    let runtime = lapin::runtime::default_runtime().map_err(away)?;
    let connection = Connection::connect_uri_with_config(address(broker)?, properties, tls, runtime);
    timeout(broker.patience, connection).await.map_err(away)?.map_err(away)
}

/// A channel, opened in time.
pub(super) async fn channel(broker: &Broker, connection: &Connection) -> Result<Channel> {
    timeout(broker.patience, connection.create_channel()).await.map_err(away)?.map_err(away)
}

/// What went wrong with the broker is no fault of an event.
pub(super) fn away(error: impl std::fmt::Display) -> Error {
    Error::unavailable("The queue is away.", error)
}
