//! Everything about a log is derived anew: the tiles from the signed checkpoint downwards, the leaves from the events of the
//! database. What does not fit is named. Nothing that is not signed is believed: what the database says of retention is taken for
//! what is gone from the database and from the store alike, and for no more.

mod events;
mod said;
mod tiles;

use std::collections::BTreeSet;

use admin_core::Core;
use admin_core::audit::{LogStore, origin};
use admin_db::audit::{self, LogRow};
use admin_db::orgs;
use admin_tlog::{Checkpoint, Note, Policy, Receipt, TileId, TreeHead, consistency_tiles, prove_consistency};
use admin_types::{Error, OrgId, Result, Timestamp};

use self::said::Said;

/// Findings that are named in one report.
const MOST_FINDINGS: usize = 20;
/// How often a log is looked at again that its retention has changed meanwhile.
const TRIES: usize = 3;

/// Something that does not fit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// `altered`, `deleted`, `inserted`, `reordered`, `rolled_back`, `store_altered` or `forked`.
    pub what: &'static str,
    /// The number of the first event that it is about.
    pub event: Option<u64>,
    /// For people.
    pub detail: String,
}

impl Finding {
    pub(crate) fn new(what: &'static str, event: Option<u64>, detail: impl Into<String>) -> Finding {
        Finding { what, event, detail: detail.into() }
    }
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// The log's name.
    pub origin: String,
    /// How many events the log has.
    pub size: u64,
    /// How many events at its beginning are gone, as the retention removes them: whole blocks, everywhere.
    pub pruned: u64,
    /// How many were compared with those of the database.
    pub compared: u64,
    /// How many events of the database are not sealed yet.
    pub unsealed: u64,
    /// How many events the copy is behind the log; 0 for the log itself.
    pub behind: u64,
    /// What does not fit, up to 20; nothing, if all is as it was written.
    pub findings: Vec<Finding>,
}

/// What is held against each other.
pub struct Verification<'a> {
    /// The database.
    pub core: &'a Core,
    /// Whose log.
    pub org: OrgId,
    /// Where the log is, or a copy of it.
    pub store: LogStore,
    /// Whether it is a copy, which may be behind, and may keep what the log does not.
    pub is_copy: bool,
    /// Whom to trust; `None` if the database has no key.
    pub policy: Option<Policy>,
    /// Events that happened before are older than they are kept; without it, they are kept for ever.
    pub kept_since: Option<Timestamp>,
    /// Receipts and checkpoints of this log that were kept elsewhere, with the names of their files.
    pub kept: Vec<(String, Note)>,
}

/// The checkpoint of a receipt, or a checkpoint by itself, and the name of the log that it says it is of.
///
/// # Errors
/// It is neither.
pub fn kept_checkpoint(bytes: &[u8]) -> Result<(String, Note), admin_tlog::Error> {
    let note = Receipt::parse(bytes).map(|receipt| receipt.checkpoint).or_else(|_| Note::parse(bytes))?;
    Ok((Checkpoint::parse(note.text())?.origin, note))
}

/// Verifies the log of an org. `progress` hears how many leaves are done, of how many.
///
/// # Errors
/// The database or the store is away. What was altered is no error but a finding.
pub async fn verify(of: &Verification<'_>, mut progress: impl FnMut(u64, u64)) -> Result<Report> {
    let Some(policy) = &of.policy else { return without_key(of).await };
    let mut tries = 1;
    loop {
        let mut run = Run::of(of, policy);
        run.work(&mut progress).await?;
        let first = audit::get(&mut *of.core.db().read().await?, of.org).await?.map_or(0, |log| log.first);
        // What the retention has removed in the meantime was there when the number was read.
        if run.report.findings.is_empty() || first.unsigned_abs() == run.said.first || tries == TRIES {
            return Ok(run.report);
        }
        tries += 1;
    }
}

/// Without a key nothing was signed, or it is gone.
async fn without_key(of: &Verification<'_>) -> Result<Report> {
    let mut report = Report::of(origin(of.org));
    let mut conn = of.core.db().read().await?;
    report.unsealed = u64::try_from(orgs::state(&mut conn, of.org).await?.0).unwrap_or(0);
    if audit::get(&mut conn, of.org).await?.is_some() || of.store.published().await?.is_some() {
        let detail = "the key that signs the log is gone from the database, so that nothing could be verified: bring the table audit_key back from a backup before Admin starts and makes another";
        report.findings.push(Finding::new("altered", None, detail));
    }
    Ok(report)
}

impl Report {
    fn of(origin: String) -> Report {
        Report { origin, size: 0, pruned: 0, compared: 0, unsealed: 0, behind: 0, findings: vec![] }
    }
}

struct Run<'a> {
    of: &'a Verification<'a>,
    policy: &'a Policy,
    report: Report,
    /// What the database says by itself.
    said: Said,
    /// Tiles that are not what they should be.
    wrong: BTreeSet<TileId>,
    /// Those of them whose leaves are known to be right from the entries.
    known_by_entries: BTreeSet<TileId>,
}

impl<'a> Run<'a> {
    fn of(of: &'a Verification<'a>, policy: &'a Policy) -> Run<'a> {
        let report = Report::of(policy.origin().to_owned());
        Run { of, policy, report, said: Said::default(), wrong: BTreeSet::new(), known_by_entries: BTreeSet::new() }
    }

    fn find(&mut self, what: &'static str, event: Option<u64>, detail: impl Into<String>) {
        self.add(Finding::new(what, event, detail));
    }

    fn add(&mut self, finding: Finding) {
        if self.report.findings.len() < MOST_FINDINGS {
            self.report.findings.push(finding);
        }
    }

    async fn work(&mut self, progress: &mut impl FnMut(u64, u64)) -> Result<()> {
        // In this order, so that each knows no less than the one before, while the log grows.
        let known = audit::get(&mut *self.of.core.db().read().await?, self.of.org).await?;
        let head = self.head(known.is_some()).await?;
        let last = orgs::state(&mut *self.of.core.db().read().await?, self.of.org).await?.0;
        let size = head.map_or(0, |head| head.size);
        self.said(known.as_ref(), last, size).await?;
        self.report.size = size;
        self.report.unsealed = self.said.last.saturating_sub(size);
        if self.of.is_copy {
            self.report.behind = self.said.size.saturating_sub(size);
        }
        if let Some(head) = head {
            self.log(&head, known, progress).await?;
        }
        self.numbers(size).await
    }

    /// The log as its head has it, against what the database knows of it.
    async fn log(&mut self, head: &TreeHead, known: Option<LogRow>, progress: &mut impl FnMut(u64, u64)) -> Result<()> {
        let (size, last) = (head.size, self.said.last);
        if last < size {
            let detail = format!(
                "the log has {size} events and the database {last}: an old backup of the database was restored, or its last events were deleted"
            );
            self.find("rolled_back", Some(last + 1), detail);
        }
        self.report.pruned = self.pruned(size.min(last)).await?;
        let whole = self.tiles(head).await?;
        let of = self.of;
        if let Some(known) = known.filter(|known| known.size > 0 && self.report.behind == 0) {
            match Note::parse(known.checkpoint.as_bytes()) {
                Ok(note) => self.kept("the database", &note, head, whole).await?,
                Err(error) => self.find("altered", None, format!("the checkpoint in the database is none: {error}")),
            }
        }
        for (name, note) in &of.kept {
            self.kept(name, note, head, whole).await?;
        }
        self.events(size.min(last), head, progress).await
    }

    /// The head of the log, if its checkpoint is there and signed.
    async fn head(&mut self, expected: bool) -> Result<Option<TreeHead>> {
        let Some((bytes, _)) = self.of.store.published().await? else {
            if (expected && !self.of.is_copy) || self.is_rolled_back(0).await? {
                self.find("store_altered", None, "the log's checkpoint is gone from the store");
            }
            return Ok(None);
        };
        let read = Note::parse(&bytes).and_then(|note| self.policy.verify(&note));
        match read {
            Ok(Checkpoint { head, .. }) => {
                if self.is_rolled_back(head.size).await? {
                    let detail = format!(
                        "the copy has a log of {} events, and kept checkpoints of more: its checkpoint was set back",
                        head.size
                    );
                    self.find("rolled_back", Some(head.size + 1), detail);
                }
                Ok(Some(head))
            }
            Err(error) => {
                let detail = format!("the log's checkpoint is not signed by the log's key: {error}");
                self.find("store_altered", None, detail);
                Ok(None)
            }
        }
    }

    /// Whether a copy has kept more checkpoints behind this size than the one that it was about to publish.
    async fn is_rolled_back(&self, size: u64) -> Result<bool> {
        Ok(self.of.is_copy && self.of.store.kept_behind(size, 2).await?.len() > 1)
    }

    /// A checkpoint that was kept elsewhere must be one of this log's past.
    async fn kept(&mut self, name: &str, note: &Note, head: &TreeHead, whole: bool) -> Result<()> {
        let old = match self.policy.verify(note) {
            Ok(checkpoint) => checkpoint.head,
            Err(error) => {
                let detail = format!(
                    "{name}: says that it is of this log, and is not signed by the key that the database has: {error}. Either was replaced"
                );
                self.find("forked", None, detail);
                return Ok(());
            }
        };
        if old.size > head.size {
            let detail = format!(
                "{name}: knows a log of {} events, and there are {}: an old copy was restored",
                old.size, head.size
            );
            self.find("rolled_back", Some(head.size + 1), detail);
            return Ok(());
        }
        if !whole {
            return Ok(());
        }
        let tiles = self.read(consistency_tiles(old.size, head.size).map_err(Error::internal)?).await?;
        let same = old.size == head.size && old.root == head.root;
        if !same && old.size > 0 && prove_consistency(&old, head, &tiles).is_err() {
            let detail = format!(
                "{name}: the first {} events of this log are not the ones that were signed then: the log was rolled back and written anew, with the key",
                old.size
            );
            self.find("forked", Some(1), detail);
        }
        Ok(())
    }
}

fn number(seq: i64) -> Result<u64> {
    u64::try_from(seq).map_err(Error::internal)
}

fn signed(seq: u64) -> Result<i64> {
    i64::try_from(seq).map_err(Error::internal)
}
