//! The vectors of Project Wycheproof for the signatures that tokens have, and tokens that no vector has.

use jsonwebtoken::DecodingKey;
use serde_json::{Value, json};
use wycheproof::TestResult;

use super::*;

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn key(jwk: Value) -> DecodingKey {
    DecodingKey::from_jwk(&serde_json::from_value(jwk).expect("a JWK")).expect("a key")
}

/// A number of a JWK has no zeros before it (RFC 7518, section 6.3.1.1); the vectors' may.
fn rsa(n: &[u8], e: &[u8]) -> DecodingKey {
    let number = |bytes: &[u8]| text(bytes.iter().position(|byte| *byte != 0).map_or(bytes, |start| &bytes[start..]));
    key(json!({"kty": "RSA", "n": number(n), "e": number(e)}))
}

/// Holds a verdict against what a vector says; answers whether the vector was one that must be accepted.
fn hold(name: &str, (number, expected): (usize, TestResult), accepted: bool) -> bool {
    match expected {
        TestResult::Valid => assert!(accepted, "{name} {number} must be accepted"),
        TestResult::Invalid => assert!(!accepted, "{name} {number} must be refused"),
        TestResult::Acceptable => {}
    }
    expected == TestResult::Valid
}

#[test]
fn rsa_signatures_are_judged_as_wycheproof_says() {
    use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};
    let mut valid = 0;
    for name in [TestName::Rsa2048Sha256, TestName::Rsa3072Sha256, TestName::Rsa4096Sha256] {
        for group in TestSet::load(name).expect("vectors").test_groups {
            let key = rsa(&group.key.n, &group.key.e);
            for test in group.tests {
                let accepted = is_signed("RS256", &key, &test.msg, &text(&test.sig));
                valid += u32::from(hold("RS256", (test.tc_id, test.result), accepted));
            }
        }
    }
    assert!(valid > 10, "{valid}");
}

#[test]
fn pss_signatures_are_judged_as_wycheproof_says() {
    use wycheproof::rsa_pss_verify::{TestName, TestSet};
    let mut valid = 0;
    for name in [TestName::RsaPss2048Sha256Mgf1SaltLen32, TestName::RsaPss3072Sha256Mgf1SaltLen32] {
        for group in TestSet::load(name).expect("vectors").test_groups {
            let key = rsa(&group.key.n, &group.key.e);
            for test in group.tests {
                let accepted = is_signed("PS256", &key, &test.msg, &text(&test.sig));
                valid += u32::from(hold("PS256", (test.tc_id, test.result), accepted));
            }
        }
    }
    assert!(valid > 10, "{valid}");
}

#[test]
fn p256_signatures_are_judged_as_wycheproof_says() {
    use wycheproof::ecdsa::{TestName, TestSet};
    let mut valid = 0;
    for group in TestSet::load(TestName::EcdsaSecp256r1Sha256P1363).expect("vectors").test_groups {
        // An uncompressed point: 4, x, y.
        let (x, y) = group.key.key[1..].split_at(32);
        let key = key(json!({"kty": "EC", "crv": "P-256", "x": text(x), "y": text(y)}));
        for test in group.tests {
            let accepted = is_signed("ES256", &key, &test.msg, &text(&test.sig));
            valid += u32::from(hold("ES256", (test.tc_id, test.result), accepted));
        }
    }
    assert!(valid > 100, "{valid}");
}

#[test]
fn ed25519_signatures_are_judged_as_wycheproof_says() {
    use wycheproof::eddsa::{TestName, TestSet};
    let mut valid = 0;
    for group in TestSet::load(TestName::Ed25519).expect("vectors").test_groups {
        let key = key(json!({"kty": "OKP", "crv": "Ed25519", "x": text(&group.key.pk)}));
        for test in group.tests {
            for name in ["EdDSA", "Ed25519"] {
                let accepted = is_signed(name, &key, &test.msg, &text(&test.sig));
                valid += u32::from(hold(name, (test.tc_id, test.result), accepted));
            }
        }
    }
    assert!(valid > 50, "{valid}");
}

#[test]
fn a_signature_is_in_strict_base64url() {
    use wycheproof::eddsa::{TestName, TestSet};
    let group = TestSet::load(TestName::Ed25519).expect("vectors").test_groups.remove(0);
    let key = key(json!({"kty": "OKP", "crv": "Ed25519", "x": text(&group.key.pk)}));
    let test = group.tests.into_iter().find(|test| test.result == TestResult::Valid).expect("a valid one");
    let good = text(&test.sig);
    assert!(is_signed("EdDSA", &key, &test.msg, &good));
    // 64 bytes leave two characters of padding, and four bits of the last character unused.
    let (start, last) = good.split_at(good.len() - 1);
    let after = |c: &str| char::from(c.as_bytes()[0] + 1).to_string();
    for bad in [format!("{good}=="), format!("{good}\n"), format!(" {good}"), format!("{start}{}", after(last))] {
        assert!(!is_signed("EdDSA", &key, &test.msg, &bad), "{bad:?}");
    }
    for algorithm in ["none", "HS256", "RS256", "ES256", "eddsa", ""] {
        assert!(!is_signed(algorithm, &key, &test.msg, &good), "{algorithm}");
    }
}

#[test]
fn what_is_not_understood_is_refused() {
    let token = |header: &str| format!("{}.{}.c2ln", text(header.as_bytes()), text(b"{}"));
    let good = token(r#"{"alg":"RS256","kid":"k","jku":"https://example.org","jwk":{}}"#);
    let read = Jws::read(&good).expect("readable");
    assert_eq!((read.header.alg.as_str(), read.header.kid.as_deref()), ("RS256", Some("k")));
    for bad in [
        r#"{"alg":"RS256","crit":["b64"],"b64":false}"#,
        r#"{"alg":"RS256","crit":[]}"#,
        r#"{"alg":"RS256","alg":"none"}"#,
        r#"{"alg":["RS256"]}"#,
        r#"{"kid":"k"}"#,
        r#"["RS256"]"#,
        "",
    ] {
        assert!(Jws::read(&token(bad)).is_none(), "{bad}");
    }
    for bad in ["", ".", "..", "a.b.c", &format!("{good}.x"), &format!("{good}.x.y"), &good.replace('.', "")] {
        assert!(Jws::read(bad).is_none(), "{bad}");
    }
}
