//! Receipts (c2sp.org/tlog-proof@v1): all that is needed to verify offline that an entry is in a log.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::decimal;
use crate::note::MAX_NOTE;
use crate::{Algorithm, Checkpoint, Error, Hash, InclusionProof, Note, Verifier};

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The most bytes of a receipt.
const MAX_RECEIPT: usize = 2 * MAX_NOTE;

/// The most hashes of a proof in a tree of at most 2^63 - 1 leaves.
pub(crate) const MAX_HASHES: usize = 63;

/// Whom somebody trusts: the keys of one log, and how many of which witnesses must have cosigned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    origin: String,
    log: Vec<Verifier>,
    witnesses: Vec<Verifier>,
    threshold: usize,
}

impl Policy {
    /// Trusts the log whose origin is the name of these keys, if any of them has signed; there are several while a log changes
    /// its key.
    ///
    /// # Errors
    /// [`Error::Malformed`] if there is none, if they have different names, or if one is of a witness.
    pub fn new(log: Vec<Verifier>) -> Result<Policy, Error> {
        let origin =
            log.first().map(|key| key.name().to_owned()).ok_or(Error::Malformed("no key of the log is given"))?;
        if log.iter().any(|key| key.name() != origin || key.algorithm() != Algorithm::Ed25519) {
            return Err(Error::Malformed("the keys of a log sign with Ed25519 and have one name"));
        }
        Ok(Policy { origin, log, witnesses: vec![], threshold: 0 })
    }

    /// Also wants cosignatures of at least `threshold` of these witnesses.
    ///
    /// # Errors
    /// [`Error::Malformed`] if a key is not of a witness, or if there are fewer.
    pub fn with_witnesses(self, witnesses: Vec<Verifier>, threshold: usize) -> Result<Policy, Error> {
        if witnesses.iter().any(|key| key.algorithm() != Algorithm::Cosignature) {
            return Err(Error::Malformed("the keys of witnesses are of the kind cosignature/v1"));
        }
        let policy = Policy { witnesses, threshold, ..self };
        if distinct(policy.witnesses.iter()) < threshold {
            return Err(Error::Malformed("more witnesses are asked for than are known"));
        }
        Ok(policy)
    }

    /// The log's name.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The checkpoint of a note, if all is as the policy wants it.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::WrongOrigin`], [`Error::WrongSignature`], [`Error::NotSigned`],
    /// [`Error::TooFewWitnesses`]
    pub fn verify(&self, note: &Note) -> Result<Checkpoint, Error> {
        let checkpoint = Checkpoint::parse(note.text())?;
        if checkpoint.origin != self.origin {
            return Err(Error::WrongOrigin(checkpoint.origin));
        }
        note.verify(&self.log)?;
        if self.threshold > 0 {
            let cosigned = match note.verify(&self.witnesses) {
                Err(Error::NotSigned) => vec![],
                other => other?,
            };
            let found = distinct(cosigned.iter().map(|verified| verified.key));
            if found < self.threshold {
                return Err(Error::TooFewWitnesses { found, wanted: self.threshold });
            }
        }
        Ok(checkpoint)
    }
}

/// How many keys there are; one under two names is one.
fn distinct<'k>(keys: impl Iterator<Item = &'k Verifier>) -> usize {
    keys.map(Verifier::public_key).collect::<std::collections::BTreeSet<_>>().len()
}

/// A receipt. The entry itself is not part of it. In a tree of 2^32 leaves: 1.5 kB for the proof, about 250 bytes for the
/// checkpoint, and 110 and its name for each witness.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// Anything that the log's owner adds, or nothing. No signature covers it: it is a hint where to look, never a fact.
    pub extra: Vec<u8>,
    /// Where the entry is in the tree.
    pub proof: InclusionProof,
    /// The tree's head, signed.
    pub checkpoint: Note,
}

impl Receipt {
    /// Reads a receipt of at most 524,288 bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::TooLarge`]
    pub fn parse(bytes: &[u8]) -> Result<Receipt, Error> {
        if bytes.len() > MAX_RECEIPT {
            return Err(Error::TooLarge("a receipt has more than 524288 bytes"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Error::Malformed("a receipt is not UTF-8"))?;
        let (head, note) = text.split_once("\n\n").ok_or(Error::Malformed("a receipt has no checkpoint"))?;
        let mut lines = head.split('\n');
        if lines.next() != Some(HEADER) {
            return Err(Error::Malformed("a receipt begins with c2sp.org/tlog-proof@v1"));
        }
        let mut line = lines.next().unwrap_or_default();
        let mut extra = vec![];
        if let Some(data) = line.strip_prefix("extra ") {
            let data = STANDARD.decode(data).ok().filter(|data| !data.is_empty());
            extra = data.ok_or(Error::Malformed("what a receipt has as extra is not base64"))?;
            line = lines.next().unwrap_or_default();
        }
        let index = line.strip_prefix("index ").and_then(decimal);
        let index = index.ok_or(Error::Malformed("a receipt does not name the index of its entry"))?;
        let hashes = parse_hashes(lines)?;
        let checkpoint = Note::parse(note.as_bytes())?;
        Checkpoint::parse(checkpoint.text())?;
        Ok(Receipt { extra, proof: InclusionProof { index, hashes }, checkpoint })
    }

    /// Verifies, with nothing but trusted keys, that the leaf with this hash is in the log. Returns the checkpoint that says so.
    ///
    /// # Errors
    /// As [`Policy::verify`] and [`InclusionProof::verify`].
    pub fn verify(&self, leaf: &Hash, policy: &Policy) -> Result<Checkpoint, Error> {
        let checkpoint = policy.verify(&self.checkpoint)?;
        self.proof.verify(leaf, &checkpoint.head)?;
        Ok(checkpoint)
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if !self.extra.is_empty() {
            writeln!(f, "extra {}", STANDARD.encode(&self.extra))?;
        }
        writeln!(f, "index {}", self.proof.index)?;
        self.proof.hashes.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

/// A line for each hash of a proof.
pub(crate) fn parse_hashes<'l>(lines: impl Iterator<Item = &'l str>) -> Result<Vec<Hash>, Error> {
    let mut hashes = vec![];
    for line in lines {
        if hashes.len() >= MAX_HASHES {
            return Err(Error::TooLarge("a proof has more than 63 hashes"));
        }
        hashes.push(line.parse()?);
    }
    Ok(hashes)
}
