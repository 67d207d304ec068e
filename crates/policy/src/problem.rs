//! What is wrong with a policy's text, and where.

use admin_types::{Error, FieldError};
use cedar_policy_core::parser::Loc;
use miette::Diagnostic;

/// Where the text stands in a policy resource.
const POINTER: &str = "/attributes/cedar";
/// The most problems that are told.
const MAX_PROBLEMS: usize = 50;

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Problem {
    /// The byte at which it stands.
    pub(crate) at: usize,
    /// What is wrong, and what to do instead.
    pub(crate) detail: String,
}

impl Problem {
    pub(crate) fn new(at: Option<&Loc>, detail: impl Into<String>) -> Problem {
        Problem { at: at.map_or(0, Loc::start), detail: detail.into() }
    }

    /// What Cedar says, with its advice; `from` is where the statement begins, for what Cedar does not place.
    pub(crate) fn of_cedar(diagnostic: &dyn Diagnostic, from: usize) -> Problem {
        let at = diagnostic.labels().and_then(|mut labels| labels.next()).map_or(from, |label| label.offset());
        let message = diagnostic.to_string();
        let message = without_name(&message);
        match diagnostic.help() {
            Some(help) => Problem { at, detail: format!("{message}; {}", without_name(&help.to_string())) },
            None => Problem { at, detail: message.to_owned() },
        }
    }
}

/// Cedar names the policy first, by a name that it made itself.
fn without_name(message: &str) -> &str {
    let named = message.strip_prefix("for policy `").and_then(|rest| rest.split_once("`, "));
    named.map_or(message, |(_, rest)| rest)
}

/// All problems as one error, in the order of the text, each once.
pub(crate) fn error(text: &str, mut problems: Vec<Problem>) -> Error {
    problems.sort();
    problems.dedup();
    problems.truncate(MAX_PROBLEMS);
    let tell = |problem: Problem| {
        let (line, column) = position(text, problem.at);
        FieldError::new(POINTER, format!("line {line}, column {column}: {}", problem.detail))
    };
    Error::validation(problems.into_iter().map(tell).collect())
}

/// The line and the column of a byte, both from 1; columns count characters.
pub(crate) fn position(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(at.min(text.len()))];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let text = "äb\ncöd";
        assert_eq!(position(text, 0), (1, 1));
        assert_eq!(position(text, 2), (1, 2));
        assert_eq!(position(text, text.len() - 1), (2, 3));
        assert_eq!(position(text, 99), (2, 4));
    }
}
