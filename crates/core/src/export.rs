//! Export: all resources of a list in the order of their ids, in batches, so that memory stays constant.

use std::sync::Arc;

use admin_db::list::{Plan, Position, Scope, Selection, page};
use admin_schema::Filter;
use admin_types::Result;

use crate::Core;
use crate::access::{Actor, Known};
use crate::list;
use crate::op::Op;

/// Resources of one batch.
const BATCH: u32 = 500;

/// Where an export stands.
pub struct Export {
    core: Core,
    op: Op,
    types: Vec<String>,
    filter: Option<String>,
    after: Option<Position>,
    done: bool,
}

impl Export {
    /// Begins an export of the types named (all of the org's own if none is), of what meets `filter`.
    pub fn new(core: &Core, op: Op, types: Vec<String>, filter: Option<String>) -> Export {
        Export { core: core.clone(), op, types, filter, after: None, done: false }
    }

    /// The wire texts of the next batch; empty at the end. Each batch is what may be seen when it is read, however long
    /// ago the export began.
    pub async fn next(&mut self) -> Result<Vec<String>> {
        if self.done {
            return Ok(vec![]);
        }
        let op = &self.op;
        let read_filter = |actor: &Arc<Actor>| {
            let (types, filter) = list::read_filter(op, actor, self.types.clone(), self.filter.as_deref())?;
            let rows = actor.readable_rows(op, &types, false).rows;
            Ok((types, Filter::all([filter, rows]), actor.clone()))
        };
        let (types, filter, actor) = self.core.acting(op, read_filter).await?;
        let scope = if types.is_empty() { Scope::Own } else { Scope::Types(types) };
        if self.after.is_none() {
            self.core.record_list(op, &actor, &scope).await;
        }
        let selection = Selection { org: op.principal.org, scope: &scope, trashed: false, filter: &filter };
        let mut conn = self.core.db.scan().await?;
        let rows = page(&mut conn, &selection, (&Plan::ById(None), false), self.after.as_ref(), 0, BATCH).await?;
        self.done = rows.len() < BATCH as usize;
        self.after = rows.last().map(|row| Position { key: vec![], id: row.id, seq: 0 });
        let documents = rows.into_iter().map(|row| row.document).collect();
        actor.show_all(&mut conn, op, &mut Known::default(), documents).await
    }
}
