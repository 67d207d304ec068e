//! Real servers and the real binary, in temporary folders, for tests.
//!
//! Nothing here is a mock, and nothing is skipped: a server that cannot be started fails the test that asked for it.
//! Every server ends with the test that started it, also when that test is killed (see [`process`]).
//!
//! - [`story!`] runs one story over HTTP against the binary, on SQLite and on PostgreSQL.
//! - [`postgres::database`] is a fresh database in a PostgreSQL that all tests of a run share.
//! - [`node::run`] runs a script of `crates/testkit/node/` against a sandbox.
//! - [`live::Live`] reads server-sent events.
//! - [`mail::MailServer`] takes letters and keeps them.
//! - [`disk::Disk`] is a small disk, to fill up.
//! - [`sink::Sink`] is sent messages, keeps them, and answers as it is told.
//! - [`s3::Server`] is a server of S3, and [`faulty::Proxy`] a network that fails when it is told to.
//! - [`postgres::Server`] is a PostgreSQL of one test's own, to kill and to start again.
//! - [`rabbitmq::virtual_host`] and [`rabbitmq::Server`] are the same of RabbitMQ.

pub mod binary;
pub mod client;
pub mod disk;
pub mod faulty;
pub mod live;
pub mod mail;
pub mod node;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod rabbitmq;
pub mod s3;
pub mod sink;
pub mod story;

pub use binary::Sandbox;
pub use client::Client;
pub use reqwest::{Method, RequestBuilder};
pub use story::Backend;
