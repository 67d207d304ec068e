//! How a log grows, and what is proven of it.

use std::collections::{HashMap, HashSet};

use admin_tlog::{
    Builder, Bundles, Error, Hash, Layer, TileId, TileReader, TreeHead, consistency_tiles, edge, entries, head_at,
    head_tiles, inclusion_tiles, prove_consistency, prove_inclusion,
};
use proptest::prelude::*;

use crate::log::{Log, entry};

/// Sizes at which tiles of each kind begin and end.
const SIZES: [u64; 15] = [1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 513, 1_000, 65_535, 65_536, 70_000];

#[test]
fn a_tree_of_seventy_thousand_is_written_as_the_standard_shows() {
    let log = Log::of(70_000);
    let hashes = log.tiles.keys().filter(|tile| tile.layer != Layer::Entries);
    let mut partial: Vec<String> = hashes.clone().filter(|tile| tile.is_partial()).map(TileId::to_string).collect();
    partial.sort();
    assert_eq!(partial, ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
    assert_eq!(hashes.count(), 273 + 1 + 3);
    assert_eq!(log.tiles.keys().filter(|tile| tile.layer == Layer::Entries).count(), 274);
    assert!(log.tiles.values().all(|bytes| !bytes.is_empty()));
    assert_eq!(log.builder.head(), log.head(70_000));
    let mut edge: Vec<String> = edge(70_000).iter().map(TileId::to_string).collect();
    edge.sort();
    assert_eq!(edge, partial);
}

#[test]
fn bundles_hold_the_entries_of_their_tiles() {
    let log = Log::of(600);
    for index in 0..3 {
        let id = TileId::in_tree(Layer::Entries, index, 600).expect("a bundle");
        let bundle = entries(&log.tiles[&id]).expect("a bundle");
        assert_eq!(bundle.len(), usize::from(id.width));
        let tile = &log.tiles[&TileId { layer: Layer::Level(0), ..id }];
        let leaves: Vec<u8> = bundle.iter().flat_map(|entry| Hash::leaf(entry).0).collect();
        assert_eq!(&leaves, tile);
    }
}

/// A log that stops after every few leaves and goes on from its tiles writes what one writes that never stopped.
#[test]
fn goes_on_where_it_stopped() {
    let mut stopped = Log::new();
    for size in SIZES.into_iter().filter(|size| *size < 2_000) {
        let head = stopped.builder.head();
        stopped.builder = Builder::resume(&head, &stopped.tiles).expect("the head's own tiles");
        let open = Bundles::open(head.size).map(|id| stopped.tiles[&id].clone()).unwrap_or_default();
        stopped.bundles = Bundles::resume(&stopped.builder, &open).expect("the head's own entries");
        stopped.grow((size - head.size) as usize);
        let whole = Log::of(size as usize);
        assert_eq!(stopped.builder.head(), whole.builder.head());
        assert!(whole.tiles.iter().all(|(id, bytes)| stopped.tiles.get(id) == Some(bytes)), "at {size}");
    }
}

#[test]
fn takes_nothing_twice() {
    let mut log = Log::of(300);
    assert!(log.builder.take_tiles().is_empty() && log.bundles.take().is_empty());
    let mut again = Builder::resume(&log.builder.head(), &log.tiles).expect("the head's own tiles");
    assert!(again.take_tiles().is_empty());
    again.append(entry(300).hash()).expect("room");
    // The tile at level 1 has not changed.
    let taken: Vec<String> = again.take_tiles().iter().map(|tile| tile.id.to_string()).collect();
    assert_eq!(taken, ["tile/0/001.p/45"]);
}

#[test]
fn does_not_go_on_from_tiles_that_were_altered() {
    let log = Log::of(70_000);
    let head = log.builder.head();
    for id in edge(head.size) {
        let mut tiles = log.tiles.clone();
        tiles.get_mut(&id).expect("the edge")[0] ^= 1;
        assert_eq!(Builder::resume(&head, &tiles).err(), Some(Error::WrongRoot), "{id}");
        tiles.get_mut(&id).expect("the edge").truncate(31);
        assert!(matches!(Builder::resume(&head, &tiles), Err(Error::Malformed(_))), "{id}");
        tiles.remove(&id);
        assert_eq!(Builder::resume(&head, &tiles).err(), Some(Error::MissingTile(id)));
    }
    let open = &log.tiles[&Bundles::open(head.size).expect("a bundle")];
    let mut altered = open.clone();
    altered[5] ^= 1;
    assert_eq!(Bundles::resume(&log.builder, &altered).err(), Some(Error::WrongRoot));
    assert!(matches!(Bundles::resume(&log.builder, &open[..open.len() - 1]), Err(Error::Malformed(_))));
    assert!(matches!(Bundles::resume(&log.builder, &[]), Err(Error::Malformed(_))));
    // A checkpoint from before a backup was restored does not fit to the tiles.
    let rolled_back = TreeHead { size: 70_000, root: log.head(69_999).root };
    assert_eq!(Builder::resume(&rolled_back, &log.tiles).err(), Some(Error::WrongRoot));
}

/// Every leaf of small trees, and the leaves at the edges of tiles in great ones.
#[test]
fn proves_each_leaf() {
    let log = Log::of(70_000);
    for size in SIZES {
        let head = log.head(size);
        let indexes: Vec<u64> =
            if size < 300 { (0..size).collect() } else { vec![0, 255, 256, size / 2, size - 2, size - 1] };
        for index in indexes {
            let proof = prove_inclusion(index, &head, &AsOf { log: &log, size }).expect("a proof");
            let leaf = log.leaves[index as usize];
            assert_eq!(proof.verify(&leaf, &head), Ok(()));
            assert!(proof.hashes.len() <= 17);
            let other = log.leaves[(index as usize + 1) % 70_000];
            assert_eq!(proof.verify(&other, &head), Err(Error::WrongRoot));
        }
        assert_eq!(prove_inclusion(size, &head, &log.tiles), Err(Error::OutOfTree));
    }
}

#[test]
fn proves_that_a_tree_has_only_grown() {
    let log = Log::of(70_000);
    let other = TreeHead { size: 300, root: Hash::leaf(b"another log") };
    for new in SIZES {
        let (head, sizes) = (log.head(new), SIZES.into_iter().chain(0..20).chain([new - 1, new]));
        for old in sizes.filter(|old| *old <= new) {
            let old = log.head(old);
            let proof = prove_consistency(&old, &head, &AsOf { log: &log, size: new }).expect("a proof");
            assert_eq!(proof.verify(&old, &head), Ok(()));
            assert_eq!(head_at(old.size, new, &AsOf { log: &log, size: new }), Ok(old));
            let only = head_tiles(old.size, new).expect("tiles").into_iter();
            let tiles: HashMap<_, _> =
                only.filter_map(|id| Some((id, AsOf { log: &log, size: new }.tile(id)?.to_vec()))).collect();
            assert_eq!(head_at(old.size, new, &tiles), Ok(old), "no other tile is needed");
            assert!(
                old.size == 0 || old.size == new || proof.verify(&TreeHead { root: other.root, ..old }, &head).is_err()
            );
            assert!(proof.verify(&head, &old).is_err() || old.size == new);
        }
        if new > 300 {
            assert_eq!(prove_consistency(&other, &head, &log.tiles), Err(Error::WrongRoot));
        }
    }
}

#[test]
fn says_which_tiles_a_proof_needs() {
    let log = Log::of(70_000);
    let head = log.builder.head();
    for index in [0, 12_345, 65_536, 69_999] {
        let needed = inclusion_tiles(index, head.size).expect("in the tree");
        let asked = Asked::of(&log, |tiles| drop(prove_inclusion(index, &head, tiles).expect("a proof")));
        assert_eq!(asked, needed.into_iter().collect());
    }
    for old in [1, 256, 300, 65_536, 69_999] {
        let needed = consistency_tiles(old, head.size).expect("it grew");
        let asked = Asked::of(&log, |tiles| drop(prove_consistency(&log.head(old), &head, tiles).expect("a proof")));
        assert_eq!(asked, needed.into_iter().collect());
    }
    assert_eq!(inclusion_tiles(5, 5), Err(Error::OutOfTree));
    assert_eq!(consistency_tiles(6, 5), Err(Error::OutOfTree));
    assert_eq!(consistency_tiles(0, u64::MAX), Err(Error::OutOfTree));
    assert_eq!(inclusion_tiles(u64::MAX - 1, u64::MAX), Err(Error::OutOfTree));
    // The greatest tree that may be.
    let greatest = admin_tlog::MAX_SIZE;
    assert!(inclusion_tiles(greatest - 1, greatest).expect("in the tree").len() <= 16);
    assert!(consistency_tiles(greatest - 1, greatest).expect("it grew").len() <= 16);
}

/// Below a minimum index nothing is there; from there on everything is proven.
#[test]
fn a_pruned_log_proves_what_it_has_kept() {
    let mut log = Log::of(70_000);
    let (head, minimum) = (log.builder.head(), 60_000);
    let before = prove_inclusion(10, &head, &log.tiles).expect("not pruned yet");
    log.tiles.retain(|tile, _| tile.end() > minimum);
    assert!(prove_inclusion(10, &head, &log.tiles).is_err());
    assert_eq!(before.verify(&log.leaves[10], &head), Ok(()));
    for index in [60_000, 60_001, 65_535, 69_999] {
        prove_inclusion(index, &head, &log.tiles).expect("kept");
    }
    for old in [60_000, 65_536, 69_999] {
        prove_consistency(&log.head(old), &head, &log.tiles).expect("kept");
    }
    Builder::resume(&head, &log.tiles).expect("the edge is kept");
}

/// The tiles as they were at a size, cut out of those that came later: a partial tile is a beginning of its full one.
struct AsOf<'l> {
    log: &'l Log,
    size: u64,
}

impl TileReader for AsOf<'_> {
    fn tile(&self, id: TileId) -> Option<&[u8]> {
        assert_eq!(TileId::in_tree(id.layer, id.index, self.size), Some(id), "of another tree");
        let later = TileId::in_tree(id.layer, id.index, 70_000)?;
        self.log.tiles.get(&later).map(|bytes| &bytes[..usize::from(id.width) * 32])
    }
}

/// Notes what is asked for.
struct Asked<'l> {
    log: &'l Log,
    asked: std::cell::RefCell<HashSet<TileId>>,
}

impl Asked<'_> {
    fn of(log: &Log, run: impl FnOnce(&Asked)) -> HashSet<TileId> {
        let asked = Asked { log, asked: HashSet::new().into() };
        run(&asked);
        asked.asked.into_inner()
    }
}

impl TileReader for Asked<'_> {
    fn tile(&self, id: TileId) -> Option<&[u8]> {
        self.asked.borrow_mut().insert(id);
        self.log.tiles.get(&id).map(Vec::as_slice)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However the leaves come in parts, the tree is that of RFC 6962's definition.
    #[test]
    fn grows_as_defined(parts in prop::collection::vec(1_usize..400, 1..6), stop in any::<bool>()) {
        let mut log = Log::new();
        for part in parts {
            log.grow(part);
            let head = log.builder.head();
            prop_assert_eq!(head, log.head(log.leaves.len() as u64));
            if stop {
                log.builder = Builder::resume(&head, &log.tiles).expect("the head's own tiles");
            }
        }
    }

    #[test]
    fn proofs_of_any_place_verify_and_no_others(size in 1_u64..1_500, at in any::<prop::sample::Index>(), flip in 0_usize..400) {
        let log = Log::of(size as usize);
        let (head, index) = (log.builder.head(), at.index(size as usize));
        let proof = prove_inclusion(index as u64, &head, &log.tiles).expect("a proof");
        prop_assert_eq!(proof.verify(&log.leaves[index], &head), Ok(()));
        let old = log.head(index as u64);
        let grown = prove_consistency(&old, &head, &log.tiles).expect("a proof");
        if !proof.hashes.is_empty() {
            let mut wrong = proof.clone();
            let hash = flip % wrong.hashes.len();
            wrong.hashes[hash].0[flip % 32] ^= 1;
            prop_assert!(wrong.verify(&log.leaves[index], &head).is_err());
        }
        if !grown.hashes.is_empty() {
            let mut wrong = grown.clone();
            let hash = flip % wrong.hashes.len();
            wrong.hashes[hash].0[flip % 32] ^= 1;
            prop_assert!(wrong.verify(&old, &head).is_err());
        }
        // A hash too few, a hash too many, another place.
        for hashes in [&[proof.hashes.clone(), vec![head.root]].concat()[..], &proof.hashes[..proof.hashes.len().saturating_sub(1)]] {
            let wrong = admin_tlog::InclusionProof { hashes: hashes.to_vec(), ..proof.clone() };
            prop_assert!(wrong == proof || wrong.verify(&log.leaves[index], &head).is_err());
        }
        let elsewhere = admin_tlog::InclusionProof { index: (index as u64 + 1) % size, ..proof.clone() };
        prop_assert!(elsewhere == proof || elsewhere.verify(&log.leaves[index], &head).is_err());
    }
}
