//! What is wrong with a filter's text, and where.

use admin_types::Error;

/// A sentence about a column.
#[derive(Debug)]
pub(super) struct Problem {
    /// Counted in characters, from 1.
    column: usize,
    detail: String,
}

impl Problem {
    pub(super) fn at(column: usize, detail: impl Into<String>) -> Problem {
        Problem { column, detail: detail.into() }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Error {
        Error::parameter("filter", format!("column {}: {}", problem.column, problem.detail))
    }
}
