//! What a witness never does, whoever asks it.

use std::os::unix::fs::PermissionsExt;

use admin_tlog::{ConsistencyProof, Error, Signer};
use admin_types::{SystemClock, SystemRandom};

use super::*;

fn signer(name: &str) -> Signer {
    Signer::of_seed(name, &[7; 32]).unwrap()
}

fn open(path: &Path, logs: &[&str]) -> io::Result<Witness> {
    let logs = logs.iter().map(|name| signer(name).verifier().clone()).collect();
    Witness::open(path, None, logs, (Arc::new(SystemClock), &SystemRandom))
}

/// A tree whose leaves are these bytes.
fn head(leaves: &[u8]) -> TreeHead {
    let hashes: Vec<_> = leaves.iter().map(|leaf| admin_tlog::Hash::leaf(&[*leaf])).collect();
    TreeHead { size: leaves.len() as u64, root: admin_tlog::Hash::root_of(&hashes) }
}

/// A request that goes from a tree without leaves, or from one leaf to two.
fn request(name: &str, old: &[u8], new: &[u8]) -> String {
    let hashes = match (old, new) {
        ([_], [_, second]) => vec![admin_tlog::Hash::leaf(&[*second])],
        _ => vec![],
    };
    let checkpoint = Checkpoint::new(name, head(new)).sign(&[&signer(name)]).unwrap();
    AddCheckpoint { old_size: old.len() as u64, proof: ConsistencyProof { hashes }, checkpoint }.to_string()
}

fn add(witness: &Witness, old: &[u8], new: &[u8]) -> Result<Signature, Refusal> {
    witness.add(request("log", old, new).as_bytes()).map_err(|refused| match refused {
        Refused::Refusal(refusal) => refusal,
        Refused::NotKept(error) => panic!("{error}"),
    })
}

#[test]
fn only_what_follows_is_cosigned_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(folder.path(), &["log"]).unwrap();
    let key = witness.verifier().clone();
    let cosignature = add(&witness, b"", b"a").unwrap();
    let mut note = Checkpoint::new("log", head(b"a")).sign(&[&signer("log")]).unwrap();
    note.add_lines(format!("{cosignature}\n").as_bytes(), std::slice::from_ref(&key)).unwrap();
    assert_eq!(add(&witness, b"", b"b").unwrap_err(), Refusal::Conflict(1), "another beginning");
    assert_eq!(add(&witness, b"b", b"b").unwrap_err(), Refusal::Conflict(1), "another tree of the same size");
    drop(witness);
    let witness = open(folder.path(), &["log", "other"]).unwrap();
    assert_eq!(*witness.verifier(), key);
    assert_eq!(add(&witness, b"", b"b").unwrap_err(), Refusal::Conflict(1));
    assert_eq!(add(&witness, b"b", b"bc").unwrap_err(), Refusal::NotConsistent);
    add(&witness, b"a", b"a").expect("the same again");
    add(&witness, b"a", b"ab").expect("what follows");
    assert_eq!(add(&witness, b"a", b"ab").unwrap_err(), Refusal::Conflict(2));
    assert_eq!(add(&witness, b"ab", b"a").unwrap_err(), Refusal::Malformed(Error::OutOfTree));
}

#[test]
fn what_is_not_of_its_logs_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(folder.path(), &["log"]).unwrap();
    let refused = |request: &str| match witness.add(request.as_bytes()) {
        Err(Refused::Refusal(refusal)) => refusal.status(),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&request("other", b"", b"a")), 404);
    let stranger = Signer::of_seed("log", &[8; 32]).unwrap();
    let checkpoint = Checkpoint::new("log", head(b"a")).sign(&[&stranger]).unwrap();
    let forged = AddCheckpoint { old_size: 0, proof: ConsistencyProof::default(), checkpoint };
    assert_eq!(refused(&forged.to_string()), 403);
    for wrong in ["", "old 0\n\n", "old x\n\nlog\n", "old 0\n\nlog\n1\n"] {
        assert_eq!(refused(wrong), 400, "{wrong:?}");
    }
}

#[test]
fn of_two_at_once_one_is_cosigned() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let witness = open(folder.path(), &["log"]).unwrap();
        let cosigned = std::thread::scope(|scope| {
            let witness = &witness;
            let tries: Vec<_> =
                (b'a'..b'i').map(|leaf| scope.spawn(move || add(witness, b"", &[leaf]).is_ok())).collect();
            tries.into_iter().map(|one| one.join().unwrap()).filter(|cosigned| *cosigned).count()
        });
        assert_eq!(cosigned, 1);
    }
}

#[test]
fn one_that_has_lost_its_memory_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(folder.path(), &["log"]).unwrap();
    assert!(open(folder.path(), &["log"]).is_err(), "two in one folder");
    add(&witness, b"", b"a").unwrap();
    drop(witness);
    let key = folder.path().join("witness.key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let kept = std::fs::read_dir(folder.path().join("logs")).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read_to_string(&kept).unwrap();
    for altered in [String::new(), whole.replace("\n1\n", "\n0\n"), whole[..whole.len() / 2].to_owned()] {
        std::fs::write(&kept, altered).unwrap();
        assert!(open(folder.path(), &["log"]).is_err());
    }
    std::fs::write(&kept, whole).unwrap();
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
    let told = open(folder.path(), &["log"]).err().unwrap().to_string();
    assert!(told.contains("mode 644") && told.contains("chmod 600"), "{told}");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    let random: (Arc<dyn Clock>, &dyn Random) = (Arc::new(SystemClock), &SystemRandom);
    assert!(Witness::open(folder.path(), Some("another"), vec![], random).is_err());
    open(folder.path(), &["log"]).expect("as it was");
}

#[test]
fn what_was_forgotten_while_it_runs_is_not_cosigned_again() {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(folder.path(), &["log", "other"]).unwrap();
    add(&witness, b"", b"a").unwrap();
    let kept = std::fs::read_dir(folder.path().join("logs")).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&kept).unwrap();
    std::fs::remove_file(&kept).unwrap();
    for (old, new) in [("", "b"), ("a", "a"), ("a", "ab")] {
        let answer = witness.add(request("log", old.as_bytes(), new.as_bytes()).as_bytes());
        assert!(matches!(answer, Err(Refused::NotKept(_))), "{answer:?}");
    }
    assert!(!kept.exists(), "nothing is written in its place");
    witness.add(request("other", b"", b"a").as_bytes()).expect("another log goes on");
    std::fs::write(&kept, whole).unwrap();
    add(&witness, b"a", b"ab").expect("as it was");
}
