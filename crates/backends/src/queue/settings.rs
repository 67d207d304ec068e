//! The bounds of a reader.

use std::time::Duration;

/// The bounds within which a reader of events works.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// How long a process that has ended without a word keeps the others from the reader's work; whole seconds. It is
    /// renewed three times in this time.
    pub lease: Duration,
    /// The most events of a batch.
    pub batch: u32,
    /// The text of a batch, in bytes, beyond its first event.
    pub bytes: u32,
    /// How long news wait for more, so that a batch is of many.
    pub linger: Duration,
    /// How many orgs are worked for at once.
    pub concurrency: usize,
    /// How long an org with many events before it is worked for until it is the turn of the others.
    pub turn: Duration,
    /// How long a handler may take for a batch.
    pub handle_within: Duration,
    /// How often a batch is tried, and then each of its events by itself.
    pub attempts: u32,
    /// The pause after the first failure; it doubles with each further one.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// How long those who are at work may go on when the process stops.
    pub grace: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            lease: Duration::from_secs(10),
            batch: 512,
            bytes: 4 << 20,
            linger: Duration::ZERO,
            concurrency: 8,
            turn: Duration::from_secs(1),
            handle_within: Duration::from_secs(60),
            attempts: 5,
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(5),
            grace: Duration::from_secs(5),
        }
    }
}
