//! The one error of all layers, free of any transport. The edge maps [`Kind`] to a status, once.

use serde::Serialize;

use crate::ResourceId;

/// A result with our error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in the terms of the caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The request cannot be understood.
    Invalid,
    /// No principal, or a bad token.
    Unauthenticated,
    /// The principal may not do this.
    Forbidden,
    /// It does not exist, or the principal may not know that it does.
    NotFound,
    /// The path does not take the method.
    MethodNotAllowed,
    /// The present state does not allow it.
    Conflict,
    /// It was there, but is no longer.
    Gone,
    /// `If-Match` names another version.
    PreconditionFailed,
    /// More than a stated bound.
    TooLarge,
    /// The path and query are longer than they may be.
    UriTooLong,
    /// The headers are larger than they may be.
    HeadersTooLarge,
    /// A media type that this endpoint does not take.
    UnsupportedMediaType,
    /// Understood, but the content breaks a rule.
    Unprocessable,
    /// More often than is allowed.
    TooManyRequests,
    /// Try again later: a backend is away or overloaded.
    Unavailable,
    /// A stated bound of time was reached.
    Timeout,
    /// Our fault. The context is logged, never shown.
    Internal,
}

/// One place in the input that is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FieldError {
    /// JSON Pointer into the body (RFC 6901), or the name of the parameter.
    pub pointer: String,
    /// What is wrong there and what would be right.
    pub detail: String,
    /// The line of the body on which it stands, from 1, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

impl FieldError {
    /// `detail` at `pointer`.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> FieldError {
        FieldError { pointer: pointer.into(), detail: detail.into(), line: None }
    }
}

/// An error: public words for the caller, and a context for the log alone.
#[derive(Clone, Debug)]
pub struct Error {
    /// What went wrong, in general.
    pub kind: Kind,
    /// A stable word for programs; each has a page in `docs/errors/`.
    pub code: &'static str,
    /// One sentence for people: what happened and what to do next.
    pub detail: String,
    /// The places in the input that are wrong.
    pub errors: Vec<FieldError>,
    /// More facts for programs, such as who refers to a resource; an object or null.
    pub extra: Box<serde_json::Value>,
    /// For the log, never for the caller.
    pub context: Option<String>,
    /// What a policy refused, for the record, never for the caller: a refusal may look like an absence.
    pub denied: Option<Box<Denied>>,
}

/// What was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Denied {
    /// The verb, such as `update`.
    pub verb: &'static str,
    /// The type of the resource.
    pub type_name: String,
    /// The resource; `None` when it was about to be created.
    pub resource: Option<ResourceId>,
}

impl Error {
    /// An error of `kind` with a stable `code` and public `detail`.
    pub fn new(kind: Kind, code: &'static str, detail: impl Into<String>) -> Error {
        Error { kind, code, detail: detail.into(), errors: vec![], extra: Box::default(), context: None, denied: None }
    }

    /// The request cannot be understood.
    pub fn invalid(code: &'static str, detail: impl Into<String>) -> Error {
        Error::new(Kind::Invalid, code, detail)
    }

    /// The named parameter is wrong.
    pub fn parameter(name: &str, detail: impl Into<String>) -> Error {
        let detail = detail.into();
        Error::invalid("invalid_parameter", format!("The parameter `{name}`: {detail}")).at(name, detail)
    }

    /// The content breaks rules at the places given.
    pub fn validation(errors: Vec<FieldError>) -> Error {
        Error::unprocessable("validation_failed", errors)
    }

    /// The content breaks the rule that `code` names, at the places given.
    pub fn unprocessable(code: &'static str, errors: Vec<FieldError>) -> Error {
        let detail = match errors.as_slice() {
            [one] => format!("{}: {}", if one.pointer.is_empty() { "the document" } else { &one.pointer }, one.detail),
            many => format!("{} places in the document are not valid; see `errors`.", many.len()),
        };
        Error { errors, ..Error::new(Kind::Unprocessable, code, detail) }
    }

    /// Nothing there that the principal may see.
    pub fn not_found(what: &str) -> Error {
        Error::new(Kind::NotFound, "not_found", format!("There is no {what} here, or you may not see it."))
    }

    /// The principal may not do this.
    pub fn forbidden(detail: impl Into<String>) -> Error {
        Error::new(Kind::Forbidden, "forbidden", detail)
    }

    /// The present state does not allow it.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Error {
        Error::new(Kind::Conflict, code, detail)
    }

    /// Whether it says nothing of what was asked for: asked again later, the answer may be another.
    pub fn is_passing(&self) -> bool {
        matches!(self.kind, Kind::Internal | Kind::Unavailable | Kind::Timeout | Kind::TooManyRequests)
    }

    /// Our fault; `context` goes to the log.
    pub fn internal(context: impl std::fmt::Display) -> Error {
        let detail = "Something went wrong on our side. The log has the details under this request id.";
        Error { context: Some(context.to_string()), ..Error::new(Kind::Internal, "internal", detail) }
    }

    /// A backend is away or overloaded; `context` goes to the log.
    pub fn unavailable(detail: impl Into<String>, context: impl std::fmt::Display) -> Error {
        Error { context: Some(context.to_string()), ..Error::new(Kind::Unavailable, "unavailable", detail) }
    }

    /// Adds a place in the input.
    pub fn at(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Error {
        self.errors.push(FieldError::new(pointer, detail));
        self
    }

    /// Adds to each place the line of `body` on which it stands.
    pub fn with_lines(mut self, body: &[u8]) -> Error {
        for error in self.errors.iter_mut().filter(|error| error.pointer.starts_with('/')) {
            error.line = crate::line_of(body, &error.pointer);
        }
        self
    }

    /// Says what a policy refused.
    pub fn denying(mut self, verb: &'static str, type_name: &str, resource: Option<ResourceId>) -> Error {
        self.denied = Some(Box::new(Denied { verb, type_name: type_name.to_owned(), resource }));
        self
    }

    /// Adds facts for programs; `extra` is an object.
    pub fn with(mut self, extra: serde_json::Value) -> Error {
        self.extra = Box::new(extra);
        self
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)?;
        match &self.context {
            Some(context) => write!(f, " ({context})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
