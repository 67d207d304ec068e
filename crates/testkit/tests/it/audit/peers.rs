//! The log and its receipts as `tlog_tiles` and `signed_note` read them, which nobody here wrote.

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{
    Checkpoint, Hash, HashReader, Tile, TileHashReader, TileReader, check_record, check_tree, prove_tree,
};

use super::*;

/// The folder of a log.
struct Folder(PathBuf);

impl TileReader for Folder {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        // They write the height of tiles into the path, as Go's checksum database does.
        let path = |tile: &Tile| self.0.join(tile.path().replacen("tile/8/", "tile/", 1));
        Ok(tiles.iter().map(|tile| fs::read(path(tile)).expect("a tile")).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

/// What a note says, if the log has signed it.
fn signed(note: &str, key: &str) -> Checkpoint {
    let known = VerifierList::new(vec![Box::new(StandardVerifier::new(key).expect("a key"))]);
    let note = Note::from_bytes(note.as_bytes()).expect("a note");
    note.verify(&known).expect("signed by the log");
    Checkpoint::from_bytes(note.text()).expect("a checkpoint")
}

/// The checkpoint, once it is of all events.
async fn sealed(sandbox: &Sandbox, key: &str) -> Checkpoint {
    let last = last_seq(sandbox).await;
    eventually("all is sealed", async || {
        let checkpoint = signed(&text(sandbox, "/v3/audit/checkpoint").await, key);
        (checkpoint.size() >= last).then_some(checkpoint)
    })
    .await
}

story!(others_read_the_log_and_accept_its_proofs, async |sandbox: &Sandbox| {
    define(sandbox, "thing", json!({})).await;
    let key = text(sandbox, "/v3/audit/key").await.trim().to_owned();
    let lines: Vec<Value> = (0..300).map(|n| json!({"type": "thing", "name": format!("t{n}")})).collect();
    import(sandbox, "/v3/resources:import", ndjson(&lines)).await;
    let before = sealed(sandbox, &key).await;
    import(sandbox, "/v3/resources:import", ndjson(&lines)).await;
    let after = sealed(sandbox, &key).await;
    assert!(before.size() > 256 && after.size() >= before.size() + 300);

    let org = sandbox.cli(&["org", "list"]).split(' ').next().expect("an org").to_owned();
    let folder = Folder(sandbox.data_dir.join("blobs/audit").join(org));
    let reader = TileHashReader::new(after.size(), *after.hash(), &folder);
    let tree = tlog_tiles::tree_hash(after.size(), &reader).expect("the tiles are those of the root");
    assert_eq!(tree.0, after.hash().0);
    let grown = prove_tree(after.size(), before.size(), &reader).expect("a proof");
    check_tree(&grown, after.size(), *after.hash(), before.size(), *before.hash()).expect("the log only grew");

    let events = export(sandbox, "/v3/audit/export").await;
    for number in [1, 2, 255, 256, 257, 300, 599] {
        let event = &events[number - 1];
        let receipt = text(sandbox, &format!("/v3/audit/{}/receipt", id(event))).await;
        let (proof, note) = receipt.split_once("\n\n").expect("a proof before a note");
        let mut lines = proof.lines();
        assert_eq!(lines.next(), Some("c2sp.org/tlog-proof@v1"));
        let index: u64 =
            lines.next().and_then(|line| line.strip_prefix("index ")).expect("an index").parse().expect("a number");
        assert_eq!(index, number as u64 - 1);
        let hash = |line: &str| Hash(STANDARD.decode(line).expect("base64").try_into().expect("32 bytes"));
        let hashes: Vec<Hash> = lines.map(hash).collect();
        let checkpoint = signed(note, &key);
        // The leaf is the event in its canonical text: for these, sorted members are all that makes it so.
        let mut canonical = event.clone();
        canonical.sort_all_objects();
        let leaf = tlog_tiles::record_hash(canonical.to_string().as_bytes());
        let stored = reader.read_hashes(&[tlog_tiles::stored_hash_index(0, index)]).expect("a leaf");
        assert_eq!(leaf.0, stored[0].0, "{event}");
        check_record(&hashes, checkpoint.size(), *checkpoint.hash(), index, leaf).expect("the event is in the log");
        let other = tlog_tiles::record_hash(b"another");
        assert!(check_record(&hashes, checkpoint.size(), *checkpoint.hash(), index, other).is_err());
    }
});
