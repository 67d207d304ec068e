//! What is kept for a time only, and then forgotten: idempotency keys, sign-in tokens, the places of moved values, refusals,
//! codes and refresh tokens, revocations, API keys that have ended, links sent by mail,
//! sign-ins that were not finished, deliveries of webhooks.

use std::time::Duration;

use admin_db::{
    Tx, account_links, api_keys, attempts, deliveries, device_codes, half_sign_in, idempotency, indexes, mail, oauth,
    revocations, sessions, sign_in,
};
use admin_types::Result;

use crate::Core;
use crate::idempotency::KEPT_SECONDS;
use crate::list::WALK_SECONDS;

/// How often, in seconds.
const EVERY_SECONDS: u64 = 300;
/// How long a device is told that its code has expired, in seconds; then it is told that there is no such code.
const DEVICE_SECONDS: i64 = 3600;

/// How long deliveries that are done are kept, in seconds, and how many are forgotten at a time.
const DELIVERIES_SECONDS: i64 = 30 * 86_400;
const DELIVERIES: u32 = 20_000;

/// How long a key that has ended is still told from one that never was, in seconds.
const ENDED_KEYS_SECONDS: i64 = 7 * 86_400;

/// Works until `stop` is done.
pub async fn housekeeping(core: Core, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    loop {
        if let Err(error) = forget(&core).await {
            tracing::warn!(%error, "housekeeping failed; trying again later");
        }
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(Duration::from_secs(EVERY_SECONDS)) => {}
        }
    }
}

async fn forget(core: &Core) -> Result<()> {
    let now = core.clock.now();
    let forgotten = core.db.write_global(async move |tx: &mut Tx| {
        let answers = idempotency::forget(tx, now.plus_seconds(-KEPT_SECONDS)).await?;
        let links =
            account_links::forget(tx, now).await? + mail::forget(tx, now).await? + attempts::forget(tx, now).await?;
        let tokens = sign_in::forget(tx, now).await? + sessions::forget(tx, now).await? + links;
        let tokens = tokens + half_sign_in::forget(tx, now).await?;
        let moved = indexes::forget_moved(tx, now.plus_seconds(-2 * WALK_SECONDS)).await?;
        let devices = device_codes::forget(tx, now.plus_seconds(-DEVICE_SECONDS)).await?;
        let granted = oauth::forget(tx, now).await? + devices;
        let revoked = revocations::forget(tx, now).await?;
        let revoked = revoked + api_keys::forget(tx, now.plus_seconds(-ENDED_KEYS_SECONDS)).await?;
        deliveries::forget(tx, now.plus_seconds(-DELIVERIES_SECONDS), DELIVERIES).await?;
        Ok((answers, tokens, moved, granted + revoked))
    });
    let (answers, tokens, moved, oauth) = forgotten.await?;
    crate::decisions::forget(core).await?;
    tracing::debug!(answers, tokens, moved, oauth, "forgot what was kept for a time");
    Ok(())
}
