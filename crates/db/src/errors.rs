//! What the drivers' errors mean to the caller.

use admin_types::{Error, Kind};
use rusqlite::ErrorCode;
use tokio_postgres::error::SqlState;

/// The code of an error after which the transaction may simply run again.
pub(crate) const SERIALIZATION: &str = "serialization_failure";

const FULL: &str = "The database's disk is full: nothing was written. Free space and try again.";
const AWAY: &str = "The database does not answer. Try again shortly.";
const SLOW: &str = "The query took longer than it may. Narrow it by a type or an indexed filter.";

/// A job met a serialisation failure: its whole group must run again.
pub(crate) fn run_again() -> Error {
    Error::new(Kind::Unavailable, SERIALIZATION, AWAY)
}

/// What the caller is told when running again did not help either.
pub(crate) fn gave_up(error: Error) -> Error {
    if error.code == SERIALIZATION { Error::unavailable(AWAY, "serialisation failures") } else { error }
}

pub(crate) fn sqlite(error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::unavailable(FULL, error),
        Some(
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::CannotOpen | ErrorCode::SystemIoFailure,
        ) => Error::unavailable(AWAY, error),
        Some(ErrorCode::OperationInterrupted) => Error::new(Kind::Timeout, "query_timeout", SLOW),
        _ => Error::internal(error),
    }
}

pub(crate) fn postgres(error: tokio_postgres::Error) -> Error {
    let context =
        std::error::Error::source(&error).map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
    match error.code() {
        Some(state) if *state == SqlState::T_R_SERIALIZATION_FAILURE || *state == SqlState::T_R_DEADLOCK_DETECTED => {
            Error { context: Some(context), ..Error::new(Kind::Unavailable, SERIALIZATION, AWAY) }
        }
        Some(state) if *state == SqlState::DISK_FULL => Error::unavailable(FULL, context),
        Some(state) if *state == SqlState::QUERY_CANCELED => Error::new(Kind::Timeout, "query_timeout", SLOW),
        Some(state)
            if state.code().starts_with("08") || state.code().starts_with("57P") || state.code().starts_with("53") =>
        {
            Error::unavailable(AWAY, context)
        }
        None => Error::unavailable(AWAY, context),
        Some(_) => Error::internal(context),
    }
}
