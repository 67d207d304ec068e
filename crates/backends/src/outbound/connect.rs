//! New connections: the name is looked up, every address is looked at, and the connection goes to one of these.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::target::Target;
use super::{Failure, Kind, Outbound, Trace};

/// How many addresses of a host are tried, and how long each may take to accept if there is another.
const ADDRESSES: usize = 8;
const EACH: Duration = Duration::from_secs(3);

/// How large the head of a response may be: in bytes, and in headers.
const HEAD: usize = 16 * 1024;
const HEADERS: usize = 100;

/// A connection on which a request can be sent. It ends when it is dropped, also in the middle of something: a peer that reads
/// nothing could keep it for ever.
pub(super) struct Connection {
    pub(super) sender: SendRequest<Full<Bytes>>,
    pub(super) address: SocketAddr,
    driver: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

pub(super) fn tls(roots: &[CertificateDer<'static>]) -> Result<TlsConnector, rustls::Error> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    store.add_parsable_certificates(roots.iter().cloned());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = config.with_root_certificates(store).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

pub(super) async fn connect(outbound: &Outbound, target: &Target, trace: &mut Trace) -> Result<Connection, Failure> {
    let addresses = addresses(outbound, target, trace).await?;
    trace.phase("connecting");
    let (stream, address) = tcp(&addresses, target.port).await?;
    trace.address = Some(address);
    trace.timing.connect = Some(trace.lap());
    if !target.tls {
        return speak(stream, address).await;
    }
    trace.phase("agreeing on TLS");
    let failed = |error: &dyn std::fmt::Display| Failure::new(Kind::Tls, error.to_string());
    let name = match target.address {
        Some(address) => ServerName::from(address),
        None => ServerName::try_from(target.host.clone()).map_err(|error| failed(&error))?,
    };
    let stream = outbound.tls.connect(name, stream).await.map_err(|error| failed(&error))?;
    trace.timing.tls = Some(trace.lap());
    speak(stream, address).await
}

/// The addresses of the host, of which each may be connected to.
async fn addresses(outbound: &Outbound, target: &Target, trace: &mut Trace) -> Result<Vec<IpAddr>, Failure> {
    if let Some(address) = target.address {
        target.admits(address, &outbound.hosts)?;
        return Ok(vec![address]);
    }
    trace.phase("looking up the host");
    let found = outbound.resolver.resolve(&target.host).await;
    let mut found = found.map_err(|error| Failure::new(Kind::Dns, format!("{}: {error}", target.host)))?;
    trace.timing.dns = Some(trace.lap());
    if found.is_empty() {
        return Err(Failure::new(Kind::Dns, format!("{} has no address", target.host)));
    }
    // One that is private is enough to refuse the host: which one it means is not for it to choose by the way.
    for address in &found {
        target.admits(*address, &outbound.hosts)?;
    }
    found.truncate(ADDRESSES);
    Ok(found)
}

async fn tcp(addresses: &[IpAddr], port: u16) -> Result<(TcpStream, SocketAddr), Failure> {
    let mut last = String::new();
    for (position, address) in addresses.iter().enumerate() {
        let address = SocketAddr::new(*address, port);
        let connecting = TcpStream::connect(address);
        let connected = if position + 1 < addresses.len() {
            timeout(EACH, connecting).await.unwrap_or_else(|late| Err(io::Error::new(io::ErrorKind::TimedOut, late)))
        } else {
            connecting.await
        };
        match connected {
            Ok(stream) => {
                // Heads and bodies go out at once; waiting for more would only delay them.
                stream.set_nodelay(true).ok();
                return Ok((stream, address));
            }
            Err(error) => last = format!("{address}: {error}"),
        }
    }
    Err(Failure::new(Kind::Connect, last))
}

async fn speak<S>(stream: S, address: SocketAddr) -> Result<Connection, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD).max_headers(HEADERS);
    let spoken = builder.handshake(TokioIo::new(stream)).await;
    let (sender, connection) = spoken.map_err(|error| Failure::new(Kind::Connect, error.to_string()))?;
    // What goes wrong on it, the sender hears.
    let driver = tokio::spawn(async move { drop(connection.await) }).abort_handle();
    Ok(Connection { sender, address, driver })
}
