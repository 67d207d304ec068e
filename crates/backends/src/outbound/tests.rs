//! What is refused, and what happens on real sockets.

mod bounds;
mod many;
mod rebinding;
mod refused;
mod server;
mod sockets;
mod tls;

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method};

use super::{Limits, Outbound, PrivateHosts, Request, Resolve};

const SOON: Duration = Duration::from_secs(10);

/// Answers for names, one after the other; the last is repeated.
#[derive(Clone, Default)]
struct Names(Arc<Mutex<HashMap<String, Vec<Vec<IpAddr>>>>>);

impl Names {
    fn of(answers: &[(&str, &[&[&str]])]) -> Names {
        let read = |address: &&str| address.parse().expect(address);
        let answers = answers.iter().map(|(name, answers)| {
            ((*name).to_owned(), answers.iter().map(|found| found.iter().map(read).collect()).collect())
        });
        Names(Arc::new(Mutex::new(answers.collect())))
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let mut names = self.0.lock().unwrap();
        let answer =
            names.get_mut(name).map(|answers| if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() });
        Box::pin(async move { answer.ok_or_else(|| io::Error::other("no such name")) })
    }
}

fn outbound(hosts: &str, limits: Limits, names: &[(&str, &[&[&str]])]) -> Outbound {
    Outbound::with(PrivateHosts::read(hosts).unwrap(), limits, Arc::new(Names::of(names)), &[]).unwrap()
}

fn post(url: &str) -> Request {
    Request { method: Method::POST, url: url.to_owned(), headers: HeaderMap::new(), body: Bytes::from_static(b"hello") }
}
