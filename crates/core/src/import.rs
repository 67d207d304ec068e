//! Import: many resources, a batch in one transaction, each row on its own: a row that is refused leaves the others.

use std::sync::Arc;

use admin_db::orgs::Versions;
use admin_db::{Tx, resources};
use admin_types::{Error, FieldError, Kind, ResourceId, Result};
use serde_json::Value;

use crate::access::{Actor, Known, Verb};
use crate::op::Op;
use crate::patch::Patch;
use crate::resources::{Creation, update};
use crate::state::State;
use crate::{Core, Inner};

/// The most errors that a report holds; the rest are counted.
pub const MAX_IMPORT_ERRORS: usize = 1000;

/// One row: its line, from 1, and what stands there.
#[derive(Clone, Debug)]
pub struct ImportRow {
    /// The line, from 1.
    pub line: u64,
    /// The document, or why it is none.
    pub document: Result<Value>,
}

/// What became of the rows.
#[derive(Default, Debug)]
pub struct ImportReport {
    /// Rows that became new resources.
    pub created: u64,
    /// Rows that changed a resource.
    pub updated: u64,
    /// Rows that found their resource as they say.
    pub unchanged: u64,
    /// Rows that were refused.
    pub failed: u64,
    /// Why, with their lines; at most [`MAX_IMPORT_ERRORS`].
    pub errors: Vec<(u64, Error)>,
    /// Rows that refer to what is not there yet, and may be tried again: a later row may have brought it. They are
    /// counted nowhere.
    pub waiting: Vec<ImportRow>,
}

enum Outcome {
    Created,
    Updated,
    Unchanged,
}

impl ImportReport {
    /// Adds the report of a further batch.
    pub fn add(&mut self, other: ImportReport) {
        self.created += other.created;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.failed += other.failed;
        let room = MAX_IMPORT_ERRORS.saturating_sub(self.errors.len());
        self.errors.extend(other.errors.into_iter().take(room));
        self.waiting.extend(other.waiting);
    }

    fn note(&mut self, line: u64, outcome: Result<Outcome>) -> Result<()> {
        match outcome {
            Ok(Outcome::Created) => self.created += 1,
            Ok(Outcome::Updated) => self.updated += 1,
            Ok(Outcome::Unchanged) => self.unchanged += 1,
            Err(error) if matches!(error.kind, Kind::Internal | Kind::Unavailable) => return Err(error),
            Err(error) => {
                self.failed += 1;
                if self.errors.len() < MAX_IMPORT_ERRORS {
                    self.errors.push((line, error));
                }
            }
        }
        Ok(())
    }
}

/// Imports a batch of rows in one transaction. A row with the id of a resource that exists replaces it; one whose
/// resource is already as it says changes nothing, so an import may be repeated.
/// With `patient`, rows that refer to what is not there are not refused but wait.
pub async fn import_batch(
    core: &Core,
    op: &Op,
    of_type: Option<&str>,
    rows: Vec<ImportRow>,
    patient: bool,
) -> Result<ImportReport> {
    let org = op.principal.org;
    let actor = core.actor(op).await?;
    let prepare = |row: ImportRow| {
        let (line, document) = (row.line, row.document);
        let prepared = document.map(|document| {
            let document = without_stamps(document);
            let creation = Creation::prepare(core, op, &actor, of_type, document.clone());
            (document, creation)
        });
        (line, prepared)
    };
    let rows: Vec<_> = rows.into_iter().map(prepare).collect();
    let versions = actor.access.versions;
    let batch = Batch { op: op.clone(), of_type: of_type.map(str::to_owned), versions, patient, rows };
    let job = (core.clone(), Arc::new(batch));
    let report = core.db.write(org, async move |tx: &mut Tx| {
        let (core, batch) = &job;
        batch.write(core, tx).await
    });
    let (report, changed) = report.await?;
    if changed {
        core.written(org, "type").await?;
    }
    Ok(report)
}

/// A line, and its document with what creating it would write.
type PreparedRow = (u64, Result<(Value, Result<Creation>)>);

struct Batch {
    op: Op,
    of_type: Option<String>,
    versions: Versions,
    patient: bool,
    rows: Vec<PreparedRow>,
}

impl Batch {
    async fn write(&self, core: &Inner, tx: &mut Tx) -> Result<(ImportReport, bool)> {
        let (mut report, before) = (ImportReport::default(), tx.versions()?);
        let mut actor: Option<Arc<Actor>> = match self.versions == tx.versions_at_start() {
            true => None,
            false => Some(core.actor_in_tx(tx, &self.op.principal).await?),
        };
        for (line, row) in &self.rows {
            let outcome = match row {
                Err(error) => Err(error.clone()),
                Ok((document, prepared)) => {
                    if actor.as_ref().map_or(self.versions, |actor| actor.access.versions).catalogue
                        != tx.versions()?.catalogue
                    {
                        actor = Some(core.actor_in_tx(tx, &self.op.principal).await?);
                    }
                    self.write_row(core, tx, actor.as_deref(), document, prepared).await
                }
            };
            match (outcome, row) {
                (Err(error), Ok((document, _))) if self.patient && error.code == "dangling_reference" => {
                    report.waiting.push(ImportRow { line: *line, document: Ok(document.clone()) });
                }
                (outcome, _) => report.note(*line, outcome)?,
            }
        }
        let changed = tx.versions()? != before;
        if self.op.dry_run {
            tx.roll_back();
        }
        Ok((report, changed && !self.op.dry_run))
    }

    async fn write_row(
        &self,
        core: &Inner,
        tx: &mut Tx,
        newer: Option<&Actor>,
        document: &Value,
        prepared: &Result<Creation>,
    ) -> Result<Outcome> {
        let id = document.get("id").and_then(Value::as_str).and_then(ResourceId::parse);
        if let Some(id) = id
            && let Some(row) = resources::get(tx, self.op.principal.org, id).await?
            && let Some(outcome) = self.replace(core, tx, row, document).await?
        {
            return Ok(outcome);
        }
        let creation = match newer {
            None => prepared.clone()?,
            Some(actor) => Creation::prepare(core, &self.op, actor, self.of_type.as_deref(), document.clone())?,
        };
        creation.write(core, tx, &self.op).await?;
        Ok(Outcome::Created)
    }

    /// Replaces a resource; none if it is hidden, for then it is as if it were not there: the row would create it.
    async fn replace(
        &self,
        core: &Inner,
        tx: &mut Tx,
        row: resources::ResourceRow,
        document: &Value,
    ) -> Result<Option<Outcome>> {
        let actor = core.actor_in_tx(tx, &self.op.principal).await?;
        let entry = actor.catalogue().named(&row.type_name);
        let entry = entry.ok_or_else(|| Error::internal("a resource without a type"))?;
        let before = State::read(entry.clone(), row.document)?;
        if !actor.may(tx, &self.op, &mut Known::default(), Verb::Read, &before.resource).await? {
            return Ok(None);
        }
        if let Some(name) = self.of_type.as_deref().filter(|name| *name != row.type_name) {
            let detail = format!("names a resource of the type `{}`; here it must be of `{name}`", row.type_name);
            return Err(Error::validation(vec![FieldError::new("/id", detail)]));
        }
        if row.deleted {
            return Err(Error::conflict("in_trash", "The resource is in the trash. Restore or purge it first."));
        }
        let after = update(core, tx, &self.op, &before, &Patch::Replace(document.clone())).await?;
        let same = after.resource.version == before.resource.version;
        Ok(Some(if same { Outcome::Unchanged } else { Outcome::Updated }))
    }
}

/// An export carries versions and times; an import takes what it may set.
fn without_stamps(mut document: Value) -> Value {
    if let Some(object) = document.as_object_mut() {
        for key in ["version", "created_at", "updated_at", "deleted_at"] {
            object.shift_remove(key);
        }
    }
    document
}
