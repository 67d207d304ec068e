//! What the database says of a log by itself, which nobody has signed: it must fit, and is not believed beyond that.

use admin_db::audit::{self, LogRow};
use admin_tlog::{Layer, TILE_WIDTH, TileId, entries};
use admin_types::{Result, Timestamp};

use super::{Run, number, signed};
use crate::prune::happened_at;

/// Numbers that are read at once.
const NUMBERS: u32 = 10_000;

/// What the database says.
#[derive(Default)]
pub(super) struct Said {
    /// Where the kept leaves begin.
    pub(super) first: u64,
    /// How many events are sealed.
    pub(super) size: u64,
    /// How many there are.
    pub(super) last: u64,
    /// Whole blocks before this index have no row any more, and are said to be removed by the retention.
    without_rows: u64,
}

impl Run<'_> {
    /// Takes what the database says. `size`: of the log, or of the copy of it.
    pub(super) async fn said(&mut self, known: Option<&LogRow>, last: i64, size: u64) -> Result<()> {
        let (said_size, said_first) = known.map_or((0, 0), |log| (log.size, log.first));
        for (number, what) in
            [(last, "has events"), (said_size, "has a log with leaves"), (said_first, "keeps leaves from an index on")]
        {
            if number < 0 {
                let detail = format!("the database says that the org {what}: {number}, which cannot be");
                self.find("altered", None, detail);
            }
        }
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        let mut conn = self.of.core.db().read().await?;
        let row = audit::numbers(&mut conn, self.of.org, (0, i64::MAX), 1).await?;
        let row = row.first().map_or(Ok(u64::MAX), |seq| number(seq - 1))?;
        // As it was read, so that it can be compared; what is below 0 was found above.
        let first = said_first.unsigned_abs();
        let without_rows = count(said_first).min(row) / TILE_WIDTH * TILE_WIDTH;
        self.said = Said { first, size: count(said_size), last: count(last), without_rows };
        let most = if self.of.is_copy { size.max(self.said.size) } else { size };
        if said_first >= 0 && (!first.is_multiple_of(TILE_WIDTH) || first > most) {
            let detail = format!(
                "the database says that the events before {} were removed by the retention, which removes whole blocks of {TILE_WIDTH} that are sealed",
                first + 1
            );
            self.find("altered", None, detail);
        }
        Ok(())
    }

    /// How many events at the beginning are gone as the retention removes them: their rows are, and their bundles, too, but for those of
    /// events which are so old that they may go. Those are left when it was interrupted, or has not come to them yet, and in a copy.
    pub(super) async fn pruned(&self, until: u64) -> Result<u64> {
        let gone = self.said.without_rows.min(until);
        let first = self.of.store.first_kept().await?.unwrap_or(u64::MAX);
        if first >= gone {
            return Ok(gone);
        }
        // What is on hold stays, wherever it is.
        let on_hold = audit::held(&mut *self.of.core.db().read().await?, self.of.org).await?.is_some();
        let kept_since = self.of.kept_since.filter(|_| self.of.is_copy || !on_hold);
        for block in first / TILE_WIDTH..gone.div_ceil(TILE_WIDTH) {
            let width = (self.report.size - block * TILE_WIDTH).min(TILE_WIDTH);
            let width = u16::try_from(width).map_err(admin_types::Error::internal)?;
            let bundle = TileId { layer: Layer::Entries, index: block, width };
            let bytes = self.read(vec![bundle]).await?.remove(&bundle);
            // Of the first, there is at least a beginning.
            let is_gone = bytes.is_none() && (kept_since.is_some() || block * TILE_WIDTH > first);
            let may_go = |bytes| kept_since.is_some_and(|since| is_older(bytes, since));
            if !is_gone && !bytes.as_deref().is_some_and(may_go) {
                return Ok(block * TILE_WIDTH);
            }
        }
        Ok(gone)
    }

    /// Of the numbers of the events in the database none is outside of what the org has given out, and of those that were not compared
    /// with the log of this size none is missing.
    pub(super) async fn numbers(&mut self, size: u64) -> Result<()> {
        let mut conn = self.of.core.db().read().await?;
        if let Some(stray) = audit::stray(&mut conn, self.of.org).await? {
            let detail =
                format!("there is an event with the number {stray} in the database, which was never given out");
            self.find("inserted", u64::try_from(stray).ok(), detail);
        }
        // Of a copy that is behind, more may be removed than it has.
        let from = if self.of.is_copy { size.max(self.said.without_rows) } else { size };
        let (mut after, last) = (signed(from)?, signed(self.said.last)?);
        while after < last {
            let read = audit::numbers(&mut conn, self.of.org, (after, last), NUMBERS).await?;
            let gap = (after + 1..).zip(&read).find(|(expected, is)| expected != *is).map(|(expected, _)| expected);
            let end = read.last().copied().unwrap_or(after);
            let gap = gap.or((read.len() < NUMBERS as usize && end < last).then_some(end + 1));
            if let Some(gap) = gap {
                let where_not = if self.of.is_copy { "is not in the copy" } else { "was not sealed" };
                let detail = format!("event {gap}, which {where_not} yet, was deleted from the database");
                self.find("deleted", u64::try_from(gap).ok(), detail);
                return Ok(());
            }
            after = end;
        }
        Ok(())
    }
}

/// Whether all events of a bundle happened before.
fn is_older(bundle: &[u8], since: Timestamp) -> bool {
    entries(bundle).is_ok_and(|entries| entries.iter().all(|entry| happened_at(entry).is_some_and(|at| at < since)))
}
