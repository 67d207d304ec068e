//! The context of one operation: who, on whose behalf, under which request, and how.

use admin_types::{Origin, Principal, RequestId, Timestamp};

/// What every operation is told. No write can be made without one.
#[derive(Clone, Debug)]
pub struct Op {
    /// Who acts, and in which org.
    pub principal: Principal,
    /// Where the call comes from.
    pub origin: Origin,
    /// The request that this is part of.
    pub request_id: RequestId,
    /// The time that the operation writes down.
    pub now: Timestamp,
    /// Answer as if done, and do nothing.
    pub dry_run: bool,
    /// `If-Match`: the version that must be current.
    pub if_match: Option<i64>,
    /// `Idempotency-Key` and what it stands for.
    pub idempotency: Option<Idempotency>,
}

/// A request that must have its effect once, however often it is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Idempotency {
    /// The caller's key, 1 to 255 visible ASCII characters.
    pub key: String,
    /// SHA-256 over method, path and body: another request under the same key is refused.
    pub request_hash: Vec<u8>,
}
