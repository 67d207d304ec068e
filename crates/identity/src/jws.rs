//! Signed tokens in their compact form (RFC 7515), read strictly: what is not understood is refused before any
//! signature is looked at. Which key verifies is never the token's to say: it can name one of ours, no more.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The algorithms that signatures of others are verified by. `EdDSA` with Ed25519 has a second name (RFC 9864).
pub(crate) const ALGORITHMS: [&str; 5] = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"];

/// What of a header matters here. Keys that it brings along (`jku`, `x5c`, `x5u`) do not; `jwk` does in a DPoP proof alone,
/// which shows no more than that whoever made it has the key.
#[derive(Deserialize)]
pub(crate) struct Header {
    pub(crate) alg: String,
    pub(crate) typ: Option<String>,
    pub(crate) kid: Option<String>,
    pub(crate) jwk: Option<Value>,
    crit: Option<Value>,
}

/// A token whose signature nobody has verified.
pub(crate) struct Jws<'a> {
    pub(crate) header: Header,
    message: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Jws<'a> {
    /// Takes a token apart. None: it is not of this form, or has extensions that must be understood (section 4.1.11).
    pub(crate) fn read(token: &'a str) -> Option<Jws<'a>> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        let header: Header = json(header)?;
        let plain = !payload.contains('.') && header.crit.is_none();
        plain.then_some(Jws { header, message, payload, signature })
    }

    /// The claims, if the signature is that of the key, made by the algorithm that the header names.
    pub(crate) fn verify<T: DeserializeOwned>(&self, key: &DecodingKey) -> Option<T> {
        is_signed(&self.header.alg, key, self.message.as_bytes(), self.signature).then(|| json(self.payload)).flatten()
    }

    /// The claims as they are, which anybody may have written.
    pub(crate) fn unverified<T: DeserializeOwned>(&self) -> Option<T> {
        json(self.payload)
    }
}

/// Whether a signature, in base64url, is that of a key over a message.
pub(crate) fn is_signed(algorithm: &str, key: &DecodingKey, message: &[u8], signature: &str) -> bool {
    let algorithm = match algorithm {
        "RS256" => jsonwebtoken::Algorithm::RS256,
        "PS256" => jsonwebtoken::Algorithm::PS256,
        "ES256" => jsonwebtoken::Algorithm::ES256,
        "EdDSA" | "Ed25519" => jsonwebtoken::Algorithm::EdDSA,
        _ => return false,
    };
    // A key of another kind than the algorithm is an error of `verify`.
    jsonwebtoken::crypto::verify(signature, message, key, algorithm).unwrap_or(false)
}

/// Base64url without padding, and JSON in it.
fn json<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests;
