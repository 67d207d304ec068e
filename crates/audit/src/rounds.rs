//! What is done for every log now and then, by one process at a time: each round looks at all logs as the database has them, and
//! does what is to be done for those that are due.

use std::sync::Arc;
use std::time::Duration;

use admin_backends::queue::Log;
use admin_core::Core;
use admin_db::Tx;
use admin_db::audit::{self, LogSize, ObjectionRow};
use admin_types::{OrgId, Result};
use futures_util::{StreamExt, stream};

/// Logs that are read of the database at once.
const PAGE: u32 = 500;
/// How long a process has the work to itself since it last asked, in seconds.
const LEASE: i64 = 90;

/// Who does the work.
pub struct Turn {
    /// Where the lease is.
    pub log: Arc<dyn Log>,
    /// This run of this process.
    pub holder: String,
}

impl Turn {
    /// Whether it is this process's turn. Should two believe so, both do the same, and neither undoes what the other did.
    pub(crate) async fn is_ours(&self, work: &str) -> bool {
        self.log.lease(work, &self.holder, LEASE).await.unwrap_or(false)
    }

    /// Lets the next process begin at once.
    pub(crate) async fn give_up(&self, work: &str) {
        let _ = tokio::time::timeout(Duration::from_secs(2), self.log.lease(work, &self.holder, 0)).await;
    }
}

/// One round: `work` for each log that is due, some of them at once.
pub(crate) async fn round<F: Future<Output = ()>>(
    core: &Core,
    at_once: usize,
    due: impl Fn(&LogSize) -> bool,
    work: impl Fn(LogSize) -> F,
) -> Result<()> {
    let mut after = None;
    loop {
        let page = audit::logs(&mut *core.db().read().await?, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.org);
        stream::iter(page.into_iter().filter(&due)).for_each_concurrent(at_once, &work).await;
    }
}

/// Says where people look that somebody does not agree with a log.
pub(crate) async fn object(core: &Core, org: OrgId, objector: &str, why: &str) {
    metrics::counter!("admin_audit_objections_total").increment(1);
    tracing::error!(%org, objector, why, "the audit log of an org is not the one that its mirror or its witness knows");
    let row = ObjectionRow { objector: objector.to_owned(), why: why.to_owned(), since: core.clock().now() };
    let told = core.db().write_global(async move |tx: &mut Tx| audit::object(tx, org, &row).await).await;
    if let Err(error) = told {
        tracing::warn!(%org, %error, "that somebody does not agree with a log could not be written down");
    }
}

/// Nobody of this name objects any more; whether that stands in the database now.
pub(crate) async fn withdraw(core: &Core, org: OrgId, objector: &str) -> bool {
    let all = async { audit::objections(&mut *core.db().read().await?, org).await };
    match all.await {
        Ok(all) if all.iter().all(|row| row.objector != objector) => return true,
        Ok(_) => {}
        Err(_) => return false,
    }
    let objector = objector.to_owned();
    core.db().write_global(async move |tx: &mut Tx| audit::withdraw(tx, org, &objector).await).await.is_ok()
}

/// What [`object`] counts.
pub(crate) fn describe_objections() {
    metrics::describe_counter!(
        "admin_audit_objections_total",
        "Times that a mirror or a witness did not agree with a log"
    );
}
