//! Names to addresses. Nothing is remembered: every new connection asks again.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;

/// How many look-ups run at once. Each holds a thread until the machine's resolver answers or gives up.
const AT_ONCE: usize = 64;

/// Finds the addresses of a host.
pub trait Resolve: Send + Sync {
    /// All addresses of the name, in the order in which to try them.
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// The resolver of this machine.
pub(super) struct System(Arc<Semaphore>);

impl System {
    pub(super) fn new() -> System {
        System(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Resolve for System {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let permit = Arc::clone(&self.0).acquire_owned().await.map_err(io::Error::other)?;
            let name = name.to_owned();
            // The thread cannot be stopped, so it keeps its permit also when nobody waits for it any more.
            let looked_up = tokio::task::spawn_blocking(move || {
                let _permit = permit;
                (name.as_str(), 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect())
            });
            looked_up.await.map_err(io::Error::other)?
        })
    }
}
