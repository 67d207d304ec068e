//! The first start: an org, its built-in types and its owner.

use admin_db::{Tx, orgs};
use admin_schema::TypeDefinition;
use admin_types::{Error, OrgId, Principal, RequestId, Resource, ResourceId, Result, Role, Timestamp, action};

use crate::builtin::{BUILT_IN, BuiltIn};
use crate::op::Op;
use crate::state::State;
use crate::{Core, Inner, TypeEntry, change};

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
    if let Some(setup) = find(core).await? {
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
    let job = core.clone();
    let owner = core.db.write(first(core).await?, async move |tx: &mut Tx| fill(&job, tx, now).await).await?;
    let org = first(core).await?;
    core.catalogues.changed(&core.db, org).await?;
    Ok(Setup { org, owner, fresh: true })
}

async fn first(core: &Core) -> Result<OrgId> {
    let mut conn = core.db.read().await?;
    orgs::first(&mut conn).await?.ok_or_else(|| Error::internal("the org that was just made is not there"))
}

/// The org whose first events made its types and its owner.
async fn find(core: &Core) -> Result<Option<Setup>> {
    let mut conn = core.db.read().await?;
    let Some(org) = orgs::first(&mut conn).await? else { return Ok(None) };
    let owner = admin_db::resources::first_of_type(&mut conn, org, "user").await?;
    Ok(owner.map(|owner| Setup { org, owner, fresh: false }))
}

async fn fill(core: &Inner, tx: &mut Tx, now: Timestamp) -> Result<ResourceId> {
    let org = orgs::first(tx).await?.ok_or_else(|| Error::internal("no org"))?;
    if let Some(owner) = admin_db::resources::first_of_type(tx, org, "user").await? {
        return Ok(owner);
    }
    let owner = ResourceId::new("user", now, &*core.random);
    let principal = Principal { org, id: owner, roles: vec![Role::Owner] };
    let request_id = RequestId::new(now, &*core.random);
    let op = Op { principal, request_id, now, dry_run: false, if_match: None, idempotency: None };
    for built_in in BUILT_IN {
        let id = ResourceId::new("type", now, &*core.random);
        create(core, tx, &op, &BUILT_IN[0], resource("type", id, built_in.name, (built_in.attributes)(), now)).await?;
    }
    let mut attributes = admin_types::Attributes::new();
    attributes.insert("roles".into(), serde_json::json!(["owner"]));
    create(core, tx, &op, &BUILT_IN[1], resource("user", owner, "owner", attributes, now)).await?;
    tx.bump_catalogue()?;
    Ok(owner)
}

async fn create(core: &Inner, tx: &mut Tx, op: &Op, of: &BuiltIn, resource: Resource) -> Result<()> {
    let entry = TypeEntry {
        id: resource.id,
        version: 1,
        builtin: true,
        definition: TypeDefinition::compile(of.name, &(of.attributes)())?,
        building: Default::default(),
    };
    let state = State::of(entry.into(), resource)?;
    change::apply(core, tx, op, action::CREATED, None, Some(&state)).await.map(drop)
}

fn resource(of: &str, id: ResourceId, name: &str, attributes: admin_types::Attributes, now: Timestamp) -> Resource {
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
