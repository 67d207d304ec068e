//! The test vectors of Web Authentication, Level 3 (section 16), and what must not be taken for them.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, KeyPair, RsaKeyPair};

use super::*;

/// "None Attestation with ES256".
const ATTESTATION: &str = "a363666d74646e6f6e656761747453746d74a068617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b559000000008446ccb9ab1db374750b2367ff6f3a1f0020f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4a5010203262001215820afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61225820930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220";
const CREATED: &str = r#"{"type":"webauthn.create","challenge":"AMMPt4UxxGTStncdq417YDwBFi8vpIa-pw8oOuVW4TA","origin":"https://example.org","crossOrigin":false,"extraData":"clientDataJSON may be extended with additional fields in the future, such as this: BkQeDjdcTBrXBiAwJTLE5Q"}"#;
const ES256: Vector = Vector {
    key: "a5010203262001215820afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61225820930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220",
    data: "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000",
    client: r#"{"type":"webauthn.get","challenge":"OcDnUhQXulTUPo3JUXT0I97pvzzYBP9tZchXyav01Ag","origin":"https://example.org","crossOrigin":false}"#,
    signature: "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd380221008480ac0f0b93538174f575bf11a1dd5d78c6e486013f937295ea13653e331e87",
};
/// "Packed Attestation with Ed25519".
const ED25519: Vector = Vector {
    key: "a401010327200621582044e06ddd331c36a8dc667bab52bcae63486c916aa5e339e6acebaa84934bf832",
    data: "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50100000000",
    client: r#"{"type":"webauthn.get","challenge":"iVlX4BxjOmmDSKLYoxpUt9sn6MHEOyCA15riGQJnv9I","origin":"https://example.org","crossOrigin":false}"#,
    signature: "f5c59c7e46c34f6f8cc197101ddf9934fa2595f68eb1913a637e8419eb9ba4cfdfc48f85393bc0d40b011f0d6fecb097d6607525713223a0dc0d453993dae00b",
};
/// "None Attestation with ES256, cross-origin": asked for in a frame of another site.
const CROSS_ORIGIN: Vector = Vector {
    key: "a501020326200121582022200a473f90b11078851550d03b4e44a2279f8c4eca27b3153dedfe03e4e97d225820cbd0be95e746ad6f5a8191be11756e4c0420e72f65b466d39bc56b8b123a9c6e",
    data: "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50500000000",
    client: r#"{"type":"webauthn.get","challenge":"h2qlF7qD_e5l_P_bykyE7q5dVPgEGh_IXJkeW7snMTc","origin":"https://example.org","crossOrigin":true,"extraData":"clientDataJSON may be extended with additional fields in the future, such as this: 92pcTVD0Aby-q44dtmj6efg"}"#,
    signature: "3046022100eb12fcf23b12764c0f122e22371fab92e283879fd798f38ee1841c951b6e40e7022100c76237ff9db77b3c56f30837cda6a09acfa2e915544e609c0733b1184036d1cf",
};

/// An assertion, in hexadecimal, and what the browser wrote.
#[derive(Clone, Copy)]
struct Vector {
    key: &'static str,
    data: &'static str,
    client: &'static str,
    signature: &'static str,
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal")).collect()
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn example() -> RelyingParty {
    RelyingParty::of("https://example.org").expect("a host")
}

/// The challenge that a text of a browser names.
fn challenge(client: &str) -> Vec<u8> {
    let data: ClientData = serde_json::from_str(client).expect("client data");
    decode(&data.challenge).expect("base64url")
}

fn said(vector: &Vector, rp: &RelyingParty, challenge: &[u8]) -> Option<Said> {
    let assertion = Assertion {
        client_data: base64url(vector.client),
        authenticator_data: base64url(hex(vector.data)),
        signature: base64url(hex(vector.signature)),
        user_handle: None,
    };
    asserted(rp, challenge, &assertion, &hex(vector.key))
}

fn creation(client: &str, attestation: &[u8]) -> Creation {
    Creation { client_data: base64url(client), attestation_object: base64url(attestation) }
}

#[test]
fn the_vectors_of_the_standard_are_understood() {
    let made = created(&example(), &challenge(CREATED), &creation(CREATED, &hex(ATTESTATION))).expect("a credential");
    assert_eq!(base64url(&made.id), base64url(hex("f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4")));
    assert_eq!(made.public_key, hex(ES256.key));
    assert_eq!(made.said, Said { user_verified: false, synced: true, sign_count: 0 });
    let by_key = said(&ES256, &example(), &challenge(ES256.client)).expect("its signature");
    assert_eq!(by_key, Said { user_verified: false, synced: true, sign_count: 0 });
    assert!(said(&ED25519, &example(), &challenge(ED25519.client)).is_some());
}

#[test]
fn a_signature_is_for_its_key_its_place_its_challenge_and_its_ceremony() {
    let good = challenge(ES256.client);
    assert!(said(&ES256, &example(), &challenge(ED25519.client)).is_none(), "another challenge");
    assert!(said(&ES256, &example(), b"").is_none());
    for elsewhere in ["https://example.com", "https://www.example.org", "https://example.org:8443"] {
        assert!(said(&ES256, &RelyingParty::of(elsewhere).expect("a host"), &good).is_none(), "{elsewhere}");
    }
    assert!(said(&Vector { key: ED25519.key, ..ES256 }, &example(), &good).is_none(), "another key");
    assert!(said(&Vector { key: CROSS_ORIGIN.key, ..ES256 }, &example(), &good).is_none(), "another key");
    let verified = "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51d00000000";
    assert!(said(&Vector { data: verified, ..ES256 }, &example(), &good).is_none(), "flags are signed");
    assert!(said(&CROSS_ORIGIN, &example(), &challenge(CROSS_ORIGIN.client)).is_none(), "in a frame");
    // What was signed for one ceremony is none of the other.
    assert!(created(&example(), &good, &creation(ES256.client, &hex(ATTESTATION))).is_none());
    assert!(created(&example(), &good, &creation(CREATED, &hex(ATTESTATION))).is_none(), "another challenge");
}

#[test]
fn a_credential_that_is_cut_off_or_goes_on_is_none() {
    let (good, challenge) = (hex(ATTESTATION), challenge(CREATED));
    for length in 0..good.len() {
        assert!(created(&example(), &challenge, &creation(CREATED, &good[..length])).is_none(), "{length}");
    }
    assert!(created(&example(), &challenge, &creation(CREATED, &[&good[..], &[0]].concat())).is_none());
    // A flag that announces extensions where there are none.
    let at = good.windows(4).position(|bytes| bytes == [0xb2, 0xe4, 0xb5, 0x59]).expect("the flags") + 3;
    for flags in [0xd9, 0x19, 0x58, 0x51] {
        let mut bent = good.clone();
        bent[at] = flags;
        assert!(created(&example(), &challenge, &creation(CREATED, &bent)).is_none(), "{flags:x}");
    }
}

#[test]
fn rsa_verifies_by_its_own_algorithm_alone() {
    let pair = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).expect("a key");
    let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
    let (n, e) = (n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero());
    let key = |algorithm: [u8; 3]| {
        let head = [&[0xa4, 1, 3, 3][..], &algorithm, &[0x20, 0x59, 1, 0]].concat();
        [&head[..], n, &[0x21, 0x43], e].concat()
    };
    let message = [hex(ES256.data), digest(&SHA256, ES256.client.as_bytes()).as_ref().to_vec()].concat();
    let mut signature = vec![0; 256];
    pair.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), &message, &mut signature).expect("signed");
    let assertion = Assertion {
        client_data: base64url(ES256.client),
        authenticator_data: base64url(hex(ES256.data)),
        signature: base64url(&signature),
        user_handle: None,
    };
    let verify = |key: &[u8]| asserted(&example(), &challenge(ES256.client), &assertion, key);
    assert!(verify(&key([0x39, 1, 0])).is_some());
    assert!(verify(&key([0x39, 1, 2])).is_none(), "RS512 is not asked for");
    assert_eq!(pair.public_modulus_len(), 256);
}

#[test]
fn a_relying_party_has_a_host_name_and_tls_or_is_this_machine() {
    for (address, id, origin) in [
        ("https://Admin.example.org", "admin.example.org", "https://admin.example.org"),
        ("https://admin.example.org:8443", "admin.example.org", "https://admin.example.org:8443"),
        ("http://localhost:8080", "localhost", "http://localhost:8080"),
        ("http://127.0.0.1:8080", "localhost", "http://localhost:8080"),
        ("http://[::1]:8080", "localhost", "http://localhost:8080"),
    ] {
        let rp = RelyingParty::of(address).expect(address);
        assert_eq!((rp.id.as_str(), rp.origin.as_str()), (id, origin));
    }
    for none in ["http://admin.example.org", "https://192.0.2.1", "https://[2001:db8::1]:8443", "admin"] {
        assert!(RelyingParty::of(none).is_none(), "{none}");
    }
}
