//! What happens beside changes, and is an event too: who was refused, who signed in. Its kind is `<type>.<verb>` of what it
//! is about, and it has neither a state before nor one after.

use std::borrow::Cow;
use std::net::IpAddr;

use admin_db::{Tx, events};
use admin_types::{Actor, EventId, OrgId, Outcome, RequestId, ResourceId, Result, Timestamp, action};
use serde_json::{Value, json};

use crate::event_types::verbs;
use crate::{Core, Inner};

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Occurrence {
    /// When.
    pub at: Timestamp,
    /// What: the verb of the event.
    pub verb: Cow<'static, str>,
    /// Who did it.
    pub actor: Actor,
    /// Where from.
    pub address: Option<IpAddr>,
    /// The type of what it is about.
    pub type_name: String,
    /// What it is about; [`nothing`] if it is about no resource of the type.
    pub resource: ResourceId,
    /// How it ended, if it came to nothing.
    pub outcome: Option<Outcome>,
    /// What else is known: an object.
    pub details: Option<Value>,
    /// The request that it was part of.
    pub request_id: RequestId,
}

/// The id of no resource of a type: all zeros.
#[must_use]
pub fn nothing(type_name: &str) -> ResourceId {
    ResourceId::of_row(type_name, [0; 16])
}

/// The name of the type of a principal.
pub(crate) fn of(principal: ResourceId) -> &'static str {
    principal.prefix.type_name().unwrap_or("user")
}

/// A sign-in, of which `method` says how.
#[must_use]
pub fn signed_in(
    user: ResourceId,
    methods: &[&str],
    (at, address, request_id): (Timestamp, Option<IpAddr>, RequestId),
) -> Occurrence {
    about(user, action::SIGNED_IN, None, json!({"methods": methods}), (at, address, request_id))
}

/// Somebody failed to sign in as a user.
#[must_use]
pub fn sign_in_failed(
    user: ResourceId,
    step: &str,
    (at, address, request_id): (Timestamp, Option<IpAddr>, RequestId),
) -> Occurrence {
    about(user, action::SIGN_IN_FAILED, Some(Outcome::Failed), json!({"step": step}), (at, address, request_id))
}

/// A user signed out.
#[must_use]
pub fn signed_out(user: ResourceId, (at, address, request_id): (Timestamp, Option<IpAddr>, RequestId)) -> Occurrence {
    Occurrence { details: None, ..about(user, action::SIGNED_OUT, None, Value::Null, (at, address, request_id)) }
}

/// How a user signs in was changed: `what` says what of it.
#[must_use]
pub fn security_changed(
    user: ResourceId,
    what: &str,
    (at, address, request_id): (Timestamp, Option<IpAddr>, RequestId),
) -> Occurrence {
    about(user, action::SECURITY_CHANGED, None, json!({"what": what}), (at, address, request_id))
}

fn about(
    user: ResourceId,
    verb: &'static str,
    outcome: Option<Outcome>,
    details: Value,
    (at, address, request_id): (Timestamp, Option<IpAddr>, RequestId),
) -> Occurrence {
    let type_name = of(user);
    let actor = Actor { kind: type_name.into(), id: user, via: None };
    let (verb, type_name) = (verb.into(), type_name.to_owned());
    Occurrence { at, verb, actor, address, type_name, resource: user, outcome, details: Some(details), request_id }
}

/// Writes an event.
pub(crate) async fn insert(core: &Inner, tx: &mut Tx, org: OrgId, occurrence: &Occurrence) -> Result<()> {
    debug_assert!(
        verbs(&occurrence.type_name).any(|verb| verb == occurrence.verb),
        "{occurrence:?} is in the catalogue"
    );
    let seq = tx.next_seq()?;
    let details = occurrence.details.as_ref().map(Value::to_string);
    let event = events::EventRow {
        id: EventId::new(org, seq, occurrence.at, &*core.random),
        action: &occurrence.verb,
        at: occurrence.at,
        actor: &occurrence.actor,
        type_name: &occurrence.type_name,
        resource: occurrence.resource,
        version: 0,
        request_id: &occurrence.request_id,
        before: None,
        after: None,
        outcome: occurrence.outcome,
        address: occurrence.address,
        details: details.as_deref(),
    };
    events::insert(tx, org, &event).await
}

impl Core {
    /// Writes down what happened, before this returns.
    ///
    /// # Errors
    /// The database is away.
    pub async fn occurred(&self, org: OrgId, occurrence: Occurrence) -> Result<()> {
        let core = self.clone();
        self.db().write(org, async move |tx: &mut Tx| insert(&core, tx, org, &occurrence).await).await
    }

    /// Writes down what happened, soon, behind whatever the caller answers.
    pub async fn occurs(&self, org: OrgId, occurrence: Occurrence) {
        self.decisions.happened(org, occurrence).await;
    }
}
