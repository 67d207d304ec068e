//! The events of the database against the leaves.

use std::collections::VecDeque;

use admin_core::Core;
use admin_db::events::{self, EventQuery};
use admin_tlog::{Hash, Layer, TILE_WIDTH, TileId, TreeHead, entries};
use admin_types::{Error, Event, Kind, OrgId, Result};

use super::{Finding, Run, number, signed, tiles};
use crate::compare::{self, Sealed};
use crate::growing::entry;

/// Events that are read at once.
const STEP: u32 = 256;

impl Run<'_> {
    /// Holds the events of the database against the leaves. An event that was altered in its place is stepped over; where others have come
    /// or gone, what is behind says nothing more.
    pub(super) async fn events(
        &mut self,
        until: u64,
        head: &TreeHead,
        progress: &mut impl FnMut(u64, u64),
    ) -> Result<()> {
        let first = self.report.pruned;
        let mut reader = Events { core: self.of.core, org: self.of.org, after: first, until, ahead: VecDeque::new() };
        for block in first / TILE_WIDTH..until.div_ceil(TILE_WIDTH) {
            let (start, end) = (block * TILE_WIDTH, ((block + 1) * TILE_WIDTH).min(until));
            let Some(sealed) = self.block(block, head).await? else {
                reader.skip_to(end);
                continue;
            };
            for index in start.max(first)..end {
                let behind = &sealed[usize::try_from(index - start).map_err(Error::internal)?..];
                reader.fill().await?;
                let Some(finding) = reader.compare(index + 1, behind) else {
                    self.report.compared += 1;
                    continue;
                };
                let in_place = finding.what == "altered";
                self.add(finding);
                if !in_place {
                    return Ok(());
                }
            }
            progress(end, until);
        }
        Ok(())
    }

    /// The leaves of a block with their entries, if the store has them and they fit.
    async fn block(&mut self, block: u64, head: &TreeHead) -> Result<Option<Vec<Sealed>>> {
        let of =
            |layer| TileId::in_tree(layer, block, head.size).ok_or_else(|| Error::internal("a block beyond the log"));
        let (tile, bundle) = (of(Layer::Level(0))?, of(Layer::Entries)?);
        let tiles = self.read(vec![tile, bundle]).await?;
        let (first, last) = (block * TILE_WIDTH + 1, block * TILE_WIDTH + u64::from(tile.width));
        let read = tiles.get(&bundle).and_then(|bytes| entries(bytes).ok());
        let Some(read) = read.filter(|read| read.len() >= usize::from(tile.width)) else {
            let detail = format!("the events {first} to {last} are not in the store: {bundle} is missing or cut off");
            self.find("store_altered", Some(first), detail);
            return Ok(None);
        };
        let read = read.into_iter().take(tile.width.into());
        let sealed: Vec<Sealed> = read.map(|entry| Sealed { hash: Hash::leaf(entry), entry: entry.to_vec() }).collect();
        if self.known_by_entries.contains(&tile) {
            return Ok(Some(sealed));
        }
        let hashes = tiles::hashes(&tiles, tile).filter(|hashes| hashes.len() >= sealed.len());
        let Some(hashes) = hashes.filter(|_| !self.wrong.contains(&tile)) else {
            // That was found already, or the tile above it was.
            return Ok(None);
        };
        if let Some(at) = sealed.iter().zip(&hashes).position(|(sealed, hash)| sealed.hash != *hash) {
            let event = first + at as u64;
            let detail = format!("event {event} as {bundle} has it is not the one that was sealed");
            self.find("store_altered", Some(event), detail);
            return Ok(None);
        }
        Ok(Some(sealed))
    }
}

/// The events of the database, in order, with some ahead.
struct Events<'a> {
    core: &'a Core,
    org: OrgId,
    after: u64,
    until: u64,
    ahead: VecDeque<(u64, Row)>,
}

/// An event, or why its row cannot be read.
type Row = Result<Event, String>;

impl Events<'_> {
    /// Goes on behind an event.
    fn skip_to(&mut self, seq: u64) {
        self.ahead.retain(|(at, _)| *at > seq);
        self.after = self.after.max(seq);
    }

    /// Has at least half a block of events ahead, as long as there are more.
    async fn fill(&mut self) -> Result<()> {
        while self.ahead.len() < 128 && self.after < self.until {
            let query = EventQuery { after: Some(signed(self.after)?), ..EventQuery::default() };
            let read = events::list(&mut *self.core.db().read().await?, self.org, &query, 0, STEP).await;
            match read {
                Ok(read) => {
                    let is_all = read.len() < STEP as usize;
                    for event in read {
                        self.after = number(event.seq)?;
                        self.ahead.push_back((self.after, Ok(event)));
                    }
                    if is_all {
                        self.after = self.until.max(self.after);
                    }
                }
                Err(error) if error.kind == Kind::Internal => self.one_by_one().await?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads the next events each by itself, since one of them is none.
    async fn one_by_one(&mut self) -> Result<()> {
        for _ in 0..STEP {
            self.after += 1;
            let seq = signed(self.after)?;
            match events::get(&mut *self.core.db().read().await?, self.org, seq).await {
                Ok(None) => {}
                Ok(Some(event)) => self.ahead.push_back((self.after, Ok(event))),
                Err(error) if error.kind == Kind::Internal => {
                    self.ahead.push_back((self.after, Err(error.context.unwrap_or(error.detail))));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether the next event is the one that was sealed as the first of these.
    fn compare(&mut self, seq: u64, sealed: &[Sealed]) -> Option<Finding> {
        let finding = match self.ahead.front() {
            Some((at, Ok(event))) if *at == seq => {
                let same = sealed.first().is_some_and(|leaf| entry(event).is_ok_and(|is| is.hash() == leaf.hash));
                if same { None } else { Some(self.difference(seq, sealed)) }
            }
            Some((at, Err(why))) if *at == seq => {
                let detail = format!("event {seq} was altered in the database: its row cannot be read: {why}");
                Some(Finding::new("altered", Some(seq), detail))
            }
            _ => Some(self.difference(seq, sealed)),
        };
        if self.ahead.front().is_some_and(|(at, _)| *at == seq) {
            self.ahead.pop_front();
        }
        finding
    }

    fn difference(&self, seq: u64, sealed: &[Sealed]) -> Finding {
        let ahead: Vec<Event> = self.ahead.iter().filter_map(|(_, row)| row.as_ref().ok().cloned()).collect();
        compare::difference(seq, sealed, &ahead)
    }
}
