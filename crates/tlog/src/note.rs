//! Signed notes (c2sp.org/signed-note): a text, an empty line, and a line for each signature.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::key::check_name;
use crate::{Cosigner, Error, Signer, Verifier};

/// The most bytes of a note.
pub(crate) const MAX_NOTE: usize = 262_144;

/// The most signatures of a note; the standard asks for at least 16.
const MAX_SIGNATURES: usize = 100;

/// A line of a note: who signed, and the signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signature {
    name: String,
    id: u32,
    bytes: Vec<u8>,
}

impl Signature {
    pub(crate) fn by(key: &Verifier, bytes: Vec<u8>) -> Signature {
        Signature { name: key.name().to_owned(), id: key.id(), bytes }
    }

    /// The name of the key that is said to have signed.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of that key.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Reads a line, without its newline.
    fn parse(line: &str) -> Result<Signature, Error> {
        let malformed =
            || Error::Malformed("not the line of a signature: a dash, a name and base64, with spaces between");
        let (name, text) = line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')).ok_or_else(malformed)?;
        check_name(name)?;
        let bytes = STANDARD.decode(text).map_err(|_| malformed())?;
        match bytes.split_first_chunk() {
            Some((id, rest)) if !rest.is_empty() => {
                Ok(Signature { name: name.to_owned(), id: u32::from_be_bytes(*id), bytes: rest.to_vec() })
            }
            _ => Err(malformed()),
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = STANDARD.encode([self.id.to_be_bytes().as_slice(), &self.bytes].concat());
        write!(f, "— {} {text}", self.name)
    }
}

/// A key that has signed a note, and the signature verifies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verified<'k> {
    /// The key.
    pub key: &'k Verifier,
    /// Of a cosignature: when it was made, in seconds since 1970. Of several by one key, the last.
    pub time: Option<u64>,
}

/// A text with signatures, which may be anybody's: trust none of it that [`Note::verify`] has not confirmed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

impl Note {
    /// A text that nobody has signed yet. It ends with a newline.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it does not, or has another control character; [`Error::TooLarge`] beyond 262,144 bytes.
    pub fn new(text: String) -> Result<Note, Error> {
        check_characters(&text)?;
        if text.ends_with('\n') {
            Ok(Note { text, signatures: vec![] })
        } else {
            Err(Error::Malformed("the text of a note does not end with a newline"))
        }
    }

    /// Reads a note of at most 262,144 bytes with 1 to 100 signatures.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::TooLarge`]
    pub fn parse(bytes: &[u8]) -> Result<Note, Error> {
        let text = std::str::from_utf8(bytes).map_err(|_| Error::Malformed("a note is not UTF-8"))?;
        check_characters(text)?;
        let end = text.rfind("\n\n").ok_or(Error::Malformed("a note has no signatures behind an empty line"))?;
        let signatures = parse_lines(&text[end + 2..])?;
        Ok(Note { text: text[..=end].to_owned(), signatures })
    }

    /// What was signed, with the newline at its end.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, verified or not.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Adds a signature of a log, in place of an earlier one by the same key.
    pub fn sign(&mut self, signer: &Signer) {
        self.add(signer.sign(&self.text));
    }

    /// Adds a signature of a witness, made at a time in seconds since 1970, in place of an earlier one; returns it as a witness
    /// answers with it.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if the time is beyond 2^63 - 1.
    pub fn cosign(&mut self, cosigner: &Cosigner, time: u64) -> Result<Signature, Error> {
        let signature = cosigner.cosign(&self.text, time)?;
        self.add(signature.clone());
        Ok(signature)
    }

    /// Adds, of the lines that a witness answered with, those by known keys, if all of these verify. Returns how many.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::TooLarge`], [`Error::WrongSignature`]; [`Error::NotSigned`] if there are none.
    pub fn add_lines(&mut self, lines: &[u8], known: &[Verifier]) -> Result<usize, Error> {
        let text = std::str::from_utf8(lines).map_err(|_| Error::Malformed("signatures are not UTF-8"))?;
        check_characters(text)?;
        let mut answer = Note { text: self.text.clone(), signatures: parse_lines(text)? };
        answer.verify(known)?;
        answer.signatures.retain(|signature| known.iter().any(|key| key.made(signature)));
        let count = answer.signatures.len();
        answer.signatures.into_iter().for_each(|signature| self.add(signature));
        Ok(count)
    }

    fn add(&mut self, signature: Signature) {
        self.signatures.retain(|other| other.id != signature.id || other.name != signature.name);
        self.signatures.push(signature);
    }

    /// Which of the known keys have signed, each once. Signatures by others are passed over; one by a known key that does not
    /// verify makes the whole note worthless.
    ///
    /// # Errors
    /// [`Error::WrongSignature`], [`Error::NotSigned`]
    pub fn verify<'k>(&self, known: &'k [Verifier]) -> Result<Vec<Verified<'k>>, Error> {
        let mut verified: Vec<Verified<'k>> = vec![];
        for signature in &self.signatures {
            // Should keys of one name and id be known, each of them must have signed: nobody can tell whose line it is.
            for key in known.iter().filter(|key| key.made(signature)) {
                let time = key.verify(&self.text, &signature.bytes)?;
                match verified.iter_mut().find(|other| other.key == key) {
                    Some(other) => other.time = other.time.max(time),
                    None => verified.push(Verified { key, time }),
                }
            }
        }
        if verified.is_empty() { Err(Error::NotSigned) } else { Ok(verified) }
    }
}

/// The note as it is handed on; only with at least one signature can it be read again.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

fn parse_lines(text: &str) -> Result<Vec<Signature>, Error> {
    let lines = text.strip_suffix('\n').ok_or(Error::Malformed("the last signature does not end with a newline"))?;
    if lines.split('\n').nth(MAX_SIGNATURES).is_some() {
        return Err(Error::TooLarge("a note has more than 100 signatures"));
    }
    lines.split('\n').map(Signature::parse).collect()
}

fn check_characters(text: &str) -> Result<(), Error> {
    if text.len() > MAX_NOTE {
        return Err(Error::TooLarge("a note has more than 262144 bytes"));
    }
    if text.bytes().any(|byte| byte < b' ' && byte != b'\n') {
        return Err(Error::Malformed("a note has a control character"));
    }
    Ok(())
}
