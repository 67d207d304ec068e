//! HTTP calls to addresses that tenants choose, of which none may lead into the network that Admin stands in: the host is
//! looked up, every address is looked at, and the connection goes to one of these, whatever the name means by then.
//! Redirections are not followed, proxies that the environment names are not used. Connections are kept for a while, so that a
//! name is looked up for each new one and never for a request on one that is open.

mod addresses;
mod connect;
mod hosts;
mod message;
mod network;
mod pool;
mod resolve;
mod target;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use rustls::pki_types::CertificateDer;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use connect::Connection;
pub use hosts::PrivateHosts;
pub use message::{Failure, Kind, Request, Response, Timing};
pub use network::Network;
use pool::{Place, Pool};
pub use resolve::Resolve;
pub use target::MAX_URL;
use target::Target;

/// Whether an address can be sent to, as far as its text alone can say: for when somebody saves it. What its name leads to is
/// looked at with every connection.
///
/// # Errors
/// [`Kind::Blocked`], with the reason.
pub fn check(url: &str, hosts: &PrivateHosts) -> Result<(), Failure> {
    Target::read(url, hosts).map(drop)
}

/// How much at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests under way, each with a connection. One more waits for its turn, within its own time.
    pub under_way: usize,
    /// Connections that are kept for the next request, to all places together.
    pub kept: usize,
    /// How long one is kept.
    pub idle: Duration,
    /// How much of a response's body is kept, in bytes.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { under_way: 4_096, kept: 1_024, idle: Duration::from_secs(30), body: 4_096 }
    }
}

/// Sends requests to where tenants want them.
pub struct Outbound {
    hosts: PrivateHosts,
    limits: Limits,
    resolver: Arc<dyn Resolve>,
    tls: TlsConnector,
    pool: Arc<Pool>,
    turns: Semaphore,
}

impl Outbound {
    /// With the resolver and the trusted certificates of this machine.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(hosts: PrivateHosts, limits: Limits) -> Result<Outbound, rustls::Error> {
        Outbound::with(hosts, limits, Arc::new(resolve::System::new()), &[])
    }

    /// With a resolver, and with certificates that are trusted beside those of this machine.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn with(
        hosts: PrivateHosts,
        limits: Limits,
        resolver: Arc<dyn Resolve>,
        roots: &[CertificateDer<'static>],
    ) -> Result<Outbound, rustls::Error> {
        let pool = Pool::new(limits.kept, limits.idle);
        Ok(Outbound {
            hosts,
            limits,
            resolver,
            tls: connect::tls(roots)?,
            pool,
            turns: Semaphore::new(limits.under_way),
        })
    }

    /// How many connections are kept for the next request.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.pool.len()
    }

    /// Sends a request, and returns the response whatever its status is. All of it happens `within` this time.
    ///
    /// # Errors
    /// There is no response. Whether the request arrived is not known then, unless the kind says so.
    pub async fn send(&self, request: Request, within: Duration) -> Result<Response, Failure> {
        let mut trace = Trace::new();
        let answered = tokio::time::timeout(within, self.exchange(request, &mut trace)).await;
        let answered = answered.unwrap_or_else(|_| {
            let seconds = within.as_secs_f32();
            Err(Failure::new(Kind::Timeout, format!("no answer within {seconds} seconds, while {}", trace.doing)))
        });
        let timing = Timing { total: trace.began.elapsed(), ..trace.timing };
        match answered {
            Ok(mut response) => {
                response.timing = timing;
                Ok(response)
            }
            Err(failure) => Err(Failure { timing, address: trace.address, ..failure }),
        }
    }

    async fn exchange(&self, request: Request, trace: &mut Trace) -> Result<Response, Failure> {
        let target = Target::read(&request.url, &self.hosts)?;
        let mut message = message::head(request, &target)?;
        let _turn = self.turns.acquire().await.map_err(|closed| Failure::new(Kind::Connect, closed.to_string()))?;
        let place = Place::of(&target);
        let (connection, answer) = loop {
            let kept = self.pool.take(&place);
            let reused = kept.is_some();
            let mut connection = match kept {
                Some(connection) => connection,
                None => connect::connect(self, &target, trace).await?,
            };
            trace.address = Some(connection.address);
            trace.phase("waiting for the answer");
            if let Err(error) = connection.sender.ready().await {
                if reused {
                    continue;
                }
                return Err(Failure::new(Kind::Connect, error.to_string()));
            }
            match connection.sender.try_send_request(message).await {
                Ok(answer) => break (connection, answer),
                // The peer had hung up before it was sent, so it can be sent on another.
                Err(mut error) if reused && error.message().is_some() => match error.take_message() {
                    Some(unsent) => message = unsent,
                    None => return Err(message::broken(&error.into_error())),
                },
                Err(error) => return Err(message::broken(&error.into_error())),
            }
        };
        trace.timing.first_byte = Some(trace.lap());
        trace.phase("reading the answer");
        self.read(answer, connection, place).await
    }

    async fn read(
        &self,
        answer: http::Response<Incoming>,
        connection: Connection,
        place: Place,
    ) -> Result<Response, Failure> {
        let (head, mut incoming) = answer.into_parts();
        let mut body = BytesMut::new();
        let mut truncated = false;
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|error| message::broken(&error))?;
            let Ok(data) = frame.into_data() else { continue };
            let room = self.limits.body - body.len();
            body.extend_from_slice(&data[..data.len().min(room)]);
            if data.len() > room {
                truncated = true;
                break;
            }
        }
        let address = connection.address;
        // What was not read to its end is of no use to the next request.
        if !truncated && !connection.sender.is_closed() {
            self.pool.put(place, connection);
        }
        let (status, headers) = (head.status, head.headers);
        Ok(Response { status, headers, body: body.freeze(), truncated, timing: Timing::default(), address })
    }
}

/// How far a request has come.
struct Trace {
    began: Instant,
    last: Instant,
    doing: &'static str,
    timing: Timing,
    address: Option<SocketAddr>,
}

impl Trace {
    fn new() -> Trace {
        let now = Instant::now();
        Trace { began: now, last: now, doing: "waiting for a turn", timing: Timing::default(), address: None }
    }

    fn phase(&mut self, doing: &'static str) {
        self.doing = doing;
        self.last = Instant::now();
    }

    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        now - std::mem::replace(&mut self.last, now)
    }
}

type Message = http::Request<Full<Bytes>>;
