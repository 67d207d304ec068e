//! What a log sends to a witness, and what the witness does with it.

use admin_tlog::{
    AddCheckpoint, Checkpoint, ConsistencyProof, Cosigner, Error, Hash, Note, Policy, Refusal, Signer, TreeHead,
    prove_consistency,
};

use crate::log::Log;

const ORIGIN: &str = "example.com/log";

fn signer() -> Signer {
    Signer::of_seed(ORIGIN, &[1; 32]).expect("a name")
}

fn policy() -> Policy {
    Policy::new(vec![signer().verifier().clone()]).expect("a key")
}

/// What a log of 300 leaves sends of which the witness knows `old`.
fn body(old: u64) -> AddCheckpoint {
    let log = Log::of(300);
    let head = log.builder.head();
    let proof = prove_consistency(&log.head(old), &head, &log.tiles).expect("a proof");
    let checkpoint = Checkpoint::new(ORIGIN, head).sign(&[&signer()]).expect("a checkpoint");
    AddCheckpoint { old_size: old, proof, checkpoint }
}

/// The example of c2sp.org/tlog-witness.
#[test]
fn the_body_of_the_standard() {
    let text = "old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
";
    let body = AddCheckpoint::parse(text.as_bytes()).expect("a body");
    assert_eq!((body.old_size, body.proof.hashes.len(), body.checkpoint.signatures().len()), (20_852_014, 4, 2));
    assert_eq!(body.to_string(), text);
    for (right, wrong) in [
        ("old 20852014", "old 020852014"),
        ("old 20852014", "20852014"),
        ("old 20852014\n", ""),
        ("rdw=\n", "rdw=\n\n"),
        ("kaw=\n", "kaw= \n"),
        ("0=\n\n", "0=\n"),
    ] {
        let other = text.replacen(right, wrong, 1);
        assert!(other == text || AddCheckpoint::parse(other.as_bytes()).is_err(), "{right:?} → {wrong:?}");
    }
    let many = AddCheckpoint { proof: ConsistencyProof { hashes: vec![Hash::empty(); 64] }, ..body };
    assert!(matches!(AddCheckpoint::parse(many.to_string().as_bytes()), Err(Error::TooLarge(_))));
}

#[test]
fn a_witness_cosigns_what_follows_from_what_it_saw() {
    let log = Log::of(300);
    let cosigner = Cosigner::of_seed("witness.example.com", &[2; 32]).expect("a name");
    for old in [0, 1, 256, 299, 300] {
        let last = Some(log.head(old)).filter(|head| head.size > 0);
        let body = AddCheckpoint::parse(body(old).to_string().as_bytes()).expect("a body");
        let checkpoint = body.check(&policy(), last.as_ref()).expect("it follows");
        assert_eq!(checkpoint.head, log.head(300));
        // The witness answers with a line, which the log adds to its own checkpoint.
        let line = body.checkpoint.clone().cosign(&cosigner, 1_700_000_000).expect("a time");
        let known = [cosigner.verifier().clone()];
        let mut note = body.checkpoint.clone();
        assert_eq!(note.add_lines(format!("{line}\n").as_bytes(), &known), Ok(1));
        assert_eq!(note.verify(&known).expect("cosigned")[0].time, Some(1_700_000_000));
        assert_eq!(note.add_lines(format!("{line}\n").as_bytes(), &known), Ok(1));
        assert_eq!(note.signatures().len(), 2);
        assert_eq!(note.add_lines(format!("{line}\n").as_bytes(), &[]), Err(Error::NotSigned));
        assert!(note.add_lines(line.to_string().as_bytes(), &known).is_err());
    }
    let mut other = Checkpoint::new(ORIGIN, log.head(299)).sign(&[&signer()]).expect("a checkpoint");
    let line = other.cosign(&cosigner, 1).expect("a time");
    let mut note = body(0).checkpoint;
    assert!(matches!(
        note.add_lines(format!("{line}\n").as_bytes(), &[cosigner.verifier().clone()]),
        Err(Error::WrongSignature(_))
    ));
    assert!(note.cosign(&cosigner, u64::MAX).is_err());
}

#[test]
fn a_witness_refuses_everything_else() {
    let log = Log::of(300);
    let (last, other) = (log.head(256), TreeHead { size: 256, root: Hash::leaf(b"forked") });
    let refused = |body: &AddCheckpoint, last: Option<&TreeHead>| body.check(&policy(), last).expect_err("refused");
    assert_eq!(refused(&body(255), Some(&last)), Refusal::Conflict(256));
    assert_eq!(refused(&body(255), None).status(), 409);
    assert_eq!(refused(&body(256), Some(&other)).status(), 422);
    let grown = AddCheckpoint { old_size: 301, ..body(256) };
    assert_eq!(refused(&grown, Some(&log.head(300))).status(), 400);
    // A log that rolled back: its size is below the last one.
    let back = Checkpoint::new(ORIGIN, log.head(200)).sign(&[&signer()]).expect("a checkpoint");
    let back = |old_size| AddCheckpoint { old_size, proof: ConsistencyProof::default(), checkpoint: back.clone() };
    assert_eq!(refused(&back(256), Some(&last)).status(), 400);
    assert_eq!(refused(&back(200), Some(&last)).status(), 409);
    // A fork of the same size.
    let fork = Checkpoint::new(ORIGIN, other).sign(&[&signer()]).expect("a checkpoint");
    let fork = AddCheckpoint { old_size: 256, proof: ConsistencyProof::default(), checkpoint: fork };
    assert_eq!(refused(&fork, Some(&last)), Refusal::Conflict(256));

    let stranger = Signer::of_seed(ORIGIN, &[9; 32]).expect("a name");
    let checkpoint = Checkpoint::new(ORIGIN, log.head(300)).sign(&[&stranger]).expect("a checkpoint");
    assert_eq!(refused(&AddCheckpoint { checkpoint, ..body(256) }, Some(&last)).status(), 403);
    let checkpoint = Checkpoint::new("elsewhere", log.head(300)).sign(&[&signer()]).expect("a checkpoint");
    assert_eq!(refused(&AddCheckpoint { checkpoint, ..body(256) }, Some(&last)), Refusal::UnknownLog);
    let mut checkpoint = Note::new("not a checkpoint\n".to_owned()).expect("a text");
    checkpoint.sign(&signer());
    assert_eq!(refused(&AddCheckpoint { checkpoint, ..body(256) }, Some(&last)).status(), 400);
}
