//! When a delivery that failed is tried again.

use std::str::FromStr;
use std::time::Duration;

use admin_types::Random;

/// The most tries.
const MOST: usize = 20;
/// The longest wait between two.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);
/// By how much a wait varies, so that what failed together does not come back together: a tenth either way.
const JITTER: f64 = 0.1;

/// How long after each failure the next try follows; the first wait is that of the first try.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schedule(Vec<Duration>);

impl Default for Schedule {
    /// 0 s, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
    fn default() -> Schedule {
        const HOUR: u64 = 3600;
        let seconds = [0, 5, 300, 1800, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
        Schedule(seconds.map(Duration::from_secs).to_vec())
    }
}

impl Schedule {
    /// The wait before the try `step`, counted from 0; `None` when there is none any more.
    pub(crate) fn wait(&self, step: i64, random: &dyn Random) -> Option<Duration> {
        let wait = self.0.get(usize::try_from(step).ok()?)?;
        let mut bytes = [0; 2];
        random.fill(&mut bytes);
        let share = f64::from(u16::from_le_bytes(bytes)) / f64::from(u16::MAX);
        Some(wait.mul_f64(1.0 - JITTER + 2.0 * JITTER * share))
    }
}

/// `0s,5s,5m,2h`.
impl FromStr for Schedule {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Schedule, &'static str> {
        const WANTED: &str = "must be 1 to 20 waits with commas between, each at most 168h, such as 0s,5s,5m,2h";
        let wait = |part: &str| {
            let part = part.trim();
            let (number, unit) = part.split_at_checked(part.len().checked_sub(1)?)?;
            let number: u64 = number.parse().ok()?;
            let seconds = match unit {
                "s" => Some(number),
                "m" => number.checked_mul(60),
                "h" => number.checked_mul(3600),
                _ => None,
            };
            seconds.map(Duration::from_secs).filter(|wait| *wait <= LONGEST)
        };
        let waits: Option<Vec<Duration>> = text.split(',').map(wait).collect();
        waits.filter(|waits| waits.len() <= MOST).map(Schedule).ok_or(WANTED)
    }
}

#[cfg(test)]
mod tests {
    use admin_types::SystemRandom;

    use super::*;

    #[test]
    fn waits_vary_by_a_tenth_and_end() {
        let schedule: Schedule = "0s, 10s,2m,1h".parse().expect("a schedule");
        assert_eq!(schedule.wait(0, &SystemRandom), Some(Duration::ZERO));
        for _ in 0..1000 {
            let wait = schedule.wait(1, &SystemRandom).expect("a wait").as_secs_f64();
            assert!((9.0..=11.0).contains(&wait), "{wait}");
        }
        assert!(schedule.wait(3, &SystemRandom).is_some() && schedule.wait(4, &SystemRandom).is_none());
        assert_eq!(Schedule::default().0.len(), 10);
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in ["", "5", "5x", "-1s", "1s,,2s", "169h", "s", &"1s,".repeat(21), "99999999999999999999h", "5µ"] {
            assert!(text.parse::<Schedule>().is_err(), "{text}");
        }
    }
}
