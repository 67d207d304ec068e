//! Signatures as Standard Webhooks 1.0 says: `v1` is HMAC-SHA256 under a secret that both sides know, `v1a` ed25519, for which
//! the receiver needs the public key alone. What is signed is `id.timestamp.body`.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// How the text of a secret for HMAC begins, that of a private key, and that of a public key.
const HMAC: &str = "whsec_";
const PRIVATE: &str = "whsk_";
const PUBLIC: &str = "whpk_";
/// Bytes of a secret for HMAC.
const HMAC_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Bytes of an ed25519 seed.
const SEED_BYTES: usize = 32;

/// What messages are signed with.
pub enum SigningKey {
    /// A secret that both sides know.
    Hmac(Box<hmac::Key>),
    /// A private key.
    Ed25519(Box<Ed25519KeyPair>),
}

impl SigningKey {
    /// Reads `whsec_…` or `whsk_…`.
    ///
    /// # Errors
    /// What is wrong with it, for people, without the secret.
    pub fn read(text: &str) -> Result<SigningKey, &'static str> {
        if let Some(secret) = text.strip_prefix(HMAC) {
            let bytes = STANDARD.decode(secret).map_err(|_| "must be whsec_ and base64 behind it")?;
            if !HMAC_BYTES.contains(&bytes.len()) {
                return Err("must be 24 to 64 bytes in base64");
            }
            return Ok(SigningKey::Hmac(Box::new(hmac::Key::new(hmac::HMAC_SHA256, &bytes))));
        }
        let seed = text.strip_prefix(PRIVATE).and_then(|key| STANDARD.decode(key).ok());
        let pair = seed.as_deref().and_then(|key| Ed25519KeyPair::from_seed_unchecked(key.get(..SEED_BYTES)?).ok());
        pair.map(|pair| SigningKey::Ed25519(Box::new(pair))).ok_or("must be whsec_ and base64 behind it")
    }

    /// The text of a private key, from 32 random bytes: the seed and the public key, as libsodium has it.
    pub(crate) fn private_text(seed: &[u8; SEED_BYTES]) -> Option<String> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        Some(format!("{PRIVATE}{}", STANDARD.encode([&seed[..], pair.public_key().as_ref()].concat())))
    }

    /// `whpk_…`, by which messages are verified; of a private key alone.
    pub fn public(&self) -> Option<String> {
        match self {
            SigningKey::Hmac(_) => None,
            SigningKey::Ed25519(pair) => Some(format!("{PUBLIC}{}", STANDARD.encode(pair.public_key()))),
        }
    }

    fn sign(&self, signed: &[u8]) -> String {
        match self {
            SigningKey::Hmac(key) => format!("v1,{}", STANDARD.encode(hmac::sign(key, signed))),
            SigningKey::Ed25519(pair) => format!("v1a,{}", STANDARD.encode(pair.sign(signed))),
        }
    }
}

/// The headers that a message is verified by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signatures {
    /// `webhook-id`: the same however often the message is sent.
    pub id: String,
    /// `webhook-timestamp`: when it was sent, in seconds since 1970.
    pub timestamp: String,
    /// `webhook-signature`: one for each key, with spaces between.
    pub signature: String,
}

impl Signatures {
    /// Signs a message with every key in force, so that a receiver that knows one of them can verify it.
    #[must_use]
    pub fn of(keys: &[SigningKey], id: &str, seconds: i64, body: &[u8]) -> Signatures {
        let signed = [format!("{id}.{seconds}.").as_bytes(), body].concat();
        let signature: Vec<String> = keys.iter().map(|key| key.sign(&signed)).collect();
        Signatures { id: id.to_owned(), timestamp: seconds.to_string(), signature: signature.join(" ") }
    }

    /// Names and values.
    #[must_use]
    pub fn headers(&self) -> [(&'static str, &str); 3] {
        [("webhook-id", &self.id), ("webhook-timestamp", &self.timestamp), ("webhook-signature", &self.signature)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference implementations.
    #[test]
    fn a_known_message_has_the_known_signature() {
        let key = SigningKey::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let body = br#"{"test": 2432232314}"#;
        let signed = Signatures::of(&[key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body);
        assert_eq!(signed.signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn secrets_of_24_to_64_bytes_are_taken() {
        for (bytes, taken) in [(23, false), (24, true), (64, true), (65, false)] {
            let text = format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
            assert_eq!(SigningKey::read(&text).is_ok(), taken, "{bytes}");
        }
        for wrong in ["", "whsec_", "whsec_!", "whsk_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert!(SigningKey::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn several_keys_sign_side_by_side() {
        let private = SigningKey::private_text(&[3; 32]).expect("a key");
        let pair = SigningKey::read(&private).expect("a key");
        let public = pair.public().expect("a public key");
        let secret = SigningKey::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let signed = Signatures::of(&[secret, pair], "evt_1", 12, b"{}");
        let (first, second) = signed.signature.split_once(' ').expect("two");
        assert!(first.starts_with("v1,") && second.starts_with("v1a,"), "{}", signed.signature);
        let public = STANDARD.decode(public.strip_prefix("whpk_").expect("a public key")).expect("base64");
        let key = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, public);
        key.verify(b"evt_1.12.{}", &STANDARD.decode(&second[4..]).expect("base64")).expect("it verifies");
    }
}
