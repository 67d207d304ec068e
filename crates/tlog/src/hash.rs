//! The hashes of RFC 6962, section 2.1, with SHA-256: leaves and nodes begin with different bytes, so that none can stand
//! for the other.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{Context, SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Error;

/// A SHA-256 hash. As text: base64 with padding, 44 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; Hash::LEN]);

impl Hash {
    /// Bytes of a hash.
    pub const LEN: usize = 32;

    /// The hash of a leaf: SHA-256 of 0x00 and the entry.
    #[must_use]
    pub fn leaf(entry: &[u8]) -> Hash {
        let mut context = Context::new(&SHA256);
        context.update(&[0]);
        context.update(entry);
        Hash::of_digest(context.finish().as_ref())
    }

    /// The hash of an inner node: SHA-256 of 0x01 and the hashes of its two sides.
    #[must_use]
    pub fn node(left: &Hash, right: &Hash) -> Hash {
        let mut input = [1; 1 + 2 * Hash::LEN];
        input[1..=Hash::LEN].copy_from_slice(&left.0);
        input[1 + Hash::LEN..].copy_from_slice(&right.0);
        Hash::of_digest(digest(&SHA256, &input).as_ref())
    }

    /// The root of a tree without leaves: SHA-256 of nothing.
    #[must_use]
    pub fn empty() -> Hash {
        Hash::of_digest(digest(&SHA256, b"").as_ref())
    }

    /// The root over the hashes of a tree's leaves (or of equal, full subtrees), split as RFC 6962 says.
    #[must_use]
    pub fn root_of(hashes: &[Hash]) -> Hash {
        match hashes {
            [] => Hash::empty(),
            [one] => *one,
            _ => {
                let (left, right) = hashes.split_at(hashes.len().next_power_of_two() / 2);
                Hash::node(&Hash::root_of(left), &Hash::root_of(right))
            }
        }
    }

    fn of_digest(digest: &[u8]) -> Hash {
        Hash(digest.try_into().expect("SHA-256 has 32 bytes"))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 44];
        STANDARD.encode_slice(self.0, &mut text).map_err(|_| fmt::Error)?;
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = Error;

    /// Each hash has one text: other padding, spaces, and bits beyond the last byte are refused.
    fn from_str(text: &str) -> Result<Hash, Error> {
        let bytes = if text.len() == 44 { STANDARD.decode(text).ok() } else { None };
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Hash).ok_or(Error::Malformed("a hash is not 32 bytes of base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6962's reference tree of eight leaves, from the tests of Certificate Transparency.
    pub(crate) const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    const LEAVES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal")).collect()
    }

    #[test]
    fn makes_the_roots_of_certificate_transparency() {
        let leaves: Vec<Hash> = LEAVES.iter().map(|leaf| Hash::leaf(&unhex(leaf))).collect();
        for (n, root) in ROOTS.iter().enumerate() {
            assert_eq!(Hash::root_of(&leaves[..=n]).0.as_slice(), unhex(root), "of {} leaves", n + 1);
        }
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Hash::root_of(&[]).0.as_slice(), unhex(empty));
    }

    #[test]
    fn has_one_text() {
        let text = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
        assert_eq!(text.parse::<Hash>().expect("a hash").to_string(), text);
        for wrong in [
            "",
            "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=",
            "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I",
            " sUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
            "CsUYapGGPo4dkMgIAUqom_Xajj7h2fB2MPA3j2jxq2I=",
            "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2==",
            "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        ] {
            assert!(wrong.parse::<Hash>().is_err(), "{wrong:?}");
        }
    }
}
