//! The resources that a condition looks at besides the one in question, read as they are needed.

use std::collections::{BTreeSet, HashMap};

use admin_db::{Conn, resources};
use admin_schema::{Filter, Related};
use admin_types::{Error, OrgId, Resource, ResourceId, Result};

use crate::catalogue::Catalogue;

/// What has been read; `None` for what is not there. Good for one request, or for one transaction until it writes.
#[derive(Default)]
pub(crate) struct Known(HashMap<ResourceId, Option<Resource>>);

impl Related for Known {
    fn get(&self, id: ResourceId) -> Option<&Resource> {
        self.0.get(&id)?.as_ref()
    }
}

impl Known {
    /// Whether the resource meets the condition.
    pub(crate) async fn matches(
        &mut self,
        conn: &mut Conn,
        org: OrgId,
        filter: &Filter,
        resource: &Resource,
    ) -> Result<bool> {
        if filter.looks_beyond() {
            self.gather(conn, org, filter, std::slice::from_ref(resource)).await?;
        }
        Ok(filter.matches(resource, self))
    }

    /// Reads what the condition needs for any of the resources: a statement for each step away from them.
    pub(crate) async fn gather(
        &mut self,
        conn: &mut Conn,
        org: OrgId,
        filter: &Filter,
        resources: &[Resource],
    ) -> Result<()> {
        loop {
            let missing = resources.iter().flat_map(|resource| filter.missing(resource, self));
            let missing: BTreeSet<ResourceId> = missing.filter(|id| !self.0.contains_key(id)).collect();
            if missing.is_empty() {
                return Ok(());
            }
            self.read(conn, org, &missing).await?;
        }
    }

    /// Reads all that policies could ask about these resources: what lies above them, and what they refer to, four steps far.
    pub(crate) async fn surround(
        &mut self,
        conn: &mut Conn,
        org: OrgId,
        catalogue: &Catalogue,
        resources: [&Resource; 2],
    ) -> Result<()> {
        let mut open: Vec<Resource> = resources.into_iter().cloned().collect();
        for _ in 0..admin_policy::MAX_HOPS + 1 {
            self.0.extend(open.iter().map(|resource| (resource.id, Some(resource.clone()))));
            let targets = open.iter().flat_map(|resource| targets(catalogue, resource));
            let wanted: BTreeSet<ResourceId> = targets.filter(|id| !self.0.contains_key(id)).collect();
            self.read(conn, org, &wanted).await?;
            open = wanted.iter().filter_map(|id| self.get(*id)).cloned().collect();
        }
        for resource in resources {
            // No resource has this id: the way up is read to its end.
            let nowhere = Filter::Below { id: ResourceId { bytes: [0; 16], ..resource.id } };
            self.gather(conn, org, &nowhere, std::slice::from_ref(resource)).await?;
        }
        Ok(())
    }

    async fn read(&mut self, conn: &mut Conn, org: OrgId, ids: &BTreeSet<ResourceId>) -> Result<()> {
        let bytes: BTreeSet<[u8; 16]> = ids.iter().map(|id| id.bytes).collect();
        for row in resources::many(conn, org, &bytes).await? {
            let found: Resource = serde_json::from_str(&row.document).map_err(Error::internal)?;
            self.0.insert(found.id, Some(found));
        }
        for id in ids {
            self.0.entry(*id).or_insert(None);
        }
        Ok(())
    }
}

/// What a resource refers to, its parent too.
fn targets(catalogue: &Catalogue, resource: &Resource) -> Vec<ResourceId> {
    let entry = catalogue.named(&resource.type_name);
    let fields = entry.iter().flat_map(|entry| entry.definition.references());
    let values = fields.flat_map(|field| field.values(&resource.attributes));
    let ids = values.filter_map(|value| ResourceId::parse(value.as_str()?));
    ids.chain(resource.parent).collect()
}
