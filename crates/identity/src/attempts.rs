//! How often somebody may try: failures are counted for each account, for each address, and for all together. A try counts as
//! long as it is under way, so that those at once are bounded as those one after the other are. What is over is told alike
//! whether the account is there or not. Each process counts by itself; who fails again and again is told to the
//! others through the database, and one failure each of many accounts, as stuffing makes them, costs no write.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
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

/// Of somebody, within the window.
#[derive(Default)]
struct Count {
    failed: u64,
    under_way: u64,
}

type Counted = Arc<Mutex<Count>>;

fn lock(count: &Counted) -> MutexGuard<'_, Count> {
    count.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Failures so far.
pub(crate) struct Attempts {
    counts: Cache<Who, Counted>,
    /// Points that the database is to hear of; `None`: all are forgotten.
    untold: Mutex<HashMap<Vec<u8>, Option<i64>>>,
    /// Who has to wait, by what all processes have counted.
    tired: RwLock<HashSet<Vec<u8>>>,
}

impl Default for Attempts {
    fn default() -> Attempts {
        let counts = Cache::builder().max_capacity(COUNTED).time_to_live(WINDOW).build();
        Attempts { counts, untold: Mutex::default(), tired: RwLock::default() }
    }
}

impl Attempts {
    /// Lets somebody try, but for whoever failed too often, or would have if all that they try just now failed. To be called
    /// before the comparison; the try is given back when what this answers is dropped.
    pub(crate) fn begin(&self, account: &str, address: Option<IpAddr>) -> Result<Try<'_>> {
        let mut begun = Try { attempts: self, account: account.to_owned(), address, counts: vec![] };
        let address = address.map(|address| (Who::Address(network(address)), FAILURES_OF_ADDRESS));
        for (who, most) in
            [Some((Who::Account(account.to_owned()), FAILURES_OF_ACCOUNT)), address].into_iter().flatten()
        {
            let counted = self.counts.get_with(who.clone(), Arc::default);
            let mut count = lock(&counted);
            if count.failed >= most || self.is_tired(&who) {
                return Err(too_many());
            }
            if count.failed + count.under_way >= most {
                let detail = "Too many tries with this account, or from here, are under way. Try again shortly.";
                return Err(Error::unavailable(detail, "tries under way"));
            }
            count.under_way += 1;
            drop(count);
            begun.counts.push(counted);
        }
        Ok(begun)
    }

    fn is_tired(&self, who: &Who) -> bool {
        let tired = self.tired.read().unwrap_or_else(PoisonError::into_inner);
        !tired.is_empty() && tired.contains(&who.hash())
    }

    /// Whether so many fail that only those may sign in who are known where they are.
    pub(crate) fn is_crowded(&self) -> bool {
        self.failures(&Who::All) >= FAILURES_OF_ALL
    }

    fn failures(&self, who: &Who) -> u64 {
        self.counts.get(who).map_or(0, |count| lock(&count).failed)
    }

    fn failed(&self, account: &str, address: Option<IpAddr>) {
        let whom = [Some(Who::Account(account.to_owned())), address.map(|address| Who::Address(network(address)))];
        for who in whom.into_iter().flatten().chain([Who::All]) {
            let failed = {
                let counted = self.counts.get_with(who.clone(), Arc::default);
                let mut count = lock(&counted);
                count.failed += 1;
                count.failed
            };
            let Some((points, untold)) = who.told() else { continue };
            match failed.cmp(&untold) {
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
        if was_tired || self.failures(&who) >= UNTOLD_OF_ACCOUNT {
            self.tell(&who, None);
        }
        self.counts.invalidate(&who);
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

/// A try that is under way. It counts as a failure until it is dropped; a failure counts on.
#[must_use]
pub(crate) struct Try<'a> {
    attempts: &'a Attempts,
    account: String,
    address: Option<IpAddr>,
    counts: Vec<Counted>,
}

impl Try<'_> {
    /// It was in vain.
    pub(crate) fn failed(self) {
        // Counted before it is given back, so that nobody comes in between.
        self.attempts.failed(&self.account, self.address);
    }

    /// It was right: the failures of the account are forgotten.
    pub(crate) fn succeeded(self) {
        self.attempts.succeeded(&self.account);
    }
}

impl Drop for Try<'_> {
    fn drop(&mut self) {
        self.counts.iter().for_each(|count| lock(count).under_way -= 1);
    }
}

/// Somebody has to wait.
pub(crate) fn too_many() -> Error {
    let minutes = WINDOW.as_secs() / 60;
    let detail = format!("There were too many failed attempts. Try again in {minutes} minutes.");
    Error::new(Kind::TooManyRequests, "too_many_attempts", detail)
}

/// An address of version 6 counts with all of its /64, which one customer has; one that is of version 4 in truth, by itself.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
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
            attempts.begin("ada", None).expect("not yet").failed();
        }
        assert_eq!(attempts.begin("ada", None).map(drop).expect_err("tired").kind, Kind::TooManyRequests);
        drop(attempts.begin("bob", None).expect("another account"));
        attempts.succeeded("ada");
        drop(attempts.begin("ada", None).expect("signed in"));
    }

    #[test]
    fn tries_at_once_are_bounded_and_given_back() {
        let attempts = Attempts::default();
        let under_way: Vec<_> = (0..10).map(|_| attempts.begin("ada", None).expect("not yet")).collect();
        assert_eq!(attempts.begin("ada", None).map(drop).expect_err("an eleventh").kind, Kind::Unavailable);
        drop(under_way);
        let mut under_way: Vec<_> = (0..10).map(|_| attempts.begin("ada", None).expect("given back")).collect();
        under_way.drain(..9).for_each(Try::failed);
        assert_eq!(attempts.begin("ada", None).map(drop).expect_err("nine in vain").kind, Kind::Unavailable);
        under_way.drain(..).for_each(Try::succeeded);
        drop(attempts.begin("ada", None).expect("forgotten"));

        let address = Some([192, 0, 2, 1].into());
        let from = |n: u64| attempts.begin(&n.to_string(), address);
        let under_way: Vec<_> = (0..100).map(|n| from(n).expect("not yet")).collect();
        assert_eq!(from(100).map(drop).expect_err("an address").kind, Kind::Unavailable);
        drop(attempts.begin("100", None).expect("what was refused is given back"));
        drop(under_way);
    }

    #[test]
    fn neighbours_of_version_six_count_together() {
        let attempts = Attempts::default();
        let at = |n: u64| Some(IpAddr::V6(std::net::Ipv6Addr::from((0x2001_0db8_u128 << 96) | u128::from(n))));
        (0..100).for_each(|n| attempts.failed(&n.to_string(), at(n)));
        assert!(attempts.begin("new", at(1000)).is_err());
        drop(attempts.begin("new", Some([192, 0, 2, 1].into())).expect("elsewhere"));
        let mapped = |n: u8| Some(IpAddr::V6(std::net::Ipv4Addr::new(192, 0, 2, n).to_ipv6_mapped()));
        (0..100).for_each(|n| attempts.failed(&n.to_string(), mapped(1)));
        drop(attempts.begin("new", mapped(2)).expect("addresses of version 4 are no /64"));
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
