//! What is hashed into a leaf, and the bundles in which entries stand (c2sp.org/tlog-tiles, "Log entries").

use std::collections::BTreeMap;

use admin_types::canonical;
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::value::RawValue;

use crate::builder::open_bundle;
use crate::{Builder, Error, Hash, Layer, TILE_WIDTH, Tile, TileId};

/// The most bytes of an entry: its length stands in 16 bits.
pub const MAX_ENTRY: usize = 65_535;

/// Members of a record that does not fit into an entry are replaced if their canonical text is longer than this.
const MAX_MEMBER: usize = 1_024;

/// The member that holds the digests of those that are replaced. No record may have it by itself.
const DIGESTS: &str = "digests";

/// An entry of the log: the bytes of a leaf.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    bytes: Vec<u8>,
    hash: Hash,
}

impl Entry {
    /// An entry of any bytes.
    ///
    /// # Errors
    /// [`Error::TooLarge`] beyond [`MAX_ENTRY`].
    pub fn new(bytes: Vec<u8>) -> Result<Entry, Error> {
        if bytes.len() > MAX_ENTRY {
            return Err(Error::TooLarge("an entry has more than 65535 bytes"));
        }
        Ok(Entry { hash: Hash::leaf(&bytes), bytes })
    }

    /// The entry of a record, which is a JSON object, for instance an event: its canonical text ([`canonical`]).
    ///
    /// If that has more than 65,535 bytes, every member of the record whose own canonical text has more than 1,024 bytes is left
    /// out, and the member `digests` says what stood there, so that the entry still names who did what, when, and is bound to every
    /// byte of the rest:
    ///
    /// ```text
    /// {"after":{…70,000 bytes…},"at":…}  →  {"at":…,"digests":{"after":{"bytes":70000,"sha256":"<hexadecimal>"}}}
    /// ```
    /// As no record may have a member `digests`, an entry never stands for two records. Whoever has a record derives its entry, and
    /// with it the leaf, by this rule alone.
    ///
    /// # Errors
    /// [`Error::Record`] if the record is not such an object, [`Error::TooLarge`] if it has so many small members that what is left does
    /// not fit.
    pub fn of_record(text: &[u8]) -> Result<Entry, Error> {
        let text = canonical::of_text(text).map_err(|error| Error::Record(error.detail.to_string()))?;
        if text.first() != Some(&b'{') {
            return Err(Error::Record("a record is a JSON object".to_owned()));
        }
        // Most records nowhere have the word, and need not be taken apart.
        let has_word = std::str::from_utf8(&text).is_ok_and(|text| text.contains("\"digests\":"));
        if text.len() <= MAX_ENTRY && !has_word {
            return Entry::new(text);
        }
        let members: BTreeMap<String, &RawValue> =
            serde_json::from_slice(&text).map_err(|error| Error::Record(error.to_string()))?;
        if members.contains_key(DIGESTS) {
            return Err(Error::Record("a record may not have the member digests".to_owned()));
        }
        if text.len() <= MAX_ENTRY { Entry::new(text) } else { Entry::new(digested(&members)?) }
    }

    /// The bytes that the leaf is the hash of.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The leaf.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }
}

/// The canonical text of a record whose long members are replaced by their digests.
fn digested(members: &BTreeMap<String, &RawValue>) -> Result<Vec<u8>, Error> {
    let mut digests = BTreeMap::new();
    let mut rest = serde_json::Map::new();
    for (key, value) in members {
        let value = value.get();
        if value.len() > MAX_MEMBER {
            let sha256: String =
                digest(&SHA256, value.as_bytes()).as_ref().iter().map(|b| format!("{b:02x}")).collect();
            digests.insert(key, serde_json::json!({"bytes": value.len(), "sha256": sha256}));
        } else {
            let value = serde_json::from_str(value).map_err(|error| Error::Record(error.to_string()))?;
            rest.insert(key.clone(), value);
        }
    }
    rest.insert(DIGESTS.to_owned(), serde_json::json!(digests));
    canonical::of(&rest).map_err(|error| Error::Record(error.detail.to_string()))
}

/// An entry stands in its bundle behind its length in two bytes, the higher first.
fn add(bundle: &mut Vec<u8>, entry: &Entry) {
    let length = u16::try_from(entry.bytes.len()).expect("an entry has at most 65,535 bytes");
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(&entry.bytes);
}

/// The entries of a bundle, in their order, without a copy. Takes no more than a bundle can have.
///
/// # Errors
/// [`Error::Malformed`] if it is cut off, or has more than 256 entries.
pub fn entries(bundle: &[u8]) -> Result<Vec<&[u8]>, Error> {
    let (mut rest, mut entries) = (bundle, vec![]);
    while !rest.is_empty() {
        let (length, behind) = rest.split_first_chunk().ok_or(Error::Malformed("a bundle is cut off"))?;
        let (entry, behind) = behind
            .split_at_checked(usize::from(u16::from_be_bytes(*length)))
            .ok_or(Error::Malformed("a bundle is cut off"))?;
        if entries.len() >= 256 {
            return Err(Error::Malformed("a bundle has more than 256 entries"));
        }
        entries.push(entry);
        rest = behind;
    }
    Ok(entries)
}

/// Makes the bundles of a log beside a [`Builder`], which makes its tiles: every entry goes into both, in the same order.
///
/// Holds the open bundle, at most 16.8 MB, and the full ones since [`take`](Bundles::take).
#[derive(Clone, Debug, Default)]
pub struct Bundles {
    size: u64,
    open: Vec<u8>,
    full: Vec<Tile>,
    taken: u64,
}

impl Bundles {
    /// The bundle that [`Bundles::resume`] needs of a tree of this size, if one is open.
    #[must_use]
    pub fn open(size: u64) -> Option<TileId> {
        open_bundle(size)
    }

    /// Goes on where the builder stands, with the bytes of the open bundle, or of the wider one that took its place.
    ///
    /// # Errors
    /// [`Error::Malformed`]; [`Error::WrongRoot`] if the entries are not those of the builder's leaves.
    pub fn resume(builder: &Builder, open: &[u8]) -> Result<Bundles, Error> {
        let (size, leaves) = (builder.head().size, builder.open_leaves());
        let mut bundles = Bundles { size, taken: size, ..Bundles::default() };
        let entries = entries(open)?;
        if entries.len() < leaves.len() {
            return Err(Error::Malformed("a bundle is shorter than its name says"));
        }
        for (entry, leaf) in entries.into_iter().zip(leaves) {
            let entry = Entry::new(entry.to_vec())?;
            if entry.hash != *leaf {
                return Err(Error::WrongRoot);
            }
            add(&mut bundles.open, &entry);
        }
        Ok(bundles)
    }

    /// Adds an entry.
    pub fn append(&mut self, entry: &Entry) {
        add(&mut self.open, entry);
        self.size += 1;
        if self.size.is_multiple_of(TILE_WIDTH) {
            let id = TileId { layer: Layer::Entries, index: self.size / TILE_WIDTH - 1, width: 256 };
            self.full.push(Tile { id, bytes: std::mem::take(&mut self.open) });
        }
    }

    /// The bundles of all entries since the last call: the full ones, then the open one. Write them before the tiles that hold
    /// their hashes.
    pub fn take(&mut self) -> Vec<Tile> {
        let mut bundles = std::mem::take(&mut self.full);
        if self.taken != self.size {
            bundles.extend(open_bundle(self.size).map(|id| Tile { id, bytes: self.open.clone() }));
        }
        self.taken = self.size;
        bundles
    }
}

#[cfg(test)]
mod tests;
