//! An authenticator app, as the tests have one (RFC 6238).

use admin_types::{Clock, SystemClock};
use aws_lc_rs::hmac;

use super::*;

/// An app that has read the secret of an account.
pub(super) struct App {
    secret: Vec<u8>,
}

impl App {
    /// Adds the app on the pages; answers the recovery codes that are shown then. The code that it is confirmed by is the
    /// one before that of now, so that a test has two more without waiting.
    pub(super) async fn add(browser: &Browser) -> (App, Vec<String>) {
        let begun = browser.submit("/account/security/totp", &[]).await;
        assert_eq!((begun.status, begun.location.as_str()), (303, "/account/security/totp"), "{}", begun.text);
        let page = browser.get("/account/security/totp").await;
        assert!(page.text.contains("<svg"), "{}", page.text);
        let secret =
            page.text.split_once("id=\"totp-secret\">").and_then(|(_, rest)| rest.split_once('<')).expect("it").0;
        let app = App { secret: base32(secret) };
        loop {
            // The step may end between here and there.
            let step = now() - 1;
            let seen = browser.submit("/account/security/totp/confirm", &[("code", &app.code(step))]).await;
            if seen.status == 401 && step < now() - 1 {
                continue;
            }
            assert_eq!(seen.status, if seen.location.is_empty() { 200 } else { 303 }, "{}", seen.text);
            return (app, recovery_codes(&seen));
        }
    }

    /// The code of a time step.
    pub(super) fn code(&self, step: u64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.secret);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let at = usize::from(tag.as_ref()[19] & 15);
        let number = u32::from_be_bytes(tag.as_ref()[at..at + 4].try_into().expect("four bytes")) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }

    /// A code that is none of those that count now.
    pub(super) fn wrong(&self) -> String {
        let good: Vec<String> = (now() - 3..now() + 4).map(|step| self.code(step)).collect();
        (0..).map(|n| format!("{n:06}")).find(|code| !good.contains(code)).expect("there are a million")
    }
}

/// The time step of now.
pub(super) fn now() -> u64 {
    u64::try_from(SystemClock.now().seconds() / 30).expect("after 1970")
}

/// The recovery codes that a page shows.
pub(super) fn recovery_codes(seen: &Seen) -> Vec<String> {
    let codes = seen.text.split("<li><code>").skip(1);
    codes.filter_map(|rest| Some(rest.split_once('<')?.0.to_owned())).collect()
}

fn base32(text: &str) -> Vec<u8> {
    let (mut bits, mut length, mut bytes) = (0_u32, 0, vec![]);
    for letter in text.bytes().filter(|letter| *letter != b' ') {
        let digit = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|one| *one == letter).expect("base32");
        (bits, length) = ((bits << 5) | digit as u32, length + 5);
        if length >= 8 {
            length -= 8;
            bytes.push((bits >> length) as u8);
            bits &= (1 << length) - 1;
        }
    }
    bytes
}
