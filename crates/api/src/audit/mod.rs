//! The audit log: searched, exported, proven, and served to those who keep a copy.

mod export;
mod hold;
mod log;
mod search;

pub(crate) use export::{__path_export_audit, export_audit};
pub(crate) use hold::{__path_hold_audit_log, __path_release_audit_log, hold_audit_log, release_audit_log};
pub(crate) use log::{
    __path_get_audit_checkpoint, __path_get_audit_key, __path_get_audit_log, __path_get_audit_tile, __path_get_receipt,
    get_audit_checkpoint, get_audit_key, get_audit_log, get_audit_tile, get_receipt,
};
pub(crate) use search::{__path_search_audit, search_audit};
