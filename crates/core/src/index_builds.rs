//! Builds and drops indexes in the background, a batch in each transaction, going on where it stopped. Until an index
//! is complete, lists do not use it and filters read the resources themselves.

use std::sync::Arc;

use admin_db::index_builds::{self, IndexBuild};
use admin_db::indexes::{self, Entry};
use admin_db::{Tx, resources};
use admin_schema::Filter;
use admin_types::{Error, OrgId, Resource, ResourceId, Result};

use crate::access::Verb;
use crate::catalogue::index_name;
use crate::op::Op;
use crate::state::field_keys;
use crate::{Core, Inner};

/// Resources of one batch: short enough that other writes hardly wait.
const BATCH: i64 = 200;

/// The unfinished indexes of the org's types, of those of which the principal may read all resources: how far an index is
/// tells how many there are.
pub async fn list_index_builds(core: &Core, op: &Op) -> Result<Vec<IndexBuild>> {
    let actor = core.actor(op).await?;
    if actor.may_never(op, Verb::Read, "type") {
        return Err(Error::forbidden("Only those who may read types may see how their indexes are built."));
    }
    let mut conn = core.db.read().await?;
    let mut builds = index_builds::of_org(&mut conn, op.principal.org).await?;
    builds.retain(|build| actor.rule(op, Verb::Read.as_str(), &build.type_name).rows == Filter::True);
    Ok(builds)
}

/// Works until `stop` is done: looks for unfinished indexes when nudged, and at least every few seconds.
pub async fn build_indexes(core: Core, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    loop {
        let worked = tokio::select! {
            () = &mut stop => return,
            worked = work(&core) => worked,
        };
        match worked {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "building an index failed; trying again"),
        }
        let pause = tokio::time::sleep(std::time::Duration::from_secs(5));
        tokio::select! {
            () = &mut stop => return,
            () = core.index_work.notified() => {}
            () = pause => {}
        }
    }
}

/// One batch of one index; whether there was any.
async fn work(core: &Core) -> Result<bool> {
    let (org, build) = {
        let mut conn = core.db.read().await?;
        let Some(org) = index_builds::unfinished(&mut conn).await? else { return Ok(false) };
        let Some(build) = index_builds::of_org(&mut conn, org).await?.into_iter().next() else { return Ok(false) };
        (org, build)
    };
    let job = (core.clone(), build);
    let finished = core.db.write(org, async move |tx: &mut Tx| {
        let (core, build) = &job;
        // Another process, or a change of the type, may have been faster.
        let now = index_builds::of_org(tx, org).await?;
        match now.into_iter().find(|now| now.type_name == build.type_name && now.field == build.field) {
            Some(now) => batch(core, tx, org, now).await,
            None => Ok(true),
        }
    });
    if finished.await? {
        core.catalogues.changed(&core.db, org).await?;
    }
    Ok(true)
}

/// Does one batch; whether the index is complete or gone.
async fn batch(core: &Inner, tx: &mut Tx, org: OrgId, mut build: IndexBuild) -> Result<bool> {
    match build.state.as_str() {
        "building" => fill(core, tx, org, build).await,
        state => {
            let cleared = indexes::clear(tx, org, &build.type_name, &build.field, BATCH * 10).await?;
            if cleared > 0 {
                return Ok(false);
            }
            if state == "dropping" {
                return finish(tx, org, &build).await;
            }
            build.state = "building".into();
            index_builds::put(tx, org, &build).await?;
            Ok(false)
        }
    }
}

async fn fill(core: &Inner, tx: &mut Tx, org: OrgId, mut build: IndexBuild) -> Result<bool> {
    let catalogue = core.catalogues.in_tx(tx, org).await?;
    let entry: Option<&Arc<crate::TypeEntry>> = catalogue.named(&build.type_name);
    let field = entry.and_then(|entry| entry.definition.indexed().find(|field| index_name(field) == build.field));
    let Some(field) = field else { return finish(tx, org, &build).await };
    let rows = resources::of_type(tx, org, &build.type_name, &build.position, BATCH).await?;
    let place = (tx.seq()?, core.clock.now());
    for (id, document) in &rows {
        let resource: Resource = serde_json::from_str(document).map_err(Error::internal)?;
        let keys = field_keys(field, &resource);
        let entries: Vec<_> = keys.into_iter().map(|value| Entry { field: &build.field, value }).collect();
        let id = ResourceId::of_row(&build.type_name, *id);
        indexes::change(tx, org, &build.type_name, id, (&[], &entries), place).await?;
    }
    let Some((last, _)) = rows.last().filter(|_| rows.len() == BATCH as usize) else {
        return finish(tx, org, &build).await;
    };
    build.done += BATCH;
    build.position = last.to_vec();
    index_builds::put(tx, org, &build).await?;
    Ok(false)
}

async fn finish(tx: &mut Tx, org: OrgId, build: &IndexBuild) -> Result<bool> {
    index_builds::remove(tx, org, &build.type_name, &build.field).await?;
    tx.bump_catalogue()?;
    Ok(true)
}
