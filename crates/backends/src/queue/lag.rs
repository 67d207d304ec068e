//! How far a reader is behind.

use std::time::Duration;

use admin_types::{Result, Timestamp};

use super::Log;

/// Orgs asked for at once.
const PAGE: u32 = 500;
/// The most orgs that are looked at; beyond, the figures are lower bounds.
const MOST_ORGS: u64 = 100_000;

/// How far a reader is behind, over all orgs.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Lag {
    /// Events that it is not done with.
    pub events: u64,
    /// Orgs that have such.
    pub orgs: u64,
    /// The age of the oldest of them; zero if there is none.
    pub age: Duration,
}

/// How far the reader is behind at `now`.
///
/// # Errors
/// The log cannot be read.
pub async fn lag(log: &dyn Log, reader: &str, now: Timestamp) -> Result<Lag> {
    let (mut lag, mut after, mut since) = (Lag::default(), None, now);
    loop {
        let page = log.behind(reader, after, PAGE).await?;
        for behind in &page {
            lag.events += u64::try_from(behind.head.saturating_sub(behind.done)).unwrap_or(0);
            lag.orgs += 1;
            since = since.min(behind.since);
        }
        after = page.last().map(|last| last.org);
        if page.len() < PAGE as usize || lag.orgs >= MOST_ORGS {
            lag.age = Duration::from_micros(u64::try_from(now.0.saturating_sub(since.0)).unwrap_or(0));
            return Ok(lag);
        }
    }
}
