//! Receipts: verified offline, small, and worthless once anything in them is altered.

use admin_tlog::{
    Checkpoint, Cosigner, Error, Hash, InclusionProof, Note, Policy, Receipt, Signer, TreeHead, Verifier,
    prove_inclusion,
};
use proptest::prelude::*;

use crate::log::Log;

const ORIGIN: &str = "admin.example.com/log/org_01jh8x5n9bfqv8xk3c6m7t2d4e";

fn signer() -> Signer {
    Signer::of_seed(ORIGIN, &[1; 32]).expect("a name")
}

fn cosigner(n: u8) -> Cosigner {
    Cosigner::of_seed(&format!("witness-{n}.example.com"), &[100 + n; 32]).expect("a name")
}

fn witnesses() -> Vec<Verifier> {
    (0..3).map(|n| cosigner(n).verifier().clone()).collect()
}

fn policy() -> Policy {
    Policy::new(vec![signer().verifier().clone()]).expect("a key")
}

/// A receipt of a log of 300 entries with two cosignatures, and the leaf that it is about.
fn receipt(index: u64) -> (Receipt, Hash) {
    let log = Log::of(300);
    let head = log.builder.head();
    let proof = prove_inclusion(index, &head, &log.tiles).expect("a proof");
    let mut checkpoint = Checkpoint::new(ORIGIN, head).sign(&[&signer()]).expect("a checkpoint");
    for n in 0..2 {
        checkpoint.cosign(&cosigner(n), 1_700_000_000 + u64::from(n)).expect("a time");
    }
    (Receipt { extra: vec![], proof, checkpoint }, log.leaves[index as usize])
}

#[test]
fn a_receipt_is_read_as_it_was_written_and_verifies() {
    for extra in [vec![], b"{\"event\":\"evt_1\"}".to_vec()] {
        let (mut receipt, leaf) = receipt(77);
        receipt.extra = extra;
        let text = receipt.to_string();
        assert!(text.starts_with("c2sp.org/tlog-proof@v1\n"));
        let again = Receipt::parse(text.as_bytes()).expect("a receipt");
        assert_eq!(again, receipt);
        let policy = policy().with_witnesses(witnesses(), 2).expect("three are known");
        let checkpoint = again.verify(&leaf, &policy).expect("all is as it should be");
        assert_eq!((checkpoint.origin.as_str(), checkpoint.head.size), (ORIGIN, 300));
    }
}

#[test]
fn as_many_witnesses_as_are_asked_for() {
    let (receipt, leaf) = receipt(5);
    let ask = |threshold| receipt.verify(&leaf, &policy().with_witnesses(witnesses(), threshold).expect("three"));
    assert!(ask(0).is_ok() && ask(2).is_ok());
    assert_eq!(ask(3), Err(Error::TooFewWitnesses { found: 2, wanted: 3 }));
    assert!(policy().with_witnesses(witnesses(), 4).is_err());
    // The same key under two names is one witness.
    let twice: Vec<Verifier> =
        ["a", "b"].map(|name| Cosigner::of_seed(name, &[7; 32]).expect("a name").verifier().clone()).into();
    assert!(policy().with_witnesses(twice, 2).is_err());
    // A witness cannot stand in for the log, nor a log for a witness.
    assert!(Policy::new(witnesses()).is_err() && Policy::new(vec![]).is_err());
    assert!(policy().with_witnesses(vec![signer().verifier().clone()], 1).is_err());
}

#[test]
fn a_cosignature_is_of_its_time_and_its_text() {
    let (receipt, leaf) = receipt(5);
    let text = receipt.to_string();
    let line = receipt.checkpoint.signatures()[1].to_string();
    let later = {
        let mut note = receipt.checkpoint.clone();
        note.cosign(&cosigner(0), 1_800_000_000).expect("a time");
        note.signatures().last().expect("a line").to_string()
    };
    assert_ne!(line, later);
    // The earlier time with the later signature: base64 of four bytes of id, eight of time, 64 of signature.
    let mixed = format!("{}{}", &line[..line.len() - 88], &later[later.len() - 88..]);
    let receipt = Receipt::parse(text.replace(&line, &mixed).as_bytes()).expect("a receipt");
    let policy = policy().with_witnesses(witnesses(), 1).expect("three");
    assert!(matches!(receipt.verify(&leaf, &policy), Err(Error::WrongSignature(_))));
}

#[test]
fn another_log_another_entry_another_key() {
    let (receipt, leaf) = receipt(5);
    assert_eq!(receipt.verify(&Hash::leaf(b"another"), &policy()), Err(Error::WrongRoot));
    let other = Signer::of_seed("another", &[1; 32]).expect("a name");
    let policy_of = |signer: &Signer| Policy::new(vec![signer.verifier().clone()]).expect("a key");
    assert_eq!(receipt.verify(&leaf, &policy_of(&other)), Err(Error::WrongOrigin(ORIGIN.to_owned())));
    let renewed = Signer::of_seed(ORIGIN, &[2; 32]).expect("a name");
    assert_eq!(receipt.verify(&leaf, &policy_of(&renewed)), Err(Error::NotSigned));
    // While a log changes its key, either will do; keys of two logs are no policy.
    let keys = [&renewed, &signer()].map(|signer| signer.verifier().clone());
    assert!(receipt.verify(&leaf, &Policy::new(keys.into()).expect("one name")).is_ok());
    assert!(Policy::new([&other, &signer()].map(|signer| signer.verifier().clone()).into()).is_err());
    // Somebody else's checkpoint, though signed by the log's key, but under another origin.
    let elsewhere =
        Checkpoint::new("elsewhere", TreeHead { size: 300, root: leaf }).sign(&[&signer()]).expect("a text");
    assert!(matches!(
        Receipt { checkpoint: elsewhere, ..receipt }.verify(&leaf, &policy()),
        Err(Error::WrongOrigin(_))
    ));
}

#[test]
fn refuses_every_other_way_to_write_it() {
    let text = receipt(77).0.to_string();
    for (right, wrong) in [
        ("c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v2"),
        ("c2sp.org/tlog-proof@v1\n", ""),
        ("index 77", "index 077"),
        ("index 77", "index +77"),
        ("index 77", "index 18446744073709551616"),
        ("index 77\n", ""),
        ("index 77", "extra \nindex 77"),
        ("index 77", "extra !\nindex 77"),
        ("index 77", "extra AA==\nextra AA==\nindex 77"),
        ("index 77", "index 77\nindex 77"),
        ("index 77\n", "index 77\n\n"),
        ("\n\n", "\n"),
        ("=\n\n", "= \n\n"),
        ("index 77\n", "index 77\r\n"),
    ] {
        let other = text.replacen(right, wrong, 1);
        assert!(other != text && Receipt::parse(other.as_bytes()).is_err(), "{right:?} → {wrong:?}");
    }
    let (mut long, _) = receipt(77);
    long.proof.hashes = vec![Hash::empty(); 64];
    assert!(matches!(Receipt::parse(long.to_string().as_bytes()), Err(Error::TooLarge(_))));
    assert!(matches!(Receipt::parse(&[b'a'; 600_000]), Err(Error::TooLarge(_))));
}

/// The bound that is promised: 2 kB in a tree of 2^32 leaves.
#[test]
fn a_receipt_is_small() {
    let head = TreeHead { size: 1 << 32, root: Hash::empty() };
    let proof = InclusionProof { index: (1 << 32) - 1, hashes: vec![Hash::empty(); 32] };
    let mut checkpoint = Checkpoint::new(ORIGIN, head).sign(&[&signer()]).expect("a checkpoint");
    let size = |checkpoint: &Note| {
        Receipt { extra: vec![], proof: proof.clone(), checkpoint: checkpoint.clone() }.to_string().len()
    };
    assert_eq!(size(&checkpoint), 1_741);
    checkpoint.cosign(&cosigner(0), 1_700_000_000).expect("a time");
    assert_eq!(size(&checkpoint), 1_741 + 131);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// No bit of a receipt can be flipped but in the name of a signature, in its id, which make it somebody else's.
    #[test]
    fn every_bit_counts(index in 0_u64..300, at in any::<prop::sample::Index>(), bit in 0_u32..8) {
        let (receipt, leaf) = receipt(index);
        let mut bytes = receipt.to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let policy = policy().with_witnesses(witnesses(), 2).expect("three");
        let verified = Receipt::parse(&bytes).and_then(|receipt| receipt.verify(&leaf, &policy));
        prop_assert!(verified.is_err(), "{}", String::from_utf8_lossy(&bytes));
    }
}
