//! Stories of the product and tests of the kit: one file per noun.

mod access;
mod acts;
mod agreement;
mod api_keys;
mod attacks;
mod bad_input;
mod binary;
mod browser;
mod dry_run;
mod durability;
mod events;
mod filters;
mod idempotency;
mod lists;
mod oauth;
mod postgres;
mod processes;
mod references;
mod resources;
mod roles;
mod schemathesis;
mod secrets;
mod sign_in;
mod transfer;
mod type_changes;
mod types;
