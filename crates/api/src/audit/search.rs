//! Search the audit log.

use admin_core::audit::{AuditQuery, search_audit as search};
use admin_core::{Ended, EventQuery};
use admin_types::{Error, Outcome, Result};
use axum::response::Response;

use crate::answer;
use crate::call::Call;
use crate::events::kind;
use crate::params::Params;
use crate::problem::Problem;

const PARAMS: &[&str] = &[
    "type",
    "resource",
    "actor",
    "request_id",
    "since",
    "until",
    "outcome",
    "address",
    "q",
    "order",
    "cursor",
    "limit",
];
pub(super) const CONDITIONS: &[&str] =
    &["type", "resource", "actor", "request_id", "since", "until", "outcome", "address", "q", "format"];

/// Search the audit log
///
/// Every change, every refusal and every sign-in of the org, the newest first. For those who may read every policy, as the
/// roles `owner`, `admin` and `auditor` may; they see the states before and after as far as they may read the resource.
#[utoipa::path(get, path = "/v3/audit", tag = "audit", operation_id = "search_audit",
    params(
        ("type" = Option<String>, Query, description = "`workspace.created`, `workspace.denied`, `user.signed_in`, or `workspace.*`"),
        ("resource" = Option<String>, Query, description = "Only about this resource"),
        ("actor" = Option<String>, Query, description = "Only by this user or client"),
        ("request_id" = Option<String>, Query, description = "Only of this request"),
        ("since" = Option<String>, Query, description = "Not before this time, RFC 3339"),
        ("until" = Option<String>, Query, description = "Before this time, RFC 3339"),
        ("outcome" = Option<String>, Query, description = "`done`, `denied` or `failed`"),
        ("address" = Option<String>, Query, description = "Only of requests from this address"),
        ("q" = Option<String>, Query, description = "Only with this text in the states or details, whatever its case; for those who may read everything"),
        ("order" = Option<String>, Query, description = "`desc` (default) or `asc`, by number"),
        ("cursor" = Option<i64>, Query, description = "Events before this number (after it, with `order=asc`)"),
        ("limit" = Option<u32>, Query, description = "1 to 200, 50 by default")),
    responses((status = 200, description = "A page of events", body = crate::openapi::EventPage)))]
pub(crate) async fn search_audit(call: Call) -> Result<Response, Problem> {
    let mut params = call.params(PARAMS)?;
    let mut query = conditions(&mut params)?;
    query.events.after = params.number("cursor")?;
    query.events.descending = match params.text("order").as_deref() {
        None | Some("desc") => true,
        Some("asc") => false,
        Some(_) => return Err(Error::parameter("order", "must be asc or desc").into()),
    };
    let limit = params.number("limit")?;
    let events = search(&call.app.core, &call.op(false)?, query, limit).await?;
    Ok(answer::page_of(&events.items, events.pagination)?)
}

pub(super) fn conditions(params: &mut Params) -> Result<AuditQuery> {
    Ok(AuditQuery {
        events: EventQuery {
            kind: params.text("type").map(|text| kind(&text)).transpose()?,
            resource: params.id("resource")?,
            actor: params.id("actor")?,
            request_id: params.text("request_id"),
            since: params.time("since")?,
            until: params.time("until")?,
            ..EventQuery::default()
        },
        outcome: match params.text("outcome").as_deref() {
            None => None,
            Some("done") => Some(Ended::Done),
            Some(text) => Some(Ended::Not(
                Outcome::parse(text).ok_or_else(|| Error::parameter("outcome", "must be done, denied or failed"))?,
            )),
        },
        address: params
            .text("address")
            .map(|text| text.parse().map_err(|_| Error::parameter("address", "must be an address, such as 192.0.2.7")))
            .transpose()?,
        text: params.text("q"),
    })
}
