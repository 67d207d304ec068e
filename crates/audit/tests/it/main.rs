//! The log under faults, on both databases, in a folder and in S3.

#![allow(clippy::unwrap_used, reason = "tests fail by panics")]

mod faults;
mod lost;
mod retention;
mod world;
