//! One call of a handler, whatever it does.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use admin_types::{Error, Event, Kind, OrgId};
use futures_util::FutureExt;

use super::Handler;

/// Why a call failed.
#[derive(Debug)]
pub enum Failure {
    /// Something is away that is needed; the events are not to blame.
    Away(Error),
    /// It failed at the events, for this reason.
    Refused(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Away(error) => error.fmt(f),
            Failure::Refused(reason) => f.write_str(reason),
        }
    }
}

/// Has the handler handle the events. A panic is a failure, and so is no answer in time.
///
/// # Errors
/// It did not.
pub async fn attempt(handler: &dyn Handler, org: OrgId, events: &[Event], within: Duration) -> Result<(), Failure> {
    let call = AssertUnwindSafe(async { handler.handle(org, events).await }).catch_unwind();
    match tokio::time::timeout(within, call).await {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(error))) if error.kind == Kind::Unavailable => Err(Failure::Away(error)),
        Ok(Ok(Err(error))) => Err(Failure::Refused(error.to_string())),
        Ok(Err(panic)) => Err(Failure::Refused(format!("it panicked: {}", words(&*panic)))),
        Err(_) => Err(Failure::Refused(format!("no answer within {within:?}"))),
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word")
}
