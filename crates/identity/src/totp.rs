//! Codes of an app, by time (RFC 6238): SHA-1, six digits, 30 seconds, as every app knows them.

use aws_lc_rs::hmac;

/// How long a code is shown, in seconds.
pub(crate) const STEP_SECONDS: i64 = 30;
/// Bytes of a secret (RFC 4226, section 4, R6).
pub(crate) const SECRET_BYTES: usize = 20;
/// How many steps a clock may be off, either way.
const DRIFT: i64 = 1;
/// RFC 4648, section 6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The code of a time step.
fn code(secret: &[u8], step: i64) -> String {
    // HMAC does not lean on what SHA-1 has lost, and apps know nothing else.
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[tag.len() - 1] & 15);
    let number = tag[at..at + 4].iter().fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}

/// The time step whose code this is, of those that count at `seconds` since 1970; the latest if there are several.
pub(crate) fn step_of(secret: &[u8], typed: &str, seconds: i64) -> Option<i64> {
    let typed: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    let now = seconds / STEP_SECONDS;
    let same = |step: &i64| {
        aws_lc_rs::constant_time::verify_slices_are_equal(code(secret, *step).as_bytes(), typed.as_bytes())
    };
    (now - DRIFT..=now + DRIFT).rev().find(|step| same(step).is_ok())
}

/// A secret as people type it.
pub(crate) fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    for five in bytes.chunks(5) {
        let mut block = [0; 8];
        block[3..3 + five.len()].copy_from_slice(five);
        let bits = u64::from_be_bytes(block);
        let letters = (five.len() * 8).div_ceil(5);
        text.extend((0..letters).map(|at| char::from(BASE32[(bits >> (35 - 5 * at)) as usize & 31])));
    }
    text
}

/// What apps read from a picture: issuer and account are shown to people.
pub(crate) fn uri(issuer: &str, account: &str, secret: &[u8]) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    let (issuer, account) = (encode(issuer), encode(account));
    format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}", base32(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, in six digits.
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(b"12345678901234567890", seconds / STEP_SECONDS), expected, "{seconds}");
        }
    }

    #[test]
    fn a_code_counts_one_step_before_and_after_its_own() {
        let secret = b"12345678901234567890";
        for (seconds, expected) in [(59, Some(1)), (29, Some(1)), (89, Some(1)), (90, None), (120, None)] {
            assert_eq!(step_of(secret, "287 082", seconds), expected, "{seconds}");
        }
        assert_eq!(step_of(secret, "", 59), None);
        assert_eq!(step_of(secret, "28708", 59), None);
    }

    #[test]
    fn base32_is_that_of_the_standard() {
        // RFC 4648, section 10.
        for (bytes, text) in [("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("fooba", "MZXW6YTB")]
        {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
        let uri = uri("Admin local", "ada@example.org", b"fooba");
        assert_eq!(uri, "otpauth://totp/Admin%20local:ada%40example.org?secret=MZXW6YTB&issuer=Admin%20local");
    }
}
