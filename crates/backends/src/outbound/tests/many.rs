//! Ten thousand endpoints of which half hang: the others are served, and what is held is bounded.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use admin_testkit::process::allow_open_files;
use futures_util::future::{BoxFuture, join_all};
use tokio::io::AsyncWriteExt;

use super::super::{Kind, Outbound, PrivateHosts, Resolve};
use super::server::{OK, Server, request};
use super::{Limits, post};

const ENDPOINTS: usize = 10_000;

/// Every name is this machine.
struct Here;

impl Resolve for Here {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async { Ok(vec![Ipv4Addr::LOCALHOST.into()]) })
    }
}

#[derive(Default)]
struct Open {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Open {
    fn begin(&self) {
        self.most.fetch_max(self.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_of_ten_thousand_endpoints_hang() {
    let limits = Limits { under_way: 1_024, kept: 256, ..Limits::default() };
    // Both ends of each connection are in this process.
    allow_open_files(4_000);
    let open = Arc::new(Open::default());
    let counted = Arc::clone(&open);
    let server = Server::start(move |mut stream| {
        let open = Arc::clone(&counted);
        async move {
            open.begin();
            while let Some(text) = request(&mut stream).await {
                if !text.contains("host: hangs-") {
                    stream.write_all(OK.as_bytes()).await.ok();
                }
            }
            open.now.fetch_sub(1, Ordering::SeqCst);
        }
    })
    .await;
    let names: Vec<String> = (0..ENDPOINTS)
        .map(
            |number| {
                if number % 2 == 0 { format!("hangs-{number}.example") } else { format!("answers-{number}.example") }
            },
        )
        .collect();
    let hosts = PrivateHosts::read(&names.join(",")).unwrap();
    let outbound = Outbound::with(hosts, limits, Arc::new(Here), &[]).unwrap();
    let sent = names.iter().map(|name| {
        let url = format!("http://{name}:{}/", server.address.port());
        let within = Duration::from_millis(if name.starts_with("hangs") { 300 } else { 60_000 });
        let outbound = &outbound;
        async move { outbound.send(post(&url), within).await }
    });
    let results = join_all(sent).await;
    for (name, result) in names.iter().zip(results) {
        match result {
            Ok(response) => assert!(name.starts_with("answers") && response.status == 200, "{name}"),
            Err(failure) => assert!(name.starts_with("hangs") && failure.kind == Kind::Timeout, "{name}: {failure}"),
        }
    }
    // The server may see the end of a connection after the next has begun.
    let most = open.most.load(Ordering::SeqCst);
    assert!(most <= 2 * (limits.under_way + limits.kept), "{most}");
    assert!(outbound.kept() <= limits.kept);
}
