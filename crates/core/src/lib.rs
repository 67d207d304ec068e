//! The application. One file per noun; every change, from every surface, goes the same way: decide, one transaction,
//! one event. Nothing here knows HTTP or SQL.

mod builtin;
mod catalogue;
mod change;
mod cipher;
mod cursor;
mod decide;
mod delete;
mod draft;
mod events;
mod expand;
mod export;
mod housekeeping;
mod idempotency;
mod import;
mod index_builds;
mod list;
mod op;
mod patch;
mod resources;
mod secrets;
mod setup;
mod sign_in;
mod state;
mod tokens;
mod totals;
mod type_change;

use std::sync::Arc;

use admin_db::Db;
use admin_types::{Clock, Random};

pub use catalogue::{Catalogue, TypeEntry};
pub use cipher::{Cipher, MasterKey};
pub use delete::delete_resource;
pub use events::{EventList, EventQuery, get_event, list_events};
pub use expand::shape_resource;
pub use export::{Export, export_resources};
pub use housekeeping::housekeeping;
pub use import::{ImportReport, ImportRow, MAX_IMPORT_ERRORS, import_batch};
pub use index_builds::{build_indexes, list_index_builds};
pub use list::{ListQuery, Page, list_resources};
pub use op::{Idempotency, Op};
pub use patch::Patch;
pub use resources::{Written, create_resource, get_resource, replace_resource, restore_resource, update_resource};
pub use setup::{Setup, ensure_org};
pub use sign_in::{SIGN_IN_SECONDS, create_sign_in_token, sign_in};
pub use tokens::{Claims, TOKEN_SECONDS, Tokens};

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
    pub(crate) catalogues: catalogue::Catalogues,
    pub(crate) totals: totals::Totals,
    pub(crate) idempotency: idempotency::InFlight,
    pub(crate) index_work: tokio::sync::Notify,
}

impl std::ops::Deref for Core {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl Core {
    /// The application over an open database.
    pub fn new(db: Db, clock: Arc<dyn Clock>, random: Arc<dyn Random>, master_key: &MasterKey) -> Core {
        Core {
            inner: Arc::new(Inner {
                db,
                clock,
                random,
                cipher: Cipher::new(master_key),
                catalogues: Default::default(),
                totals: Default::default(),
                idempotency: Default::default(),
                index_work: Default::default(),
            }),
        }
    }

    /// The database, for health checks and shutdown.
    pub fn db(&self) -> &Db {
        &self.inner.db
    }

    /// The clock.
    pub fn clock(&self) -> &dyn Clock {
        &*self.inner.clock
    }

    /// The source of randomness.
    pub fn random(&self) -> &dyn Random {
        &*self.inner.random
    }

    /// The org's types, as they are now (within a second, when another process changed them).
    pub async fn catalogue(&self, org: admin_types::OrgId) -> admin_types::Result<Arc<Catalogue>> {
        self.inner.catalogues.get(&self.inner.db, org).await
    }
}
