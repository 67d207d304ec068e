//! Which tile is where (c2sp.org/tlog-tiles): its layer, its index there, its width, its path.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Hash, MAX_SIZE};

/// Hashes in a full tile, and entries in a full bundle.
pub const TILE_WIDTH: u64 = 256;

/// The height of the tree in a tile: 2^8 is its width.
pub(crate) const TILE_HEIGHT: u32 = 8;

/// The level of the highest tile that a tree of [`MAX_SIZE`] has. The format allows 63, of which no tree has more.
const MAX_LEVEL: u8 = 7;

/// What a tile is made of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Layer {
    /// The entries themselves: an entry bundle.
    Entries,
    /// Hashes: of leaves at level 0; above, each of a full tile of the level below.
    Level(u8),
}

impl Layer {
    /// As a power of 256: how many leaves stand below one item of the layer.
    fn scale(self) -> u32 {
        match self {
            Layer::Entries => 0,
            Layer::Level(level) => TILE_HEIGHT * u32::from(level),
        }
    }
}

/// A tile's place. As text it is its path: `tile/0/x001/234`, `tile/entries/067.p/12`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TileId {
    /// What it is made of.
    pub layer: Layer,
    /// Its number in the layer, from 0.
    pub index: u64,
    /// How many items it has, 1 to 256. One with fewer than 256 is partial.
    pub width: u16,
}

impl TileId {
    /// The tile with this index as a tree of `size` leaves has it: full, or partial at the right edge. None if the tree does not
    /// reach there.
    #[must_use]
    pub fn in_tree(layer: Layer, index: u64, size: u64) -> Option<TileId> {
        let items = size.checked_shr(layer.scale()).unwrap_or(0);
        let width = items.checked_sub(index.checked_mul(TILE_WIDTH)?)?.min(TILE_WIDTH);
        let width = u16::try_from(width).ok().filter(|width| *width > 0)?;
        Some(TileId { layer, index, width })
    }

    /// The same place with all that it will ever hold: what may be read when the partial tile is gone.
    #[must_use]
    pub fn full(self) -> TileId {
        TileId { width: 256, ..self }
    }

    /// Whether more items may still come to it.
    #[must_use]
    pub fn is_partial(self) -> bool {
        u64::from(self.width) < TILE_WIDTH
    }

    /// The index of the leaf behind the last one that the full tile covers. A log that is pruned up to a minimum index may do
    /// without the tile, and without its partial ones, if this is at or below that index.
    #[must_use]
    pub fn end(self) -> u64 {
        let end = (u128::from(self.index) + 1) << (self.layer.scale() + TILE_HEIGHT);
        u64::try_from(end).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.layer {
            Layer::Entries => f.write_str("tile/entries/")?,
            Layer::Level(level) => write!(f, "tile/{level}/")?,
        }
        let mut groups = 1_000_u64.pow(self.index.checked_ilog(1_000).unwrap_or(0));
        while groups > 1 {
            write!(f, "x{:03}/", self.index / groups % 1_000)?;
            groups /= 1_000;
        }
        write!(f, "{:03}", self.index % 1_000)?;
        if self.is_partial() { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl FromStr for TileId {
    type Err = Error;

    /// Each tile has one path; whatever is not the path of a tile that a tree can have is refused, so that a path is safe to
    /// serve from a folder.
    fn from_str(path: &str) -> Result<TileId, Error> {
        parse(path).filter(|tile| tile.to_string() == path).ok_or(Error::Malformed("not the path of a tile"))
    }
}

fn parse(path: &str) -> Option<TileId> {
    let (layer, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let layer = match layer {
        "entries" => Layer::Entries,
        level => Layer::Level(level.parse().ok().filter(|level| *level <= MAX_LEVEL)?),
    };
    let (number, width) = match rest.split_once(".p/") {
        Some((number, width)) => (number, width.parse().ok().filter(|width| (1..256).contains(width))?),
        None => (rest, 256),
    };
    let mut index = 0_u64;
    for group in number.split('/') {
        let digits = group.strip_prefix('x').unwrap_or(group);
        index = index.checked_mul(1_000)?.checked_add(u64::from(digits.parse::<u16>().ok()?))?;
    }
    let first = u128::from(index) << (layer.scale() + TILE_HEIGHT);
    (first < u128::from(MAX_SIZE)).then_some(TileId { layer, index, width })
}

/// A tile with its hashes, to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tile {
    /// Its place, and with it its path.
    pub id: TileId,
    /// The hashes one after another, 32 bytes each: the file as it is.
    pub bytes: Vec<u8>,
}

impl Tile {
    pub(crate) fn new(level: u8, index: u64, hashes: &[Hash]) -> Tile {
        let width = u16::try_from(hashes.len()).expect("a tile has at most 256 hashes");
        let bytes = hashes.iter().flat_map(|hash| hash.0).collect();
        Tile { id: TileId { layer: Layer::Level(level), index, width }, bytes }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_those_of_the_standard() {
        let tile = |layer, index, width| TileId { layer, index, width };
        for (id, path) in [
            (tile(Layer::Level(0), 1_234_067, 256), "tile/0/x001/x234/067"),
            (tile(Layer::Level(1), 0, 1), "tile/1/000.p/1"),
            (tile(Layer::Entries, 273, 112), "tile/entries/273.p/112"),
            (tile(Layer::Level(2), 999, 255), "tile/2/999.p/255"),
            (tile(Layer::Level(2), 1_000, 256), "tile/2/x001/000"),
        ] {
            assert_eq!(id.to_string(), path);
            assert_eq!(path.parse(), Ok(id));
        }
    }

    #[test]
    fn nothing_else_is_a_path() {
        for path in [
            "",
            "tile",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/0/0000",
            "tile/00/000",
            "tile/8/000",
            "tile/-1/000",
            "tile/+1/000",
            "/tile/0/000",
            "tile/0/000/",
            "tile/0/x000/000",
            "tile/0/x001/x000",
            "tile/0/001/000",
            "tile/0/../000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/",
            "tile/0/000.p/1.p/1",
            "tile/data/000",
            "tile/0/x999/x999/x999/x999/x999/x999/999",
            "tile/7/001",
            "tile/0/+12",
            "tile/0/ 12",
            "tile/entries/00a",
        ] {
            assert!(path.parse::<TileId>().is_err(), "{path:?}");
        }
    }

    /// The example of c2sp.org/tlog-tiles.
    #[test]
    fn a_tree_of_seventy_thousand_has_its_tiles() {
        let of = |level, index| TileId::in_tree(Layer::Level(level), index, 70_000).map(|tile| tile.width);
        assert_eq!((of(0, 272), of(0, 273), of(0, 274)), (Some(256), Some(112), None));
        assert_eq!((of(1, 0), of(1, 1), of(1, 2)), (Some(256), Some(17), None));
        assert_eq!((of(2, 0), of(3, 0), of(63, 0)), (Some(1), None, None));
        assert_eq!(TileId::in_tree(Layer::Level(1), 0, 256).map(|tile| tile.width), Some(1));
        assert_eq!(TileId::in_tree(Layer::Entries, u64::MAX, u64::MAX), None);
        let tile = TileId::in_tree(Layer::Level(1), 1, 70_000).expect("a tile");
        assert_eq!((tile.end(), tile.full().width), (131_072, 256));
    }

    proptest! {
        #[test]
        fn a_path_leads_back(level in 0_u8..8, index in any::<u64>(), width in 1_u16..=256) {
            let index = index % MAX_SIZE.checked_shr(8 * (u32::from(level) + 1)).unwrap_or(1).max(1);
            for layer in [Layer::Level(level), Layer::Entries] {
                let tile = TileId { layer, index, width };
                prop_assert_eq!(tile.to_string().parse(), Ok(tile));
            }
        }

        #[test]
        fn reads_anything(path in "(tile/)?[0-9a-z/.+-]{0,24}") {
            let _ = path.parse::<TileId>();
        }
    }
}
