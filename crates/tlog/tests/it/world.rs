//! Notes, checkpoints and proofs that others published.

use admin_tlog::{Checkpoint, ConsistencyProof, Error, Hash, InclusionProof, Note, Signer, TreeHead, Verifier};

fn key(text: &str) -> Verifier {
    text.parse().expect(text)
}

fn hash(text: &str) -> Hash {
    text.parse().expect(text)
}

const CRYPTOGRAPHY: &str =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const PETER: &str =
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const ENOCH: &str =
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

/// The vectors of Go's `golang.org/x/mod/sumdb/note`.
#[test]
fn notes_of_go() {
    let skey = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    let peter = key("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
    let enoch = key("EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop");
    let signer = Signer::of_text(&skey.to_owned().into()).expect("a key");
    assert_eq!(signer.verifier(), &peter);
    let mut note = Note::new(CRYPTOGRAPHY.to_owned()).expect("a text");
    note.sign(&signer);
    assert_eq!(note.to_string(), format!("{CRYPTOGRAPHY}\n{PETER}"));

    let both = Note::parse(format!("{CRYPTOGRAPHY}\n{PETER}{ENOCH}").as_bytes()).expect("a note");
    let names = |known: &[Verifier]| {
        both.verify(known).map(|keys| keys.iter().map(|by| by.key.name().to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(names(&[peter.clone(), enoch.clone()]), Ok(vec!["PeterNeumann".to_owned(), "EnochRoot".to_owned()]));
    assert_eq!(names(&[enoch]), Ok(vec!["EnochRoot".to_owned()]));
    assert_eq!(names(&[]), Err(Error::NotSigned));
    let altered = Note::parse(format!("{}\n{PETER}", CRYPTOGRAPHY.replace("don't", "do")).as_bytes()).expect("a note");
    assert_eq!(altered.verify(&[peter]), Err(Error::WrongSignature("PeterNeumann+c74f20a3".to_owned())));
}

/// The example of c2sp.org/signed-note.
#[test]
fn the_note_of_the_standard() {
    let foo = key("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
    let text = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    let note = Note::parse(text.as_bytes()).expect("a note");
    assert_eq!((note.text(), note.to_string().as_str()), ("This is an example message.\n", text));
    assert_eq!(note.verify(&[foo]).expect("signed").len(), 1);
}

/// Checkpoints of Go's checksum database.
#[test]
fn checkpoints_of_the_checksum_database() {
    let google = key("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8");
    for (size, root, signature) in [
        (
            6_476_701,
            "mb8QLQIs0Z0yP5Cstq6guj87oXWeC9gEM8oVikmm9Wk=",
            "Az3grsLX85Gz+s1SiTbgkuqxgItqFq7gsMUEyVnrsa9LM7Us9S+1xbFIGu95949rj4nPRYfvimWEPWL+o3GeoWwOoAw=",
        ),
        (
            52_544_510,
            "+TGlZfnTizQCJgyZR56QixD8+X4dd8Wefy8U1w6k0Ig=",
            "Az3grn6d1PSjcypDf9bfcFVU5fvJB7VkLc0MAbz8jqeQVnSbAj9pKcsB5dJt5VdswPDUtiFar5LPRBu+uEQAT1CDfAc=",
        ),
    ] {
        let text = format!("go.sum database tree\n{size}\n{root}\n\n— sum.golang.org {signature}\n");
        let note = Note::parse(text.as_bytes()).expect("a note");
        assert_eq!(note.verify(std::slice::from_ref(&google)).expect("signed").len(), 1);
        let checkpoint = Checkpoint::parse(note.text()).expect("a checkpoint");
        assert_eq!(checkpoint.head, TreeHead { size, root: hash(root) });
    }
}

/// A checkpoint of a log of Certificate Transparency, with signatures of kinds that are not known here, and a witness's.
#[test]
fn a_checkpoint_with_cosignatures() {
    let text = "arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
";
    let log = key("arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f");
    let witness = key("remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2");
    let note = Note::parse(text.as_bytes()).expect("a note");
    let known = [log, witness];
    let times: Vec<_> = note.verify(&known).expect("signed").iter().map(|by| by.time).collect();
    assert_eq!(times, [None, Some(1_779_573_024)]);
    let altered = Note::parse(text.replace("1432088532", "42").as_bytes()).expect("a note");
    assert!(altered.verify(&known[1..]).is_err() && altered.verify(&known[..1]).is_err());
}

/// The head of Google's log Argon 2020.
fn google() -> TreeHead {
    TreeHead { size: 961_984_011, root: hash("AWxD3p811N3m4WTinWRXPvBZHfT9IR9g/R4C7SKLPiU=") }
}

/// The proof of an entry of that log of Certificate Transparency.
#[test]
fn an_inclusion_proof_of_certificate_transparency() {
    let hashes = "T46AmJsuOM/gFiGlUp+IJJebp+1Z5qratFNW7U0JyOQ= 9Jj1Feodn42uRYEfffkV4HF/EIPFQ5Zo9IwkxbQ2uhk=
        D53/1oCNebF4J59HHgioovKZxrmrKcVuCVhy3Izg8Ck= wSFDgGSrsXRPA+1c8WHoAFCsWeUv8NDyP/Q/SgsyVyY=
        516/RcwsgdwdzHn18v1dJHqBkgFUbNhmCIWOGjsMJaE= naTFY2ajLFgrgs5XUl+zJYZnnlJksLGsA1VYwpLfqbY=
        mKBRJo6qao+0Kdh/rhGkZUbHUAxMhrtrclrTpIbNjIg= Co4ueOFE7lpifLio94irxxsv1wFMMaK3tPu2ZQkHlro=
        yRgy800K6JMYCC05sWfqF2kvCg2riT/pVM+nEa6V5+0= n2O38XJZC8/Wpbwi9HhgVizlUyeUHVZvYyQB1607MRc=
        go3tAjuNfNSCj87y2Rg1xOroDknGN1eaf3cgvzObf7Q= 8D0Mj3/J7ySSnFb0afIHYXv6rlOhECnsebY6XKi1IR8=
        6rcez46ZU8M5vPiWVMAUfJfAOV0pPP/mch/lYzZhj/M= 2rtIeXrPvSdUyHc5maIgSAVB2BzaKaupWxSAiVayDE4=
        nniW/IMFQPN5xw8UsHFn7CRStYbm1gLu7NNa6kkRqJQ= mRPPi7sQS22MduIEyvcNzCNFqIt6kLwYPkNKrVtIcu8=
        JvTivzESNS9wHI8aph5a7uieVmtS/p9PciMZ5D6GyOo= UTyQd+Ym0wY4zG+qK806bBORwi1CSVvFQ/KknnqoZj8=
        hXODrqN+ff+U6zPqRQ+ZQKs6im1fPcxIerDSfNwflhE= II6GE+WY/DrpZzfHztLwkR46o37zVkNLCyPYlf68zA0=
        d609kWWcNBllbA8Jb/ad4XAVVGnScLRmtP8FYyr+Dck= rikBsP0G0gioXRpBFED2CzQdSLrGPvRd0bEcbEZw1rI=
        GXIElfmnRuWfbA4z7ubV/UwlpSRUbUeec7oL5HDDnh0= pR0SH/NYP6s9+8azWwaeUXA4Ze/3WCIgMfh5YW6wvcE=
        f3GuAKYVrF8RBg3s15jvA/YvV9oAliWtzP/imwPhQVA= WHn8zDxlVgkV+lSlmzaOdfSBrTHoRr5nT3d76q0KKWE=
        f2uV2ZxVgULzLPKuZcowRY3ZY7fRlX59iDBjV1R8kNQ= NzQVjJsvQwbi7WStMr9oFkh9VbHfK7LB6o7WwAqwNTs=
        C0LttBeYHZHgL+032JIcJC3CTBIyza/hsbmJUgJfmDI= 30HzZbwT4DdqHQi4f7+WRG6M4YwVGaKgGXicDvSFT6k=";
    let proof = InclusionProof { index: 10_000, hashes: hashes.split_whitespace().map(hash).collect() };
    let (head, leaf) = (google(), hash("nCs3mfIydh9x4CKyQ+u2xtmpxmFggA5MLymHwNQSlLg="));
    assert_eq!(proof.verify(&leaf, &head), Ok(()));
    assert_eq!(proof.verify(&head.root, &head), Err(Error::WrongRoot));
}

/// What the same log proved of its growth.
#[test]
fn a_consistency_proof_of_certificate_transparency() {
    let hashes = "80Sfbj6UQEdVSZCSIgh9NMPj3vCBzcc1A48B2crJSWg= FZcrgAHUk6nNPviJZq8kEK6jCG1d18pJOFE45ZDc1TQ=
        Q67reWXmPBo1UfmwBap4Xi9PMPfFdUSSw3WGlRZdG7k= eJ7CyhR4PxzBxDIsWgrVYW1eFUb9ndgf46tFmiqVrxA=
        QrDwp062Grm5WY8KdrhFsBuuNjGzRox2Jb8PmVL5OYw= XM4YMjMEdLH/XJam/ZWyaP14k3cmsOtnPsOWQ54lW1s=
        SGiBh+jOTGccXU48ZzgQ88lRcBmtB4wz4oSDndv2QTg= WAS6txqNLYKGL1GdBdpqmV42TTfn6cJsuDsqLXuTCNI=
        QFmRS0rirUA7ZN3lxFjDncV+E1OCrn3NUB4RCp+5fzc= Hdbp7It2XBNZmNDBpCN/KPd7vfVqxgzwOosqVIaEA9E=
        mxvHL0ZiblBdD7j7pIa1jlfB0gSqfJ6oX0UGo7L0VsU= q5hjyvoW6TL/PThgcitpDcSTrnKX2p1+aqscqH2euRA=
        jTOWDqt3IHj2NVFeezyBz2ofpru+ztEywqKUAfFclKI= GIRn0w3HqJdvU9j1WVD//eR6lk2AaTVjyzjsJNP8U88=
        x52GJvxG81fnQBrgOTbll1A5tz95/LXK0Ag1NhB0r1I= 6/0OqrcTgc3o5dD5PymmoC96lB9yLPFuTHVvLy8fSGk=
        Gf+iKLfcXO5l4JEFmsZvSdG5q1uEeWPfYLrds6pmjz0= DGuaco+McyM3AfRSF6qX7RwSetwe2ieYJmxw5e9rVx0=
        2tQJ9V32hnYp+fdpP6TcjmgJmLeNVOMKM0Ml1kk4cNU= 3PapK+IkyJr8I9yAErAmzuZezzLMzsg+PfeRCgNW8NQ=
        s6xiYeejb+wtqHA+URJZ2I/SCPyIW8coP6aB00FJbMY= z9lSpmdTcr5M5ZzKlc4EPh3SrSypKFdk6JUF/UccaZU=
        GXIElfmnRuWfbA4z7ubV/UwlpSRUbUeec7oL5HDDnh0= pR0SH/NYP6s9+8azWwaeUXA4Ze/3WCIgMfh5YW6wvcE=
        f3GuAKYVrF8RBg3s15jvA/YvV9oAliWtzP/imwPhQVA= WHn8zDxlVgkV+lSlmzaOdfSBrTHoRr5nT3d76q0KKWE=
        f2uV2ZxVgULzLPKuZcowRY3ZY7fRlX59iDBjV1R8kNQ= NzQVjJsvQwbi7WStMr9oFkh9VbHfK7LB6o7WwAqwNTs=
        C0LttBeYHZHgL+032JIcJC3CTBIyza/hsbmJUgJfmDI= 30HzZbwT4DdqHQi4f7+WRG6M4YwVGaKgGXicDvSFT6k=";
    let proof = ConsistencyProof { hashes: hashes.split_whitespace().map(hash).collect() };
    let old = TreeHead { size: 3_654_490, root: hash("AuIZ5V6sDUj1vn3Y1K85oOaQ7y+FJJKtyRTl1edIKBQ=") };
    assert_eq!(proof.verify(&old, &google()), Ok(()));
    assert_eq!(proof.verify(&TreeHead { size: 3_654_491, ..old }, &google()), Err(Error::WrongRoot));
}
