//! A circuit for each endpoint: after some failures in a row nothing is sent there for a while, then one message as a
//! probe. So an endpoint that is dead costs the others nothing, and its own messages do not use up their tries.

use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row that open the circuit.
const FAILURES: u32 = 5;
/// How long it is open at first, and at most; the time doubles with each probe that fails.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(300);

/// Whether messages may be sent to an endpoint.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Circuit {
    failures: u32,
    open_until: Option<Instant>,
}

impl Circuit {
    /// When the next message may be sent; `None` if at once.
    pub(crate) fn closed_until(&self, now: Instant) -> Option<Instant> {
        self.open_until.filter(|until| *until > now)
    }

    /// Whether nothing went wrong lately.
    pub(crate) fn is_sound(&self) -> bool {
        self.failures == 0
    }

    /// A message arrived.
    pub(crate) fn succeeded(&mut self) {
        *self = Circuit::default();
    }

    /// A message did not arrive.
    pub(crate) fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if let Some(more) = self.failures.checked_sub(FAILURES) {
            let pause = FIRST.saturating_mul(1 << more.min(10)).min(LONGEST);
            self.open_until = Some(now + pause);
        }
    }

    /// The endpoint asked for a pause.
    pub(crate) fn pause(&mut self, until: Instant) {
        self.open_until = self.open_until.max(Some(until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_for_longer_each_time() {
        let (mut circuit, now) = (Circuit::default(), Instant::now());
        for _ in 0..FAILURES - 1 {
            circuit.failed(now);
        }
        assert_eq!(circuit.closed_until(now), None);
        circuit.failed(now);
        assert_eq!(circuit.closed_until(now), Some(now + FIRST));
        assert_eq!(circuit.closed_until(now + FIRST), None, "a probe may go");
        circuit.failed(now + FIRST);
        assert_eq!(circuit.closed_until(now + FIRST), Some(now + FIRST * 3));
        for _ in 0..50 {
            circuit.failed(now);
        }
        assert_eq!(circuit.closed_until(now), Some(now + LONGEST));
        circuit.succeeded();
        assert_eq!(circuit.closed_until(now), None);
    }
}
