//! Webhooks, as far as they are resources: what they must say, whose view they show, and what begins and ends with them. Who
//! carries their messages is another crate.

mod active;
pub(crate) mod deliveries;
mod lending;
mod replay;
mod secrets;
mod signature;
mod trial;
mod woken;

use std::collections::HashMap;

use admin_backends::outbound::{self, PrivateHosts};
use admin_db::webhooks::{self, SecretRow};
use admin_db::{Tx, resources};
use admin_types::action;
use admin_types::{
    Attributes, Error, Event, FieldError, OrgId, Origin, Principal, RequestId, Resource, ResourceId, Result, SecretId,
    Timestamp,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use serde_json::Value;

use crate::access::grants::check_sent;
use crate::access::{Known, Verb};
use crate::credentials::record;
use crate::interest::{Interest, deciding};
use crate::op::Op;
use crate::resources::current;
use crate::state::State;
use crate::{Core, Inner, change};

pub use active::{ActiveWebhooks, active_webhooks};
pub use deliveries::{AttemptShown, DeliveryShown, Health, get_delivery, list_deliveries, webhook_health};
pub(crate) use lending::{complete, renew};
pub use replay::{MAX_REPLAYED, Replay, Replayed, replay};
pub use secrets::{NewSecret, SecretShown, create_secret, delete_secret, list_secrets, signing_keys};
pub use signature::{Signatures, SigningKey};
pub use trial::{WEBHOOK_TEST, try_webhook};
pub(crate) use woken::Woken;

/// The name of the type.
const WEBHOOK: &str = "webhook";
/// The status of a webhook that is sent events.
const ACTIVE: &str = "active";
/// Bytes of a secret that Admin makes.
const SECRET_BYTES: usize = 32;
/// How the text of a secret begins (Standard Webhooks).
const SECRET_PREFIX: &str = "whsec_";
/// Headers that a message has anyway, and those that say where it ends.
const OURS: [&str; 10] = [
    "host",
    "content-length",
    "content-type",
    "connection",
    "transfer-encoding",
    "authorization",
    "upgrade",
    "expect",
    "te",
    "trailer",
];

/// Refuses a webhook that could never work: what it says is held against the types, and against what it may see.
pub(crate) async fn check(
    core: &Inner,
    tx: &mut Tx,
    op: &Op,
    before: Option<&Resource>,
    after: Option<&Resource>,
) -> Result<()> {
    let Some(after) = after.filter(|after| after.type_name == WEBHOOK && after.deleted_at.is_none()) else {
        return Ok(());
    };
    if before.is_some_and(|before| before.attributes == after.attributes) {
        return Ok(());
    }
    let url = after.attributes.get("url").and_then(Value::as_str).unwrap_or_default();
    let hosts = core.private_hosts.get().cloned().unwrap_or_default();
    if let Err(failure) = outbound::check(url, &hosts) {
        return Err(Error::validation(vec![FieldError::new("/attributes/url", failure.detail)]));
    }
    check_headers(&after.attributes)?;
    let principal = lending::acts_as(op.principal.org, after)
        .ok_or_else(|| Error::validation(vec![FieldError::new("/attributes/acts_as", "is missing")]))?;
    let no_such =
        |_| Error::validation(vec![FieldError::new("/attributes/acts_as", "there is no such active user or client")]);
    let actor = core.actor_in_tx(tx, &principal).await.map_err(no_such)?;
    let interest =
        Interest::read(&as_principal(core, principal, op.now), &actor, &events_of(after), None, filter_of(after));
    interest.map(drop).map_err(|error| {
        let place = if error.errors.iter().any(|error| error.pointer == "filter") { "filter" } else { "events" };
        let detail = error.errors.into_iter().next().map_or(error.detail, |error| error.detail);
        Error::validation(vec![FieldError::new(format!("/attributes/{place}"), detail)])
    })
}

fn check_headers(attributes: &Attributes) -> Result<()> {
    let headers = attributes.get("headers").and_then(Value::as_object);
    for (name, value) in headers.into_iter().flatten() {
        let lower = name.to_ascii_lowercase();
        let pointer = format!("/attributes/headers/{name}");
        if headers.is_some_and(|all| all.keys().any(|other| other != name && other.eq_ignore_ascii_case(name))) {
            return Err(Error::validation(vec![FieldError::new(
                pointer,
                "is there twice: case does not tell headers apart",
            )]));
        }
        if OURS.contains(&lower.as_str()) || lower.starts_with("webhook-") || lower.starts_with("ce-") {
            let detail = "is a header that messages have by themselves; for Authorization there is `authorization`";
            return Err(Error::validation(vec![FieldError::new(pointer, detail)]));
        }
        if !value.as_str().is_some_and(|value| value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte)))
        {
            return Err(Error::validation(vec![FieldError::new(
                pointer,
                "must be visible ASCII characters and spaces",
            )]));
        }
    }
    Ok(())
}

fn events_of(webhook: &Resource) -> Vec<String> {
    let events = webhook.attributes.get("events").and_then(Value::as_array);
    events.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn filter_of(webhook: &Resource) -> Option<&str> {
    webhook.attributes.get("filter").and_then(Value::as_str)
}

fn as_principal(core: &Inner, principal: Principal, now: Timestamp) -> Op {
    Op {
        principal,
        origin: Origin { address: None, method: WEBHOOK, authenticated_at: now },
        request_id: RequestId::new(now, &*core.random),
        now,
        dry_run: false,
        if_match: None,
        idempotency: None,
    }
}

/// What begins and ends with a webhook: it is sent what happens after it was made, signed with a secret of its own.
pub(crate) async fn changed(
    core: &Inner,
    tx: &mut Tx,
    op: &Op,
    (id, seq): (ResourceId, i64),
    (before, after): (Option<&State>, Option<&State>),
) -> Result<()> {
    let org = op.principal.org;
    match (before, after) {
        (None, Some(_)) => {
            webhooks::begin(tx, org, id, seq).await?;
            let secret = new_secret(core, org, id, op.now)?;
            webhooks::insert_secret(tx, org, id, &secret).await
        }
        (_, None) => {
            admin_db::deliveries::remove(tx, (org, id)).await?;
            webhooks::remove(tx, org, id).await
        }
        (Some(before), Some(after)) => {
            let active = |state: &State| !state.is_trashed() && state.resource.status == ACTIVE;
            match (active(before), active(after)) {
                (true, false) => {
                    admin_db::deliveries::fail_waiting(tx, (org, id), "the webhook was disabled", op.now).await
                }
                (false, true) => webhooks::set_failing(tx, org, id, None).await,
                _ => Ok(()),
            }
        }
    }
}

/// The text by which a secret is sealed to its place.
pub fn webhook_secret_context(org: OrgId, webhook: ResourceId, id: SecretId) -> String {
    format!("webhook secret {org} {webhook} {id}")
}

/// A secret for HMAC, made here.
fn new_secret(core: &Inner, org: OrgId, webhook: ResourceId, now: Timestamp) -> Result<SecretRow> {
    let mut bytes = [0; SECRET_BYTES];
    core.random.fill(&mut bytes);
    let text = format!("{SECRET_PREFIX}{}", STANDARD.encode(bytes));
    let id = SecretId::new(now, &*core.random);
    let sealed = core.cipher.seal(&webhook_secret_context(org, webhook, id), text.as_bytes())?;
    Ok(SecretRow { id, kind: "hmac".into(), sealed, created_at: now, expires_at: None })
}

/// A webhook that is sent events.
#[derive(Debug)]
pub struct Webhook {
    /// The org.
    pub org: OrgId,
    /// Its id.
    pub id: ResourceId,
    /// It is sent events with greater numbers.
    pub since_seq: i64,
    /// What it says.
    pub attributes: Attributes,
    op: Op,
    interest: Interest,
}

/// One webhook, whether it is active or not.
pub async fn find_webhook(core: &Core, org: OrgId, id: ResourceId) -> Result<Option<(Webhook, bool)>> {
    let mut conn = core.db.read_once().await?;
    let row = resources::get(&mut conn, org, id).await?;
    let Some(row) = row.filter(|row| !row.deleted && row.type_name == WEBHOOK) else { return Ok(None) };
    let since_seq = webhooks::endpoint(&mut conn, org, id).await?.map_or(0, |known| known.since_seq);
    drop(conn);
    let resource: Resource = serde_json::from_str(&row.document).map_err(Error::internal)?;
    let active = resource.status == ACTIVE;
    lending::check(core, org, &resource, &mut HashMap::new()).await?;
    Ok(Some((webhook(core, org, resource, since_seq).await?, active)))
}

/// A webhook by which something can be sent now: active, and with somebody whose view it shows.
async fn sending(core: &Core, org: OrgId, id: ResourceId) -> Result<Webhook> {
    match find_webhook(core, org, id).await {
        Ok(Some((webhook, true))) => Ok(webhook),
        Ok(Some((_, false))) => {
            let detail = "The webhook is disabled. Set its status to active first.";
            Err(Error::conflict("webhook_disabled", detail))
        }
        Ok(None) => Err(Error::not_found(WEBHOOK)),
        Err(error) if error.is_passing() => Err(error),
        Err(error) => {
            let detail = format!("The webhook can see nothing: {} See its health.", error.detail);
            Err(Error::conflict("webhook_blind", detail))
        }
    }
}

/// `since_seq`: it is sent events with greater numbers.
async fn webhook(core: &Core, org: OrgId, resource: Resource, since_seq: i64) -> Result<Webhook> {
    let principal = lending::acts_as(org, &resource).ok_or_else(|| Error::internal("a webhook without a principal"))?;
    let op = as_principal(core, principal, core.clock.now());
    let actor = core.actor_of(&op.principal).await?;
    let interest = Interest::read(&op, &actor, &events_of(&resource), None, filter_of(&resource))?;
    Ok(Webhook { org, id: resource.id, since_seq, attributes: resource.attributes, op, interest })
}

impl Webhook {
    /// The event as the webhook is sent it, if it wants it and its principal may see it now.
    pub async fn shown(&self, core: &Core, event: &Event) -> Result<Option<Event>> {
        match event.seq > self.since_seq {
            true => self.sight(core, event).await,
            false => Ok(None),
        }
    }

    /// The same of any event, also one from before the webhook was made.
    pub async fn sight(&self, core: &Core, event: &Event) -> Result<Option<Event>> {
        if !self.interest.wants(event, deciding(event)?.as_ref()) {
            return Ok(None);
        }
        self.seen(core, event).await
    }

    /// The event as its principal may see it now, wanted or not.
    async fn seen(&self, core: &Core, event: &Event) -> Result<Option<Event>> {
        let actor = core.actor_of(&self.op.principal).await?;
        let op = Op { now: core.clock.now(), ..self.op.clone() };
        let mut conn = core.db.read().await?;
        let mut shown = actor.show_event(&mut conn, &op, &mut Known::default(), event.clone()).await?;
        if !actor.audits(&op) {
            shown.iter_mut().for_each(|event| event.address = None);
        }
        Ok(shown)
    }
}

/// What the header `Authorization` of a webhook's messages says, if it says anything.
pub async fn webhook_authorization(core: &Core, org: OrgId, id: ResourceId) -> Result<Option<SecretString>> {
    let stored = admin_db::secrets::of(&mut *core.db.read_once().await?, org, id).await?;
    let sealed = stored.into_iter().find(|(field, _)| field == "authorization");
    sealed.map(|(field, sealed)| crate::secrets::open(core, (org, id), &field, &sealed)).transpose()
}

/// Takes a webhook out of service because nothing arrives there, and leaves an event that says so. Whether it was active.
pub async fn disable_webhook(core: &Core, org: OrgId, id: ResourceId, reason: &'static str) -> Result<bool> {
    let now = core.clock.now();
    let job = core.clone();
    let disabled = core.db.write(org, async move |tx: &mut Tx| {
        let Some(row) = resources::get(tx, org, id).await?.filter(|row| !row.deleted) else { return Ok(false) };
        let entry = job.catalogues.in_tx(tx, org).await?.of_resource(WEBHOOK)?.clone();
        let before = State::read(entry.clone(), row.document)?;
        let Some(principal) = lending::acts_as(org, &before.resource).filter(|_| before.resource.status == ACTIVE)
        else {
            return Ok(false);
        };
        let mut resource = before.resource.clone();
        resource.status = "disabled".into();
        (resource.version, resource.updated_at) = (resource.version + 1, now);
        let after = State::of(entry, resource)?;
        let op = as_principal(&job, principal, now);
        let details = serde_json::json!({"reason": reason}).to_string();
        change::write_with(&job, tx, &op, None, (action::DISABLED, Some(&before), Some(&after)), Some(&details))
            .await?;
        admin_db::deliveries::fail_waiting(tx, (org, id), reason, now).await?;
        Ok(true)
    });
    let disabled = disabled.await?;
    core.written(org, WEBHOOK).await?;
    Ok(disabled)
}

impl Inner {
    /// Hosts that may be called although their addresses are private. Said once, at the start.
    pub fn allow_hosts(&self, hosts: PrivateHosts) {
        let _ = self.private_hosts.set(hosts);
    }
}

/// Decides whether the caller may change what a live webhook signs with, and writes the event `webhook.<verb>`. The
/// secrets themselves are for the caller to write, in the same job.
pub async fn change_webhook_secrets(
    core: &Core,
    tx: &mut Tx,
    op: &Op,
    id: ResourceId,
    verb: &'static str,
) -> Result<()> {
    let state = may_sign_as_webhook(core, tx, op, id).await?;
    record(core, tx, op, &state, (verb, None)).await
}

/// Whether the caller may know what a live webhook signs with: who knows it makes messages that its receiver believes, so they must be
/// able to act as the one whose view it shows.
pub(crate) async fn may_sign_as_webhook(core: &Core, tx: &mut Tx, op: &Op, id: ResourceId) -> Result<State> {
    let state = see(core, tx, op, id).await?;
    let actor = core.actor_in_tx(tx, &op.principal).await?;
    check_sent(tx, op, &actor, &state.resource).await?;
    Ok(state)
}

/// Whether the caller may change a live webhook: for those who send something by it.
pub async fn may_change_webhook(core: &Core, tx: &mut Tx, op: &Op, id: ResourceId) -> Result<()> {
    see(core, tx, op, id).await.map(drop)
}

/// Whether the caller may see a live webhook: for those who ask how it goes there.
pub async fn may_read_webhook(core: &Core, op: &Op, id: ResourceId) -> Result<()> {
    crate::get_resource(core, op, Some(WEBHOOK), id, false).await.map(drop)
}

async fn see(core: &Core, tx: &mut Tx, op: &Op, id: ResourceId) -> Result<State> {
    let state = current(core, tx, op, (Some(WEBHOOK), id, Verb::Update)).await?;
    match state.is_trashed() {
        true => Err(Error::not_found(WEBHOOK)),
        false => Ok(state),
    }
}
