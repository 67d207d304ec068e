//! Ports for servers that cannot choose one themselves.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

/// Below those that the system gives out by itself, to clients and to whoever binds port 0: so a server that is away for a while finds
/// its port free when it comes back.
const PORTS: Range<u16> = 10_000..32_000;

/// A port of 127.0.0.1 that was free a moment ago, by chance.
///
/// Another process may take it before the server does, so whoever starts the server watches for its early end and
/// tries again with another port. A server that can bind port 0 should do that instead.
///
/// # Panics
/// Of a hundred ports, none is free.
#[must_use]
pub fn free() -> u16 {
    let any = || PORTS.start + (RandomState::new().hash_one(0) % PORTS.len() as u64) as u16;
    let free = (0..100).map(|_| any()).find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    free.expect("127.0.0.1 has a free port")
}
