//! What a reader of the tree may rely on: one file per check, each from a tree to its findings.
//!
//! A check reads texts, never compiled code, so it is quick, and sometimes a heuristic: its module says where.

pub mod addresses;
pub mod binary;
pub mod dependencies;
pub mod documents;
pub mod error_pages;
pub mod layers;
pub mod migrations;
pub mod sizes;
pub mod sql;
pub mod words;

mod manifest;
mod source;
mod tree;

use std::fmt;

pub use tree::Tree;

/// One check of the tree.
pub type Check = fn(&Tree) -> Vec<Finding>;

/// Every check.
pub const CHECKS: [Check; 11] = [
    layers::check,
    sizes::files,
    sizes::functions,
    sql::check,
    migrations::check,
    words::check,
    documents::check,
    error_pages::check,
    dependencies::check,
    addresses::check,
    binary::check,
];

/// What all checks find.
#[must_use]
pub fn findings(tree: &Tree) -> Vec<Finding> {
    CHECKS.iter().flat_map(|check| check(tree)).collect()
}

/// Something that is not as it should be; prints as `path:line: message — remedy`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The file, from the root of the tree.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: &'static str,
}

impl Finding {
    /// `message` about `line` of the file `path`, and what to do about it.
    pub fn new(path: &str, line: usize, message: impl Into<String>, remedy: &'static str) -> Finding {
        Finding { path: path.to_owned(), line, message: message.into(), remedy }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {} — {}", self.path, self.line, self.message, self.remedy)
    }
}
