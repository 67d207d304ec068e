//! Which webhooks an event is for. Each is written down as a delivery before the event counts as handled; the same event
//! handled again comes to the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use admin_backends::queue::Handler;
use admin_core::webhooks::{ActiveWebhooks, active_webhooks};
use admin_db::deliveries::{self, Endpoint};
use admin_db::{Tx, webhooks};
use admin_types::{Event, OrgId, ResourceId, Result};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::Webhooks;

/// The name under which events are read.
pub const READER: &str = "webhooks";

/// Orgs whose webhooks are kept ready.
const ORGS: usize = 10_000;

/// Finds the webhooks that want an event.
pub struct Matching {
    webhooks: Webhooks,
    ready: Mutex<HashMap<OrgId, Arc<ActiveWebhooks>>>,
}

/// An event for a webhook: number, kind and resource.
type Found = (Endpoint, i64, String, ResourceId);

impl Matching {
    /// For these webhooks.
    #[must_use]
    pub fn new(webhooks: &Webhooks) -> Matching {
        Matching { webhooks: webhooks.clone(), ready: Mutex::default() }
    }

    /// The org's webhooks, as they are now: whoever sees an event sees what was said of webhooks before it.
    async fn ready(&self, org: OrgId) -> Result<Arc<ActiveWebhooks>> {
        let core = &self.webhooks.core;
        let versions = core.newest_versions(org).await?;
        let kept = self.ready.lock().unwrap_or_else(PoisonError::into_inner).get(&org).cloned();
        if let Some(kept) = kept.filter(|kept| kept.versions == versions) {
            return Ok(kept);
        }
        let ready = Arc::new(active_webhooks(core, org, versions).await?);
        for (webhook, why) in &ready.broken {
            tracing::warn!(%org, %webhook, why, "a webhook cannot be sent events");
        }
        let mut kept = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= ORGS {
            kept.clear();
        }
        kept.insert(org, ready.clone());
        Ok(ready)
    }

    async fn find(&self, org: OrgId, events: &[Event]) -> Result<Vec<Found>> {
        let ready = self.ready(org).await?;
        let mut found = vec![];
        if ready.is_empty() {
            return Ok(found);
        }
        for event in events {
            let wanting = ready.wanting(&self.webhooks.core, event).await?;
            let delivery = |id| ((org, id), event.seq, event.kind.clone(), event.resource.id);
            found.extend(wanting.into_iter().map(delivery));
        }
        Ok(found)
    }
}

impl Handler for Matching {
    fn handle<'a>(&'a self, org: OrgId, events: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        async move {
            let found = self.find(org, events).await?;
            if found.is_empty() {
                return Ok(());
            }
            let now = self.webhooks.core.clock().now();
            let endpoints: Vec<Endpoint> = found.iter().map(|(endpoint, ..)| *endpoint).collect();
            let written = self.webhooks.core.db().write_global(async move |tx: &mut Tx| {
                for (endpoint, seq, kind, resource) in &found {
                    deliveries::insert(tx, *endpoint, (*seq, kind, *resource), (now, now), false).await?;
                }
                Ok(())
            });
            written.await?;
            self.webhooks.core.wake_webhooks(endpoints);
            Ok(())
        }
        .boxed()
    }
}

/// Since when nothing arrives at a webhook is told anew.
pub(crate) async fn set_failing(
    webhooks: &Webhooks,
    (org, webhook): Endpoint,
    since: Option<admin_types::Timestamp>,
) -> Result<()> {
    let job = async move |tx: &mut Tx| webhooks::set_failing(tx, org, webhook, since).await;
    webhooks.core.db().write_global(job).await
}
