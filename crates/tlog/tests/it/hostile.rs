//! Whatever somebody sends is refused or read, and takes no time to speak of.

use std::collections::HashMap;

use admin_tlog::{
    AddCheckpoint, Algorithm, Builder, Checkpoint, ConsistencyProof, Cosigner, Entry, Error, Hash, InclusionProof,
    Note, Receipt, Signer, TileId, TreeHead, Verifier, consistency_tiles, entries, inclusion_tiles, prove_consistency,
    prove_inclusion,
};
use proptest::prelude::*;

/// Notes bounded, and strict about what stands in them.
#[test]
fn notes_are_of_their_format() {
    let line = "— a AAAAAAAA\n";
    let good = format!("text\n\n{line}");
    assert!(Note::parse(good.as_bytes()).is_ok());
    for text in [
        String::new(),
        "text\n".to_owned(),
        "text\n\n".to_owned(),
        format!("text\n{line}"),
        good.trim_end().to_owned(),
        format!("{good}\n"),
        format!("{good}more\n"),
        format!("text\n\n{line}\n{line}").replace("text\n\n", "\u{1}\n\n"),
        good.replace("text", "te\txt"),
        good.replace("text", "te\rxt"),
        good.replace("— a", "- a"),
        good.replace("— a", "—  a"),
        good.replace("— a", "— a+b"),
        good.replace("— a", "— a\u{a0}b"),
        good.replace("— a", "—"),
        good.replace("AAAAAAAA", "AAAA"),
        good.replace("AAAAAAAA", "AAAAAA=="),
        good.replace("AAAAAAAA", "AAAAAAA"),
        good.replace("AAAAAAAA", "AAAAAAAB AAAA"),
        format!("text\n\n{}", line.repeat(101)),
        format!("{}\n\n{line}", "x".repeat(262_144)),
    ] {
        assert!(Note::parse(text.as_bytes()).is_err(), "{:?}", &text[..text.len().min(80)]);
    }
    assert!(Note::parse(format!("text\n\n{}", line.repeat(100)).as_bytes()).is_ok());
    assert!(Note::parse(b"\xff\n\n").is_err());
    // The last empty line is the one that counts.
    let note = Note::parse(format!("a\n\n{line}\n{line}").as_bytes()).expect("a note");
    assert_eq!((note.text(), note.signatures().len()), (format!("a\n\n{line}").as_str(), 1));
    assert!(Note::new("a".to_owned()).is_err() && Note::new("a\n\n".to_owned()).is_ok());
}

#[test]
fn keys_are_of_their_format() {
    let signer = Signer::of_seed("example.com/log", &[3; 32]).expect("a name");
    let vkey = signer.verifier().to_string();
    assert_eq!(vkey.parse::<Verifier>().as_ref(), Ok(signer.verifier()));
    let id = format!("{:08x}", signer.verifier().id());
    for wrong in [
        String::new(),
        "a+b".to_owned(),
        vkey.replace(&id, "00000000"),
        vkey.replace(&id, &id[1..]),
        vkey.replace(&id, &format!("0{id}")),
        vkey.replace("example", "Example"),
        vkey.replace("example.com/log", "example com"),
        vkey.replace("example.com/log", ""),
        format!("{vkey}="),
        format!("{vkey}+"),
        format!("{vkey}\n"),
        vkey[..vkey.len() - 4].to_owned(),
    ] {
        assert!(wrong != vkey && wrong.parse::<Verifier>().is_err(), "{wrong}");
    }
    // A key is for one purpose: the same bytes have another id for another.
    let cosigner = Cosigner::of_seed("example.com/log", &[3; 32]).expect("a name");
    assert_eq!(cosigner.verifier().public_key(), signer.verifier().public_key());
    assert_ne!(cosigner.verifier().id(), signer.verifier().id());
    assert_eq!(cosigner.verifier().to_string().parse::<Verifier>().expect("a key").algorithm(), Algorithm::Cosignature);
    let text = cosigner.text().expect("a seed");
    assert!(Signer::of_text(&text).is_err());
    assert_eq!(Cosigner::of_text(&text).expect("its own text").verifier(), cosigner.verifier());
    assert!(Signer::of_text(&signer.verifier().to_string().into()).is_err());
    for name in ["", "a b", "a+b", "a\u{2003}b", "a\nb", "a\u{1}"] {
        assert!(Signer::of_seed(name, &[3; 32]).is_err(), "{name:?}");
    }
}

/// What is private is printed by nothing.
#[test]
fn private_keys_stay_private() {
    use secrecy::ExposeSecret;
    let (signer, cosigner) =
        (Signer::of_seed("a", &[3; 32]).expect("a name"), Cosigner::of_seed("a", &[3; 32]).expect("a name"));
    for (printed, text) in [
        (format!("{signer:?}"), signer.text().expect("a seed")),
        (format!("{cosigner:?}"), cosigner.text().expect("a seed")),
    ] {
        let seed = text.expose_secret().rsplit('+').next().expect("base64").to_owned();
        assert!(!printed.contains(&seed) && !printed.contains("PRIVATE"), "{printed}");
    }
}

/// A signature of a log is none of a witness, though the key be the same.
#[test]
fn signatures_are_for_one_purpose() {
    let (signer, cosigner) =
        (Signer::of_seed("a", &[3; 32]).expect("a name"), Cosigner::of_seed("a", &[3; 32]).expect("a name"));
    let mut note = Checkpoint::new("a", TreeHead::empty()).sign(&[&signer]).expect("a checkpoint");
    assert_eq!(note.verify(&[cosigner.verifier().clone()]), Err(Error::NotSigned));
    note.cosign(&cosigner, 5).expect("a time");
    assert_eq!(note.verify(&[cosigner.verifier().clone(), signer.verifier().clone()]).expect("both").len(), 2);
    // A text that looks like what a witness signs.
    let forged = Note::new(format!("cosignature/v1\ntime 5\n{}", note.text())).expect("a text");
    let mut forged = forged;
    forged.sign(&signer);
    assert!(Checkpoint::parse(forged.text()).is_err());
}

#[test]
fn bundles_are_of_their_format() {
    assert_eq!(entries(b""), Ok(vec![]));
    assert_eq!(entries(b"\0\x01a\0\0\0\x02bc"), Ok(vec![&b"a"[..], b"", b"bc"]));
    for wrong in [&b"\0"[..], b"\0\x01", b"\0\x02a", b"\0\x01a\xff", &[0; 2 * 257]] {
        assert!(entries(wrong).is_err(), "{wrong:?}");
    }
    assert_eq!(entries(&[0; 2 * 256]).expect("a full bundle").len(), 256);
    assert!(Entry::new(vec![0; 65_535]).is_ok());
    assert!(matches!(Entry::new(vec![0; 65_536]), Err(Error::TooLarge(_))));
}

fn any_hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash)
}

fn any_size() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..20, any::<u64>(), (0_u64..70).prop_map(|n| u64::MAX >> (n % 64)), Just(admin_tlog::MAX_SIZE)]
}

proptest! {
    #[test]
    fn texts_of_all_kinds(text in "(old |index |extra |c2sp.org/tlog-proof@v1|— |[a-zA-Z0-9+/=]{0,44}|\n|\\PC){0,24}", bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        for bytes in [text.as_bytes(), &bytes] {
            let _ = (Note::parse(bytes), Receipt::parse(bytes), AddCheckpoint::parse(bytes), entries(bytes));
        }
        let _ = (Checkpoint::parse(&text), text.parse::<Verifier>(), text.parse::<Hash>(), text.parse::<TileId>());
        let _ = Signer::of_text(&text.clone().into());
        let _ = Signer::of_text(&format!("PRIVATE+KEY+{text}").into());
    }

    #[test]
    fn proofs_of_all_kinds(
        index in any_size(), old in any_size(), size in any_size(), roots in prop::array::uniform3(any_hash()),
        hashes in prop::collection::vec(any_hash(), 0..70),
    ) {
        let [leaf, old_root, root] = roots;
        let (old, head) = (TreeHead { size: old, root: old_root }, TreeHead { size, root });
        let proof = InclusionProof { index, hashes: hashes.clone() };
        prop_assert!(proof.verify(&leaf, &head).is_err());
        let grown = ConsistencyProof { hashes };
        prop_assert!(grown.verify(&old, &head).is_err());
    }

    /// No head makes anything read more than its few tiles, or fail otherwise than by name.
    #[test]
    fn heads_of_all_kinds(index in any_size(), old in any_size(), size in any_size(), root in any_hash(), width in 0_usize..300) {
        let head = TreeHead { size, root };
        let needed: Vec<TileId> = [inclusion_tiles(index, size), consistency_tiles(old, size)].into_iter().flatten().flatten().collect();
        prop_assert!(needed.len() <= 32);
        let tiles: HashMap<TileId, Vec<u8>> = needed.into_iter().map(|id| (id, vec![7; width * 32])).collect();
        prop_assert!(prove_inclusion(index, &head, &tiles).is_err());
        let grown = prove_consistency(&TreeHead { size: old, root: Hash::empty() }, &head, &tiles);
        prop_assert!(grown.is_err() || old == 0, "{:?}", grown);
        let edge = admin_tlog::edge(size);
        prop_assert!(edge.len() <= 8);
        let tiles: HashMap<TileId, Vec<u8>> = edge.into_iter().map(|id| (id, vec![7; width * 32])).collect();
        prop_assert!(Builder::resume(&head, &tiles).is_err());
    }
}
