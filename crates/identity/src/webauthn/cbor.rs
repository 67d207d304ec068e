//! CBOR (RFC 8949), as much of it as authenticators write (CTAP 2.1, section 8): definite lengths, no tags, no floats.

/// Arrays and maps inside each other.
const DEPTH: usize = 4;

/// A value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Value<'a> {
    Int(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(Vec<Value<'a>>),
    Map(Vec<(Value<'a>, Value<'a>)>),
    /// `false`, `true` and `null`, which nobody here asks for.
    Simple(u8),
}

impl<'a> Value<'a> {
    /// What a map has under a key.
    pub(super) fn get(&self, key: &Value<'_>) -> Option<&Value<'a>> {
        let Value::Map(pairs) = self else { return None };
        pairs.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    pub(super) fn bytes(&self) -> Option<&'a [u8]> {
        if let Value::Bytes(bytes) = self { Some(bytes) } else { None }
    }
}

/// Reads one value from the beginning; answers it and what comes behind it.
pub(super) fn read(bytes: &[u8]) -> Option<(Value<'_>, &[u8])> {
    value(bytes, DEPTH)
}

fn value(bytes: &[u8], depth: usize) -> Option<(Value<'_>, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (major, short) = (first >> 5, first & 31);
    if major == 7 {
        return matches!(short, 20..=22).then_some((Value::Simple(short), rest));
    }
    let (number, rest) = number(short, rest)?;
    match major {
        0 => Some((Value::Int(i64::try_from(number).ok()?), rest)),
        1 => Some((Value::Int(-1 - i64::try_from(number).ok()?), rest)),
        2 | 3 => {
            let (taken, rest) = rest.split_at_checked(usize::try_from(number).ok()?)?;
            let value = if major == 2 { Value::Bytes(taken) } else { Value::Text(std::str::from_utf8(taken).ok()?) };
            Some((value, rest))
        }
        4 => {
            let (mut items, mut rest) = (vec![], rest);
            for _ in 0..number {
                let (item, behind) = value(rest, depth.checked_sub(1)?)?;
                (rest, _) = (behind, items.push(item));
            }
            Some((Value::Array(items), rest))
        }
        5 => {
            let (mut pairs, mut rest): (Vec<(Value<'_>, Value<'_>)>, _) = (vec![], rest);
            for _ in 0..number {
                let (key, behind) = value(rest, depth.checked_sub(1)?)?;
                let (item, behind) = value(behind, depth.checked_sub(1)?)?;
                if pairs.iter().any(|(known, _)| *known == key) {
                    return None;
                }
                (rest, _) = (behind, pairs.push((key, item)));
            }
            Some((Value::Map(pairs), rest))
        }
        _ => None,
    }
}

/// The number that stands in the first byte or behind it.
fn number(short: u8, rest: &[u8]) -> Option<(u64, &[u8])> {
    let length = match short {
        0..=23 => return Some((short.into(), rest)),
        24..=27 => 1_usize << (short - 24),
        _ => return None,
    };
    let (taken, rest) = rest.split_at_checked(length)?;
    Some((taken.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_and_what_is_behind_them_is_left() {
        // RFC 8949, appendix A.
        assert_eq!(read(&[0x39, 0x03, 0xe7, 0xff]), Some((Value::Int(-1000), &[0xff][..])));
        let (map, rest) = read(&[0xa2, 0x61, 0x61, 0x01, 0x61, 0x62, 0x82, 0x02, 0x03]).expect("a map");
        assert!(rest.is_empty());
        assert_eq!(map.get(&Value::Text("b")), Some(&Value::Array(vec![Value::Int(2), Value::Int(3)])));
    }

    #[test]
    fn what_is_cut_off_deep_double_or_unknown_is_no_value() {
        for bad in [
            &[][..],
            &[0x42, 0x01],
            &[0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x9b, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x9f, 0xff],
            &[0x81, 0x81, 0x81, 0x81, 0x81, 0x00],
            &[0xa2, 0x01, 0x01, 0x01, 0x02],
            &[0xc0, 0x00],
            &[0xf9, 0x00, 0x00],
            &[0x61, 0xff],
        ] {
            assert_eq!(read(bad), None, "{bad:02x?}");
        }
    }
}
