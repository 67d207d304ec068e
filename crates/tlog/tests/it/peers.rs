//! Held against `tlog_tiles` and `signed_note`, which nobody here wrote, in both directions.

use admin_tlog::{
    Algorithm, Bundles, Checkpoint, ConsistencyProof, Entry, Hash, InclusionProof, Layer, Note, Signer, Tile, TileId,
    TreeHead, Verifier, prove_consistency, prove_inclusion,
};
use proptest::prelude::*;
use secrecy::ExposeSecret;
use signed_note::{Note as PeerNote, StandardSigner, StandardVerifier, VerifierList};
use tlog_tiles::{Checkpoint as PeerCheckpoint, Hash as PeerHash, Tile as PeerTile, TileHashReader, TileReader};

use crate::log::{Log, entry};

fn theirs(hash: Hash) -> PeerHash {
    PeerHash(hash.0)
}

fn ours(hashes: &[PeerHash]) -> Vec<Hash> {
    hashes.iter().map(|hash| Hash(hash.0)).collect()
}

/// The path as they write it has the height of tiles in it, as Go's checksum database does.
fn id(tile: &PeerTile) -> TileId {
    let width = u16::try_from(tile.width()).expect("at most 256");
    let id = TileId { layer: Layer::Level(tile.level()), index: tile.level_index(), width };
    assert_eq!(tile.path().replacen("tile/8/", "tile/", 1), id.to_string());
    id
}

/// Our tiles, as their reader asks for them; it verifies each against the root.
struct Tiles<'l>(&'l Log);

impl TileReader for Tiles<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[PeerTile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        Ok(tiles.iter().map(|tile| self.0.tiles[&id(tile)].clone()).collect())
    }

    fn save_tiles(&self, _: &[PeerTile], _: &[Vec<u8>]) {}
}

#[test]
fn leaves_and_nodes_have_their_hashes() {
    let (one, other) = (Hash::leaf(b"hello world"), Hash::leaf(b""));
    assert_eq!(theirs(one), tlog_tiles::record_hash(b"hello world"));
    assert_eq!(theirs(Hash::node(&one, &other)), tlog_tiles::node_hash(theirs(one), theirs(other)));
    assert_eq!(theirs(Hash::empty()), tlog_tiles::EMPTY_HASH);
}

#[test]
fn entry_bundles_are_length_and_bytes() {
    let mut bundles = Bundles::default();
    bundles.append(&entry(0));
    bundles.append(&Entry::new(vec![7; 258]).expect("an entry"));
    let [Tile { id, bytes }] = &bundles.take()[..] else { panic!("one bundle is open") };
    assert_eq!((id.to_string().as_str(), &bytes[..11]), ("tile/entries/000.p/2", &b"\0\x07entry 0\x01\x02"[..]));
    assert_eq!(bytes.len(), 9 + 2 + 258);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// What is to be written between two sizes is the same; their reader finds our tiles to be those of our root, and makes
    /// the same proofs of them; each verifies the other's.
    #[test]
    fn trees_agree(old in 1_u64..700, more in 1_u64..700, at in any::<prop::sample::Index>()) {
        let mut log = Log::of(old as usize);
        let before = log.builder.head();
        log.tiles.clear();
        log.grow(more as usize);
        let head = log.builder.head();
        let written = log.tiles.keys().filter(|id| id.layer != Layer::Entries);
        let mut written: Vec<String> = written.map(TileId::to_string).collect();
        let mut expected: Vec<String> = PeerTile::new_tiles(8, old, old + more).iter().map(|tile| id(tile).to_string()).collect();
        // They also write the partial tiles in between anew that have not changed.
        let unchanged: Vec<String> = admin_tlog::edge(old).iter().map(TileId::to_string).collect();
        expected.retain(|path| written.contains(path) || !unchanged.contains(path));
        written.sort();
        expected.sort();
        prop_assert_eq!(written, expected);

        let log = Log::of((old + more) as usize);
        let tiles = Tiles(&log);
        let reader = TileHashReader::new(head.size, theirs(head.root), &tiles);
        prop_assert_eq!(tlog_tiles::tree_hash(head.size, &reader).expect("our root"), theirs(head.root));

        let index = at.index(head.size as usize) as u64;
        let leaf = log.leaves[index as usize];
        let proof = prove_inclusion(index, &head, &log.tiles).expect("a proof");
        let peer = tlog_tiles::prove_record(head.size, index, &reader).expect("a proof");
        prop_assert_eq!(&proof.hashes, &ours(&peer));
        prop_assert!(tlog_tiles::check_record(&peer, head.size, theirs(head.root), index, theirs(leaf)).is_ok());
        prop_assert_eq!(InclusionProof { index, hashes: ours(&peer) }.verify(&leaf, &head), Ok(()));

        let grown = prove_consistency(&before, &head, &log.tiles).expect("a proof");
        let peer = tlog_tiles::prove_tree(head.size, old, &reader).expect("a proof");
        prop_assert_eq!(&grown.hashes, &ours(&peer));
        prop_assert!(tlog_tiles::check_tree(&peer, head.size, theirs(head.root), old, theirs(before.root)).is_ok());
        prop_assert_eq!(ConsistencyProof { hashes: ours(&peer) }.verify(&before, &head), Ok(()));
    }

    /// Both find the same proofs good, also those that are damaged.
    #[test]
    fn damaged_proofs_are_judged_alike(size in 1_u64..300, index in 0_u64..320, claimed in 1_u64..320, drop in 0_usize..3, add in 0_usize..3) {
        let log = Log::of(320);
        let head = log.head(size);
        let old = log.head(claimed.min(size));
        let index = index % size;
        let mut hashes = prove_inclusion(index, &head, &log.builder_tiles(size)).expect("a proof").hashes;
        hashes.truncate(hashes.len().saturating_sub(drop));
        hashes.resize(hashes.len() + add, head.root);
        let (peer, leaf): (Vec<PeerHash>, _) = (hashes.iter().copied().map(theirs).collect(), log.leaves[index as usize]);
        let claimed_head = TreeHead { size: claimed, ..head };
        let judged = InclusionProof { index, hashes }.verify(&leaf, &claimed_head).is_ok();
        prop_assert_eq!(judged, tlog_tiles::check_record(&peer, claimed, theirs(head.root), index, theirs(leaf)).is_ok());

        let mut hashes = prove_consistency(&old, &head, &log.builder_tiles(size)).expect("a proof").hashes;
        hashes.truncate(hashes.len().saturating_sub(drop));
        hashes.resize(hashes.len() + add, head.root);
        let peer: Vec<PeerHash> = hashes.iter().copied().map(theirs).collect();
        let proof = ConsistencyProof { hashes };
        for from in [old, TreeHead { size: (old.size + 1).min(size), ..old }] {
            let judged = proof.verify(&from, &head).is_ok();
            prop_assert_eq!(judged, tlog_tiles::check_tree(&peer, size, theirs(head.root), from.size, theirs(from.root)).is_ok());
        }
    }

    #[test]
    fn paths_agree(level in 0_u8..8, index in 0_u64..1 << 40, width in 1_u32..=256) {
        let index = index % (1 << (55 - 8 * u32::from(level).min(6)).min(40));
        let peer = PeerTile::new(8, level, index, width, false);
        let index_fits = u128::from(index) << (8 * (u32::from(level) + 1)) < u128::from(admin_tlog::MAX_SIZE);
        let path = id(&peer).to_string();
        prop_assert_eq!(path.parse::<TileId>().is_ok(), index_fits);
        if index_fits {
            let back = PeerTile::from_path(&path.replacen("tile/", "tile/8/", 1)).expect("a path");
            prop_assert_eq!(id(&back), path.parse().expect("a path"));
        }
    }

    /// They verify what we sign, we verify what they sign, and both write it alike.
    #[test]
    fn notes_agree(seed in any::<[u8; 32]>(), name in "[a-z./]{1,12}", text in "([a-zé ]{0,12}\n){0,4}[a-z]{1,3}\n", size in any::<u64>(), flip in 0_usize..200) {
        let signer = Signer::of_seed(&name, &seed).expect("a name");
        let skey = signer.text().expect("a seed");
        let (peer_signer, vkey) = (StandardSigner::new(skey.expose_secret()).expect("a key"), signer.verifier().to_string());
        let known = VerifierList::new(vec![Box::new(StandardVerifier::new(&vkey).expect("a key"))]);

        let mut note = Note::new(text.clone()).expect("a text");
        note.sign(&signer);
        let mut peer = PeerNote::new(text.as_bytes(), &[]).expect("a text");
        peer.add_sigs(&[&peer_signer]).expect("a signature");
        let bytes = note.to_string().into_bytes();
        prop_assert_eq!(&bytes, &peer.to_bytes());
        prop_assert!(PeerNote::from_bytes(&bytes).expect("a note").verify(&known).is_ok());
        prop_assert_eq!(Note::parse(&bytes), Ok(note.clone()));
        prop_assert_eq!(note.verify(&[vkey.parse::<Verifier>().expect("a key")]).expect("signed").len(), 1);

        // Both read the same damaged notes, and find the same signatures good.
        let mut damaged = bytes;
        let at = flip % damaged.len();
        damaged[at] ^= 1 << (flip % 7);
        let verified = Note::parse(&damaged).and_then(|note| note.verify(&[signer.verifier().clone()]).map(drop));
        let peer = PeerNote::from_bytes(&damaged).is_ok_and(|note| note.verify(&known).is_ok());
        prop_assert_eq!(verified.is_ok(), peer);

        let checkpoint = Checkpoint::new(name, TreeHead { size, root: Hash::leaf(text.as_bytes()) });
        let peer = PeerCheckpoint::from_bytes(checkpoint.to_string().as_bytes()).expect("a checkpoint");
        prop_assert_eq!((peer.size(), peer.hash().0), (size, checkpoint.head.root.0));
        prop_assert_eq!(Checkpoint::parse(std::str::from_utf8(&peer.to_bytes()).expect("UTF-8")), Ok(checkpoint));
    }

    #[test]
    fn checkpoints_are_judged_alike(text in "[a ]{0,2}\n?(0|[1-9][0-9]{0,2}|0[0-9]|18446744073709551616)\n?([A-Za-z0-9+/]{42}[AEI048]=|a)\n?([a-z]{0,2}\n?){0,3}") {
        prop_assert_eq!(Checkpoint::parse(&text).is_ok(), PeerCheckpoint::from_bytes(text.as_bytes()).is_ok(), "{:?}", text);
    }

    #[test]
    fn keys_are_judged_alike(seed in any::<[u8; 32]>(), flip in 0_usize..100, bit in 0_u32..7) {
        let vkey = Signer::of_seed("example.com/log", &seed).expect("a name").verifier().to_string();
        let mut damaged = vkey.into_bytes();
        let at = flip % damaged.len();
        damaged[at] ^= 1 << bit;
        if let Ok(text) = std::str::from_utf8(&damaged) {
            // Theirs also takes upper-case digits, and refuses keys that are not on the curve, which verify nothing.
            let ours = text.parse::<Verifier>().is_ok_and(|key| key.algorithm() == Algorithm::Ed25519);
            prop_assert!(!ours || StandardVerifier::new(text).is_ok(), "{}", text);
        }
    }
}
