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

/// A guess that is counted.
#[must_use]
pub(crate) struct Guess(Vec<Arc<AtomicU64>>);

impl Guess {
    /// It was no wrong one.
    pub(crate) fn give_back(self) {
        self.0.iter().for_each(|count| _ = count.fetch_sub(1, Ordering::Relaxed));
    }
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
    /// Counts a guess, and refuses one too many. What is right is given back; until then guesses at once are bounded too.
    pub(crate) fn begin(&self, account: AccountId, address: Option<IpAddr>) -> Result<Guess> {
        let address = address.map(|address| (Who::Address(network(address)), OF_ADDRESS));
        let mut guess = Guess(vec![]);
        for (who, most) in
            [Some((Who::All, OF_ALL)), Some((Who::Account(account), OF_ACCOUNT)), address].into_iter().flatten()
        {
            let count = self.counts.get_with(who, Arc::default);
            let before = count.fetch_add(1, Ordering::Relaxed);
            guess.0.push(count);
            if before >= most {
                guess.give_back();
                return Err(too_many("There were too many wrong codes."));
            }
        }
        Ok(guess)
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
        guesses.begin(ada, None).expect("a right one").give_back();
        let wrong = |account: AccountId, address: Option<IpAddr>| guesses.begin(account, address).map(drop);
        (0..10).for_each(|n| wrong(ada, address(n)).expect("not yet"));
        assert!(wrong(ada, None).is_err());
        wrong(account(2), address(1)).expect("another account");
        (0..50).for_each(|n| wrong(account(100 + n), address(1000)).expect("not yet"));
        assert!(wrong(account(3), address(1000)).is_err());
        wrong(account(3), address(1001)).expect("another address");
        (0..9938).for_each(|n| wrong(account(1000 + n), None).expect("not yet"));
        assert!(wrong(account(4), None).is_err());
        (0..100).for_each(|_| guesses.started(address(7)).expect("not yet"));
        assert!(guesses.started(address(7)).is_err());
    }
}
