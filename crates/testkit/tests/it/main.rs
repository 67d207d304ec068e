//! Stories of the product and tests of the kit: one file per noun.

mod acts;
mod binary;
mod dry_run;
mod events;
mod filters;
mod idempotency;
mod postgres;
mod references;
mod resources;
mod roles;
mod secrets;
mod transfer;
mod type_changes;
mod types;
