//! How often somebody may try: failures are counted for each account and each address, and all tries of this process
//! together. What is over is told alike whether the account is there or not.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use admin_types::{Error, Kind, Result};
use moka::sync::Cache;

/// How long failures count.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Failures within that time, after which an account and an address have to wait.
const FAILURES_OF_ACCOUNT: u64 = 10;
const FAILURES_OF_ADDRESS: u64 = 100;
/// Accounts and addresses that are counted at a time.
const COUNTED: u64 = 100_000;

#[derive(Clone, PartialEq, Eq, Hash)]
enum Who {
    Account(String),
    Address(IpAddr),
}

/// Failures so far.
pub(crate) struct Attempts {
    failures: Cache<Who, Arc<AtomicU64>>,
}

impl Default for Attempts {
    fn default() -> Attempts {
        Attempts { failures: Cache::builder().max_capacity(COUNTED).time_to_live(WINDOW).build() }
    }
}

impl Attempts {
    /// Refuses a try of whoever failed too often.
    pub(crate) fn check(&self, account: &str, address: Option<IpAddr>) -> Result<()> {
        let over = |who: &Who, most: u64| {
            self.failures.get(who).is_some_and(|failures| failures.load(Ordering::Relaxed) >= most)
        };
        let tired = over(&Who::Account(account.to_owned()), FAILURES_OF_ACCOUNT)
            || address.is_some_and(|address| over(&Who::Address(network(address)), FAILURES_OF_ADDRESS));
        if tired {
            let minutes = WINDOW.as_secs() / 60;
            let detail = format!("There were too many failed attempts. Try again in {minutes} minutes.");
            return Err(Error::new(Kind::TooManyRequests, "too_many_attempts", detail));
        }
        Ok(())
    }

    /// Counts a failure.
    pub(crate) fn failed(&self, account: &str, address: Option<IpAddr>) {
        let whom = [Some(Who::Account(account.to_owned())), address.map(|address| Who::Address(network(address)))];
        for who in whom.into_iter().flatten() {
            self.failures.get_with(who, Arc::default).fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Forgets the failures of an account that has signed in.
    pub(crate) fn succeeded(&self, account: &str) {
        self.failures.invalidate(&Who::Account(account.to_owned()));
    }
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
}
