//! What is done about failures: the batch again, then its events one by one, and then without the one that is to blame.

use std::time::Duration;

use admin_types::Event;

use super::Settings;
use super::attempt::Failure;

/// The failures of one org's events since something went well.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Trouble {
    /// How often the present batch, or the present event, was failed at.
    failures: u32,
    /// How often something was away.
    away: u32,
    /// Up to the event of this number they are handled one by one.
    singly_to: i64,
}

/// What comes next after a failure.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Next {
    /// The same again, after a pause.
    Again,
    /// The event is parked for this reason.
    Park(String),
}

impl Trouble {
    /// Whether the events that follow the number `done` are handled one by one.
    pub(super) fn singly(&self, done: i64) -> bool {
        done < self.singly_to
    }

    /// Something went well.
    pub(super) fn over(&mut self) {
        (self.failures, self.away) = (0, 0);
    }

    /// Something that is needed was away.
    pub(super) fn away(&mut self) {
        self.away = self.away.saturating_add(1);
    }

    /// Whether this is the first time that something is away, which is worth a line in the log.
    pub(super) fn just_away(&self) -> bool {
        self.away == 1
    }

    /// The handler failed at these events.
    pub(super) fn failed(&mut self, failure: Failure, events: &[Event], settings: &Settings) -> Next {
        let reason = match failure {
            Failure::Away(_) => {
                self.away();
                return Next::Again;
            }
            Failure::Refused(reason) => reason,
        };
        self.away = 0;
        self.failures += 1;
        if self.failures < settings.attempts {
            return Next::Again;
        }
        self.failures = 0;
        match events {
            [_] => Next::Park(reason),
            events => {
                self.singly_to = events.last().map_or(0, |last| last.seq);
                Next::Again
            }
        }
    }

    /// How long to wait before the next attempt.
    pub(super) fn pause(&self, settings: &Settings) -> Duration {
        pause(self.failures.max(self.away), settings)
    }
}

/// The pause after so many failures in a row.
pub(super) fn pause(failures: u32, settings: &Settings) -> Duration {
    let Some(doublings) = failures.checked_sub(1) else { return Duration::ZERO };
    settings.first_pause.saturating_mul(1 << doublings.min(20)).min(settings.longest_pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound() {
        let settings = Settings::default();
        let pauses: Vec<u128> = [0, 1, 2, 3, 6, 7, u32::MAX].map(|n| pause(n, &settings).as_millis()).into();
        assert_eq!(pauses, [0, 100, 200, 400, 3200, 5000, 5000]);
    }
}
