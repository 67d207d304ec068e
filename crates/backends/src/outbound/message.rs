//! What is sent, what comes back, and what can go wrong.

use std::error::Error as _;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::Full;

use super::Message;
use super::target::Target;

/// Headers that say where a request ends and whom it is for; nobody else may set them.
const OURS: &[HeaderName] = &[HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, UPGRADE, TE, TRAILER];

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// `POST`, say.
    pub method: Method,
    /// Where to, absolute.
    pub url: String,
    /// All but those that the connection needs, such as `Host` and `Content-Length`.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// A response.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// At most 100 headers, of at most 16 kB together.
    pub headers: HeaderMap,
    /// The beginning of the body.
    pub body: Bytes,
    /// Whether there was more of it.
    pub truncated: bool,
    /// How long it took.
    pub timing: Timing,
    /// Where the request went.
    pub address: SocketAddr,
}

/// How long the parts of a request took. What did not happen, because a connection was kept, took no time.
#[derive(Clone, Copy, Default, Debug)]
pub struct Timing {
    /// Looking the host up.
    pub dns: Option<Duration>,
    /// Connecting.
    pub connect: Option<Duration>,
    /// Agreeing on TLS.
    pub tls: Option<Duration>,
    /// From when the request was ready to be sent until the head of the response was there.
    pub first_byte: Option<Duration>,
    /// All together, with the wait for a turn and the reading of the body.
    pub total: Duration,
}

/// Why there is no response.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What went wrong.
    pub kind: Kind,
    /// For people, with what to do about it where that is known.
    pub detail: String,
    /// How long it took.
    pub timing: Timing,
    /// Where the request went, as far as it got.
    pub address: Option<SocketAddr>,
}

/// What went wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The address may not be sent to. Nothing was sent.
    Blocked,
    /// The request cannot be sent as it is. Nothing was sent.
    Invalid,
    /// The host has no address. Nothing was sent.
    Dns,
    /// There is no connection. Nothing was sent.
    Connect,
    /// TLS was not agreed upon. Nothing was sent.
    Tls,
    /// It took too long.
    Timeout,
    /// The peer hung up, or what it sent is no HTTP.
    Broken,
}

impl Kind {
    /// The word for it, as in logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Blocked => "blocked",
            Kind::Invalid => "invalid",
            Kind::Dns => "dns",
            Kind::Connect => "connect",
            Kind::Tls => "tls",
            Kind::Timeout => "timeout",
            Kind::Broken => "broken",
        }
    }
}

impl Failure {
    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Failure {
        Failure { kind, detail: detail.into(), timing: Timing::default(), address: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}: {}", self.kind.as_str(), self.detail)
    }
}

impl std::error::Error for Failure {}

/// The request as it goes on a connection.
pub(super) fn head(request: Request, target: &Target) -> Result<Message, Failure> {
    let invalid = |detail: String| Failure::new(Kind::Invalid, detail);
    if let Some(name) = OURS.iter().find(|name| request.headers.contains_key(*name)) {
        return Err(invalid(format!("the header {name} cannot be chosen")));
    }
    let mut message = http::Request::new(Full::new(request.body));
    *message.method_mut() = request.method;
    *message.uri_mut() = target.path.parse().map_err(|error| invalid(format!("the path: {error}")))?;
    *message.headers_mut() = request.headers;
    let host = HeaderValue::from_str(&target.authority).map_err(|error| invalid(error.to_string()))?;
    message.headers_mut().insert(HOST, host);
    Ok(message)
}

pub(super) fn broken(error: &hyper::Error) -> Failure {
    let detail = match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    };
    Failure::new(Kind::Broken, detail)
}
