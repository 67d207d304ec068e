//! How often somebody may try: failures are counted for each account, for each address, and for all together. What is over is
//! told alike whether the account is there or not. Each process counts by itself; who fails again and again is told to the
//! others through the database, and one failure each of many accounts, as stuffing makes them, costs no write.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use admin_core::Core;
use admin_db::{Tx, attempts as stored};
use admin_types::{Error, Kind, Result};
use moka::sync::Cache;

use crate::grants::hash;

/// How long failures count.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Failures within that time, after which an account and an address have to wait.
const FAILURES_OF_ACCOUNT: u64 = 10;
const FAILURES_OF_ADDRESS: u64 = 100;
/// Failures of all within that time in one process, after which only those sign in who are known where they are.
const FAILURES_OF_ALL: u64 = 1000;
/// Failures of an account and of an address before other processes are told.
const UNTOLD_OF_ACCOUNT: u64 = 3;
const UNTOLD_OF_ADDRESS: u64 = 10;
/// Points at which all processes let somebody wait; an account gets ten for a failure, an address one.
const TIRED: i64 = 100;
/// Accounts and addresses that are counted at a time; that wait to be told to others.
const COUNTED: u64 = 100_000;
const MAX_UNTOLD: usize = 1000;

/// Letters with a link for a new password within this time, in seconds: to an account, and asked for from an address.
pub(crate) const RESET_WINDOW: i64 = 3600;
pub(crate) const RESETS_OF_ACCOUNT: i64 = 3;
pub(crate) const RESETS_OF_ADDRESS: i64 = 20;
/// Letters with an invitation within that time: to one address, and from one org.
pub(crate) const INVITATIONS_OF_ADDRESS: i64 = 3;
pub(crate) const INVITATIONS_OF_ORG: i64 = 100;

#[derive(Clone, PartialEq, Eq, Hash)]
enum Who {
    Account(String),
    Address(IpAddr),
    All,
}

impl Who {
    /// Points for a failure, and failures that the others are not told of.
    fn told(&self) -> Option<(i64, u64)> {
        match self {
            Who::Account(_) => Some((10, UNTOLD_OF_ACCOUNT)),
            Who::Address(_) => Some((1, UNTOLD_OF_ADDRESS)),
            Who::All => None,
        }
    }

    fn hash(&self) -> Vec<u8> {
        match self {
            Who::Account(account) => points_of("failures of", account),
            Who::Address(address) => points_of("failures from", &address.to_string()),
            Who::All => vec![],
        }
    }
}

/// Under what points are kept.
pub(crate) fn points_of(what: &str, who: &str) -> Vec<u8> {
    hash(&format!("{what} {who}"))
}

/// Failures so far.
pub(crate) struct Attempts {
    failures: Cache<Who, Arc<AtomicU64>>,
    /// Points that the database is to hear of; `None`: all are forgotten.
    untold: Mutex<HashMap<Vec<u8>, Option<i64>>>,
    /// Who has to wait, by what all processes have counted.
    tired: RwLock<HashSet<Vec<u8>>>,
}

impl Default for Attempts {
    fn default() -> Attempts {
        let failures = Cache::builder().max_capacity(COUNTED).time_to_live(WINDOW).build();
        Attempts { failures, untold: Mutex::default(), tired: RwLock::default() }
    }
}

impl Attempts {
    /// Refuses a try of whoever failed too often.
    pub(crate) fn check(&self, account: &str, address: Option<IpAddr>) -> Result<()> {
        let over = |who: &Who, most: u64| {
            let tired = self.tired.read().unwrap_or_else(PoisonError::into_inner);
            self.count(who) >= most || !tired.is_empty() && tired.contains(&who.hash())
        };
        let tired = over(&Who::Account(account.to_owned()), FAILURES_OF_ACCOUNT)
            || address.is_some_and(|address| over(&Who::Address(network(address)), FAILURES_OF_ADDRESS));
        if tired { Err(too_many()) } else { Ok(()) }
    }

    /// Whether so many fail that only those may sign in who are known where they are.
    pub(crate) fn is_crowded(&self) -> bool {
        self.count(&Who::All) >= FAILURES_OF_ALL
    }

    fn count(&self, who: &Who) -> u64 {
        self.failures.get(who).map_or(0, |failures| failures.load(Ordering::Relaxed))
    }

    /// Counts a failure.
    pub(crate) fn failed(&self, account: &str, address: Option<IpAddr>) {
        let whom = [Some(Who::Account(account.to_owned())), address.map(|address| Who::Address(network(address)))];
        for who in whom.into_iter().flatten().chain([Who::All]) {
            let before = self.failures.get_with(who.clone(), Arc::default).fetch_add(1, Ordering::Relaxed);
            let Some((points, untold)) = who.told() else { continue };
            match (before + 1).cmp(&untold) {
                std::cmp::Ordering::Less => {}
                // What was kept from the others so far.
                std::cmp::Ordering::Equal => self.tell(&who, Some(points * untold as i64)),
                std::cmp::Ordering::Greater => self.tell(&who, Some(points)),
            }
        }
    }

    fn tell(&self, who: &Who, points: Option<i64>) {
        let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
        let hash = who.hash();
        if untold.len() < MAX_UNTOLD || untold.contains_key(&hash) {
            let sum = points.map(|points| points + untold.get(&hash).copied().flatten().unwrap_or(0));
            untold.insert(hash, sum);
        }
    }

    /// Forgets the failures of an account that has signed in.
    pub(crate) fn succeeded(&self, account: &str) {
        let who = Who::Account(account.to_owned());
        let hash = who.hash();
        let was_tired = self.tired.write().unwrap_or_else(PoisonError::into_inner).remove(&hash);
        if was_tired || self.count(&who) >= UNTOLD_OF_ACCOUNT {
            self.tell(&who, None);
        }
        self.failures.invalidate(&who);
    }

    /// Tells the other processes who fails again and again, and hears it from them.
    pub(crate) async fn share(&self, core: &Core) -> Result<()> {
        let now = core.clock().now();
        let untold = std::mem::take(&mut *self.untold.lock().unwrap_or_else(PoisonError::into_inner));
        if !untold.is_empty() {
            // In one order, so that two processes never wait for each other.
            let mut untold: Vec<_> = untold.into_iter().collect();
            untold.sort_unstable();
            let until = now.plus_seconds(WINDOW.as_secs() as i64);
            let job = async move |tx: &mut Tx| {
                for (hash, points) in &untold {
                    match points {
                        Some(points) => drop(stored::add(tx, hash, *points, now, until).await?),
                        None => stored::clear(tx, hash).await?,
                    }
                }
                Ok(())
            };
            core.db().write_global(job).await?;
        }
        let tired = stored::tired(&mut *core.db().read_once().await?, TIRED, now).await?;
        *self.tired.write().unwrap_or_else(PoisonError::into_inner) = tired.into_iter().collect();
        Ok(())
    }
}

/// Somebody has to wait.
pub(crate) fn too_many() -> Error {
    let minutes = WINDOW.as_secs() / 60;
    let detail = format!("There were too many failed attempts. Try again in {minutes} minutes.");
    Error::new(Kind::TooManyRequests, "too_many_attempts", detail)
}

/// An address of version 6 counts with all of its /64, which one customer has.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => {
            let mut octets = address.octets();
            octets[8..].fill(0);
            IpAddr::V6(octets.into())
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_waits_after_ten_failures_and_others_do_not() {
        let attempts = Attempts::default();
        for _ in 0..10 {
            attempts.check("ada", None).expect("not yet");
            attempts.failed("ada", None);
        }
        assert_eq!(attempts.check("ada", None).expect_err("tired").kind, Kind::TooManyRequests);
        attempts.check("bob", None).expect("another account");
        attempts.succeeded("ada");
        attempts.check("ada", None).expect("signed in");
    }

    #[test]
    fn neighbours_of_version_six_count_together() {
        let attempts = Attempts::default();
        let at = |n: u64| Some(IpAddr::V6(std::net::Ipv6Addr::from((0x2001_0db8_u128 << 96) | u128::from(n))));
        (0..100).for_each(|n| attempts.failed(&n.to_string(), at(n)));
        assert!(attempts.check("new", at(1000)).is_err());
        attempts.check("new", Some([192, 0, 2, 1].into())).expect("elsewhere");
    }

    #[test]
    fn many_who_fail_once_are_counted_together_and_cost_nothing() {
        let attempts = Attempts::default();
        for n in 0..1000 {
            assert!(!attempts.is_crowded(), "{n}");
            attempts.failed(&n.to_string(), Some([10, 0, (n / 200) as u8, (n % 200) as u8].into()));
        }
        assert!(attempts.is_crowded());
        assert!(attempts.untold.lock().expect("no panic").is_empty(), "nothing for the database");
    }

    #[test]
    fn who_fails_again_and_again_is_told_to_the_others_whole() {
        let attempts = Attempts::default();
        (0..10).for_each(|_| attempts.failed("ada", None));
        let told = |attempts: &Attempts| attempts.untold.lock().expect("no panic").clone();
        let ada = Who::Account("ada".into()).hash();
        assert_eq!(told(&attempts), HashMap::from([(ada.clone(), Some(TIRED))]));
        attempts.succeeded("ada");
        assert_eq!(told(&attempts), HashMap::from([(ada, None)]));
    }
}
