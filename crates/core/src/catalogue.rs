//! The org's types, compiled and cached. The org's row carries the catalogue's version: a write compares it under the
//! org's lock, a read at most a second late; what a read would refuse is held against the newest first.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use admin_db::orgs::Versions;
use admin_db::{Conn, Db, Tx, index_builds, orgs, resources};
use admin_schema::{Field, TypeDefinition};
use admin_types::{Error, OrgId, Resource, ResourceId, Result};

use crate::builtin;

/// How long a read may use a catalogue without asking whether it is still the newest.
const FRESH: Duration = Duration::from_secs(1);
/// Types read in one statement.
const BATCH: i64 = 500;
/// Core fields that every type has in the index.
pub(crate) const CORE_FIELDS: [&str; 4] = ["created_at", "name", "status", "updated_at"];

/// A type, ready for use.
pub struct TypeEntry {
    /// The resource that describes it.
    pub id: ResourceId,
    /// The version of that resource.
    pub version: i64,
    /// Whether it comes with every org.
    pub builtin: bool,
    /// The compiled description.
    pub definition: TypeDefinition,
    /// Index fields that are not complete yet, by their names in the index.
    pub building: HashSet<String>,
}

impl TypeEntry {
    /// Whether lists may use the index of a field, by its name in the index.
    pub fn index_ready(&self, name: &str) -> bool {
        !self.building.contains(name) && (CORE_FIELDS.contains(&name) || self.indexed_name(name))
    }

    fn indexed_name(&self, name: &str) -> bool {
        let key = name.strip_prefix("attributes.");
        key.is_some_and(|key| self.definition.indexed().any(|field| field.key == key))
    }
}

/// The name of a field in the index.
pub(crate) fn index_name(field: &Field) -> String {
    format!("attributes.{}", field.key)
}

/// All types of an org.
#[derive(Default)]
pub struct Catalogue {
    /// Grows with every change of a type or of an index.
    pub version: i64,
    by_name: HashMap<String, Arc<TypeEntry>>,
    by_plural: HashMap<String, Arc<TypeEntry>>,
    sensitive: Vec<String>,
}

impl Catalogue {
    /// The type of that name.
    pub fn named(&self, name: &str) -> Option<&Arc<TypeEntry>> {
        self.by_name.get(name)
    }

    /// The type whose resources are at `/v3/{plural}`.
    pub fn at_path(&self, plural: &str) -> Option<&Arc<TypeEntry>> {
        self.by_plural.get(plural)
    }

    /// All types, by name.
    pub fn all(&self) -> Vec<&Arc<TypeEntry>> {
        let mut all: Vec<_> = self.by_name.values().collect();
        all.sort_by(|a, b| a.definition.name.cmp(&b.definition.name));
        all
    }

    /// The names of the types whose every read is recorded.
    pub(crate) fn sensitive(&self) -> &[String] {
        &self.sensitive
    }

    /// The type of a resource that is there, for a caller who may not know of it.
    pub(crate) fn of_resource(&self, name: &str) -> Result<&Arc<TypeEntry>> {
        self.named(name).ok_or_else(|| Error::not_found("resource"))
    }

    /// The type of that name, or an error that lists what there is.
    pub(crate) fn require(&self, name: &str, pointer: &str) -> Result<&Arc<TypeEntry>> {
        self.named(name).ok_or_else(|| {
            let mut known: Vec<_> = self.by_name.keys().map(String::as_str).collect();
            known.sort_unstable();
            known.truncate(20);
            let detail = format!("there is no type `{name}`; there are: {}", known.join(", "));
            Error::validation(vec![admin_types::FieldError::new(pointer, detail)])
        })
    }

    async fn load(conn: &mut Conn, org: OrgId, version: i64, previous: Option<&Catalogue>) -> Result<Catalogue> {
        let mut building: HashMap<String, HashSet<String>> = HashMap::new();
        for build in index_builds::of_org(conn, org).await? {
            building.entry(build.type_name).or_default().insert(build.field);
        }
        let mut catalogue = Catalogue { version, ..Catalogue::default() };
        let mut after = vec![];
        loop {
            let rows = resources::of_type(conn, org, "type", &after, BATCH).await?;
            for (_, document) in &rows {
                catalogue.add(document, &mut building, previous)?;
            }
            match rows.last() {
                Some((id, _)) if rows.len() == BATCH as usize => after = id.to_vec(),
                _ => return Ok(catalogue),
            }
        }
    }

    fn add(
        &mut self,
        document: &str,
        building: &mut HashMap<String, HashSet<String>>,
        previous: Option<&Catalogue>,
    ) -> Result<()> {
        let resource: Resource = serde_json::from_str(document).map_err(Error::internal)?;
        let building = building.remove(&resource.name).unwrap_or_default();
        let kept = previous.and_then(|previous| previous.named(&resource.name));
        let kept = kept.filter(|kept| kept.version == resource.version && kept.building == building);
        let entry = match kept {
            Some(kept) => kept.clone(),
            None => Arc::new(TypeEntry {
                id: resource.id,
                version: resource.version,
                builtin: builtin::is_built_in(&resource.name),
                definition: TypeDefinition::compile(&resource.name, &resource.attributes)?,
                building,
            }),
        };
        self.sensitive.extend(entry.definition.sensitive.then(|| resource.name.clone()));
        self.by_plural.insert(entry.definition.plural.clone(), entry.clone());
        self.by_name.insert(resource.name, entry);
        Ok(())
    }
}

/// A catalogue, the versions of all that is kept of the org, and when they were read.
type Kept = (Arc<Catalogue>, Versions, Instant);

/// The catalogues in memory, by org.
#[derive(Default)]
pub(crate) struct Catalogues {
    cached: Mutex<HashMap<OrgId, Kept>>,
}

impl Catalogues {
    fn cached(&self, org: OrgId) -> Option<Kept> {
        self.cached.lock().expect("no thread panics while it holds this").get(&org).cloned()
    }

    /// The catalogue for reads.
    pub(crate) async fn get(&self, db: &Db, org: OrgId) -> Result<Arc<Catalogue>> {
        Ok(self.current(db, org).await?.0)
    }

    /// The catalogue for reads, and the versions of all that is kept of the org.
    pub(crate) async fn current(&self, db: &Db, org: OrgId) -> Result<(Arc<Catalogue>, Versions)> {
        match self.cached(org) {
            Some((catalogue, versions, at)) if at.elapsed() < FRESH => Ok((catalogue, versions)),
            cached => self.refresh(db, org, cached.map(|(catalogue, ..)| catalogue)).await,
        }
    }

    /// What `read` makes of the catalogue. If it refuses one that another process has changed since, what it makes of
    /// the newest: a type or an index that was just made is there for everyone.
    pub(crate) async fn read<T>(&self, db: &Db, org: OrgId, read: impl Fn(&Arc<Catalogue>) -> Result<T>) -> Result<T> {
        let catalogue = self.get(db, org).await?;
        match read(&catalogue) {
            Err(error) => {
                let newest = self.changed(db, org).await?;
                if newest.version == catalogue.version { Err(error) } else { read(&newest) }
            }
            done => done,
        }
    }

    /// Reads the catalogue anew after a change.
    pub(crate) async fn changed(&self, db: &Db, org: OrgId) -> Result<Arc<Catalogue>> {
        Ok(self.refresh(db, org, self.cached(org).map(|(catalogue, ..)| catalogue)).await?.0)
    }

    /// The versions, read anew.
    pub(crate) async fn newest_versions(&self, db: &Db, org: OrgId) -> Result<Versions> {
        Ok(self.refresh(db, org, self.cached(org).map(|(catalogue, ..)| catalogue)).await?.1)
    }

    async fn refresh(
        &self,
        db: &Db,
        org: OrgId,
        previous: Option<Arc<Catalogue>>,
    ) -> Result<(Arc<Catalogue>, Versions)> {
        let mut conn = db.read().await?;
        let versions = orgs::versions(&mut conn, org).await?;
        let version = versions.catalogue;
        let catalogue = match previous {
            Some(previous) if previous.version == version => previous,
            previous => Arc::new(Catalogue::load(&mut conn, org, version, previous.as_deref()).await?),
        };
        let kept = (catalogue.clone(), versions, Instant::now());
        self.cached.lock().expect("no thread panics while it holds this").insert(org, kept);
        Ok((catalogue, versions))
    }

    /// The catalogue as a transaction sees it. What it reads itself is not kept: it may never be committed.
    pub(crate) async fn in_tx(&self, tx: &mut Tx, org: OrgId) -> Result<Arc<Catalogue>> {
        let version = tx.catalogue()?;
        let cached = self.cached(org).map(|(catalogue, ..)| catalogue);
        match cached {
            Some(cached) if cached.version == version => Ok(cached),
            cached => Ok(Arc::new(Catalogue::load(tx, org, version, cached.as_deref()).await?)),
        }
    }
}
