//! The reader of events that makes the logs grow. One process at a time does it, by the lease of its reader; two who both believe to
//! have that make the same leaves of the same events, and one of them publishes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use admin_backends::queue::{Handler, Settings};
use admin_core::Core;
use admin_db::events::{self, EventQuery};
use admin_db::{Tx, audit, orgs};
use admin_tlog::Signer;
use admin_types::{Error, Event, Kind, OrgId, Result};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::growing::{Growing, LOST, Sealed, entry};
use crate::rebuild::Rebuild;

/// The name under which events are read.
pub const READER: &str = "audit";
/// Logs that are kept ready to grow; each takes up to 150 kB.
const READY: usize = 256;
/// Events that are read at once when the log is behind its reader.
const STEP: u32 = 512;

/// How events are read: some at once, so that a checkpoint is for many, and soon enough that it is at most a second behind.
#[must_use]
pub fn settings() -> Settings {
    Settings { batch: 4096, bytes: 16 << 20, linger: Duration::from_millis(200), ..Settings::default() }
}

/// Makes logs grow.
pub struct Sealer {
    core: Core,
    ready: Mutex<HashMap<OrgId, Growing>>,
}

impl Sealer {
    /// The logs of an installation.
    #[must_use]
    pub fn new(core: &Core) -> Sealer {
        metrics::describe_counter!("admin_audit_sealed_total", "Events sealed into the audit log");
        metrics::describe_counter!("admin_audit_stopped_total", "Times that a log could not go on");
        Sealer { core: core.clone(), ready: Mutex::default() }
    }

    fn take(&self, org: OrgId) -> Option<Growing> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).remove(&org)
    }

    fn keep(&self, org: OrgId, growing: Growing) {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if ready.len() >= READY {
            ready.clear();
        }
        ready.insert(org, growing);
    }

    /// Brings the log up to the last of these events. Whatever fails leaves the log to be opened anew.
    async fn seal(&self, org: OrgId, events: &[Event]) -> Result<()> {
        let signer = self.core.audit_signer(org).await?;
        let mut growing = match self.take(org) {
            Some(growing) => growing,
            None => self.open(org, &signer).await?,
        };
        let before = growing.size();
        for event in events {
            self.add(org, &mut growing, event).await?;
        }
        let added = growing.size() - before;
        if added > 0 {
            match growing.seal(&signer).await? {
                Sealed::Done(note, size) => self.note(org, note, size).await?,
                Sealed::Outrun => {
                    return Err(away("another process has sealed events of this org; going on behind it"));
                }
            }
            metrics::counter!("admin_audit_sealed_total").increment(added);
        }
        self.keep(org, growing);
        Ok(())
    }

    async fn add(&self, org: OrgId, growing: &mut Growing, event: &Event) -> Result<()> {
        let seq = u64::try_from(event.seq).map_err(Error::internal)?;
        // What is in the log already must be what is there now.
        if seq <= growing.size() {
            let sealed = growing.leaf(seq - 1).await?;
            return match sealed == entry(event)?.hash() {
                true => Ok(()),
                false => Err(stopped(format!(
                    "event {seq} is not the one that was sealed: the database was altered, or an old backup of it was restored"
                ))),
            };
        }
        while growing.size() + 1 < seq {
            let after = i64::try_from(growing.size()).map_err(Error::internal)?;
            let query = EventQuery { after: Some(after), ..EventQuery::default() };
            let missing = events::list(&mut *self.core.db().read().await?, org, &query, 0, STEP).await?;
            let missing: Vec<_> = missing.into_iter().filter(|missing| missing.seq < event.seq).collect();
            for missing in &missing {
                expect(growing, missing)?;
                growing.append(missing)?;
            }
            if missing.is_empty() {
                return Err(stopped(format!("event {} is not in the database", growing.size() + 1)));
            }
        }
        growing.append(event)
    }

    /// Opens the log, and holds it against what the database knows of it. A store that has lost some of it gets it again.
    async fn open(&self, org: OrgId, signer: &Signer) -> Result<Growing> {
        let store = self.core.log_store(org)?;
        let known = audit::get(&mut *self.core.db().read().await?, org).await?.filter(|log| log.size > 0);
        let growing = match (Growing::open(org, store.clone(), signer).await, &known) {
            (Ok(growing), Some(known)) if signed(growing.size())? < known.size => None,
            (Err(error), Some(_)) if error.code == LOST => None,
            (opened, _) => Some(opened?),
        };
        let growing = match (growing, &known) {
            (Some(growing), _) => growing,
            (None, Some(known)) => {
                let policy = self.core.audit_policy(org).await?;
                Rebuild { core: &self.core, org, store: &store, policy: &policy }.run(known).await?;
                Growing::open(org, store, signer).await?
            }
            (None, None) => return Err(Error::internal("a log that nobody knows has lost nothing")),
        };
        let last = orgs::state(&mut *self.core.db().read().await?, org).await?.0;
        if last < signed(growing.size())? {
            let why = format!(
                "the log has {} events and the database {last}: an old backup of the database was restored",
                growing.size()
            );
            return Err(stopped(why));
        }
        Ok(growing)
    }

    /// The database hears of a checkpoint.
    async fn note(&self, org: OrgId, note: String, size: u64) -> Result<()> {
        let (size, now) = (i64::try_from(size).map_err(Error::internal)?, self.core.clock().now());
        self.core.db().write_global(async move |tx: &mut Tx| audit::sealed(tx, org, (size, &note), now).await).await
    }

    /// Says why a log cannot go on, where people look.
    async fn tell(&self, org: OrgId, why: &str) {
        metrics::counter!("admin_audit_stopped_total").increment(1);
        tracing::error!(%org, why, "the audit log of an org cannot go on; `admin audit verify` says more");
        let why = why.to_owned();
        let told = self.core.db().write_global(async move |tx: &mut Tx| audit::troubled(tx, org, &why).await).await;
        if let Err(error) = told {
            tracing::warn!(%org, %error, "why the log stopped could not be written down");
        }
    }
}

/// The next event of a log is the one behind its last.
fn expect(growing: &Growing, event: &Event) -> Result<()> {
    let next = growing.size() + 1;
    match u64::try_from(event.seq).is_ok_and(|seq| seq == next) {
        true => Ok(()),
        false => Err(stopped(format!("event {next} is not in the database; the next one there is {}", event.seq))),
    }
}

fn signed(size: u64) -> Result<i64> {
    i64::try_from(size).map_err(Error::internal)
}

/// The log cannot go on, until somebody has looked at it.
pub(crate) fn stopped(why: String) -> Error {
    Error { context: Some(why), ..Error::new(Kind::Unavailable, "log_stopped", "The audit log cannot go on.") }
}

fn away(what: &str) -> Error {
    Error::unavailable("The audit log is busy.", what)
}

impl Handler for Sealer {
    fn handle<'a>(&'a self, org: OrgId, events: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        async move {
            let Err(error) = self.seal(org, events).await else { return Ok(()) };
            if matches!(error.code, "log_stopped" | "log_altered" | LOST) {
                self.tell(org, error.context.as_deref().unwrap_or(&error.detail)).await;
            }
            // No event is ever left out of the log, so it is tried until it goes.
            Err(Error { kind: Kind::Unavailable, ..error })
        }
        .boxed()
    }
}
