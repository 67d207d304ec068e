//! Grants and sessions that ended before the tokens that name them. Every process has all of them in memory, and looks
//! for new ones twice a second.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use admin_core::Core;
use admin_db::revocations;
use admin_types::{Result, Timestamp};

/// How far back each look goes, in seconds: what another process wrote before and committed after the last look.
const OVERLAP: i64 = 10;

/// What was revoked, by id, and until when that matters. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Revocations {
    ids: Arc<RwLock<HashMap<String, Timestamp>>>,
}

impl Revocations {
    /// Whether a grant or a session was ended.
    pub(crate) fn is_revoked(&self, id: &str) -> bool {
        self.ids.read().unwrap_or_else(PoisonError::into_inner).contains_key(id)
    }

    /// Notes what this process has ended itself.
    pub(crate) fn add(&self, id: &str, until: Timestamp) {
        self.ids.write().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), until);
    }

    /// Reads what was ended since `since`, and forgets what no token names any more.
    pub(crate) async fn refresh(&self, core: &Core, since: Timestamp) -> Result<()> {
        let rows = revocations::since(&mut *core.db().read().await?, since.plus_seconds(-OVERLAP)).await?;
        let now = core.clock().now();
        let mut ids = self.ids.write().unwrap_or_else(PoisonError::into_inner);
        ids.retain(|_, until| *until > now);
        ids.extend(rows.into_iter().filter(|(_, until)| *until > now));
        Ok(())
    }
}
