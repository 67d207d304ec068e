//! A log in memory, for tests.

use std::collections::HashMap;

use admin_tlog::{Builder, Bundles, Entry, Hash, Tile, TileId, TreeHead};

/// All tiles that a log ever wrote, and its head after each leaf.
pub(crate) struct Log {
    pub(crate) tiles: HashMap<TileId, Vec<u8>>,
    pub(crate) leaves: Vec<Hash>,
    pub(crate) builder: Builder,
    pub(crate) bundles: Bundles,
}

impl Log {
    pub(crate) fn new() -> Log {
        Log { tiles: HashMap::new(), leaves: vec![], builder: Builder::new(), bundles: Bundles::default() }
    }

    /// A log of so many leaves, written once.
    pub(crate) fn of(size: usize) -> Log {
        let mut log = Log::new();
        log.grow(size);
        log
    }

    /// Adds so many leaves, and writes the tiles.
    pub(crate) fn grow(&mut self, by: usize) {
        for _ in 0..by {
            let entry = entry(self.leaves.len());
            assert_eq!(self.builder.append(entry.hash()), Ok(self.leaves.len() as u64));
            self.bundles.append(&entry);
            self.leaves.push(entry.hash());
        }
        for Tile { id, bytes } in self.bundles.take().into_iter().chain(self.builder.take_tiles()) {
            self.tiles.insert(id, bytes);
        }
    }

    /// The head as it was, or is, by the definition of RFC 6962.
    pub(crate) fn head(&self, size: u64) -> TreeHead {
        TreeHead { size, root: Hash::root_of(&self.leaves[..size as usize]) }
    }
}

/// The entry at an index.
pub(crate) fn entry(index: usize) -> Entry {
    Entry::new(format!("entry {index}").into_bytes()).expect("an entry")
}

impl Log {
    /// The tiles that a log of this size would have, with what came later cut off.
    pub(crate) fn builder_tiles(&self, size: u64) -> HashMap<TileId, Vec<u8>> {
        let mut log = Log::new();
        for leaf in &self.leaves[..size as usize] {
            log.builder.append(*leaf).expect("room");
        }
        log.builder.take_tiles().into_iter().map(|tile| (tile.id, tile.bytes)).collect()
    }
}
