//! Ports for servers that cannot choose one themselves.

use std::net::{Ipv4Addr, TcpListener};

/// A port of 127.0.0.1 that was free a moment ago.
///
/// Another process may take it before the server does, so whoever starts the server watches for its early end and
/// tries again with another port. A server that can bind port 0 should do that instead.
#[must_use]
pub fn free() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("127.0.0.1 has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}
