//! Public keys as authenticators write them (COSE, RFC 9052 and RFC 9053): the three algorithms that are asked for.

use aws_lc_rs::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};

use super::cbor::Value;

/// ECDSA with P-256 and SHA-256, Ed25519, RSASSA-PKCS1-v1_5 with SHA-256; the best first.
pub(crate) const ALGORITHMS: [i64; 3] = [-7, -8, -257];

/// A key with which signatures are verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum PublicKey {
    /// An uncompressed point.
    Es256(Vec<u8>),
    Ed25519(Vec<u8>),
    Rs256 {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
}

impl PublicKey {
    /// Reads a key: its kind, algorithm and curve must fit together (RFC 9053, sections 2 and 7).
    pub(super) fn of(map: &Value<'_>) -> Option<PublicKey> {
        let int = |label: i64| match map.get(&Value::Int(label)) {
            Some(Value::Int(value)) => Some(*value),
            _ => None,
        };
        let bytes = |label: i64, lengths: std::ops::RangeInclusive<usize>| {
            map.get(&Value::Int(label))?.bytes().filter(|bytes| lengths.contains(&bytes.len())).map(<[u8]>::to_vec)
        };
        match (int(1)?, int(3)?, int(-1)) {
            (2, -7, Some(1)) => Some(PublicKey::Es256([vec![4], bytes(-2, 32..=32)?, bytes(-3, 32..=32)?].concat())),
            (1, -8, Some(6)) => Some(PublicKey::Ed25519(bytes(-2, 32..=32)?)),
            // Of RSA the modulus stands under -1, so that there is no curve.
            (3, -257, None) => Some(PublicKey::Rs256 { modulus: bytes(-1, 256..=512)?, exponent: bytes(-2, 1..=4)? }),
            _ => None,
        }
    }

    /// Whether a signature over a message is of this key.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            PublicKey::Es256(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, point).verify(message, signature).is_ok()
            }
            PublicKey::Ed25519(key) => {
                UnparsedPublicKey::new(&signature::ED25519, key).verify(message, signature).is_ok()
            }
            PublicKey::Rs256 { modulus, exponent } => {
                let key = RsaPublicKeyComponents { n: modulus, e: exponent };
                key.verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
        }
    }
}
