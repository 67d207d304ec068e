//! A group of writes that commit together. Each write is one job in a savepoint of its own; the org's event number
//! and the counters are kept in memory while the group runs and written once, before the commit.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};

use admin_types::{Error, OrgId, Result};

use tokio::sync::broadcast;

use crate::conn::Conn;
use crate::orgs::Versions;
use crate::{counts, dialect, orgs};

/// Jobs so far.
static JOBS: AtomicU64 = AtomicU64::new(1);

/// A transaction, as a job sees it: a connection that also hands out event numbers and keeps counters.
pub struct Tx {
    conn: Conn,
    /// What the group has changed so far, by all jobs that succeeded.
    group: Changes,
    /// What the running job has changed.
    job: Changes,
    org: Option<OrgId>,
    /// The org's versions when the running job began.
    begun: Versions,
    /// No two jobs of a process have the same.
    number: u64,
    rollback: bool,
    heads: broadcast::Sender<Head>,
}

#[derive(Default, Clone)]
struct Changes {
    orgs: HashMap<OrgId, OrgState>,
    counts: HashMap<(OrgId, String, String), i64>,
}

/// An org, and the number of its last event.
pub type Head = (OrgId, i64);

/// The row of an org, locked until the commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct OrgState {
    pub(crate) seq: i64,
    pub(crate) versions: Versions,
}

impl Deref for Tx {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}

impl Tx {
    /// Tells `heads` of each org of a group that was committed.
    pub(crate) fn new(conn: Conn, heads: &broadcast::Sender<Head>) -> Tx {
        Tx {
            conn,
            group: Changes::default(),
            job: Changes::default(),
            org: None,
            begun: Versions::default(),
            number: 0,
            rollback: false,
            heads: heads.clone(),
        }
    }

    /// The org's next event number. The event must be inserted in this job.
    pub fn next_seq(&mut self) -> Result<i64> {
        let state = self.org_mut()?;
        state.seq += 1;
        Ok(state.seq)
    }

    /// The org's last event number.
    pub fn seq(&self) -> Result<i64> {
        self.org_state().map(|state| state.seq)
    }

    /// The version of the org's type catalogue, as this transaction sees it.
    pub fn catalogue(&self) -> Result<i64> {
        self.org_state().map(|state| state.versions.catalogue)
    }

    /// Says that the org's types changed, so that every process reads them anew.
    pub fn bump_catalogue(&mut self) -> Result<()> {
        self.org_mut()?.versions.catalogue += 1;
        Ok(())
    }

    /// The versions of what processes keep of the org, as this transaction sees them.
    pub fn versions(&self) -> Result<Versions> {
        self.org_state().map(|state| state.versions)
    }

    /// The same, as they were when this job began.
    pub fn versions_at_start(&self) -> Versions {
        self.begun
    }

    /// The number of the running job, which no other job of this process has.
    pub fn job(&self) -> u64 {
        self.number
    }

    /// Says that policies, roles or groups of the org changed.
    pub fn bump_policies(&mut self) -> Result<()> {
        self.org_mut()?.versions.policies += 1;
        Ok(())
    }

    /// Says that users, clients or role bindings of the org changed.
    pub fn bump_principals(&mut self) -> Result<()> {
        self.org_mut()?.versions.principals += 1;
        Ok(())
    }

    /// Adds `delta` to the number of live resources of a type in a status.
    pub fn count(&mut self, type_name: &str, status: &str, delta: i64) -> Result<()> {
        let org = self.org.ok_or_else(no_org)?;
        *self.job.counts.entry((org, type_name.to_owned(), status.to_owned())).or_default() += delta;
        Ok(())
    }

    /// Makes this job leave nothing behind, though it answers as if it had: a dry run.
    pub fn roll_back(&mut self) {
        self.rollback = true;
    }

    fn org_state(&self) -> Result<OrgState> {
        let org = self.org.ok_or_else(no_org)?;
        self.job.orgs.get(&org).or_else(|| self.group.orgs.get(&org)).copied().ok_or_else(no_org)
    }

    fn org_mut(&mut self) -> Result<&mut OrgState> {
        let (org, state) = (self.org.ok_or_else(no_org)?, self.org_state()?);
        Ok(self.job.orgs.entry(org).or_insert(state))
    }

    /// Opens the group's transaction.
    pub(crate) async fn begin(&mut self) -> Result<()> {
        self.group = Changes::default();
        let begin = dialect::begin_write(&self.conn);
        self.conn.defer_batch(begin).await
    }

    /// Readies the transaction for the next job: takes the org's lock if no job of this group has.
    pub(crate) async fn enter(&mut self, org: Option<OrgId>, savepoint: bool) -> Result<()> {
        (self.job, self.org, self.rollback) = (Changes::default(), org, false);
        if let Some(org) = org
            && !self.group.orgs.contains_key(&org)
        {
            let state = orgs::lock(&mut self.conn, org).await?;
            self.group.orgs.insert(org, state);
        }
        self.number = JOBS.fetch_add(1, Ordering::Relaxed);
        self.begun = self.org_state().map(|state| state.versions).unwrap_or_default();
        if savepoint { self.conn.defer_batch("SAVEPOINT job").await } else { Ok(()) }
    }

    /// Keeps or undoes what the job did. Without a savepoint the caller undoes the whole group instead.
    /// Answers whether something remains to be committed.
    pub(crate) async fn leave(&mut self, succeeded: bool, savepoint: bool) -> Result<bool> {
        let keep = succeeded && !self.rollback;
        if savepoint {
            self.conn.defer_batch(if keep { "RELEASE SAVEPOINT job" } else { "ROLLBACK TO SAVEPOINT job" }).await?;
        }
        if keep {
            let job = std::mem::take(&mut self.job);
            self.group.orgs.extend(job.orgs);
            for (key, delta) in job.counts {
                *self.group.counts.entry(key).or_default() += delta;
            }
        }
        Ok(keep)
    }

    /// Writes what the group kept in memory and commits.
    pub(crate) async fn commit(&mut self) -> Result<()> {
        let Changes { orgs, counts } = std::mem::take(&mut self.group);
        counts::add(&mut self.conn, &counts).await?;
        for (org, state) in &orgs {
            orgs::store(&mut self.conn, *org, *state).await?;
        }
        self.conn.flush().await?;
        self.conn.batch("COMMIT").await?;
        for (org, state) in orgs {
            // Nobody may be there to hear it.
            let _ = self.heads.send((org, state.seq));
        }
        Ok(())
    }

    /// Undoes the whole group.
    pub(crate) async fn abort(&mut self) -> Result<()> {
        // What was deferred is undone with the rest; its errors were the reason, or do not matter any more.
        let _ = self.conn.flush().await;
        self.conn.batch("ROLLBACK").await
    }

    pub(crate) fn connection(&self) -> &Conn {
        &self.conn
    }
}

fn no_org() -> Error {
    Error::internal("a write that belongs to no org asked for one")
}
