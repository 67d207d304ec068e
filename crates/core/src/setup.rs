//! What comes with an org: its built-in types, its roles and policies, its owner. The first start makes the first one.

use admin_db::{Tx, orgs};
use admin_schema::TypeDefinition;
use admin_types::{Error, OrgId, Origin, Principal, RequestId, Resource, ResourceId, Result, Timestamp, action};
use aws_lc_rs::digest;
use serde_json::json;

use crate::builtin::{BUILT_IN, BuiltIn, POLICIES, ROLES, built_in, object, with_facts_of};
use crate::op::Op;
use crate::state::State;
use crate::{Core, Inner, TypeEntry, change, type_change};

/// What the first start made, or found.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// The oldest org.
    pub org: OrgId,
    /// Its first owner.
    pub owner: ResourceId,
    /// Whether they were made just now.
    pub fresh: bool,
}

/// Finds the oldest org and its owner, or makes them.
pub async fn ensure_org(core: &Core) -> Result<Setup> {
    if let Some(setup) = find_org(core).await? {
        return Ok(setup);
    }
    let now = core.clock.now();
    let org = OrgId::new(now, &*core.random);
    core.db
        .write_global(async move |tx: &mut Tx| match orgs::first(tx).await? {
            Some(_) => Ok(()),
            None => orgs::insert(tx, org, "main", now).await,
        })
        .await?;
    let (job, org) = (core.clone(), first(core).await?);
    let owner = core.db.write(org, async move |tx: &mut Tx| {
        if let Some(owner) = admin_db::resources::first_of_type(tx, org, "user").await? {
            return Ok(owner);
        }
        let owner = ResourceId::new("user", now, &*job.random);
        let op = op(&job, org, owner, now);
        fill(&job, tx, &op, resource("user", owner, "owner", object(json!({"roles": ["owner"]})), now)).await?;
        Ok(owner)
    });
    let owner = owner.await?;
    core.catalogues.changed(&core.db, org).await?;
    Ok(Setup { org, owner, fresh: true })
}

async fn first(core: &Core) -> Result<OrgId> {
    let mut conn = core.db.read().await?;
    orgs::first(&mut conn).await?.ok_or_else(|| Error::internal("the org that was just made is not there"))
}

/// The oldest org and its first owner, if a first start has made them.
pub async fn find_org(core: &Core) -> Result<Option<Setup>> {
    let mut conn = core.db.read().await?;
    let Some(org) = orgs::first(&mut conn).await? else { return Ok(None) };
    let owner = admin_db::resources::first_of_type(&mut conn, org, "user").await?;
    Ok(owner.map(|owner| Setup { org, owner, fresh: false }))
}

/// An org that was made, and its first owner, if it is there still.
pub async fn find_setup(core: &Core, org: OrgId) -> Result<Option<Setup>> {
    let mut conn = core.db.read().await?;
    if orgs::name(&mut conn, org).await?.is_none() {
        return Ok(None);
    }
    let owner = admin_db::resources::first_of_type(&mut conn, org, "user").await?;
    Ok(owner.map(|owner| Setup { org, owner, fresh: false }))
}

/// Puts into an empty org what comes with it, and its first owner.
pub(crate) async fn fill(core: &Inner, tx: &mut Tx, op: &Op, owner: Resource) -> Result<()> {
    for built_in in BUILT_IN {
        add_type(core, tx, op, built_in).await?;
    }
    add_policies(core, tx, op).await?;
    create(core, tx, op, "user", owner).await?;
    orgs::set_shipped(tx, op.principal.org, &shipped()).await?;
    tx.bump_catalogue()
}

/// The types that this version ships, as one short text.
fn shipped() -> String {
    let all: Vec<_> = BUILT_IN.iter().map(|built_in| (built_in.name, (built_in.attributes)())).collect();
    let digest = digest::digest(&digest::SHA256, json!(all).to_string().as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Brings the built-in types of all orgs that an earlier version made up to what this version ships.
pub async fn upgrade_orgs(core: &Core) -> Result<()> {
    let outdated = orgs::otherwise_shipped(&mut *core.db.read().await?, &shipped()).await?;
    for org in outdated {
        // One without an owner is one that was being made when Admin was killed.
        if let Some(setup) = find_setup(core, org).await? {
            upgrade_org(core, &setup).await?;
        }
    }
    Ok(())
}

/// What the org has declared as facts stays.
async fn upgrade_org(core: &Core, setup: &Setup) -> Result<()> {
    let (job, setup, now) = (core.clone(), *setup, core.clock.now());
    let upgraded = core.db.write(setup.org, async move |tx: &mut Tx| {
        let op = op(&job, setup.org, setup.owner, now);
        let first = tx.seq()?;
        for built_in in BUILT_IN {
            let catalogue = job.catalogues.in_tx(tx, setup.org).await?;
            match catalogue.named(built_in.name) {
                Some(entry) => upgrade_type(&job, tx, &op, built_in, entry.id).await?,
                None => {
                    add_type(&job, tx, &op, built_in).await?;
                    tx.bump_catalogue()?;
                    if built_in.name == "policy" {
                        add_policies(&job, tx, &op).await?;
                    }
                }
            }
        }
        orgs::set_shipped(tx, setup.org, &shipped()).await?;
        Ok(tx.seq()? != first)
    });
    if upgraded.await? {
        core.catalogues.changed(&core.db, setup.org).await?;
        core.index_work.notify_one();
    }
    Ok(())
}

async fn upgrade_type(core: &Inner, tx: &mut Tx, op: &Op, built_in: &BuiltIn, id: ResourceId) -> Result<()> {
    let row = admin_db::resources::get(tx, op.principal.org, id).await?;
    let row = row.ok_or_else(|| Error::internal("a type of the catalogue is not there"))?;
    let catalogue = core.catalogues.in_tx(tx, op.principal.org).await?;
    let entry = catalogue.named("type").ok_or_else(|| Error::internal("no type of types"))?;
    let before = State::read(entry.clone(), row.document)?;
    let shipped = with_facts_of((built_in.attributes)(), &before.resource.attributes);
    if shipped == before.resource.attributes {
        return Ok(());
    }
    let mut resource = before.resource.clone();
    (resource.attributes, resource.version, resource.updated_at) = (shipped, resource.version + 1, op.now);
    let after = State::of(before.entry.clone(), resource)?;
    let accepted = type_change::check_shipped(core, tx, op, &before, &after).await?;
    change::write(core, tx, op, None, (action::UPDATED, Some(&before), Some(&after))).await?;
    accepted.write(tx, op.principal.org).await
}

fn op(core: &Inner, org: OrgId, owner: ResourceId, now: Timestamp) -> Op {
    Op {
        principal: Principal::new(org, owner),
        origin: Origin { address: None, method: "system", authenticated_at: now },
        request_id: RequestId::new(now, &*core.random),
        now,
        dry_run: false,
        if_match: None,
        idempotency: None,
    }
}

async fn add_type(core: &Inner, tx: &mut Tx, op: &Op, built_in: &BuiltIn) -> Result<()> {
    let id = ResourceId::new("type", op.now, &*core.random);
    let resource = resource("type", id, built_in.name, (built_in.attributes)(), op.now);
    create(core, tx, op, "type", resource).await
}

/// The built-in roles, and the policies that say what they may do.
async fn add_policies(core: &Inner, tx: &mut Tx, op: &Op) -> Result<()> {
    for (name, description) in ROLES {
        let id = ResourceId::new("role", op.now, &*core.random);
        let attributes = object(json!({"description": description}));
        create(core, tx, op, "role", resource("role", id, name, attributes, op.now)).await?;
    }
    for (name, description, cedar) in POLICIES {
        let id = ResourceId::new("policy", op.now, &*core.random);
        let attributes = object(json!({"cedar": cedar, "description": description}));
        create(core, tx, op, "policy", resource("policy", id, name, attributes, op.now)).await?;
    }
    tx.bump_policies()
}

async fn create(core: &Inner, tx: &mut Tx, op: &Op, of: &str, resource: Resource) -> Result<()> {
    let of = built_in(of).ok_or_else(|| Error::internal("no built-in type"))?;
    let entry = TypeEntry {
        id: resource.id,
        version: 1,
        builtin: true,
        definition: TypeDefinition::compile(of.name, &(of.attributes)())?,
        building: Default::default(),
    };
    let state = State::of(entry.into(), resource)?;
    change::write(core, tx, op, None, (action::CREATED, None, Some(&state))).await.map(drop)
}

pub(crate) fn resource(
    of: &str,
    id: ResourceId,
    name: &str,
    attributes: admin_types::Attributes,
    now: Timestamp,
) -> Resource {
    Resource {
        id,
        type_name: of.into(),
        name: name.into(),
        status: "active".into(),
        attributes,
        labels: Default::default(),
        parent: None,
        version: 1,
        created_at: now,
        updated_at: now,
        deleted_at: None,
    }
}
