//! A strict JSON reader for bodies: duplicate keys, NUL, lone surrogates, deep nesting and numbers that would lose
//! digits are errors that name the place. What it accepts, every database and every reader agrees about.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::Error;

/// How deeply arrays and objects may nest.
pub const MAX_DEPTH: usize = 64;

/// 2^63: whole doubles below it are integers.
const I64_RANGE: f64 = 9_223_372_036_854_775_808.0;

/// Reads one JSON document. Errors are `invalid_json` with line, column and, where it has one, the JSON Pointer.
pub fn parse(bytes: &[u8]) -> Result<Value, Error> {
    read(bytes).map_err(|refusal| refusal.error("body", refusal.line))
}

/// Reads a document that is one line of many. Errors name that line.
pub fn parse_line(bytes: &[u8], line: u64) -> Result<Value, Error> {
    read(bytes).map_err(|refusal| refusal.error("line", usize::try_from(line).unwrap_or(usize::MAX)))
}

/// Why a text is refused, and where.
struct Refusal {
    line: usize,
    column: usize,
    reason: String,
    pointer: String,
}

impl Refusal {
    fn error(&self, what: &str, line: usize) -> Error {
        let detail = format!("line {line}, column {}: {}", self.column, self.reason);
        Error::invalid("invalid_json", format!("The {what} is not JSON that Admin accepts: {detail}."))
            .at(self.pointer.clone(), detail)
    }
}

fn read(bytes: &[u8]) -> Result<Value, Refusal> {
    let mut place = Place::default();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { place: &mut place }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match value {
        Ok(value) => {
            if place.wide_numbers > 0 {
                refuse_wide_integers(bytes)?;
            }
            Ok(value)
        }
        Err(error) => Err(explain(&error, place)),
    }
}

fn explain(error: &serde_json::Error, place: Place) -> Refusal {
    let text = error.to_string();
    let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason).to_owned();
    Refusal { line: error.line(), column: error.column(), reason, pointer: place.pointer() }
}

/// Where the reader stands: kept when an error stops it.
#[derive(Default)]
struct Place {
    path: Vec<String>,
    /// How many numbers beyond 64 bits were read as doubles.
    wide_numbers: usize,
    /// Stop at the wide number of this number, from 1.
    stop_at: Option<usize>,
}

impl Place {
    fn pointer(&self) -> String {
        self.path.iter().map(|segment| format!("/{}", escape(segment))).collect()
    }
}

/// A key as it stands in a JSON Pointer (RFC 6901, section 3).
pub fn escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

struct Strict<'p> {
    place: &'p mut Place,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.place.path.len() > MAX_DEPTH {
            return Err(D::Error::custom(format_args!("nested more than {MAX_DEPTH} levels deep")));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        let value = i64::try_from(value).map_err(|_| E::custom("an integer does not fit into 64 bits"))?;
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        self.place.wide_numbers += usize::from(is_wide(value));
        if self.place.stop_at == Some(self.place.wide_numbers) {
            return Err(E::custom("an integer does not fit into 64 bits"));
        }
        if let Some(integer) = whole(value) {
            return Ok(Value::Number(integer.into()));
        }
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number is not finite"))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Value, E> {
        if text.contains('\0') {
            return Err(E::custom("a string holds the character U+0000"));
        }
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = vec![];
        loop {
            self.place.path.push(values.len().to_string());
            let Some(value) = seq.next_element_seed(Strict { place: self.place })? else { break };
            self.place.path.pop();
            values.push(value);
        }
        self.place.path.pop();
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if key.contains('\0') {
                return Err(A::Error::custom("a key holds the character U+0000"));
            }
            self.place.path.push(key);
            let key = self.place.path.last().cloned().unwrap_or_default();
            if object.contains_key(&key) {
                return Err(A::Error::custom(format_args!("the key {key:?} stands twice in one object")));
            }
            let value = map.next_value_seed(Strict { place: self.place })?;
            self.place.path.pop();
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

/// The integer that a double is. One number, one text (RFC 8785): 1.0 and 1e0 are 1, on every database and in every index.
pub(crate) fn whole(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() < I64_RANGE).then_some(value as i64)
}

/// Whether a double may be what became of an integer beyond 64 bits.
pub(crate) fn is_wide(double: f64) -> bool {
    double.abs() >= 9e18
}

/// Reads once more, up to the wide number of this number.
fn pointer_of_wide_number(bytes: &[u8], number: usize) -> String {
    let mut place = Place { stop_at: Some(number), ..Place::default() };
    let _ = Strict { place: &mut place }.deserialize(&mut serde_json::Deserializer::from_slice(bytes));
    place.pointer()
}

/// serde_json reads an integer literal beyond 64 bits as a rounded double. Finds such a literal outside of strings.
fn refuse_wide_integers(bytes: &[u8]) -> Result<(), Refusal> {
    let mut wide_numbers = 0;
    for (start, literal) in numbers(bytes) {
        if literal.parse::<i64>().is_ok() {
            continue;
        }
        wide_numbers += usize::from(literal.parse().is_ok_and(is_wide));
        if !literal.contains(['.', 'e', 'E']) {
            let line = bytes[..start].iter().filter(|b| **b == b'\n').count() + 1;
            let column = start - bytes[..start].iter().rposition(|b| *b == b'\n').map_or(0, |p| p + 1) + 1;
            let reason = "an integer does not fit into 64 bits".to_owned();
            return Err(Refusal { line, column, reason, pointer: pointer_of_wide_number(bytes, wide_numbers) });
        }
    }
    Ok(())
}

/// The numbers of a JSON text as they are written, and where each begins.
pub(crate) fn numbers(bytes: &[u8]) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            match bytes[at] {
                b'"' => {
                    at += 1;
                    while at < bytes.len() && bytes[at] != b'"' {
                        at += if bytes[at] == b'\\' { 2 } else { 1 };
                    }
                    at += 1;
                }
                b'-' | b'0'..=b'9' => {
                    let start = at;
                    while at < bytes.len() && matches!(bytes[at], b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9') {
                        at += 1;
                    }
                    return Some((start, std::str::from_utf8(&bytes[start..at]).unwrap_or_default()));
                }
                _ => at += 1,
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(text: &str) -> Error {
        parse(text.as_bytes()).expect_err(text)
    }

    #[test]
    fn names_the_place_of_what_it_refuses() {
        assert_eq!(refusal(r#"{"a":{"b":1,"b":2}}"#).errors[0].pointer, "/a/b");
        assert_eq!(refusal(r#"{"a":[1,"x\u0000"]}"#).errors[0].pointer, "/a/1");
        assert_eq!(refusal(r#"{"a/b":18446744073709551615}"#).errors[0].pointer, "/a~1b");
        let wide = refusal("{\n  \"a\": 100000000000000000000\n}");
        assert!(wide.detail.contains("line 2, column 8") && wide.errors[0].pointer == "/a", "{wide:?}");
        let second = refusal(r#"{"a":[1e19,"99999999999999999999",2],"b":[-9e18,{"c":-9223372036854775809}]}"#);
        assert_eq!(second.errors[0].pointer, "/b/1/c");
    }

    #[test]
    fn names_the_line_of_many() {
        for (text, column) in [(r#"{"a":1,"a":2}"#, 10), ("  {\"a\": 100000000000000000000}", 9)] {
            let error = parse_line(text.as_bytes(), 7).expect_err(text);
            let place = format!("line 7, column {column}: ");
            assert!(error.detail.starts_with(&format!("The line is not JSON that Admin accepts: {place}")), "{error}");
            assert!(error.errors[0].pointer == "/a" && error.errors[0].detail.starts_with(&place), "{error:?}");
        }
    }

    #[test]
    fn refuses_hostile_documents() {
        for text in
            ["", "{", "[1,]", "nul", r#""\ud800""#, "1e999", "{} {}", &"[".repeat(100_000), &"{\"a\":".repeat(70)]
        {
            assert_eq!(refusal(text).code, "invalid_json");
        }
        assert!(parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn keeps_large_doubles_and_the_whole_range_of_integers() {
        assert_eq!(parse(b"1e300").expect("a double"), serde_json::json!(1e300));
        for edge in [i64::MIN, i64::MAX] {
            assert_eq!(parse(edge.to_string().as_bytes()).expect("an integer"), serde_json::json!(edge));
        }
        assert_eq!(parse(br#"["99999999999999999999", 1e19]"#).expect("text")[0], "99999999999999999999");
    }

    #[test]
    fn writes_whole_doubles_as_integers() {
        for (text, value) in
            [("1.0", "1"), ("-0.0", "0"), ("1e3", "1000"), ("0.5", "0.5"), ("9007199254740993.0", "9007199254740992")]
        {
            assert_eq!(parse(text.as_bytes()).expect("a number").to_string(), value, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,64}") {
            let _ = parse(text.as_bytes());
        }

        #[test]
        fn agrees_with_serde_json_on_what_it_accepts(text in r#"(\{"a":(-?[1-9][0-9]{0,2}|"[a-z]{0,3}"|\[\]|null)\}|[0-9]{1,4})"#) {
            if let Ok(value) = parse(text.as_bytes()) {
                prop_assert_eq!(value, serde_json::from_str::<Value>(&text).expect("JSON"));
            }
        }
    }
}
