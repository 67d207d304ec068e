//! A store that was lost, or that is older than the database, gets its log again: from the events of the database, if these are the
//! ones that were signed.

use admin_backends::blob::Etag;
use admin_core::Core;
use admin_core::audit::LogStore;
use admin_db::audit::LogRow;
use admin_db::events::{self, EventQuery};
use admin_tlog::{Builder, Bundles, Note, Policy, Tile, TreeHead};
use admin_types::{Error, OrgId, Result};

use crate::growing::entry;
use crate::sealer::stopped;

/// Events that are read at once.
const STEP: u32 = 512;

/// Makes the log of an org anew.
pub(crate) struct Rebuild<'a> {
    pub(crate) core: &'a Core,
    pub(crate) org: OrgId,
    pub(crate) store: &'a LogStore,
    pub(crate) policy: &'a Policy,
}

impl Rebuild<'_> {
    /// Brings the store to the last checkpoint that the database knows.
    ///
    /// # Errors
    /// [`stopped`], if the database does not have all events of it as they were signed.
    pub(crate) async fn run(&self, known: &LogRow) -> Result<()> {
        let note = Note::parse(known.checkpoint.as_bytes());
        let signed = note.and_then(|note| Ok((self.policy.verify(&note)?.head, note)));
        let (head, note) = signed
            .map_err(|error| stopped(format!("the checkpoint in the database is not signed by the log: {error}")))?;
        if known.first > 0 {
            return Err(stopped(format!(
                "the store of blobs has lost a part of the log, and the events up to {} were removed by the retention: bring the store back from its backup or from the mirror",
                known.first
            )));
        }
        let (there, before) = self.there().await?;
        // A process that ended behind its checkpoint has not told the database.
        let is_ahead = there.size >= head.size;
        let head = if is_ahead { there } else { head };
        // Nothing is written before it is known to be right.
        self.derive(head, there, false).await?;
        self.derive(head, there, true).await?;
        if !is_ahead {
            self.store.publish(&note, before.as_ref()).await?;
        }
        tracing::warn!(org = %self.org, events = head.size, "the store of blobs had lost a part of the audit log; it was made anew from the events, which are those that were signed");
        Ok(())
    }

    /// What the store has still, and its name.
    async fn there(&self) -> Result<(TreeHead, Option<Etag>)> {
        let found = self.store.checkpoint(self.policy).await?;
        Ok(found.map_or_else(|| (TreeHead::empty(), None), |(_, checkpoint, etag)| (checkpoint.head, Some(etag))))
    }

    /// Goes through the events up to a head, on the way from what the store has.
    async fn derive(&self, head: TreeHead, there: TreeHead, write: bool) -> Result<()> {
        let (mut builder, mut bundles) = (Builder::new(), Bundles::default());
        while builder.head().size < head.size {
            let after = i64::try_from(builder.head().size).map_err(Error::internal)?;
            let query = EventQuery { after: Some(after), ..EventQuery::default() };
            let read = events::list(&mut *self.core.db().read().await?, self.org, &query, 0, STEP).await?;
            for (event, seq) in read.iter().zip(after + 1..) {
                if event.seq != seq || builder.head().size == head.size {
                    break;
                }
                let entry = entry(event)?;
                builder.append(entry.hash()).map_err(Error::internal)?;
                bundles.append(&entry);
                if builder.head().size == there.size && builder.head() != there {
                    return Err(stopped(
                        "the store of blobs has another log than the database: one of them is of another past"
                            .to_owned(),
                    ));
                }
            }
            if builder.head().size == u64::try_from(after).map_err(Error::internal)? {
                return Err(stopped(format!(
                    "the store of blobs has lost a part of the log, and event {} is not in the database: bring the store back from its backup or from the mirror",
                    after + 1
                )));
            }
            let mut tiles: Vec<Tile> = bundles.take();
            tiles.extend(builder.take_tiles());
            if write {
                self.store.write(tiles).await?;
            }
        }
        match builder.head() == head {
            true => Ok(()),
            false => Err(stopped(
                "the store of blobs has lost a part of the log, and the events of the database are not the ones that were signed: bring the store back from its backup or from the mirror".to_owned(),
            )),
        }
    }
}
