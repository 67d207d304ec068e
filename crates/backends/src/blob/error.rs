//! What can go wrong with blobs.

use std::fmt;
use std::io;

/// A result with our error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The key or another argument is not one.
    Invalid,
    /// More than [`MAX_BYTES`](super::MAX_BYTES).
    TooLarge,
    /// No room is left: the disk, a quota or a limit is reached. Nothing was written.
    Full,
    /// The store does not let us.
    Denied,
    /// The store cannot do that at all.
    Unsupported,
    /// The store does not answer, or not in time; a write may have happened.
    Unavailable,
    /// Anything else.
    Failed,
}

/// An error.
#[derive(Clone, Debug)]
pub struct Error {
    /// What went wrong.
    pub kind: Kind,
    /// For people: what happened, and what to do where that is known.
    pub detail: String,
}

impl Error {
    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Error {
        Error { kind, detail: detail.into() }
    }

    /// Something that was done to a file or folder.
    pub(super) fn file(what: impl fmt::Display, error: &io::Error) -> Error {
        let kind = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Kind::Full,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Kind::Denied,
            io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => Kind::Invalid,
            _ => Kind::Failed,
        };
        let remedy = if kind == Kind::Full { "; make room, or give Admin more" } else { "" };
        Error::new(kind, format!("{what}: {error}{remedy}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.detail)
    }
}

impl std::error::Error for Error {}

impl From<Error> for admin_types::Error {
    fn from(error: Error) -> admin_types::Error {
        match error.kind {
            Kind::Full | Kind::Unavailable => {
                admin_types::Error::unavailable("The store of blobs is away or full; try again later", error)
            }
            Kind::Denied => admin_types::Error::unavailable(
                "The store of blobs does not let Admin in: whoever runs it must look at its keys and rights",
                error,
            ),
            _ => admin_types::Error::internal(error),
        }
    }
}
