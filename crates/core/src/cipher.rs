//! Sealing: AES-256-GCM under the master key, which comes from a file or the environment, never from the database.

use std::fmt;

use admin_types::{Error, Result};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use secrecy::{ExposeSecret, SecretBox};

/// The first byte of everything sealed: how it was sealed.
const VERSION: u8 = 1;

/// 32 secret bytes under which everything else is sealed. Cannot be printed.
pub struct MasterKey(SecretBox<[u8; 32]>);

impl MasterKey {
    /// A key of 32 bytes.
    pub fn new(bytes: [u8; 32]) -> MasterKey {
        MasterKey(SecretBox::new(Box::new(bytes)))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

/// Seals and opens small values. Each is bound to a context, so that it cannot be moved to another place.
pub struct Cipher {
    key: RandomizedNonceKey,
    fingerprints: hmac::Key,
}

impl Cipher {
    /// A cipher under a master key.
    pub fn new(master: &MasterKey) -> Cipher {
        let key = RandomizedNonceKey::new(&AES_256_GCM, master.0.expose_secret()).expect("the key has 32 bytes");
        // A key of its own, derived: no key serves two algorithms.
        let root = hmac::Key::new(hmac::HMAC_SHA256, master.0.expose_secret());
        let derived = hmac::sign(&root, b"fingerprint");
        Cipher { key, fingerprints: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()) }
    }

    /// HMAC-SHA256 of something that may hold secrets: whoever has the database alone cannot find it by guessing.
    pub(crate) fn fingerprint(&self, bytes: &[u8]) -> Vec<u8> {
        hmac::sign(&self.fingerprints, bytes).as_ref().to_vec()
    }

    /// Seals `plain` for `context`: version, nonce, ciphertext and tag.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let mut body = plain.to_vec();
        let aad = Aad::from(context.as_bytes());
        let nonce = self.key.seal_in_place_append_tag(aad, &mut body).map_err(|_| Error::internal("sealing failed"))?;
        Ok([&[VERSION], &nonce.as_ref()[..], &body].concat())
    }

    /// Opens what was sealed for `context`. Fails when it was altered, moved, or sealed under another master key.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let wrong = || Error::internal(format!("cannot open {context}: altered, or sealed under another master key"));
        let (version, rest) = sealed.split_first().ok_or_else(wrong)?;
        if *version != VERSION || rest.len() < NONCE_LEN {
            return Err(wrong());
        }
        let (nonce, body) = rest.split_at(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| wrong())?;
        let mut body = body.to_vec();
        let plain = self.key.open_in_place(nonce, Aad::from(context.as_bytes()), &mut body).map_err(|_| wrong())?;
        Ok(plain.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_differ_by_master_key() {
        let [one, same, other] = [7, 7, 8].map(|byte| Cipher::new(&MasterKey::new([byte; 32])).fingerprint(b"body"));
        assert_eq!(one, same);
        assert_ne!(one, other);
    }

    #[test]
    fn opens_only_what_it_sealed_for_the_same_place() {
        let cipher = Cipher::new(&MasterKey::new([7; 32]));
        let sealed = cipher.seal("here", b"secret").expect("sealed");
        assert_eq!(cipher.open("here", &sealed).expect("opened"), b"secret");
        assert!(cipher.open("there", &sealed).is_err());
        assert!(Cipher::new(&MasterKey::new([8; 32])).open("here", &sealed).is_err());
        let mut altered = sealed.clone();
        *altered.last_mut().expect("bytes") ^= 1;
        assert!(cipher.open("here", &altered).is_err());
        assert_ne!(sealed, cipher.seal("here", b"secret").expect("sealed"), "a nonce is never used twice");
    }
}
