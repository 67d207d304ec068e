//! Webhooks for which something has become due, said to whoever delivers in this process.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use admin_db::deliveries::Endpoint;
use tokio::sync::Notify;

use crate::Inner;

/// Webhooks for which something has become due.
#[derive(Default)]
pub(crate) struct Woken {
    endpoints: Mutex<HashSet<Endpoint>>,
    notify: Notify,
}

impl Inner {
    /// Says that something has become due for these webhooks. A hint: the database knows it too.
    pub fn wake_webhooks(&self, endpoints: impl IntoIterator<Item = Endpoint>) {
        self.woken.endpoints.lock().unwrap_or_else(PoisonError::into_inner).extend(endpoints);
        self.woken.notify.notify_one();
    }

    /// The webhooks for which something has become due since this was last asked; waits for one.
    pub async fn woken_webhooks(&self) -> HashSet<Endpoint> {
        self.woken.notify.notified().await;
        std::mem::take(&mut *self.woken.endpoints.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
