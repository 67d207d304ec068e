//! The queue: carries events to those who do something about them, at least once, in order.
//!
//! What was committed is in the [`Log`]; the queue never knows better. A [`Handler`] sees the events of an org in batches, in
//! the order of their numbers as far as they are about the same resource, and may see any of them again: what it does must come to the same
//! when it is done twice. A batch that it fails at is tried again, then its events one by one; an event that fails
//! every time is parked, where people see it, and the next ones go on. What fails because something is away
//! ([`Kind::Unavailable`](admin_types::Kind)) is no fault of an event: it is tried again until it is back.

use admin_types::{Event, OrgId, Result, Timestamp};
use futures_util::future::BoxFuture;

/// An org in which a reader has events before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Behind {
    /// The org.
    pub org: OrgId,
    /// The number of the last event that the reader is done with; 0 before the first.
    pub done: i64,
    /// The number of the org's last event.
    pub head: i64,
    /// When the first event happened that the reader is not done with.
    pub since: Timestamp,
}

/// The events as they were committed, and how far each reader of them is. A reader is known by a name that stays the
/// same over restarts, such as `webhooks`.
pub trait Log: Send + Sync + 'static {
    /// The first `limit` orgs, by their ids, that follow `after` and in which the reader is behind. Asked with the last org
    /// of the answer before, it goes round all of them, so that none waits for another.
    fn behind<'a>(&'a self, reader: &'a str, after: Option<OrgId>, limit: u32) -> BoxFuture<'a, Result<Vec<Behind>>>;

    /// Events of an org that follow the number `after`, in order and without a gap: at most `limit`, and after the first
    /// only as many as have `bytes` of text together.
    fn read(&self, org: OrgId, after: i64, limit: u32, bytes: u32) -> BoxFuture<'_, Result<Vec<Event>>>;

    /// Moves the reader of an org from the number `from` to `to`; `false` if it stands elsewhere, because somebody else has
    /// moved it.
    fn advance<'a>(&'a self, reader: &'a str, org: OrgId, from: i64, to: i64) -> BoxFuture<'a, Result<bool>>;

    /// Puts an event aside that the reader fails at, with the reason. Done twice, it is there once.
    fn park<'a>(&'a self, reader: &'a str, org: OrgId, event: &'a Event, reason: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Makes `holder`, a name of one run of this process, the one that works for the reader during the next `seconds`, or
    /// keeps it so. `false` if somebody else is. With 0 seconds the holder gives it up.
    fn lease<'a>(&'a self, reader: &'a str, holder: &'a str, seconds: i64) -> BoxFuture<'a, Result<bool>>;

    /// Returns when there may be new events: soon after one was committed by this process, and now and then (each second or so). It counts
    /// from the call on: an event that is committed before the first poll wakes it too.
    fn wait(&self) -> BoxFuture<'_, ()>;
}

/// Does something about events.
pub trait Handler: Send + Sync + 'static {
    /// Handles events of one org, in their order. On an error none of them counts as handled. An error of the kind
    /// `Unavailable` says that something is away which the handler needs, and that no event is to blame.
    fn handle<'a>(&'a self, org: OrgId, events: &'a [Event]) -> BoxFuture<'a, Result<()>>;
}

mod attempt;
mod in_process;
mod lag;
mod lease;
mod meters;
pub mod rabbitmq;
mod settings;
mod trouble;
mod turn;

pub use attempt::{Failure, attempt};
pub use in_process::run;
pub use lag::{Lag, lag};
pub use settings::Settings;
