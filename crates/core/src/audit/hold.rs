//! How an org's log is, and the legal hold: while there is one, nothing of the log is removed.

use admin_backends::blob::Etag;
use admin_db::audit::{self, HoldRow};
use admin_db::{Tx, orgs};
use admin_tlog::{Checkpoint, Note};
use admin_types::{Error, FieldError, Result, Timestamp, action};
use serde::Serialize;

use super::{auditor, origin};
use crate::Core;
use crate::access::Verb;
use crate::occurrence::{self, Occurrence};
use crate::op::Op;

/// The longest reason, in bytes.
const MAX_REASON: usize = 500;

/// How the log of an org is.
#[derive(Serialize, Debug)]
pub struct LogStatus {
    /// The log's name.
    pub origin: String,
    /// What verifies its checkpoints.
    pub key: String,
    /// How many events are sealed.
    pub size: i64,
    /// How many events there are.
    pub events: i64,
    /// When the last checkpoint was made.
    pub sealed_at: Option<Timestamp>,
    /// The number of the first event that is still kept.
    pub first: i64,
    /// Why the log cannot go on.
    pub trouble: Option<String>,
    /// Who does not agree with the log.
    pub objections: Vec<Objection>,
    /// The legal hold, if there is one.
    pub hold: Option<HoldShown>,
}

/// Somebody who does not agree with the log.
#[derive(Serialize, Debug)]
pub struct Objection {
    /// Who: `mirror`, or the address of a witness.
    pub by: String,
    /// What they know that the log does not.
    pub detail: String,
    /// Since when.
    pub since: Timestamp,
}

/// A legal hold.
#[derive(Serialize, Debug)]
pub struct HoldShown {
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

/// How the org's log is, for those who may read the audit log.
pub async fn log_status(core: &Core, op: &Op) -> Result<LogStatus> {
    auditor(core, op).await?;
    let org = op.principal.org;
    let key = core.audit_verifier(org).await?.to_string();
    let log = audit::get(&mut *core.db.read().await?, org).await?;
    // Each knows no less than the one before.
    let store = core.log_store(org)?.checkpoint(&core.audit_policy(org).await?).await;
    let mut conn = core.db.read().await?;
    let (hold, objections) = (audit::held(&mut conn, org).await?, audit::objections(&mut conn, org).await?);
    let events = orgs::state(&mut conn, org).await?.0;
    let size = log.as_ref().map_or(0, |log| log.size);
    let trouble = log.as_ref().and_then(|log| log.trouble.clone());
    Ok(LogStatus {
        origin: origin(org),
        key,
        events,
        size,
        sealed_at: log.as_ref().map(|log| log.sealed_at).filter(|at| at.0 > 0),
        first: log.as_ref().map_or(0, |log| log.first) + 1,
        trouble: trouble.or_else(|| contradiction(store, size, events)),
        objections: objections
            .into_iter()
            .map(|row| Objection { by: row.objector, detail: row.why, since: row.since })
            .collect(),
        hold: hold.map(|HoldRow { reason, since }| HoldShown { reason, since }),
    })
}

/// In what the store contradicts the database, before anything is written that would have the sealer find it.
fn contradiction(store: Result<Option<(Note, Checkpoint, Etag)>>, size: i64, events: i64) -> Option<String> {
    let (size, events) = (u64::try_from(size).unwrap_or_default(), u64::try_from(events).unwrap_or_default());
    let there = match store {
        Ok(found) => found.map_or(0, |(_, checkpoint, _)| checkpoint.head.size),
        Err(error) => return Some(error.context.unwrap_or(error.detail)),
    };
    if there > events {
        return Some(format!(
            "the log has {there} events and the database {events}: an old backup of the database was restored"
        ));
    }
    (there < size).then(|| {
        format!("the log in the store of blobs has {there} events, and had {size} before: the store was lost, or an old copy of it was restored; the next event has the log made anew")
    })
}

/// Puts the org's log under a legal hold, for owners; the hold as it is then. One for the same reason goes on as it was.
pub async fn hold_log(core: &Core, op: &Op, reason: &str) -> Result<HoldShown> {
    if reason.trim().is_empty() || reason.len() > MAX_REASON {
        return Err(Error::validation(vec![FieldError::new("/reason", format!("must have 1 to {MAX_REASON} bytes"))]));
    }
    let row = HoldRow { reason: reason.to_owned(), since: op.now };
    let (core, op) = (core.clone(), op.clone());
    let details = serde_json::json!({"reason": reason});
    core.clone()
        .db
        .write(op.principal.org, async move |tx: &mut Tx| {
            may_hold(&core, tx, &op).await?;
            let row = match audit::held(tx, op.principal.org).await? {
                Some(there) if there.reason == row.reason => there,
                _ => {
                    audit::hold(tx, op.principal.org, &row, op.principal.id).await?;
                    told(&core, tx, &op, action::LOG_HELD, Some(details.clone())).await?;
                    row.clone()
                }
            };
            Ok(HoldShown { reason: row.reason, since: row.since })
        })
        .await
}

/// Ends the hold, for owners.
pub async fn release_log(core: &Core, op: &Op) -> Result<()> {
    let (core, op) = (core.clone(), op.clone());
    core.clone()
        .db
        .write(op.principal.org, async move |tx: &mut Tx| {
            may_hold(&core, tx, &op).await?;
            if audit::held(tx, op.principal.org).await?.is_none() {
                return Err(Error::not_found("legal hold"));
            }
            audit::release(tx, op.principal.org).await?;
            told(&core, tx, &op, action::LOG_RELEASED, None).await
        })
        .await
}

/// Whoever may write every policy, as owners may.
async fn may_hold(core: &Core, tx: &mut Tx, op: &Op) -> Result<()> {
    let actor = core.actor_in_tx(tx, &op.principal).await?;
    let rule = actor.rule(op, Verb::Update.as_str(), "policy");
    if rule.rows == admin_schema::Filter::True && rule.fields.is_empty() && actor.audits(op) {
        return Ok(());
    }
    let detail = "Only those who may change every policy, as owners may, put the log under a legal hold or end it.";
    Err(Error::forbidden(detail).denying(Verb::Update.as_str(), "policy", None))
}

async fn told(core: &Core, tx: &mut Tx, op: &Op, verb: &'static str, details: Option<serde_json::Value>) -> Result<()> {
    let occurrence = Occurrence {
        at: op.now,
        verb: verb.into(),
        actor: op.principal.actor(),
        address: op.origin.address,
        type_name: occurrence::of(op.principal.id).to_owned(),
        resource: op.principal.id,
        outcome: None,
        details,
        request_id: op.request_id.clone(),
    };
    occurrence::insert(core, tx, op.principal.org, &occurrence).await?;
    if op.dry_run {
        tx.roll_back();
    }
    Ok(())
}
