//! Orgs: making one with all that comes with it, and telling which there are.

use admin_db::{Tx, accounts, events, orgs, resources};
use admin_types::{
    AccountId, Error, EventId, FieldError, OrgId, Origin, Principal, RequestId, ResourceId, Result, Timestamp,
};
use serde_json::json;

use crate::builtin::object;
use crate::draft::check_name;
use crate::op::Op;
use crate::setup::{fill, resource};
use crate::{Core, Inner, Setup};

/// Who makes an org, and is its first owner.
#[derive(Clone, Debug)]
pub struct Founder {
    /// The account that acts as the owner; without one, a link lets somebody take that place.
    pub account: Option<AccountId>,
    /// The owner's name.
    pub name: String,
    /// The owner's address.
    pub email: Option<String>,
    /// Where the call comes from.
    pub origin: Origin,
    /// The request that this is part of.
    pub request_id: RequestId,
}

/// An org, for the operator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrgShown {
    /// Its id.
    pub id: OrgId,
    /// Its name, for people.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// All orgs, the oldest first.
pub async fn list_orgs(core: &Core) -> Result<Vec<OrgShown>> {
    let rows = orgs::named(&mut *core.db.read().await?).await?;
    Ok(rows.into_iter().map(|(id, name, created_at)| OrgShown { id, name, created_at }).collect())
}

/// Refuses what is no name of an org.
pub fn check_org_name(name: &str) -> Result<()> {
    check_name(name).map_err(|detail| Error::validation(vec![FieldError::new("/name", detail)]))
}

/// Makes an org with its built-in types, roles and policies, and its first owner. Whether the founder may is for the caller
/// to ask.
pub async fn create_org(core: &Core, name: &str, founder: Founder) -> Result<Setup> {
    check_org_name(name)?;
    let (now, name) = (core.clock.now(), name.to_owned());
    let (org, owner) = (OrgId::new(now, &*core.random), ResourceId::new("user", now, &*core.random));
    core.db.write_global(async move |tx: &mut Tx| orgs::insert(tx, org, &name, now).await).await?;
    let job = core.clone();
    let filled = core.db.write(org, async move |tx: &mut Tx| found(&job, tx, org, owner, &founder, now).await).await;
    if let Err(error) = filled {
        // Nothing is in it, and nobody knows of it.
        core.db.write_global(async move |tx: &mut Tx| orgs::remove(tx, org).await).await?;
        return Err(error);
    }
    core.catalogues.changed(&core.db, org).await?;
    Ok(Setup { org, owner, fresh: true })
}

async fn found(
    core: &Inner,
    tx: &mut Tx,
    org: OrgId,
    owner: ResourceId,
    founder: &Founder,
    now: Timestamp,
) -> Result<()> {
    let mut attributes = object(json!({"roles": ["owner"]}));
    attributes.extend(founder.email.iter().map(|email| ("email".to_owned(), json!(email))));
    let op = Op {
        principal: Principal::new(org, owner),
        origin: founder.origin.clone(),
        request_id: founder.request_id.clone(),
        now,
        dry_run: false,
        if_match: None,
        idempotency: None,
    };
    fill(core, tx, &op, resource("user", owner, &founder.name, attributes, now)).await?;
    if let Some(account) = founder.account {
        accounts::join(tx, org, owner, account, now).await?;
    }
    let row = resources::get(tx, org, owner).await?.ok_or_else(|| Error::internal("the owner is not there"))?;
    let seq = tx.next_seq()?;
    let event = events::EventRow {
        id: EventId::new(org, seq, now, &*core.random),
        action: "org_created",
        at: now,
        actor: &op.principal.actor(),
        type_name: "user",
        resource: owner,
        version: 1,
        request_id: &op.request_id,
        before: Some(&row.document),
        after: Some(&row.document),
        outcome: None,
        address: op.origin.address,
        details: None,
    };
    events::insert(tx, org, &event).await
}
