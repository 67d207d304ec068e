//! Keys: paths of plain segments, the same for a file and for an object in a bucket, and safe in a URL as they are.

use std::fmt;

use super::{Error, Kind, Result};

/// The longest key and the longest of its segments, in bytes.
pub const MAX_KEY: usize = 512;
const MAX_SEGMENT: usize = 128;

/// Segments of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-` with slashes between. None begins with a dot, so none is `..`, and what a
/// store keeps for itself begins with one. No key may be the folder of another.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key(String);

impl Key {
    /// # Errors
    /// [`Kind::Invalid`]: it is no key.
    pub fn new(text: impl Into<String>) -> Result<Key> {
        let text = text.into();
        let plain = |segment: &str| {
            !segment.is_empty()
                && segment.len() <= MAX_SEGMENT
                && !segment.starts_with('.')
                && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if text.len() > MAX_KEY || !text.split('/').all(plain) {
            let detail =
                format!("{text:?} is no key: segments of A-Z, a-z, 0-9, `.`, `_` and `-`, none with a dot first");
            return Err(Error::new(Kind::Invalid, detail));
        }
        Ok(Key(text))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_path_that_leads_down() {
        for good in ["checkpoint", "tile/0/x001/x234/067", "tile/0/067.p/17", "A-b_c.9", &"a/".repeat(255)] {
            let good = good.trim_end_matches('/');
            assert_eq!(Key::new(good).unwrap().as_str(), good);
        }
        let long = ["a".repeat(129), "a/".repeat(256) + "a"];
        for bad in [
            "", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", ".a", "a/.b", "a b", "a\\b", "a\0", "ä",
            "a%2e", "a?b", "a:b", "~", &long[0], &long[1],
        ] {
            assert_eq!(Key::new(bad).unwrap_err().kind, Kind::Invalid, "{bad}");
        }
    }
}
