//! TypeIDs: a prefix, `_`, and a UUIDv7 in 26 characters of Crockford's base32 (typeid spec 0.3). Text on the wire,
//! 16 bytes in the database.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Builder;

use crate::{Random, Timestamp};

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Writes 16 bytes as 26 characters.
fn encode(bytes: [u8; 16]) -> [u8; 26] {
    let mut value = u128::from_be_bytes(bytes);
    let mut text = [0; 26];
    for character in text.iter_mut().rev() {
        *character = ALPHABET[(value & 31) as usize];
        value >>= 5;
    }
    text
}

/// Reads 26 characters; `None` for another length, another alphabet, or more than 128 bits.
fn decode(text: &str) -> Option<[u8; 16]> {
    let text = text.as_bytes();
    if text.len() != 26 || text[0] > b'7' {
        return None;
    }
    let mut value: u128 = 0;
    for character in text {
        let digit = ALPHABET.iter().position(|c| c == character)?;
        value = (value << 5) | digit as u128;
    }
    Some(value.to_be_bytes())
}

fn uuid_v7(at: Timestamp, random: &dyn Random) -> [u8; 16] {
    let mut bytes = [0; 10];
    random.fill(&mut bytes);
    *Builder::from_unix_timestamp_millis(at.millis(), &bytes).as_uuid().as_bytes()
}

fn write_id(f: &mut fmt::Formatter<'_>, prefix: &str, bytes: [u8; 16]) -> fmt::Result {
    let text = encode(bytes);
    write!(f, "{prefix}_{}", std::str::from_utf8(&text).expect("base32 is ASCII"))
}

/// The prefix of a resource's id. Resources of a user's own types are `res`; each built-in kind has its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Prefix {
    /// A resource of one of the org's own types.
    Resource,
    /// A type.
    Type,
    /// A user.
    User,
    /// A service account.
    Client,
    /// A policy.
    Policy,
    /// A webhook.
    Webhook,
}

impl Prefix {
    /// The prefixes, and the types whose resources have them; all others have the first.
    const ALL: [(Prefix, &'static str, Option<&'static str>); 6] = [
        (Prefix::Resource, "res", None),
        (Prefix::Type, "typ", Some("type")),
        (Prefix::User, "usr", Some("user")),
        (Prefix::Client, "cli", Some("client")),
        (Prefix::Policy, "pol", Some("policy")),
        (Prefix::Webhook, "whk", Some("webhook")),
    ];

    /// The prefix as it stands in an id.
    pub fn as_str(self) -> &'static str {
        Prefix::ALL[self as usize].1
    }

    /// The one type whose resources have this prefix; `None` for that of all types but those that have their own.
    pub fn type_name(self) -> Option<&'static str> {
        Prefix::ALL[self as usize].2
    }

    /// Whether it is of those that act: users and clients.
    pub fn is_principal(self) -> bool {
        matches!(self, Prefix::User | Prefix::Client)
    }

    /// The types whose resources have prefixes of their own.
    pub fn own_types() -> impl Iterator<Item = &'static str> {
        Prefix::ALL.into_iter().filter_map(|(_, _, type_name)| type_name)
    }

    /// The prefix that resources of the type `name` have.
    pub fn of_type(name: &str) -> Prefix {
        let own = Prefix::ALL.into_iter().find(|(_, _, type_name)| *type_name == Some(name));
        own.map_or(Prefix::Resource, |(prefix, ..)| prefix)
    }
}

/// The id of a resource, such as `res_01jh8x5n9bfqv8xk3c6m7t2d4e`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId {
    /// What kind of resource it names.
    pub prefix: Prefix,
    /// The UUIDv7.
    pub bytes: [u8; 16],
}

impl ResourceId {
    /// A new id for a resource of the type `type_name`, made at `at`.
    pub fn new(type_name: &str, at: Timestamp, random: &dyn Random) -> ResourceId {
        ResourceId { prefix: Prefix::of_type(type_name), bytes: uuid_v7(at, random) }
    }

    /// The id that the database's 16 bytes stand for, given the type of the row.
    pub fn of_row(type_name: &str, bytes: [u8; 16]) -> ResourceId {
        ResourceId { prefix: Prefix::of_type(type_name), bytes }
    }

    /// Reads an id; `None` when it is not one.
    pub fn parse(text: &str) -> Option<ResourceId> {
        let (prefix, rest) = text.split_once('_')?;
        let (prefix, ..) = Prefix::ALL.into_iter().find(|(_, text, _)| *text == prefix)?;
        Some(ResourceId { prefix, bytes: decode(rest)? })
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(f, self.prefix.as_str(), self.bytes)
    }
}

/// Ids whose prefix never varies.
macro_rules! fixed_prefix {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// Reads an id; `None` when it is not one of this kind.
            pub fn parse(text: &str) -> Option<$name> {
                Some($name(decode(text.strip_prefix(concat!($prefix, "_"))?)?))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_id(f, $prefix, self.0)
            }
        }
    };
}

fixed_prefix!(
    /// The id of a tenant.
    OrgId, "org"
);
fixed_prefix!(
    /// The id of an event. It carries the event's sequence number, so that finding an event by its id needs no index.
    EventId, "evt"
);
fixed_prefix!(
    /// The id of an account: a login, one for each person.
    AccountId, "acc"
);
fixed_prefix!(
    /// The id of a session: a browser in which an account is signed in.
    SessionId, "ses"
);
fixed_prefix!(
    /// The id of a grant: what a client was allowed to do for somebody.
    GrantId, "grt"
);
fixed_prefix!(
    /// The id of a secret of a client.
    SecretId, "sec"
);
fixed_prefix!(
    /// The id of an API key.
    KeyId, "key"
);
fixed_prefix!(
    /// The id of a recorded decision. Ids sort by time.
    DecisionId, "dec"
);

impl DecisionId {
    /// Before every one that was made at `at` or later.
    pub fn lower(at: Timestamp) -> DecisionId {
        DecisionId::at_millis(at.millis())
    }

    /// After every one that was made before `at`.
    pub fn upper(at: Timestamp) -> DecisionId {
        DecisionId::at_millis(at.millis().saturating_add(1))
    }

    fn at_millis(millis: u64) -> DecisionId {
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&millis.min((1 << 48) - 1).to_be_bytes()[2..]);
        DecisionId(bytes)
    }
}

/// Ids that are made as UUIDv7.
macro_rules! made_by_time {
    ($($name:ident),*) => {$(
        impl $name {
            /// A new one, made at `at`.
            pub fn new(at: Timestamp, random: &dyn Random) -> $name {
                $name(uuid_v7(at, random))
            }
        }
    )*};
}
made_by_time!(OrgId, AccountId, SessionId, GrantId, SecretId, KeyId, DecisionId);

impl EventId {
    /// The id of the event `seq` of `org`: a UUIDv7 whose free bits are 12 random ones, 22 of the org's and 40 of `seq`.
    pub fn new(org: OrgId, seq: i64, at: Timestamp, random: &dyn Random) -> EventId {
        let mut bytes = [0; 10];
        random.fill(&mut bytes[..2]);
        bytes[2..5].copy_from_slice(&org.0[13..16]);
        bytes[5..10].copy_from_slice(&seq.to_be_bytes()[3..8]);
        EventId(*Builder::from_unix_timestamp_millis(at.millis(), &bytes).as_uuid().as_bytes())
    }

    /// The sequence number that the id carries.
    pub fn seq(self) -> i64 {
        let mut bytes = [0; 8];
        bytes[3..8].copy_from_slice(&self.0[11..16]);
        i64::from_be_bytes(bytes)
    }
}

macro_rules! text_on_the_wire {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                $name::parse(&text).ok_or_else(|| serde::de::Error::custom(concat!("not a ", stringify!($name))))
            }
        }
    )*};
}
text_on_the_wire!(ResourceId, OrgId, AccountId, SessionId, GrantId, SecretId, KeyId, DecisionId, EventId);

/// The id of a request: made here as `req_…`, or any sane token that the caller sent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RequestId(Box<str>);

impl RequestId {
    /// The longest id that a caller may send, in bytes.
    pub const MAX: usize = 128;

    /// A new id.
    pub fn new(at: Timestamp, random: &dyn Random) -> RequestId {
        let text = encode(uuid_v7(at, random));
        RequestId(format!("req_{}", std::str::from_utf8(&text).expect("base32 is ASCII")).into())
    }

    /// Takes over what the caller sent: 1 to [`RequestId::MAX`] letters, digits and `-_.:/+=`; `None` for anything else,
    /// so that no id can break a log line or a header.
    pub fn accept(text: &str) -> Option<RequestId> {
        let sane = |b: u8| b.is_ascii_alphanumeric() || b"-_.:/+=".contains(&b);
        ((1..=Self::MAX).contains(&text.len()) && text.bytes().all(sane)).then(|| RequestId(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RequestId, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        RequestId::accept(&text).ok_or_else(|| serde::de::Error::custom("not a request id"))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRandom;

    #[test]
    fn follows_the_typeid_vectors() {
        // Valid and invalid examples of the TypeID specification, with a prefix of ours.
        let id = OrgId::parse("org_01h455vb4pex5vsknk084sn02q").expect("valid");
        assert_eq!(uuid::Uuid::from_bytes(id.0).to_string(), "01890a5d-ac96-774b-bcce-b302099a8057");
        assert_eq!(id.to_string(), "org_01h455vb4pex5vsknk084sn02q");
        for bad in [
            "org_8zzzzzzzzzzzzzzzzzzzzzzzzz",
            "org_01H455VB4PEX5VSKNK084SN02Q",
            "org_",
            "org_01h455vb4pex5vsknk084sn02",
            "res_01h455vb4pex5vsknk084sn02q",
        ] {
            assert_eq!(OrgId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn resource_ids_survive_the_wire() {
        let id = ResourceId::new("user", Timestamp(1_736_497_800_000_000), &SystemRandom);
        assert_eq!(ResourceId::parse(&id.to_string()), Some(id));
        assert!(id.to_string().starts_with("usr_"));
    }

    #[test]
    fn event_ids_carry_their_sequence_number() {
        let org = OrgId::new(Timestamp(0), &SystemRandom);
        for seq in [1, 42, 1 << 20, (1 << 40) - 1] {
            let id = EventId::new(org, seq, Timestamp(1_736_497_800_000_000), &SystemRandom);
            assert_eq!(EventId::parse(&id.to_string()).map(EventId::seq), Some(seq));
        }
    }

    #[test]
    fn decision_ids_are_bounded_by_times() {
        let at = Timestamp(1_736_497_800_000_500);
        let id = DecisionId::new(at, &SystemRandom);
        for (since, is_in) in [(at.0 - 2_000, true), (at.0, true), (at.0 + 1_000, false)] {
            assert_eq!(DecisionId::lower(Timestamp(since)) <= id, is_in, "{since}");
        }
        for (until, is_in) in [(at.0 - 1_000, false), (at.0 + 1, true), (i64::MAX, true)] {
            assert_eq!(id < DecisionId::upper(Timestamp(until)), is_in, "{until}");
        }
    }

    #[test]
    fn request_ids_refuse_what_could_break_a_log_line() {
        assert!(RequestId::accept("abc-123").is_some());
        for bad in ["", "a b", "a\r\nSet-Cookie: x", "ä", &"x".repeat(129)] {
            assert_eq!(RequestId::accept(bad), None, "{bad:?}");
        }
    }
}
