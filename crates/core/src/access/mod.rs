//! Who may do what. One [`Actor`] decides for one principal, on every surface: a single read, a list and its total, an
//! event, an export, a change. What an org's policies, roles and groups say is kept in memory under the versions that
//! the org's row carries; a write compares them under the org's lock, a read at most a second late.

mod actor;
pub(crate) mod facts;
mod fields;
pub(crate) mod grants;
mod known;
mod lockout;
mod step_up;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use admin_db::orgs::Versions;
use admin_db::{Conn, Tx};
use admin_policy::{Directory, Policies, Schema, Source};
use admin_types::{OrgId, Principal, Result};
use moka::sync::Cache;

pub(crate) use self::actor::{Actor, Verb, context, hidden, refuse};
pub(crate) use self::fields::paths;
pub(crate) use self::known::Known;
pub use self::step_up::MULTI_FACTOR;
use crate::Inner;
use crate::catalogue::Catalogue;
use crate::op::Op;

/// Principals of an org that are kept ready.
const ACTORS: u64 = 10_000;

/// What an org's types, policies, roles and groups say.
pub(crate) struct Access {
    pub(crate) versions: Versions,
    pub(crate) catalogue: Arc<Catalogue>,
    /// The types, as policies see them.
    pub(crate) schema: Arc<Schema>,
    pub(crate) policies: Arc<Policies>,
    pub(crate) directory: Arc<Directory>,
    /// The names of the org's roles.
    pub(crate) roles: Arc<BTreeSet<String>>,
    sources: Arc<Vec<Source>>,
    actors: Cache<Principal, Arc<Actor>>,
}

impl Access {
    async fn load(
        conn: &mut Conn,
        org: OrgId,
        catalogue: Arc<Catalogue>,
        versions: Versions,
        previous: Option<&Access>,
    ) -> Result<Access> {
        let same = previous.filter(|previous| previous.versions.policies == versions.policies);
        let (sources, directory, roles) = match same {
            Some(same) => (same.sources.clone(), same.directory.clone(), same.roles.clone()),
            None => {
                let (sources, directory) = (facts::sources(conn, org).await?, facts::directory(conn, org).await?);
                (Arc::new(sources), Arc::new(directory), Arc::new(facts::roles(conn, org).await?))
            }
        };
        let schema = match previous.filter(|previous| previous.versions.catalogue == versions.catalogue) {
            Some(previous) => previous.schema.clone(),
            None => schema(&catalogue),
        };
        let policies = match same.filter(|same| Arc::ptr_eq(&same.schema, &schema)) {
            Some(same) => same.policies.clone(),
            None => Arc::new(Policies::build(schema.clone(), &sources)),
        };
        Ok(Access { versions, catalogue, schema, policies, directory, roles, sources, actors: Cache::new(ACTORS) })
    }

    /// The policies in force.
    pub(crate) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The policies in force as a transaction sees them, those that its own job has changed too.
    pub(crate) async fn sources_in_tx(&self, tx: &mut Tx, org: OrgId) -> Result<Arc<Vec<Source>>> {
        match tx.versions()?.policies == self.versions.policies {
            true => Ok(self.sources.clone()),
            false => Ok(Arc::new(facts::sources(tx, org).await?)),
        }
    }

    /// The name of a policy in force.
    pub(crate) fn name_of(&self, policy: &str) -> &str {
        self.sources.iter().find(|source| source.id == policy).map_or("", |source| &source.name)
    }

    /// The principal, ready to be asked about.
    async fn actor(self: &Arc<Access>, conn: &mut Conn, principal: &Principal) -> Result<Arc<Actor>> {
        if let Some(actor) = self.actors.get(principal) {
            return Ok(actor);
        }
        let facts = facts::of(conn, principal, &self.directory).await?;
        let actor = Arc::new(Actor::new(self.clone(), facts, principal.actions.clone()));
        self.actors.insert(principal.clone(), actor.clone());
        Ok(actor)
    }
}

/// The Cedar schema of an org's types.
fn schema(catalogue: &Catalogue) -> Arc<Schema> {
    let all = catalogue.all();
    let definitions: Vec<_> = all.iter().map(|entry| &entry.definition).collect();
    Arc::new(Schema::build(&definitions))
}

/// The newest [`Access`] of each org.
#[derive(Default)]
pub(crate) struct Accesses {
    cached: Mutex<HashMap<OrgId, Arc<Access>>>,
    loading: tokio::sync::Mutex<()>,
    /// What a running job has read: its number, and what it read.
    uncommitted: Mutex<HashMap<OrgId, (u64, Arc<Access>)>>,
}

impl Accesses {
    fn cached(&self, org: OrgId) -> Option<Arc<Access>> {
        self.cached.lock().expect("no thread panics while it holds this").get(&org).cloned()
    }

    fn of_job(&self, org: OrgId, job: u64, versions: Versions) -> Option<Arc<Access>> {
        let uncommitted = self.uncommitted.lock().expect("no thread panics while it holds this");
        let (of, access) = uncommitted.get(&org)?;
        (*of == job && access.versions == versions).then(|| access.clone())
    }

    fn keep_for_job(&self, org: OrgId, job: u64, access: Arc<Access>) {
        self.uncommitted.lock().expect("no thread panics while it holds this").insert(org, (job, access));
    }
}

impl Inner {
    /// The names of the org's roles.
    pub(crate) async fn roles(&self, org: OrgId) -> Result<BTreeSet<String>> {
        facts::roles(&mut *self.db.read().await?, org).await
    }

    /// Who acts, as a read may see it: what is known of policies and principals is at most a second old.
    pub(crate) async fn actor(&self, op: &Op) -> Result<Arc<Actor>> {
        self.actor_of(&op.principal).await
    }

    /// Any principal, as a read may see it.
    pub(crate) async fn actor_of(&self, principal: &Principal) -> Result<Arc<Actor>> {
        let org = principal.org;
        let (catalogue, versions) = self.catalogues.current(&self.db, org).await?;
        let cached = self.accesses.cached(org);
        if let Some(access) = cached.as_ref().filter(|access| access.versions == versions)
            && let Some(actor) = access.actors.get(principal)
        {
            return Ok(actor);
        }
        // One reads what is new, the others wait for it.
        let _loading = self.accesses.loading.lock().await;
        let cached = self.accesses.cached(org);
        let mut conn = self.db.read().await?;
        let access = match cached {
            Some(access) if access.versions == versions => access,
            cached => {
                let access = Access::load(&mut conn, org, catalogue, versions, cached.as_deref()).await?;
                let access = Arc::new(access);
                self.accesses.cached.lock().expect("no thread panics while it holds this").insert(org, access.clone());
                access
            }
        };
        access.actor(&mut conn, principal).await
    }

    /// What `read` makes of who acts. If it refuses what another process has changed since, what it makes of the newest.
    pub(crate) async fn acting<T>(&self, op: &Op, read: impl Fn(&Arc<Actor>) -> Result<T>) -> Result<T> {
        let actor = self.actor(op).await?;
        match read(&actor) {
            Err(error) => {
                self.catalogues.changed(&self.db, op.principal.org).await?;
                let newest = self.actor(op).await?;
                if newest.access.versions == actor.access.versions { Err(error) } else { read(&newest) }
            }
            done => done,
        }
    }

    /// What the org's types say, as a transaction sees it, and its policies, as they were when its job began: what a job
    /// itself changes of them holds for those that follow.
    pub(crate) async fn access_in_tx(&self, tx: &mut Tx, org: OrgId) -> Result<Arc<Access>> {
        let versions = Versions { catalogue: tx.versions()?.catalogue, ..tx.versions_at_start() };
        match self.accesses.cached(org) {
            Some(access) if access.versions == versions => Ok(access),
            cached => {
                if let Some(own) = self.accesses.of_job(org, tx.job(), versions) {
                    return Ok(own);
                }
                let catalogue = self.catalogues.in_tx(tx, org).await?;
                let access = Arc::new(Access::load(tx, org, catalogue, versions, cached.as_deref()).await?);
                self.accesses.keep_for_job(org, tx.job(), access.clone());
                Ok(access)
            }
        }
    }

    /// Who acts, as a transaction sees it. What it reads itself is kept for its job alone: it may never be committed.
    pub(crate) async fn actor_in_tx(&self, tx: &mut Tx, principal: &Principal) -> Result<Arc<Actor>> {
        self.access_in_tx(tx, principal.org).await?.actor(tx, principal).await
    }
}
