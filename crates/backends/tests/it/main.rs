//! Each port's contract, held by each of its adapters.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests fail by panics, and print their seeds")]

mod queue;
