//! The public keys of a client (RFC 7517), looked at before the first signature is.

use admin_types::FieldError;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// The most keys of a set, and the most bytes that it may have as JSON.
const MAX_KEYS: usize = 20;
const MAX_BYTES: usize = 65_536;
/// Sizes of an RSA key, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Members of a private or a symmetric key (RFC 7518, section 6).
const PRIVATE: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

type Checked = Result<(), FieldError>;

/// Refuses what is no set of public keys, of which one at least can verify signatures. Keys of kinds that are not understood
/// are passed over (RFC 7517, section 5).
pub(super) fn check(jwks: &Value) -> Checked {
    let wrong = |place: &str, detail: String| Err(FieldError::new(format!("/attributes/jwks{place}"), detail));
    if jwks.to_string().len() > MAX_BYTES {
        return wrong("", format!("must have at most {MAX_BYTES} bytes"));
    }
    let keys = jwks.get("keys").and_then(Value::as_array).filter(|keys| (1..=MAX_KEYS).contains(&keys.len()));
    let Some(keys) = keys else {
        return wrong("/keys", format!("must be an array of 1 to {MAX_KEYS} public keys (RFC 7517, section 5)"));
    };
    let mut understood = false;
    for (at, key) in keys.iter().enumerate() {
        if let Some(secret) = PRIVATE.iter().find(|name| key.get(**name).is_some()) {
            let detail =
                "is of a private or shared key: send the public key alone, and make a new one, as this has been sent";
            return wrong(&format!("/keys/{at}/{secret}"), detail.into());
        }
        match check_key(key) {
            Ok(known) => understood |= known,
            Err((member, detail)) => return wrong(&format!("/keys/{at}{member}"), detail.into()),
        }
    }
    match understood {
        true => Ok(()),
        false => wrong("/keys", "has no key of RSA, of P-256 (`kty` EC) or of Ed25519 (`kty` OKP)".into()),
    }
}

/// Whether a key is of a kind that is understood; or what is wrong with it: a member, and why.
fn check_key(key: &Value) -> Result<bool, (&'static str, &'static str)> {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    let bytes = |name: &str| text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    for member in ["kid", "use", "alg"] {
        if key.get(member).is_some_and(|value| !value.is_string()) {
            return Err(("", "has a `kid`, `use` or `alg` that is no text"));
        }
    }
    match (text("kty"), text("crv")) {
        (Some("RSA"), _) => {
            let modulus = bytes("n").unwrap_or_default();
            let bits = modulus
                .iter()
                .position(|byte| *byte != 0)
                .map_or(0, |first| (modulus.len() - first) * 8 - modulus[first].leading_zeros() as usize);
            if !RSA_BITS.contains(&bits) {
                return Err(("/n", "must be the modulus of an RSA key of 2048 to 8192 bits, in base64url"));
            }
            let exponent = bytes("e").filter(|e| (1..=8).contains(&e.len()) && e.last().is_some_and(|e| e % 2 == 1));
            exponent.map(|_| true).ok_or(("/e", "must be the exponent of an RSA key, in base64url"))
        }
        (Some("EC"), Some("P-256")) => {
            let wrong = ("", "must be a point of the curve P-256: `x` and `y` of 32 bytes in base64url");
            let (Some(x), Some(y)) = (bytes("x").filter(|x| x.len() == 32), bytes("y").filter(|y| y.len() == 32))
            else {
                return Err(wrong);
            };
            let point = [&[4][..], &x, &y].concat();
            ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map(|_| true).map_err(|_| wrong)
        }
        (Some("OKP"), Some("Ed25519")) => match bytes("x").is_some_and(|x| x.len() == 32) {
            true => Ok(true),
            false => Err(("/x", "must be an Ed25519 key: 32 bytes in base64url")),
        },
        (Some(_), _) => Ok(false),
        (None, _) => Err(("", "must be a public key: an object with its `kty`")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sets_of_public_keys_alone_are_taken() {
        // RFC 7517, appendix A.1, and RFC 8037, appendix A.2.
        let ec = json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": "1",
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"});
        let ed = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        let rsa = |bytes: usize| json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode(vec![0x81; bytes]), "e": "AQAB"});
        let with = |key: &Value, name: &str, value: Value| {
            let mut key = key.clone();
            key[name] = value;
            json!({"keys": [key]})
        };
        check(&json!({"keys": [ec, ed, rsa(256), rsa(512)]})).expect("good ones");
        check(&json!({"keys": [{"kty": "unknown"}, ed, with(&ec, "crv", json!("P-384"))["keys"][0]]})).expect("one is");
        for (jwks, wanted) in [
            (json!({}), "/keys"),
            (json!({"keys": "x"}), "/keys"),
            (json!({"keys": []}), "/keys"),
            (json!({"keys": vec![ed.clone(); 21]}), "/keys"),
            (json!({"keys": [1]}), "/keys/0"),
            (json!({"keys": [ed, {"kty": "oct", "k": "AAAA"}]}), "/keys/1/k"),
            (json!({"keys": [{"kty": "unknown"}]}), "/keys"),
            (json!({"keys": [{"kty": 7}]}), "/keys/0"),
            (json!({"keys": [rsa(128)]}), "/keys/0/n"),
            (json!({"keys": [rsa(2000)]}), "/keys/0/n"),
            (with(&rsa(256), "e", json!("AQ==")), "/keys/0/e"),
            (with(&rsa(256), "d", json!("AQ")), "/keys/0/d"),
            (with(&ec, "d", json!("AQ")), "/keys/0/d"),
            (with(&ed, "d", json!("AQ")), "/keys/0/d"),
            (with(&ec, "crv", json!("P-384")), "/keys"),
            (with(&ec, "y", ec["x"].clone()), "/keys/0"),
            (with(&ed, "x", json!("AAAA")), "/keys/0/x"),
            (with(&ed, "kid", json!(7)), "/keys/0"),
            (with(&ed, "x5c", json!(["A".repeat(MAX_BYTES)])), ""),
        ] {
            let error = check(&jwks).expect_err(&jwks.to_string().chars().take(200).collect::<String>());
            assert_eq!(error.pointer, format!("/attributes/jwks{wanted}"), "{}", error.detail);
        }
    }
}
