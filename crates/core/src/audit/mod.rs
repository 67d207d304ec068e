//! The audit log of an org: a transparency log whose leaves are its events. The crate `audit` makes it grow; here it is read:
//! searched, proven, and served to those who keep a copy.

mod hold;
mod key;
mod receipt;
mod search;
mod store;

pub use hold::{HoldShown, LogStatus, Objection, hold_log, log_status, release_log};
pub use key::origin;
pub use receipt::{Receipt, receipt, receipt_of_change};
pub use search::{AuditQuery, Search, search_audit};
pub use store::{LogStore, Tiles, log_checkpoint, log_key, log_tile};

use std::sync::Arc;

use admin_backends::blob::Blob;
use admin_schema::Filter;
use admin_types::{Error, Result};

use crate::access::{Actor, Verb};
use crate::op::Op;
use crate::{Core, Inner};

impl Core {
    /// Says where the logs are kept.
    pub fn keep_logs(&self, blob: Arc<dyn Blob>) {
        let _ = self.inner.blob.set(blob);
    }
}

impl Inner {
    pub(crate) fn blob(&self) -> Result<&Arc<dyn Blob>> {
        self.blob.get().ok_or_else(|| Error::internal("no store of blobs was given"))
    }
}

impl Actor {
    /// Whether the principal may read the audit log: what is no change, such as who was refused and who signed in, and from
    /// which addresses. That is for those who may read every policy, as the roles `owner`, `admin` and `auditor` may.
    pub(crate) fn audits(&self, op: &Op) -> bool {
        let rule = self.rule(op, Verb::Read.as_str(), "policy");
        rule.rows == Filter::True && rule.fields.is_empty()
    }
}

fn forbidden() -> Error {
    let detail = "Only those who may read every policy may read the audit log; the role `auditor` is made for it.";
    Error::forbidden(detail).denying(Verb::Read.as_str(), "policy", None)
}

/// The principal, if it may read the audit log.
async fn auditor(core: &Core, op: &Op) -> Result<Arc<Actor>> {
    let actor = core.actor(op).await?;
    if actor.audits(op) { Ok(actor) } else { Err(forbidden()) }
}

/// The principal, if it may read all that is in the log, as it is there.
async fn who_sees_all(core: &Core, op: &Op) -> Result<()> {
    let actor = auditor(core, op).await?;
    if actor.sees_everything(op) {
        return Ok(());
    }
    let detail = "The log's tiles, and what a search by text finds, tell of whole events, so they are for those alone who may read everything.";
    Err(Error::forbidden(detail).denying(Verb::Read.as_str(), "policy", None))
}
