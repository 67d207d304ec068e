//! Order-preserving bytes of a JSON scalar, for index rows and unique rows: comparing keys bytewise, as every
//! database does, compares the values.
//!
//! | value | bytes |
//! | --- | --- |
//! | `false`, `true` | `01`, `02` |
//! | a number | `10`, the nearest double in 8 bytes that sort, the rest that rounding lost in 2 bytes |
//! | a text | `20`, its UTF-8 |
//! | nothing | `FF` |

use serde_json::{Number, Value};

/// The longest string that an indexed or unique field may hold, in bytes.
pub const MAX_KEY: usize = 1024;
/// The most values that an indexed array may hold; each is a row of the index.
pub const MAX_VALUES: usize = 1000;
/// The key of a resource without the field; sorts after every other key.
pub const MISSING: &[u8] = &[0xFF];

/// The key of a scalar; `None` for null, arrays and objects. `1` and `1.0` have equal keys.
pub fn encode(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Bool(value) => Some(vec![if *value { 0x02 } else { 0x01 }]),
        Value::Number(number) => {
            let NumberOrder(bits, rest) = NumberOrder::of(number);
            let mut key = Vec::with_capacity(11);
            key.push(0x10);
            key.extend(bits.to_be_bytes());
            key.extend(rest.to_be_bytes());
            Some(key)
        }
        Value::String(text) => {
            let mut key = Vec::with_capacity(1 + text.len());
            key.push(0x20);
            key.extend(text.as_bytes());
            Some(key)
        }
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A number such that comparing these compares numbers exactly, over all 64-bit integers and finite doubles:
/// the bits of the nearest double, made to sort, and what an integer lost by rounding (at most 1024 either way).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct NumberOrder(u64, u16);

impl NumberOrder {
    pub(crate) fn of(number: &Number) -> NumberOrder {
        match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(integer), _, _) => NumberOrder::of_integer(integer),
            (None, Some(integer), _) => NumberOrder::exact(integer.into(), integer as f64),
            (None, None, double) => NumberOrder::of_double(double.unwrap_or_default()),
        }
    }

    pub(crate) fn of_integer(integer: i64) -> NumberOrder {
        NumberOrder::exact(integer.into(), integer as f64)
    }

    pub(crate) fn of_double(double: f64) -> NumberOrder {
        NumberOrder(sortable(double), 1 << 15)
    }

    fn exact(integer: i128, nearest: f64) -> NumberOrder {
        let lost = (integer - nearest as i128) as i16;
        NumberOrder(sortable(nearest), (lost as u16) ^ (1 << 15))
    }
}

/// The bits of a double, sorting as unsigned integers do. Zero has one sign.
fn sortable(double: f64) -> u64 {
    let bits = (double + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn key(value: impl Into<Value>) -> Vec<u8> {
        encode(&value.into()).expect("a scalar")
    }

    #[test]
    fn kinds_sort_false_true_numbers_texts_missing() {
        let sorted = [json!(false), json!(true), json!(f64::MIN), json!(0), json!(u64::MAX), json!(""), json!("a")];
        let mut keys: Vec<_> = sorted.iter().map(|value| encode(value).expect("a scalar")).collect();
        keys.push(MISSING.to_vec());
        assert!(keys.is_sorted());
        keys.dedup();
        assert_eq!(keys.len(), 8);
        assert!(key("\u{10FFFF}").as_slice() < MISSING);
        for value in [json!(null), json!([1]), json!({})] {
            assert_eq!(encode(&value), None);
        }
    }

    #[test]
    fn one_number_has_one_key() {
        assert_eq!(key(1), key(1.0));
        assert_eq!(key(0), key(-0.0));
        assert_eq!(key(i64::MIN), key(-9223372036854775808.0));
        assert_eq!(key(9007199254740992_i64), key(9007199254740992.0));
    }

    #[test]
    fn integers_that_round_to_one_double_stay_apart() {
        assert!(key(9007199254740993_i64) > key(9007199254740992.0));
        assert!(key(9007199254740992_i64) < key(9007199254740993_i64));
        assert!(key(i64::MAX) < key(9223372036854775808.0));
        assert!(key(i64::MAX - 1) < key(i64::MAX));
        assert!(key(u64::MAX) > key(u64::MAX - 1));
    }

    /// The truth by arithmetic: an integer against a double, without rounding the integer.
    fn truth(integer: i64, double: f64) -> Ordering {
        if double >= 9223372036854775808.0 {
            return Ordering::Less;
        }
        if double < -9223372036854775808.0 {
            return Ordering::Greater;
        }
        let whole = double.trunc();
        integer.cmp(&(whole as i64)).then(if double > whole {
            Ordering::Less
        } else if double < whole {
            Ordering::Greater
        } else {
            Ordering::Equal
        })
    }

    fn integers() -> impl Strategy<Value = i64> {
        let edges = prop::sample::select(vec![i64::MIN, i64::MAX, 0, -1, 1, 1 << 53, -(1 << 53), 1 << 62]);
        prop_oneof![any::<i64>(), -9i64..9, (edges, -3i64..3).prop_map(|(edge, by)| edge.wrapping_add(by))]
    }

    fn doubles() -> impl Strategy<Value = f64> {
        let edges = vec![0.0, -0.0, f64::MIN, f64::MAX, f64::MIN_POSITIVE, 5e-324, 9223372036854775808.0, 0.5, -0.5];
        prop_oneof![
            prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO,
            prop::sample::select(edges),
            integers().prop_map(|integer| integer as f64),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn integers_sort_as_numbers(a in integers(), b in integers()) {
            prop_assert_eq!(key(a).cmp(&key(b)), a.cmp(&b));
        }

        #[test]
        fn doubles_sort_as_numbers(a in doubles(), b in doubles()) {
            prop_assert_eq!(Some(key(a).cmp(&key(b))), a.partial_cmp(&b));
        }

        #[test]
        fn integers_and_doubles_sort_together(a in integers(), b in doubles()) {
            prop_assert_eq!(key(a).cmp(&key(b)), truth(a, b));
        }

        #[test]
        fn texts_sort_bytewise(a in ".{0,8}", b in ".{0,8}") {
            prop_assert_eq!(key(a.as_str()).cmp(&key(b.as_str())), a.as_bytes().cmp(b.as_bytes()));
        }
    }
}
