//! Grants, sessions and single tokens that ended before their time. Every process has all of them in memory, and looks
//! for new ones twice a second.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use admin_core::Core;
use admin_db::{Tx, revocations};
use admin_types::{Result, Timestamp};

/// How far back of the last look each one goes, in seconds: as far as the clocks of two processes may differ, and what
/// another process wrote before that look and committed after it.
const OVERLAP: i64 = 60;

/// What was revoked, by id, and until when that matters. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Revocations {
    ids: Arc<RwLock<HashMap<String, Timestamp>>>,
    /// When the database was last looked at. A process that could not look for an hour must not miss that hour.
    looked_at: Arc<AtomicI64>,
}

impl Revocations {
    /// Whether a grant, a session or a token was ended.
    pub(crate) fn is_revoked(&self, id: &str) -> bool {
        self.ids.read().unwrap_or_else(PoisonError::into_inner).contains_key(id)
    }

    /// Notes what this process has ended itself.
    pub(crate) fn add(&self, id: &str, until: Timestamp) {
        self.ids.write().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), until);
    }

    /// Ends something for every process; at once in this one.
    pub(crate) async fn end(&self, core: &Core, id: &str, until: Timestamp) -> Result<()> {
        let (owned, now) = (id.to_owned(), core.clock().now());
        core.db().write_global(async move |tx: &mut Tx| revocations::insert(tx, &owned, now, until).await).await?;
        self.add(id, until);
        Ok(())
    }

    /// Reads what was ended since the last look, and forgets what no token names any more.
    pub(crate) async fn refresh(&self, core: &Core) -> Result<()> {
        let (now, last) = (core.clock().now(), Timestamp(self.looked_at.load(Ordering::Acquire)));
        let rows = revocations::since(&mut *core.db().read().await?, last.plus_seconds(-OVERLAP)).await?;
        self.looked_at.store(now.0, Ordering::Release);
        let mut ids = self.ids.write().unwrap_or_else(PoisonError::into_inner);
        ids.retain(|_, until| *until > now);
        ids.extend(rows.into_iter().filter(|(_, until)| *until > now));
        Ok(())
    }
}
