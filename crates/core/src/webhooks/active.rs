//! The active webhooks of an org, so that an event finds those that want it.

use std::collections::HashMap;
use std::sync::Arc;

use admin_db::list::{self, Scope, Selection};
use admin_db::orgs::Versions;
use admin_db::webhooks;
use admin_schema::Filter;
use admin_types::{Error, Event, Kind, OrgId, Resource, ResourceId, Result};

use super::{ACTIVE, WEBHOOK, Webhook, lending, webhook};
use crate::Core;
use crate::catalogue::Catalogue;
use crate::interest::{Index, deciding};

/// The active webhooks of an org, as they were under some versions.
pub struct ActiveWebhooks {
    /// What they were read under.
    pub versions: Versions,
    /// Those that can be sent nothing, and why.
    pub broken: Vec<(ResourceId, String)>,
    all: Vec<Webhook>,
    /// Of the places in `all`.
    index: Index,
    catalogue: Arc<Catalogue>,
}

/// The active webhooks of an org, under versions that were read just now.
pub async fn active_webhooks(core: &Core, org: OrgId, versions: Versions) -> Result<ActiveWebhooks> {
    let catalogue = core.catalogues.get(&core.db, org).await?;
    let known = webhooks::endpoints(&mut *core.db.scan().await?, org).await?;
    let known: HashMap<ResourceId, i64> = known.into_iter().map(|(id, row)| (id, row.since_seq)).collect();
    let mut active = ActiveWebhooks { versions, broken: vec![], all: vec![], index: Index::default(), catalogue };
    let mut lenders = HashMap::new();
    for resource in read(core, org).await? {
        let id = resource.id;
        let found = match lending::check(core, org, &resource, &mut lenders).await {
            Ok(()) => webhook(core, org, resource, known.get(&id).copied().unwrap_or(0)).await,
            Err(error) => Err(error),
        };
        match found {
            Ok(webhook) => active.add(core, webhook).await?,
            Err(error) if error.is_passing() => return Err(error),
            Err(error) => active.broken.push((id, error.detail)),
        }
    }
    Ok(active)
}

async fn read(core: &Core, org: OrgId) -> Result<Vec<Resource>> {
    const BATCH: u32 = 500;
    let scope = Scope::Types(vec![WEBHOOK.into()]);
    let selection = Selection { org, scope: &scope, trashed: false, filter: &Filter::True };
    let mut conn = core.db.scan().await?;
    let (mut all, mut after) = (vec![], None);
    loop {
        let rows =
            list::page(&mut conn, &selection, (&list::Plan::ById(None), false), after.as_ref(), 0, BATCH).await?;
        let more = rows.len() == BATCH as usize;
        after = rows.last().map(|row| list::Position { key: vec![], id: row.id, seq: 0 });
        for row in rows {
            let resource: Resource = serde_json::from_str(&row.document).map_err(Error::internal)?;
            all.extend((resource.status == ACTIVE).then_some(resource));
        }
        if !more {
            return Ok(all);
        }
    }
}

impl ActiveWebhooks {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    async fn add(&mut self, core: &Core, webhook: Webhook) -> Result<()> {
        let actor = core.actor_of(&webhook.op.principal).await?;
        self.index.add(self.all.len() as u64, &webhook.interest.handles(&webhook.op, &actor));
        self.all.push(webhook);
        Ok(())
    }

    /// The webhooks that want an event, and whose principals may see it now.
    pub async fn wanting(&self, core: &Core, event: &Event) -> Result<Vec<ResourceId>> {
        let state = deciding(event)?;
        let places: Vec<u64> = match self.catalogue.named(&event.resource.type_name) {
            Some(_) => self.index.candidates(event, state.as_ref()).collect(),
            // The index knows nothing of a type that is gone.
            None => (0..self.all.len() as u64).collect(),
        };
        let places = places.into_iter().filter_map(|place| self.all.get(usize::try_from(place).ok()?));
        let mut wanting = vec![];
        // Webhooks of the same principal see the same.
        let mut seen: HashMap<ResourceId, bool> = HashMap::new();
        for webhook in places.filter(|webhook| event.seq > webhook.since_seq) {
            if !webhook.interest.wants(event, state.as_ref()) {
                continue;
            }
            let principal = webhook.op.principal.id;
            let sees = match seen.get(&principal) {
                Some(sees) => *sees,
                None => {
                    let sees = match webhook.seen(core, event).await {
                        Ok(shown) => shown.is_some(),
                        // Whoever it shows the view of is gone or disabled: it sees nothing.
                        Err(error) if error.kind == Kind::Unauthenticated => false,
                        Err(error) => return Err(error),
                    };
                    seen.insert(principal, sees);
                    sees
                }
            };
            wanting.extend(sees.then_some(webhook.id));
        }
        Ok(wanting)
    }
}
