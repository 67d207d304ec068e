//! What the programs that measure have in common: an HTTP client that costs little, closed and open loops over it,
//! the data that every subject holds, and what `/proc` says about a subject.
//!
//! Nothing here knows how a subject works inside; it is called as any client calls it.

pub mod admin;
pub mod drive;
pub mod http;
pub mod process;
pub mod rows;
pub mod script;
