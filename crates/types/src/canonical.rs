//! Canonical JSON (RFC 8785, JCS): one text for each value, so that whoever holds an event can hash it and comes to the
//! same bytes. Keys stand in the order of their UTF-16 code units, texts have the fewest escapes, numbers the text of
//! ECMAScript, and nothing stands between.
//!
//! What is read is what [`json::parse`] accepts, and what is canonical already: a key that stands twice, U+0000, and an
//! integer beyond 64 bits are refused, but for one that is the text of a double (`10000000000000000000` is that of 1e19).
//!
//! **Integers are integers.** A whole number below 2^63 in magnitude is written with all its digits, as everywhere in Admin
//! (`1.0`, `1e0` and `1` are `1`). Up to 2^53 that is the text of RFC 8785. Beyond, RFC 8785 knows only the doubles, and
//! would give neighbours one text (2^53 and 2^53 + 1 both `9007199254740992`), so that one could be put in the other's
//! place under the same hash. Who derives the bytes anew must read integers as integers there, as Python's `json` does by
//! itself, and Go's with `UseNumber`. Everything else, whole doubles from 2^63 among it, is RFC 8785 to the letter.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::io::Write;
use std::ops::Range;

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::{Error, json};

/// The canonical bytes of a JSON text, which are UTF-8. Takes time linear in the text, but for the sorting of keys.
///
/// # Errors
/// `invalid_json`, as [`json::parse`] has it.
pub fn of_text(text: &[u8]) -> Result<Vec<u8>, Error> {
    let mut tree = Tree::default();
    let mut reader = serde_json::Deserializer::from_slice(text);
    let root = Read { tree: &mut tree, depth: 0 }.deserialize(&mut reader).and_then(|root| reader.end().map(|()| root));
    let Ok(root) = root else {
        // The strict reader finds the same fault, and names its place.
        return Err(json::parse(text).err().unwrap_or_else(|| Error::internal("canonical JSON refused what JSON is")));
    };
    if tree.has_wide_number && !json::numbers(text).all(|(_, literal)| is_narrow(literal) || is_canonical(literal)) {
        json::parse(text)?;
    }
    let mut out = Vec::with_capacity(text.len());
    tree.write(&root, &mut out);
    Ok(out)
}

/// The canonical bytes of whatever is written as JSON, for instance an [`Event`](crate::Event).
///
/// # Errors
/// `invalid_json` if it is written as what [`json::parse`] refuses.
pub fn of(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    let text = serde_json::to_vec(value)
        .map_err(|error| Error::invalid("invalid_json", format!("The value cannot be written as JSON: {error}.")))?;
    of_text(&text)
}

/// One value. Arrays and objects name their places in [`Tree::members`].
enum Node<'a> {
    Null,
    Bool(bool),
    Integer(i64),
    Double(f64),
    Text(Cow<'a, str>),
    Array(Range<usize>),
    Object(Range<usize>),
}

/// A member of an object, or, with an empty key, an item of an array.
struct Member<'a> {
    key: Cow<'a, str>,
    value: Node<'a>,
}

/// A document in two vectors, however many values it has: what borrows from the text costs no allocation of its own.
#[derive(Default)]
struct Tree<'a> {
    /// The members of all arrays and objects that are read; those of one stand together.
    members: Vec<Member<'a>>,
    /// Those of arrays and objects of which the end is still to come.
    open: Vec<Member<'a>>,
    has_wide_number: bool,
}

impl<'a> Tree<'a> {
    /// Ends the array or object whose members are the open ones from `start`.
    fn close(&mut self, start: usize) -> Range<usize> {
        let first = self.members.len();
        self.members.extend(self.open.drain(start..));
        first..self.members.len()
    }

    fn write(&self, node: &Node<'a>, out: &mut Vec<u8>) {
        match node {
            Node::Null => out.extend_from_slice(b"null"),
            Node::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Node::Integer(value) => in_memory(write!(out, "{value}")),
            // RFC 8785, section 3.2.2.3: as ECMAScript writes it.
            Node::Double(value) => out.extend_from_slice(ryu_js::Buffer::new().format_finite(*value).as_bytes()),
            Node::Text(text) => write_text(text, out),
            Node::Array(range) => {
                out.push(b'[');
                for (n, item) in self.members[range.clone()].iter().enumerate() {
                    if n > 0 {
                        out.push(b',');
                    }
                    self.write(&item.value, out);
                }
                out.push(b']');
            }
            Node::Object(range) => {
                out.push(b'{');
                for (n, member) in self.members[range.clone()].iter().enumerate() {
                    if n > 0 {
                        out.push(b',');
                    }
                    write_text(&member.key, out);
                    out.push(b':');
                    self.write(&member.value, out);
                }
                out.push(b'}');
            }
        }
    }
}

/// RFC 8785, section 3.2.2.2. serde_json escapes as little as that: `"`, `\` and control characters, these in two
/// characters where there are such, otherwise with lower-case hexadecimal digits.
fn write_text(text: &str, out: &mut Vec<u8>) {
    in_memory(serde_json::to_writer(out, text));
}

/// Whether a number is no integer beyond 64 bits.
fn is_narrow(literal: &str) -> bool {
    literal.contains(['.', 'e', 'E']) || literal.parse::<i64>().is_ok()
}

/// Whether a number is the text of a double.
fn is_canonical(literal: &str) -> bool {
    literal
        .parse()
        .is_ok_and(|double: f64| double.is_finite() && ryu_js::Buffer::new().format_finite(double) == literal)
}

/// What is written to memory arrives.
fn in_memory<E: fmt::Debug>(written: Result<(), E>) {
    written.expect("memory takes what is written to it");
}

/// The order of the UTF-16 code units of two texts (RFC 8785, section 3.2.3), from their UTF-8. It is the order of the
/// bytes, but that characters beyond U+FFFF, whose first byte is 0xF0 or above, come before those from U+E000 on.
fn utf16_order(one: &str, other: &str) -> Ordering {
    let weight = |byte: u8| if byte == 0xEE || byte == 0xEF { byte | 0x10 } else { byte };
    one.bytes().map(weight).cmp(other.bytes().map(weight))
}

struct Read<'t, 'a> {
    tree: &'t mut Tree<'a>,
    depth: usize,
}

impl<'a> DeserializeSeed<'a> for Read<'_, 'a> {
    type Value = Node<'a>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Node<'a>, D::Error> {
        if self.depth > json::MAX_DEPTH {
            return Err(D::Error::custom("too deep"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Read<'_, 'a> {
    type Value = Node<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node<'a>, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node<'a>, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node<'a>, E> {
        Ok(Node::Integer(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Node<'a>, E> {
        match i64::try_from(value) {
            Ok(integer) => Ok(Node::Integer(integer)),
            Err(_) => self.visit_f64(value as f64),
        }
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node<'a>, E> {
        self.tree.has_wide_number |= json::is_wide(value);
        Ok(json::whole(value).map_or(Node::Double(value), Node::Integer))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Node<'a>, E> {
        Text.visit_str(text).map(Node::Text)
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'a str) -> Result<Node<'a>, E> {
        Text.visit_borrowed_str(text).map(Node::Text)
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<Node<'a>, A::Error> {
        let start = self.tree.open.len();
        while let Some(value) = seq.next_element_seed(Read { tree: self.tree, depth: self.depth + 1 })? {
            self.tree.open.push(Member { key: Cow::Borrowed(""), value });
        }
        Ok(Node::Array(self.tree.close(start)))
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Node<'a>, A::Error> {
        let start = self.tree.open.len();
        while let Some(key) = map.next_key_seed(Text)? {
            let value = map.next_value_seed(Read { tree: self.tree, depth: self.depth + 1 })?;
            self.tree.open.push(Member { key, value });
        }
        let members = &mut self.tree.open[start..];
        members.sort_unstable_by(|one, other| utf16_order(&one.key, &other.key));
        if members.windows(2).any(|pair| pair[0].key == pair[1].key) {
            return Err(A::Error::custom("a key stands twice"));
        }
        Ok(Node::Object(self.tree.close(start)))
    }
}

/// A text, borrowed where it has no escapes.
struct Text;

impl<'a> DeserializeSeed<'a> for Text {
    type Value = Cow<'a, str>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Cow<'a, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'a> for Text {
    type Value = Cow<'a, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Cow<'a, str>, E> {
        // U+0000 in a text can only come from an escape, so never by the other way.
        if text.contains('\0') { Err(E::custom("U+0000")) } else { Ok(Cow::Owned(text.to_owned())) }
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Cow<'a, str>, E> {
        Ok(Cow::Borrowed(text))
    }
}

#[cfg(test)]
mod tests;
