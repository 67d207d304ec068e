//! Keys of others, made in the test, and tokens signed with them: written apart from what Admin signs with.

use admin_types::{Clock, SystemClock};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaEncoding, RsaKeyPair};
use aws_lc_rs::{
    hmac,
    rand::{self, SystemRandom},
    rsa::KeySize,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A private key.
pub(crate) enum Key {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Shared(Vec<u8>),
}

pub(crate) fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Now, in seconds since 1970.
pub(crate) fn now() -> i64 {
    SystemClock.now().seconds()
}

/// A text that nobody else has.
pub(crate) fn unique() -> String {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).expect("random bytes");
    text(&bytes)
}

impl Key {
    /// A new key for an algorithm.
    pub(crate) fn new(alg: &str) -> Key {
        match alg {
            "RS256" | "PS256" => Key::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")),
            "ES256" => Key::Ec(EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key")),
            "EdDSA" | "Ed25519" => Key::Ed(Ed25519KeyPair::generate().expect("a key")),
            _ => panic!("no key for {alg}"),
        }
    }

    /// A key of Admin's own, as PKCS #8.
    pub(crate) fn read(alg: &str, der: &[u8]) -> Key {
        match alg {
            "RS256" => Key::Rsa(RsaKeyPair::from_pkcs8(der).expect("a key")),
            "ES256" => {
                Key::Ec(EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, der).expect("a key"))
            }
            _ => Key::Ed(Ed25519KeyPair::from_pkcs8(der).expect("a key")),
        }
    }

    /// The private key as PKCS #8.
    pub(crate) fn pkcs8(&self) -> Vec<u8> {
        let Key::Rsa(pair) = self else { panic!("only RSA keys are written") };
        AsDer::<Pkcs8V1Der<'_>>::as_der(pair).expect("a key").as_ref().to_vec()
    }

    /// The public half, with these members more.
    pub(crate) fn jwk(&self, more: &Value) -> Value {
        let mut jwk = match self {
            Key::Rsa(pair) => {
                let key = pair.public_key();
                let (n, e) = (key.modulus(), key.exponent());
                let (n, e) = (n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero());
                json!({"kty": "RSA", "n": text(n), "e": text(e)})
            }
            Key::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": text(x), "y": text(y)})
            }
            Key::Ed(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref())}),
            Key::Shared(bytes) => json!({"kty": "oct", "k": text(bytes)}),
        };
        jwk.as_object_mut().expect("an object").extend(more.as_object().expect("members").clone());
        jwk
    }

    fn sign(&self, alg: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Key::Rsa(pair) => {
                let padding: &dyn RsaEncoding =
                    if alg == "PS256" { &signature::RSA_PSS_SHA256 } else { &signature::RSA_PKCS1_SHA256 };
                let mut bytes = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, message, &mut bytes).expect("a signature");
                bytes
            }
            Key::Ec(pair) => pair.sign(&random, message).expect("a signature").as_ref().to_vec(),
            Key::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            Key::Shared(bytes) => hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), message).as_ref().to_vec(),
        }
    }

    /// A JWT with this header, which must name an algorithm, and these claims.
    pub(crate) fn jwt(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", text(header.to_string().as_bytes()), text(claims.to_string().as_bytes()));
        let signature = self.sign(header["alg"].as_str().unwrap_or_default(), message.as_bytes());
        format!("{message}.{}", text(&signature))
    }
}

/// A part of a JWT, as JSON.
pub(crate) fn part(jwt: &str, at: usize) -> Value {
    let part = jwt.split('.').nth(at).expect("a part");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}
