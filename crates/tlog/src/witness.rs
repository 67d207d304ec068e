//! What a log sends to a witness, and what the witness looks at before it cosigns (c2sp.org/tlog-witness).

use std::fmt;

use crate::checkpoint::decimal;
use crate::receipt::parse_hashes;
use crate::{Checkpoint, ConsistencyProof, Error, Note, Policy, TreeHead};

/// The body of `add-checkpoint`: a checkpoint, and the proof that it follows from the one that the witness cosigned last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddCheckpoint {
    /// The size of the tree that was cosigned last; 0 if none was.
    pub old_size: u64,
    /// From that tree to the one of the checkpoint.
    pub proof: ConsistencyProof,
    /// The checkpoint, signed by its log.
    pub checkpoint: Note,
}

/// Why a witness does not cosign.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The log is not one that the witness knows.
    UnknownLog,
    /// No key of the log has signed, or a signature does not verify.
    NotSigned(Error),
    /// The tree is smaller than the one it is said to follow, or its text is not a checkpoint.
    Malformed(Error),
    /// The witness cosigned another tree last: of this size.
    Conflict(u64),
    /// The tree does not follow from the last one, by what was sent.
    NotConsistent,
}

impl Refusal {
    /// The status code of HTTP that says so. With 409, the body is the size in decimal and a newline, of the type `text/x.tlog.size`.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Refusal::Malformed(_) => 400,
            Refusal::NotSigned(_) => 403,
            Refusal::UnknownLog => 404,
            Refusal::Conflict(_) => 409,
            Refusal::NotConsistent => 422,
        }
    }
}

impl AddCheckpoint {
    /// Reads a body.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::TooLarge`]
    pub fn parse(bytes: &[u8]) -> Result<AddCheckpoint, Error> {
        let text = std::str::from_utf8(bytes).map_err(|_| Error::Malformed("the body is not UTF-8"))?;
        let (head, note) = text.split_once("\n\n").ok_or(Error::Malformed("the body has no checkpoint"))?;
        let mut lines = head.split('\n');
        let old_size = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(decimal);
        let old_size = old_size.ok_or(Error::Malformed("the body does not begin with the old size"))?;
        let proof = ConsistencyProof { hashes: parse_hashes(lines)? };
        let checkpoint = Note::parse(note.as_bytes())?;
        Checkpoint::parse(checkpoint.text())?;
        Ok(AddCheckpoint { old_size, proof, checkpoint })
    }

    /// Whether a witness may cosign, who trusts the log by this policy and cosigned `last`, if anything. Between this and the
    /// moment when the new checkpoint is kept, nobody may cosign another; keep it before you answer.
    ///
    /// # Errors
    /// The [`Refusal`] to answer with.
    pub fn check(&self, policy: &Policy, last: Option<&TreeHead>) -> Result<Checkpoint, Refusal> {
        let checkpoint = policy.verify(&self.checkpoint).map_err(|error| match error {
            Error::WrongOrigin(_) => Refusal::UnknownLog,
            Error::Malformed(_) => Refusal::Malformed(error),
            _ => Refusal::NotSigned(error),
        })?;
        let (empty, new) = (TreeHead::empty(), &checkpoint.head);
        let last = last.unwrap_or(&empty);
        if self.old_size > new.size {
            return Err(Refusal::Malformed(Error::OutOfTree));
        }
        if self.old_size != last.size || (new.size == last.size && new.root != last.root) {
            return Err(Refusal::Conflict(last.size));
        }
        self.proof.verify(last, new).map_err(|_| Refusal::NotConsistent)?;
        Ok(checkpoint)
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        self.proof.hashes.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}
