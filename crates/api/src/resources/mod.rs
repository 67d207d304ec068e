//! Handlers of resources. Each operation serves `/v3/resources` and `/v3/{plural}`; one file per operation.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod export;
pub(crate) mod get;
pub(crate) mod import;
pub(crate) mod list;
pub(crate) mod replace;
pub(crate) mod restore;
pub(crate) mod update;
mod wish;
