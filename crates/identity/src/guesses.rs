//! How often somebody may enter a code of a device that is not there (RFC 8628, section 5.1), and how many devices may
//! ask to be let in from one address. Counted in each process.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use admin_types::{AccountId, Error, Kind, Result};
use moka::sync::Cache;

use crate::attempts::network;

/// How long they count.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Wrong codes within that time: of an account, of an address, of all together. A code has 34 bits and lives ten minutes.
const OF_ACCOUNT: u64 = 10;
const OF_ADDRESS: u64 = 50;
const OF_ALL: u64 = 10_000;
/// Devices that ask from one address within that time.
const DEVICES: u64 = 100;
/// Accounts and addresses that are counted at a time.
const COUNTED: u64 = 100_000;

#[derive(Clone, PartialEq, Eq, Hash)]
enum Who {
    All,
    Account(AccountId),
    Address(IpAddr),
    Devices(IpAddr),
}

/// Wrong codes so far.
pub(crate) struct Guesses {
    counts: Cache<Who, Arc<AtomicU64>>,
}

impl Default for Guesses {
    fn default() -> Guesses {
        Guesses { counts: Cache::builder().max_capacity(COUNTED).time_to_live(WINDOW).build() }
    }
}

impl Guesses {
    /// Refuses a guess after too many wrong ones.
    pub(crate) fn check(&self, account: AccountId, address: Option<IpAddr>) -> Result<()> {
        let address = address.map(|address| (Who::Address(network(address)), OF_ADDRESS));
        let bounds = [Some((Who::All, OF_ALL)), Some((Who::Account(account), OF_ACCOUNT)), address];
        let over = |(who, most)| self.counts.get(&who).is_some_and(|count| count.load(Ordering::Relaxed) >= most);
        if bounds.into_iter().flatten().any(over) { Err(too_many("There were too many wrong codes.")) } else { Ok(()) }
    }

    /// Counts a wrong code.
    pub(crate) fn failed(&self, account: AccountId, address: Option<IpAddr>) {
        let address = address.map(|address| Who::Address(network(address)));
        for who in [Some(Who::All), Some(Who::Account(account)), address].into_iter().flatten() {
            self.count(who);
        }
    }

    /// Counts a device that asks to be let in, and refuses one too many.
    pub(crate) fn started(&self, address: Option<IpAddr>) -> Result<()> {
        let Some(address) = address else { return Ok(()) };
        let many = self.count(Who::Devices(network(address))) > DEVICES;
        if many { Err(too_many("Too many devices asked to be let in from here.")) } else { Ok(()) }
    }

    fn count(&self, who: Who) -> u64 {
        self.counts.get_with(who, Arc::default).fetch_add(1, Ordering::Relaxed) + 1
    }
}

fn too_many(what: &str) -> Error {
    let minutes = WINDOW.as_secs() / 60;
    Error::new(Kind::TooManyRequests, "too_many_attempts", format!("{what} Try again in {minutes} minutes."))
}

#[cfg(test)]
mod tests {
    use admin_types::{SystemRandom, Timestamp};

    use super::*;

    #[test]
    fn an_account_an_address_and_all_together_are_bounded() {
        let account = |n: i64| AccountId::new(Timestamp(n * 1000), &SystemRandom);
        let address = |n: u16| Some(IpAddr::from([192, 0, (n >> 8) as u8, n as u8]));
        let guesses = Guesses::default();
        let ada = account(1);
        (0..10).for_each(|n| guesses.failed(ada, address(n)));
        assert!(guesses.check(ada, None).is_err());
        guesses.check(account(2), address(1)).expect("another account");
        (0..50).for_each(|n| guesses.failed(account(n), address(1000)));
        assert!(guesses.check(account(3), address(1000)).is_err());
        guesses.check(account(3), address(1001)).expect("another address");
        (0..10_000).for_each(|n| guesses.failed(account(n), None));
        assert!(guesses.check(account(4), None).is_err());
        (0..100).for_each(|_| guesses.started(address(7)).expect("not yet"));
        assert!(guesses.started(address(7)).is_err());
    }
}
