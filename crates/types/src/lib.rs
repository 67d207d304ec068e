//! The vocabulary that every other crate shares: ids, time, errors, principals, pages and the wire shapes of
//! resources and events. Nothing here does I/O.

pub mod canonical;
mod clock;
pub mod cloud_event;
mod error;
mod event;
mod id;
pub mod json;
mod page;
mod place;
mod principal;
mod random;
mod resource;
mod time;

pub use clock::{Clock, SystemClock};
pub use error::{Denied, Error, FieldError, Kind, Result};
pub use event::{Actor, Event, EventResource, Outcome, action};
pub use id::{
    AccountId, DecisionId, EventId, GrantId, KeyId, OrgId, Prefix, RequestId, ResourceId, SecretId, SessionId,
};
pub use page::{DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET, Pagination};
pub use place::line_of;
pub use principal::{Origin, Principal};
pub use random::{Random, SystemRandom};
pub use resource::{Attributes, Labels, Resource};
pub use time::Timestamp;
