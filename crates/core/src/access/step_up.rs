//! What is refused only because somebody signed in too long ago, or by one factor: the answer says how to sign in again
//! (RFC 9470, OAuth 2.0 Step Up Authentication Challenge).

use admin_db::Conn;
use admin_types::{Error, Kind, Resource, Result, Timestamp};
use serde_json::json;

use super::{Actor, Known, Verb, refuse};
use crate::op::Op;

/// The authentication context class of a sign-in by two factors.
pub const MULTI_FACTOR: &str = "urn:admin:acr:mfa";
/// The ages of a sign-in that are tried, in seconds, the oldest first.
const AGES: [i64; 6] = [86_400, 3600, 900, 600, 300, 60];

/// A sign-in that would do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct StepUp {
    multi_factor: bool,
    max_age: Option<i64>,
}

impl Actor {
    /// The refusal of something that may be seen but not done now.
    pub(crate) async fn refusal(
        &self,
        conn: &mut Conn,
        op: &Op,
        known: &mut Known,
        (verb, resource): (Verb, &Resource),
        what: &str,
    ) -> Result<Error> {
        // What is not there yet has no id to tell.
        let id = (verb != Verb::Create).then_some(resource.id);
        if self.rule(op, verb.as_str(), &resource.type_name).volatile {
            for (other, step) in candidates(op) {
                if self.may(conn, &other, known, verb, resource).await? {
                    return Ok(challenge(step).denying(verb.as_str(), &resource.type_name, id));
                }
            }
        }
        Ok(refuse(verb, &resource.type_name, id, what))
    }

    /// The refusal of a creation, whatever would be created.
    pub(crate) fn refusal_to_create(&self, op: &Op, type_name: &str) -> Error {
        let allowed = |(other, _): &(Op, StepUp)| !self.may_never(other, Verb::Create, type_name);
        match candidates(op).find(allowed) {
            Some((_, step)) => challenge(step).denying(Verb::Create.as_str(), type_name, None),
            None => refuse(Verb::Create, type_name, None, "in this org"),
        }
    }
}

/// The operation as it would be after another sign-in, the least demanding first. Nobody signs in behind a token of the
/// command line, or of a program of its own.
fn candidates(op: &Op) -> impl Iterator<Item = (Op, StepUp)> {
    let signed_in = matches!(op.origin.method, "password" | "passkey" | "mfa");
    let age = (op.now.0 - op.origin.authenticated_at.0) / 1_000_000;
    let ages = move || [None].into_iter().chain(AGES.into_iter().filter(move |max| *max < age).map(Some));
    let steps = [false, true]
        .into_iter()
        .flat_map(move |multi_factor| ages().map(move |max_age| StepUp { multi_factor, max_age }));
    let now = StepUp { multi_factor: false, max_age: None };
    steps.filter(move |step| signed_in && *step != now).map(move |step| {
        let mut other = op.clone();
        if step.multi_factor {
            other.origin.method = "mfa";
        }
        if let Some(max_age) = step.max_age {
            other.origin.authenticated_at = Timestamp(op.now.0 - max_age * 1_000_000);
        }
        (other, step)
    })
}

fn challenge(step: StepUp) -> Error {
    let mut extra = json!({});
    if step.multi_factor {
        extra["acr_values"] = json!(MULTI_FACTOR);
    }
    if let Some(max_age) = step.max_age {
        extra["max_age"] = json!(max_age);
    }
    let detail = match step {
        StepUp { max_age: None, .. } => "This needs a sign-in with a second factor.".to_owned(),
        StepUp { multi_factor: false, max_age: Some(max_age) } => {
            format!("This needs a sign-in within the last {max_age} seconds.")
        }
        StepUp { max_age: Some(max_age), .. } => {
            format!("This needs a sign-in with a second factor within the last {max_age} seconds.")
        }
    };
    Error::new(Kind::Unauthenticated, "insufficient_user_authentication", detail).with(extra)
}
