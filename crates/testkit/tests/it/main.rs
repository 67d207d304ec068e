//! Stories of the product and tests of the kit: one file per noun.

mod acts;
mod dry_run;
mod filters;
mod idempotency;
mod postgres;
mod references;
mod resources;
mod secrets;
mod type_changes;
mod types;
