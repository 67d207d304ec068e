//! The text of a key: `adm_`, 36 random letters and digits, and 6 that check them. Whoever scans for secrets tells a key
//! from what only looks like one, and a mistyped key is refused without a look at the database.

use admin_types::Random;
use secrecy::SecretString;

/// What every key begins with.
pub(crate) const PREFIX: &str = "adm_";
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Random characters: 214 bits.
const RANDOM: usize = 36;
/// Characters that check them: a CRC-32 needs six.
const CHECK: usize = 6;

/// A new key.
pub(crate) fn new(random: &dyn Random) -> SecretString {
    let mut text = String::from(PREFIX);
    let mut bytes = [0; 64];
    while text.len() < PREFIX.len() + RANDOM {
        random.fill(&mut bytes);
        // The last 8 of 256 values would make some characters likelier than others.
        let even = bytes.iter().filter(|byte| **byte < 248).map(|byte| char::from(ALPHABET[usize::from(byte % 62)]));
        text.extend(even.take(PREFIX.len() + RANDOM - text.len()));
    }
    text.push_str(&check(&text));
    SecretString::from(text)
}

/// Whether a text is made as keys are.
pub(crate) fn is_key(text: &str) -> bool {
    let known = text.len() == PREFIX.len() + RANDOM + CHECK && text.starts_with(PREFIX) && text.is_ascii();
    known && text.split_at_checked(PREFIX.len() + RANDOM).is_some_and(|(key, end)| check(key) == end)
}

/// The CRC-32 (ISO 3309) of a text, in base 62, the highest digit first.
fn check(text: &str) -> String {
    let mut value = crc32fast::hash(text.as_bytes()) as usize;
    let mut digits = [b'0'; CHECK];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[value % 62];
        value /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use admin_types::SystemRandom;
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_key_is_told_from_what_only_looks_like_one() {
        let key = new(&SystemRandom);
        let key = key.expose_secret();
        assert_eq!(key.len(), 46);
        assert!(is_key(key), "{key}");
        for at in 0..key.len() {
            let mut bent = key.as_bytes().to_vec();
            bent[at] = if bent[at] == b'x' { b'y' } else { b'x' };
            assert!(!is_key(std::str::from_utf8(&bent).expect("ASCII")), "{at}");
        }
        for wrong in ["", "adm_", &key[1..], &format!("{key}0"), &key.to_lowercase(), &"ä".repeat(23)] {
            assert!(!is_key(wrong), "{wrong}");
        }
    }

    #[test]
    fn the_check_is_what_others_compute() {
        // Python: zlib.crc32(b"adm_" + b"0" * 36) is 2751780269.
        assert_eq!(check("adm_000000000000000000000000000000000000"), "30EBkj");
    }
}
