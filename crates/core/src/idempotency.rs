//! `Idempotency-Key`: the answer is kept in the transaction of its change, so it is there if and only if the change is.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use admin_db::idempotency::{self, Kept};
use admin_db::{Conn, Tx};
use admin_types::{Error, Kind, OrgId, ResourceId, Result};

use crate::Inner;
use crate::op::{Idempotency, Op};

/// How long an answer is kept, in seconds.
pub(crate) const KEPT_SECONDS: i64 = 24 * 3600;

type Key = (OrgId, ResourceId, String);

/// Requests under a key that are running in this process.
#[derive(Default, Clone)]
pub(crate) struct InFlight {
    keys: Arc<Mutex<HashSet<Key>>>,
}

/// A running request; ends when dropped.
pub(crate) struct Running {
    keys: Arc<Mutex<HashSet<Key>>>,
    key: Key,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.keys.lock().expect("no thread panics while it holds this").remove(&self.key);
    }
}

impl InFlight {
    /// Enters a request; refuses a second one under the same key while the first runs.
    pub(crate) fn enter(&self, op: &Op) -> Result<Option<Running>> {
        let Some(Idempotency { key, .. }) = &op.idempotency else { return Ok(None) };
        let key = (op.principal.org, op.principal.id, key.clone());
        if self.keys.lock().expect("no thread panics while it holds this").insert(key.clone()) {
            return Ok(Some(Running { keys: self.keys.clone(), key }));
        }
        let detail = "A request with this Idempotency-Key is still running. Wait for it, then send it again.";
        Err(Error::conflict("idempotency_in_flight", detail))
    }
}

/// The answer that was already given to this request, if it was.
pub(crate) async fn replay(core: &Inner, conn: &mut Conn, op: &Op) -> Result<Option<String>> {
    let Some(Idempotency { key, request_hash }) = &op.idempotency else { return Ok(None) };
    let since = op.now.plus_seconds(-KEPT_SECONDS);
    match idempotency::get(conn, op.principal.org, op.principal.id, key, since).await? {
        None => Ok(None),
        Some(kept) if kept.request_hash == core.cipher.fingerprint(request_hash) => Ok(Some(kept.answer)),
        Some(_) => {
            let detail = "This Idempotency-Key was used for another request. Use a new key for a new request.";
            Err(Error::new(Kind::Unprocessable, "idempotency_mismatch", detail))
        }
    }
}

/// Keeps the answer of a change in its transaction.
pub(crate) async fn keep(core: &Inner, tx: &mut Tx, op: &Op, answer: &str) -> Result<()> {
    let Some(Idempotency { key, request_hash }) = &op.idempotency else { return Ok(()) };
    let kept = Kept { request_hash: core.cipher.fingerprint(request_hash), answer: answer.to_owned() };
    idempotency::put(tx, op.principal.org, op.principal.id, key, &kept, op.now).await
}
