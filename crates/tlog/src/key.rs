//! The keys of signed notes (c2sp.org/signed-note): names, ids, and the texts in which keys are handed on.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::AsBigEndian;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use crate::{Error, Signature};

/// What a key signs, which is part of its id: the same key bytes have another id for another purpose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    /// Ed25519 over the text: what logs sign with (type 0x01).
    Ed25519,
    /// Ed25519 over `cosignature/v1`, a time and the text: what witnesses sign with (type 0x04, c2sp.org/tlog-cosignature).
    Cosignature,
}

impl Algorithm {
    fn byte(self) -> u8 {
        match self {
            Algorithm::Ed25519 => 0x01,
            Algorithm::Cosignature => 0x04,
        }
    }

    fn of(byte: u8) -> Result<Algorithm, Error> {
        match byte {
            0x01 => Ok(Algorithm::Ed25519),
            0x04 => Ok(Algorithm::Cosignature),
            _ => Err(Error::Malformed("a key of a kind that is not known here: neither Ed25519 nor cosignature/v1")),
        }
    }
}

/// A public key, by which signatures of its name are verified. As text it is a *vkey*: `<name>+<id>+<base64>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verifier {
    name: String,
    id: u32,
    algorithm: Algorithm,
    key: [u8; 32],
}

impl Verifier {
    /// The key of this name.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the name is empty, has a space, a `+` or a control character.
    pub fn new(name: &str, algorithm: Algorithm, key: [u8; 32]) -> Result<Verifier, Error> {
        check_name(name)?;
        let input = [name.as_bytes(), b"\n", &[algorithm.byte()], &key].concat();
        let hash = digest(&SHA256, &input);
        let id = hash.as_ref().first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        Ok(Verifier { name: name.to_owned(), id, algorithm, key })
    }

    /// Whose key it is.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of a hash of name, algorithm and key: with the name it says which key signed. It proves nothing.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// What it signs.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The Ed25519 key (RFC 8032).
    #[must_use]
    pub fn public_key(&self) -> &[u8; 32] {
        &self.key
    }

    pub(crate) fn made(&self, signature: &Signature) -> bool {
        self.id == signature.id() && self.name == signature.name()
    }

    /// Whether the bytes are this key's signature of the text, and for a cosignature, when it was made.
    pub(crate) fn verify(&self, text: &str, bytes: &[u8]) -> Result<Option<u64>, Error> {
        let wrong = || Error::WrongSignature(self.label());
        let key = UnparsedPublicKey::new(&ED25519, &self.key);
        match self.algorithm {
            Algorithm::Ed25519 => key.verify(text.as_bytes(), bytes).map(|()| None).map_err(|_| wrong()),
            Algorithm::Cosignature => {
                let (time, bytes) = bytes.split_first_chunk().ok_or_else(wrong)?;
                let time = u64::from_be_bytes(*time);
                let message = cosigned(text, time).ok_or_else(wrong)?;
                key.verify(message.as_bytes(), bytes).map(|()| Some(time)).map_err(|_| wrong())
            }
        }
    }

    fn label(&self) -> String {
        format!("{}+{:08x}", self.name, self.id)
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[self.algorithm.byte()], self.key.as_slice()].concat());
        write!(f, "{}+{key}", self.label())
    }
}

impl FromStr for Verifier {
    type Err = Error;

    fn from_str(text: &str) -> Result<Verifier, Error> {
        let verifier = split(text).and_then(|(name, algorithm, key)| Verifier::new(name, algorithm, key))?;
        if verifier.to_string() == text { Ok(verifier) } else { Err(Error::Malformed("a key whose id is not its own")) }
    }
}

/// `<name>+<id>+<base64>`, whose id the caller compares.
fn split(text: &str) -> Result<(&str, Algorithm, [u8; 32]), Error> {
    let malformed = Error::Malformed("not a key: a name, 8 hexadecimal digits and base64, with + between");
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(_), Some(key)) = (parts.next(), parts.next(), parts.next()) else { return Err(malformed) };
    let bytes = STANDARD.decode(key).map_err(|_| malformed.clone())?;
    let (algorithm, key) = bytes.split_first().ok_or_else(|| malformed.clone())?;
    Ok((name, Algorithm::of(*algorithm)?, key.try_into().map_err(|_| malformed)?))
}

/// A name is not empty and has neither spaces nor `+`, which stand between the parts of a key and of a signature line.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let bad = |c: char| c.is_whitespace() || c == '+' || c < ' ';
    if name.is_empty() || name.contains(bad) {
        return Err(Error::Malformed("the name of a key is empty, or has a space or a +"));
    }
    Ok(())
}

/// What a witness signs. None if the time is beyond what the format allows.
fn cosigned(text: &str, time: u64) -> Option<String> {
    i64::try_from(time).ok().map(|time| format!("cosignature/v1\ntime {time}\n{text}"))
}

/// A private key. Its text, an *skey*, is `PRIVATE+KEY+` and like a vkey, with the seed in place of the public key.
struct Secret {
    pair: Ed25519KeyPair,
    verifier: Verifier,
}

impl Secret {
    fn of_seed(name: &str, algorithm: Algorithm, seed: &[u8; 32]) -> Result<Secret, Error> {
        let malformed = Error::Malformed("not the seed of a key");
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| malformed.clone())?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| malformed)?;
        Ok(Secret { verifier: Verifier::new(name, algorithm, public)?, pair })
    }

    fn of_text(text: &SecretString, algorithm: Algorithm) -> Result<Secret, Error> {
        let text = text.expose_secret();
        let key =
            text.strip_prefix("PRIVATE+KEY+").ok_or(Error::Malformed("a private key begins with PRIVATE+KEY+"))?;
        let (name, found, seed) = split(key)?;
        if found != algorithm {
            return Err(Error::Malformed("the key is for another purpose: logs sign, witnesses cosign"));
        }
        let secret = Secret::of_seed(name, algorithm, &seed)?;
        let same = secret.text()?.expose_secret() == text;
        if same { Ok(secret) } else { Err(Error::Malformed("a key whose id is not its own")) }
    }

    fn text(&self) -> Result<SecretString, Error> {
        let unreadable = |_| Error::Malformed("the key does not tell its seed");
        let seed = self.pair.seed().and_then(|seed| seed.as_be_bytes()).map_err(unreadable)?;
        let key = STANDARD.encode([&[self.verifier.algorithm.byte()], seed.as_ref()].concat());
        Ok(format!("PRIVATE+KEY+{}+{key}", self.verifier.label()).into())
    }

    fn sign(&self, before: &[u8], message: &str) -> Signature {
        let signature = self.pair.sign(message.as_bytes());
        Signature::by(&self.verifier, [before, signature.as_ref()].concat())
    }
}

/// The private key of a log. Nothing prints it.
pub struct Signer(Secret);

impl Signer {
    /// The key of a seed of 32 random bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the name is not one of a key.
    pub fn of_seed(name: &str, seed: &[u8; 32]) -> Result<Signer, Error> {
        Secret::of_seed(name, Algorithm::Ed25519, seed).map(Signer)
    }

    /// Reads an skey.
    ///
    /// # Errors
    /// [`Error::Malformed`]
    pub fn of_text(text: &SecretString) -> Result<Signer, Error> {
        Secret::of_text(text, Algorithm::Ed25519).map(Signer)
    }

    /// The key as an skey.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the key does not tell its seed, which those made here do.
    pub fn text(&self) -> Result<SecretString, Error> {
        self.0.text()
    }

    /// The public key.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.0.verifier
    }

    /// Signs a text, which is that of a [`Note`](crate::Note).
    pub(crate) fn sign(&self, text: &str) -> Signature {
        self.0.sign(&[], text)
    }
}

/// The private key of a witness. Nothing prints it.
pub struct Cosigner(Secret);

impl Cosigner {
    /// The key of a seed of 32 random bytes. It must be no other witness's: what is signed does not say by whom.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the name is not one of a key.
    pub fn of_seed(name: &str, seed: &[u8; 32]) -> Result<Cosigner, Error> {
        Secret::of_seed(name, Algorithm::Cosignature, seed).map(Cosigner)
    }

    /// Reads an skey.
    ///
    /// # Errors
    /// [`Error::Malformed`]
    pub fn of_text(text: &SecretString) -> Result<Cosigner, Error> {
        Secret::of_text(text, Algorithm::Cosignature).map(Cosigner)
    }

    /// The key as an skey.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the key does not tell its seed, which those made here do.
    pub fn text(&self) -> Result<SecretString, Error> {
        self.0.text()
    }

    /// The public key.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.0.verifier
    }

    /// Signs that, at a time in seconds since 1970, this was the greatest tree of its log that the witness had seen, and that
    /// all before were beginnings of it.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if the time is beyond 2^63 - 1.
    pub(crate) fn cosign(&self, text: &str, time: u64) -> Result<Signature, Error> {
        let message = cosigned(text, time).ok_or(Error::TooLarge("the time of a cosignature is beyond 2^63 - 1"))?;
        Ok(self.0.sign(&time.to_be_bytes(), &message))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.0.verifier)
    }
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cosigner({})", self.0.verifier)
    }
}
