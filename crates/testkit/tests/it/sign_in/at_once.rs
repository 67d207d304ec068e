//! Tries that are sent at once, so that all of them arrive before the first is counted.

use futures_util::future::join_all;

use super::factors::half;
use super::totp::App;
use super::*;

/// How many at once, four times what an account may fail.
const AT_ONCE: usize = 40;

/// How many were compared, and found wrong; the others must have been sent away.
fn compared(seen: &[Seen]) -> usize {
    assert!(seen.iter().all(|seen| matches!(seen.status, 401 | 429 | 503)), "{:?}", statuses(seen));
    seen.iter().filter(|seen| seen.status == 401).count()
}

fn statuses(seen: &[Seen]) -> Vec<u16> {
    seen.iter().map(|seen| seen.status).collect()
}

story!(passwords_that_are_guessed_at_once_are_bounded_too, async |sandbox: &Sandbox| {
    owner(sandbox).await;
    for email in ["ada@example.org", "nobody@example.org"] {
        let browsers: Vec<Browser> = (0..AT_ONCE).map(|_| Browser::new(sandbox)).collect();
        let guess =
            async |browser: &Browser| browser.submit("/sign-in", &[("email", email), ("password", "a guess")]).await;
        let seen = join_all(browsers.iter().map(guess)).await;
        let compared = compared(&seen);
        assert!((1..=10).contains(&compared), "{compared} of {email} were compared: {:?}", statuses(&seen));
    }
});

story!(codes_that_are_guessed_at_once_are_bounded_too, async |sandbox: &Sandbox| {
    let ada = owner(sandbox).await;
    let (app, _) = App::add(&ada).await;
    let mut halves = vec![];
    for _ in 0..AT_ONCE / 5 {
        halves.push(half(sandbox).await);
    }
    let wrong = app.wrong();
    let guess = async |half: &Browser| half.submit("/sign-in/second", &[("code", &wrong)]).await;
    let seen = join_all(halves.iter().cycle().take(AT_ONCE).map(guess)).await;
    let compared = compared(&seen);
    assert!((1..=10).contains(&compared), "{compared} were compared: {:?}", statuses(&seen));
});

story!(codes_of_devices_that_are_guessed_at_once_are_bounded_too, async |sandbox: &Sandbox| {
    let ada = owner(sandbox).await;
    let guess = async |_| ada.submit("/device", &[("user_code", "BCDFGHJK")]).await;
    let seen = join_all((0..AT_ONCE).map(guess)).await;
    let unknown = seen.iter().filter(|seen| seen.status == 404).count();
    let refused = seen.iter().filter(|seen| seen.status == 429).count();
    assert_eq!((unknown, refused), (10, AT_ONCE - 10), "{:?}", statuses(&seen));
});
