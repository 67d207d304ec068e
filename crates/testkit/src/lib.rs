//! Real servers and the real binary, in temporary folders, for tests.
//!
//! Nothing here is a mock, and nothing is skipped: a server that cannot be started fails the test that asked for it.
//! Every server ends with the test that started it, also when that test is killed (see [`process`]).
//!
//! - [`story!`] runs one story over HTTP against the binary, on SQLite and on PostgreSQL.
//! - [`postgres::database`] is a fresh database in a PostgreSQL that all tests of a run share.
//! - [`node::run`] runs a script of `crates/testkit/node/` against a sandbox.
//! - [`mail::MailServer`] takes letters and keeps them.
//! - [`postgres::Server`] is a PostgreSQL of one test's own, to kill and to start again.

pub mod binary;
pub mod client;
pub mod mail;
pub mod node;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod story;

pub use binary::Sandbox;
pub use client::Client;
pub use reqwest::{Method, RequestBuilder};
pub use story::Backend;
