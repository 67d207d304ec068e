//! The application. One file per noun; every change, from every surface, goes the same way: decide, one transaction,
//! one event. Nothing here knows HTTP or SQL.

mod access;
pub mod audit;
mod authzen;
mod builtin;
mod catalogue;
mod change;
mod cipher;
mod clients;
mod credentials;
mod cursor;
mod decisions;
mod delete;
mod draft;
mod event_types;
mod events;
mod expand;
mod explain;
mod export;
mod feed;
mod housekeeping;
mod idempotency;
mod import;
mod index_builds;
mod interest;
mod list;
mod live;
mod matrix;
pub mod occurrence;
mod op;
mod orgs;
mod patch;
mod principals;
mod readers;
mod resources;
mod secrets;
mod setup;
mod shape;
mod simulate;
mod state;
mod totals;
mod type_change;
pub mod webhooks;

use std::sync::Arc;

use admin_db::Db;
use admin_types::{Clock, Error, Kind, Random};

pub use access::MULTI_FACTOR;
pub use admin_backends::queue::rabbitmq::PARTITIONS;
pub use authzen::{Asking, Found, Named, Walk};
pub use catalogue::{Catalogue, TypeEntry};
pub use cipher::{Cipher, MasterKey};
pub use clients::check_place;
pub use credentials::{Told, change_credentials, change_keys, see_credentials, see_keys, still_lets_act, take_back};
pub use decisions::{DecisionQuery, DecisionShown, Sample, list_decisions, record_refusal, write_decisions};
pub use delete::delete_resource;
pub use event_types::{EventType, event_types};
pub use events::{Ended, EventList, EventQuery, get_event, list_events};
pub use explain::{Explanation, Question, explain_access};
pub use export::Export;
pub use feed::Feed;
pub use housekeeping::housekeeping;
pub use import::{ImportReport, ImportRow, MAX_IMPORT_ERRORS, import_batch};
pub use index_builds::{build_indexes, list_index_builds};
pub use interest::Kind as EventKind;
pub use list::{ListQuery, Page, list_resources};
pub use live::{Frame, Start, Watch, follow_live, watch_events};
pub use matrix::{RoleRow, access_matrix};
pub use op::{Idempotency, Op};
pub use orgs::{Founder, OrgShown, check_org_name, create_org, list_orgs};
pub use patch::Patch;
pub use principals::{check_action, check_caller, check_principal, check_role, has_role};
pub use readers::{Reader, ReaderShown, Retried, list_readers, retry_parked};
pub use resources::{Written, create_resource, get_resource, replace_resource, restore_resource, update_resource};
pub use setup::{Setup, ensure_org, find_org, find_setup, upgrade_orgs};
pub use shape::shape_resource;
pub use simulate::{Draft, MAX_DRAFTS, MAX_RECORDED, Simulation, simulate_access};

/// The application: what every operation needs. Cheap to clone.
#[derive(Clone)]
pub struct Core {
    inner: Arc<Inner>,
}

/// The parts of a [`Core`], for its own modules.
pub struct Inner {
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) cipher: Cipher,
    pub(crate) accesses: access::Accesses,
    pub(crate) catalogues: catalogue::Catalogues,
    pub(crate) decisions: decisions::Decisions,
    pub(crate) totals: totals::Totals,
    pub(crate) idempotency: idempotency::InFlight,
    pub(crate) index_work: tokio::sync::Notify,
    pub(crate) live: live::Hub,
    pub(crate) woken: webhooks::Woken,
    pub(crate) readers: std::sync::OnceLock<Vec<readers::Reader>>,
    pub(crate) private_hosts: std::sync::OnceLock<admin_backends::outbound::PrivateHosts>,
    pub(crate) blob: std::sync::OnceLock<Arc<dyn admin_backends::blob::Blob>>,
    pub(crate) audit_seed: std::sync::OnceLock<[u8; 32]>,
}

impl std::ops::Deref for Core {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl Core {
    /// The application over an open database. `sample`: which share of reads is recorded.
    pub fn new(db: Db, clock: Arc<dyn Clock>, random: Arc<dyn Random>, master_key: &MasterKey, sample: Sample) -> Core {
        Core {
            inner: Arc::new(Inner {
                db,
                clock,
                random,
                cipher: Cipher::new(master_key),
                accesses: Default::default(),
                catalogues: Default::default(),
                decisions: decisions::Decisions::new(sample),
                totals: Default::default(),
                idempotency: Default::default(),
                index_work: Default::default(),
                live: Default::default(),
                woken: Default::default(),
                readers: Default::default(),
                private_hosts: Default::default(),
                blob: Default::default(),
                audit_seed: Default::default(),
            }),
        }
    }

    /// The database, for health checks and shutdown.
    pub fn db(&self) -> &Db {
        &self.inner.db
    }

    /// Seals what must not stand in the database as it is.
    pub fn cipher(&self) -> &Cipher {
        &self.inner.cipher
    }

    /// The clock.
    pub fn clock(&self) -> &dyn Clock {
        &*self.inner.clock
    }

    /// The source of randomness.
    pub fn random(&self) -> &dyn Random {
        &*self.inner.random
    }

    /// The name of the type whose resources are at `/v3/{plural}`.
    pub async fn type_at(&self, org: admin_types::OrgId, plural: &str) -> admin_types::Result<String> {
        let at_path = |catalogue: &Arc<Catalogue>| {
            let entry = catalogue.at_path(plural).ok_or_else(|| {
                let plural: String = plural.chars().take(60).collect();
                let detail =
                    format!("There is no type whose resources are at /v3/{plural}. GET /v3/types lists the types.");
                Error::new(Kind::NotFound, "unknown_path", detail)
            })?;
            Ok(entry.definition.name.clone())
        };
        self.inner.catalogues.read(&self.inner.db, org, at_path).await
    }

    /// What is known of an org's types, policies and principals, read anew: the versions grow with every change of them.
    pub async fn newest_versions(&self, org: admin_types::OrgId) -> admin_types::Result<admin_db::orgs::Versions> {
        self.inner.catalogues.newest_versions(&self.inner.db, org).await
    }

    /// The org's types, as they are now (within a second, when another process changed them).
    pub async fn catalogue(&self, org: admin_types::OrgId) -> admin_types::Result<Arc<Catalogue>> {
        self.inner.catalogues.get(&self.inner.db, org).await
    }
}
