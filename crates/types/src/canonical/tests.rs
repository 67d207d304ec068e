//! Canonical JSON held against the vectors of RFC 8785 and against an implementation that nobody here wrote.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

fn canonical(text: &str) -> String {
    String::from_utf8(of_text(text.as_bytes()).expect(text)).expect("UTF-8")
}

/// RFC 8785, section 3.2.2 and 3.2.3.
#[test]
fn writes_what_the_standard_shows() {
    let text = r#"{
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
    }"#;
    let right = r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#;
    assert_eq!(canonical(text), right);
    let text = r#"{"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
        "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"}"#;
    let keys: Map<String, Value> = serde_json::from_str(&canonical(text)).expect("an object");
    let keys: Vec<&str> = keys.keys().map(String::as_str).collect();
    assert_eq!(keys, ["\r", "1", "\u{80}", "ö", "€", "\u{1f600}", "\u{fb33}"]);
    assert_eq!(canonical(" \n[ ] "), "[]");
    assert_eq!(canonical(r#"{"b":{"z":{},"a":[{}]},"":1}"#), r#"{"":1,"b":{"a":[{}],"z":{}}}"#);
}

/// RFC 8785, appendix B, but for those beyond 2^53 that Admin writes as integers.
#[test]
fn writes_doubles_as_the_appendix_does() {
    for (bits, right) in [
        (0x0000_0000_0000_0001, "5e-324"),
        (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0xc340_0000_0000_0000, "-9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
        (0x41b3_de43_5555_5554, "333333333.33333325"),
        (0x41b3_de43_5555_5555, "333333333.3333333"),
        (0x41b3_de43_5555_5556, "333333333.3333334"),
        (0x41b3_de43_5555_5557, "333333333.33333343"),
        (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ] {
        assert_eq!(canonical(&format!("{:e}", f64::from_bits(bits))), right, "{bits:#x}");
    }
    assert_eq!(canonical("[0,-0,-0.0,0e5]"), "[0,0,0,0]");
}

/// Two events that differ must differ in their bytes: a rounded integer would let one stand for the other.
#[test]
fn integers_beyond_doubles_keep_their_digits() {
    for text in ["9007199254740993", "-9007199254740993", "1152921504606846976", "9223372036854775807"] {
        assert_eq!(canonical(text), text);
    }
    // A whole double below 2^63 is the integer that it is, not the one that ECMAScript would print.
    assert_eq!(canonical("1152921504606846976.0"), "1152921504606846976");
    for (text, right) in [
        ("9223372036854775808.0", "9223372036854776000"),
        ("[1e19,-1e20]", "[10000000000000000000,-100000000000000000000]"),
    ] {
        assert_eq!(canonical(text), right);
        assert_eq!(canonical(right), right);
    }
    for text in ["9223372036854775808", "-9223372036854775809", "[1e19,99999999999999999999]", "18446744073709551615"] {
        assert!(of_text(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn refuses_what_the_strict_reader_refuses_and_says_where() {
    for (text, pointer) in [
        (r#"{"a":{"b":1,"\u0062":2}}"#, "/a/b"),
        (r#"{"a":[1,"x\u0000"]}"#, "/a/1"),
        (r#"{"a":99999999999999999999}"#, "/a"),
    ] {
        let error = of_text(text.as_bytes()).expect_err(text);
        assert_eq!((error.code, error.errors[0].pointer.as_str()), ("invalid_json", pointer));
    }
    for text in ["", "{", "[1,]", r#""\ud800""#, "1e999", "{} {}", &"[".repeat(100_000), &"[".repeat(66)] {
        assert_eq!(of_text(text.as_bytes()).expect_err(text).code, "invalid_json");
    }
}

#[test]
fn writes_what_serialises() {
    #[derive(serde::Serialize)]
    struct Record {
        b: Box<serde_json::value::RawValue>,
        a: Option<i64>,
    }
    let raw = serde_json::value::RawValue::from_string("{ \"z\":1.0, \"y\": 2 }".to_owned()).expect("JSON");
    assert_eq!(of(&Record { b: raw, a: None }).expect("JSON"), br#"{"a":null,"b":{"y":2,"z":1}}"#);
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[a-d]{0,3}", "[\u{1}-\u{1f}\"\\\\/\u{7f}-\u{a0}]{1,3}", "[\u{d7f0}-\u{d7ff}\u{e000}-\u{10ffff}]{1,3}"]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-9_007_199_254_740_992_i64..=9_007_199_254_740_992).prop_map(Value::from),
        any::<f64>()
            .prop_filter("RFC 8785 has no other", |v| v.is_finite() && whole_beyond_doubles(*v))
            .prop_map(Value::from),
        (-1e6..1e6).prop_map(Value::from),
        (9.3e18..2e21).prop_map(Value::from),
        // Where two texts of the same length are as close to the double.
        (0_u64..1 << 52).prop_map(|quarters| Value::from((1_u64 << 50) as f64 + quarters as f64 / 4.0)),
    ]
}

fn whole_beyond_doubles(value: f64) -> bool {
    value.fract() != 0.0 || value.abs() <= 9_007_199_254_740_992.0 || value.abs() >= 9_223_372_036_854_775_808.0
}

fn value() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), number(), key().prop_map(Value::from)];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn agrees_with_another_implementation(value in value()) {
        let ours = of(&value).expect("JSON");
        prop_assert_eq!(&ours, &serde_json_canonicalizer::to_vec(&value).expect("JSON"));
        // What is canonical stays as it is.
        prop_assert_eq!(&of_text(&ours).expect("JSON"), &ours);
    }

    #[test]
    fn accepts_what_the_strict_reader_accepts(text in r#"[\[\]{}",:0-9.eE\\ua\x00-]{0,24}|(\{"a":(-?[0-9]{1,20}(\.0)?(e[0-9]{1,2})?|"\\u00[0-9]{2}")(,"[ab]":1)?\})"#) {
        match (of_text(text.as_bytes()), json::parse(text.as_bytes())) {
            (ours, Ok(_)) => prop_assert!(ours.is_ok()),
            // What the strict reader alone refuses holds a double that is written as canonical JSON has it.
            (Ok(_), Err(_)) => prop_assert!(json::numbers(text.as_bytes()).any(|(_, literal)| !is_narrow(literal))),
            (Err(_), Err(_)) => {}
        }
    }

    #[test]
    fn each_integer_has_a_text_of_its_own(one in any::<i64>(), distance in 1_i64..5) {
        let other = one.wrapping_add(distance);
        prop_assert_ne!(of(&json!({"n": one})).expect("JSON"), of(&json!({"n": other})).expect("JSON"));
    }

    #[test]
    fn orders_keys_by_their_utf16(one in key(), other in key()) {
        prop_assert_eq!(utf16_order(&one, &other), one.encode_utf16().cmp(other.encode_utf16()));
    }
}
