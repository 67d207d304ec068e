//! A message to try an endpoint with: delivered once, like every other, and told what came of it.

use std::sync::Arc;
use std::time::Duration;

use admin_db::Tx;
use admin_db::deliveries;
use admin_types::{Error, ResourceId, Result};

use super::deliveries::DeliveryShown;
use super::{may_change_webhook, sending};
use crate::Core;
use crate::interest::Kind;
use crate::op::Op;

/// The kind of a message that is about nothing.
pub const WEBHOOK_TEST: &str = "webhook.test";
/// How long the answer waits for what comes of it: longer than a try may take.
const WITHIN: Duration = Duration::from_secs(17);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(25);

/// Sends a webhook a message of its own, or the newest event of a kind as if it had just happened, and answers what came of it; what
/// is still waiting after 17 seconds is answered as it is then. It is not sent again.
pub async fn try_webhook(core: &Core, op: Op, id: ResourceId, kind: Option<&str>) -> Result<DeliveryShown> {
    let kind = kind.unwrap_or(WEBHOOK_TEST).to_owned();
    if kind != WEBHOOK_TEST && Kind::parse(&kind).is_none_or(|kind| kind.verb.is_none()) {
        return Err(Error::validation(vec![admin_types::FieldError::new(
            "/type",
            "must be such as `workspace.created`",
        )]));
    }
    let (org, now, dry_run, shown) = (op.principal.org, op.now, op.dry_run, kind.clone());
    // Numbers of events are above zero; these sort as they were made.
    let seq = -now.0;
    let job = (core.clone(), Arc::new((op, kind)));
    let allowed = job.clone();
    core.db.write(org, async move |tx: &mut Tx| may_change_webhook(&allowed.0, tx, &allowed.1.0, id).await).await?;
    sending(core, org, id).await?;
    let written = core.db.write(org, async move |tx: &mut Tx| {
        let (core, (op, kind)) = (&job.0, &*job.1);
        may_change_webhook(core, tx, op, id).await?;
        deliveries::insert(tx, (org, id), (seq, kind, id), (now, now), false).await?;
        if op.dry_run {
            tx.roll_back();
        }
        Ok(())
    });
    written.await?;
    if dry_run {
        let row = deliveries::DeliveryRow::new(seq, &shown, id.bytes, now);
        return Ok(DeliveryShown::of(row, None));
    }
    core.wake_webhooks([(org, id)]);
    let looks = WITHIN.as_millis() / LOOK.as_millis();
    for _ in 0..looks {
        tokio::time::sleep(LOOK).await;
        let row = deliveries::get(&mut *core.db.read_once().await?, (org, id), seq).await?;
        match row {
            Some(row) if row.state == "waiting" => {}
            Some(row) => return DeliveryShown::whole(core, (org, id), row, None).await,
            None => break,
        }
    }
    let row = deliveries::get(&mut *core.db.read_once().await?, (org, id), seq).await?;
    let row = row.ok_or_else(|| Error::not_found("delivery"))?;
    DeliveryShown::whole(core, (org, id), row, None).await
}
