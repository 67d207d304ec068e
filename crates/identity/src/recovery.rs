//! Recovery codes: for when the app and the passkeys are lost. 80 random bits each, so that a plain hash keeps them.

use admin_types::Random;

use crate::grants::hash;

/// How many there are.
pub(crate) const CODES: usize = 10;
/// Crockford's base32: no letter is taken for a digit.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// New codes, such as `7k3m-0a9x-vv2d-tq8e`.
pub(crate) fn codes(random: &dyn Random) -> Vec<String> {
    (0..CODES).map(|_| code(random)).collect()
}

fn code(random: &dyn Random) -> String {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    let letters: Vec<char> = bytes.iter().map(|byte| ALPHABET[usize::from(byte & 31)].into()).collect();
    letters.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// The hash by which a code is kept, however it was typed.
pub(crate) fn hash_of(code: &str) -> Vec<u8> {
    let read = |c: char| match c.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        c => c,
    };
    hash(&code.chars().filter(char::is_ascii_alphanumeric).map(read).collect::<String>())
}

#[cfg(test)]
mod tests {
    use admin_types::SystemRandom;

    use super::*;

    #[test]
    fn codes_are_read_as_people_type_them_and_are_all_different() {
        let made = codes(&SystemRandom);
        assert_eq!(made.len(), CODES);
        let hashes: std::collections::BTreeSet<_> = made.iter().map(|code| hash_of(code)).collect();
        assert_eq!(hashes.len(), CODES);
        assert_eq!(hash_of("7K3M OA9X VV2D TQ8E "), hash_of("7k3m-0a9x-vv2d-tq8e"));
        assert_ne!(hash_of("7k3m-0a9x-vv2d-tq8e"), hash_of("7k3m-0a9x-vv2d-tq8f"));
    }
}
