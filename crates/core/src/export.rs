//! Export: all resources of a list in the order of their ids, in batches, so that memory stays constant.

use admin_db::list::{self, Plan, Position, Scope, Selection};
use admin_schema::Filter;
use admin_types::Result;

use crate::Core;
use crate::op::Op;

/// Resources of one batch.
const BATCH: u32 = 500;

/// Where an export stands.
pub struct Export {
    core: Core,
    op: Op,
    scope: Scope,
    filter: Filter,
    after: Option<Position>,
    done: bool,
}

/// Begins an export of the types named (all of the org's own if none is), of what meets `filter`.
pub async fn export_resources(core: &Core, op: Op, types: Vec<String>, filter: Option<String>) -> Result<Export> {
    let catalogue = core.catalogues.get(&core.db, op.principal.org).await?;
    let (types, filter) = crate::list::read_filter(&op, &catalogue, types, filter.as_deref())?;
    let scope = if types.is_empty() { Scope::Own } else { Scope::Types(types) };
    Ok(Export { core: core.clone(), op, scope, filter, after: None, done: false })
}

impl Export {
    /// The wire texts of the next batch; empty at the end.
    pub async fn next(&mut self) -> Result<Vec<String>> {
        if self.done {
            return Ok(vec![]);
        }
        let selection =
            Selection { org: self.op.principal.org, scope: &self.scope, trashed: false, filter: &self.filter };
        let mut conn = self.core.db.scan().await?;
        let rows = list::page(&mut conn, &selection, (&Plan::ById(None), false), self.after.as_ref(), 0, BATCH).await?;
        self.done = rows.len() < BATCH as usize;
        self.after = rows.last().map(|row| Position { key: vec![], id: row.id, seq: 0 });
        Ok(rows.into_iter().map(|row| row.document).collect())
    }
}
