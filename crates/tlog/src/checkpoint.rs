//! Checkpoints (c2sp.org/tlog-checkpoint): the head of a tree, as a text that is signed.

use std::fmt;

use crate::{Error, Hash, Note, Signer};

/// A tree at one moment: how many leaves it has, and the root over them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TreeHead {
    /// Leaves.
    pub size: u64,
    /// The hash over all of them.
    pub root: Hash,
}

impl TreeHead {
    /// The head of a tree without leaves.
    #[must_use]
    pub fn empty() -> TreeHead {
        TreeHead { size: 0, root: Hash::empty() }
    }
}

/// Which log, and its head.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// The log's name; also the name of the keys that sign for it.
    pub origin: String,
    /// The tree's head.
    pub head: TreeHead,
    /// Further lines. Admin writes none: those who watch a log cannot check them.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint without further lines.
    pub fn new(origin: impl Into<String>, head: TreeHead) -> Checkpoint {
        Checkpoint { origin: origin.into(), head, extensions: vec![] }
    }

    /// Reads the text of a note.
    ///
    /// # Errors
    /// [`Error::Malformed`]
    pub fn parse(text: &str) -> Result<Checkpoint, Error> {
        let malformed = |what| move || Error::Malformed(what);
        let lines = text.strip_suffix('\n').ok_or_else(malformed("a checkpoint does not end with a newline"))?;
        let mut lines = lines.split('\n');
        let origin =
            lines.next().filter(|line| !line.is_empty()).ok_or_else(malformed("a checkpoint has no origin"))?;
        let size =
            lines.next().and_then(decimal).ok_or_else(malformed("the second line of a checkpoint is not a size"))?;
        let root = lines.next().and_then(|line| line.parse().ok());
        let root = root.ok_or_else(malformed("the third line of a checkpoint is not a hash"))?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(Error::Malformed("a checkpoint has an empty line"));
        }
        Ok(Checkpoint { origin: origin.to_owned(), head: TreeHead { size, root }, extensions })
    }

    /// The checkpoint as a note, signed.
    ///
    /// # Errors
    /// [`Error::Malformed`] if a line is empty, or has a control character.
    pub fn sign(&self, signers: &[&Signer]) -> Result<Note, Error> {
        let mut note = Note::new(self.to_string())?;
        if Checkpoint::parse(note.text())? != *self {
            return Err(Error::Malformed("a line of a checkpoint has a newline"));
        }
        signers.iter().for_each(|signer| note.sign(signer));
        Ok(note)
    }
}

/// The text that is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.head.size, self.head.root)?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// A number as these formats write it: digits alone, without zeros before them.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| canonical)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn reads_the_one_of_the_standard() {
        let checkpoint = Checkpoint::parse(TEXT).expect("a checkpoint");
        assert_eq!((checkpoint.origin.as_str(), checkpoint.head.size), ("example.com/behind-the-sofa", 20_852_163));
        assert_eq!(checkpoint.to_string(), TEXT);
        let extended = Checkpoint { extensions: vec!["a b".to_owned(), "c".to_owned()], ..checkpoint };
        assert_eq!(Checkpoint::parse(&extended.to_string()), Ok(extended));
    }

    #[test]
    fn refuses_every_other_way_to_write_it() {
        for (right, wrong) in [
            ("example.com/behind-the-sofa", ""),
            ("20852163", "020852163"),
            ("20852163", "+20852163"),
            ("20852163", "20852163 "),
            ("20852163", "-1"),
            ("20852163", ""),
            ("20852163", "18446744073709551616"),
            ("I=\n", "I=\n\n"),
            ("I=\n", "I=\n\nmore\n"),
            ("I=\n", "I="),
            ("I=\n", "I=\r\n"),
            ("I=\n", "\n"),
        ] {
            let text = TEXT.replacen(right, wrong, 1);
            assert!(text != TEXT && Checkpoint::parse(&text).is_err(), "{right:?} → {wrong:?}");
        }
        let checkpoint = Checkpoint::new("a\nb", TreeHead::empty());
        assert!(checkpoint.sign(&[]).is_err() && Checkpoint::new("", TreeHead::empty()).sign(&[]).is_err());
        let extensions = vec!["a\nb".to_owned()];
        assert!(Checkpoint { extensions, ..Checkpoint::new("a", TreeHead::empty()) }.sign(&[]).is_err());
    }
}
