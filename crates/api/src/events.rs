//! Events: what happened in the org.

mod cloud;
mod socket;
mod stream;

use admin_core::{EventKind, EventQuery, get_event as get, list_events as list};
use admin_types::{Error, EventId, Result, cloud_event};
use axum::response::Response;

use crate::answer;
use crate::call::Call;
use crate::params::Params;
use crate::path::Path;
use crate::problem::Problem;

pub(crate) use stream::{__path_watch_events_live, watch_events_live};

const PARAMS: &[&str] =
    &["type", "resource", "actor", "request_id", "since", "until", "order", "cursor", "page", "limit"];

/// List events
///
/// Every change leaves exactly one event, numbered without gaps in its org. With `Accept: application/cloudevents-batch+json` the page
/// is an array of CloudEvents, and the header `Link` names the next one.
#[utoipa::path(get, path = "/v3/events", tag = "events", operation_id = "list_events",
    params(
        ("type" = Option<String>, Query, description = "`workspace.created`, or `workspace.*`"),
        ("resource" = Option<String>, Query, description = "Only about this resource"),
        ("actor" = Option<String>, Query, description = "Only by this user"),
        ("request_id" = Option<String>, Query, description = "Only of this request"),
        ("since" = Option<String>, Query, description = "Not before this time, RFC 3339"),
        ("until" = Option<String>, Query, description = "Before this time, RFC 3339"),
        ("order" = Option<String>, Query, description = "`asc` (default) or `desc`, by number"),
        ("cursor" = Option<i64>, Query, description = "Events after this number (before it, with `order=desc`)"),
        ("page" = Option<u64>, Query, description = "The page, from 1"),
        ("limit" = Option<u32>, Query, description = "1 to 200, 50 by default")),
    responses((status = 200, description = "A page of events", body = crate::openapi::EventPage)))]
pub(crate) async fn list_events(call: Call) -> Result<Response, Problem> {
    let mut params = call.params(PARAMS)?;
    let query = query(&mut params)?;
    let (page, limit) = (params.number("page")?, params.number("limit")?);
    if query.after.is_some() && page.is_some() {
        return Err(Error::parameter("cursor", "cannot be combined with `page`").into());
    }
    let events = list(&call.app.core, &call.op(false)?, query, page, limit).await?;
    if cloud::wanted(&call, cloud_event::BATCH) {
        return Ok(cloud::batch(&call, &events)?);
    }
    Ok(answer::page_of(&events.items, events.pagination)?)
}

fn query(params: &mut Params) -> Result<EventQuery> {
    Ok(EventQuery {
        kind: params.text("type").map(|text| kind(&text)).transpose()?,
        resource: params.id("resource")?,
        actor: params.id("actor")?,
        request_id: params.text("request_id"),
        since: params.time("since")?,
        until: params.time("until")?,
        after: params.number("cursor")?,
        descending: match params.text("order").as_deref() {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(_) => return Err(Error::parameter("order", "must be asc or desc")),
        },
        ..EventQuery::default()
    })
}

pub(crate) fn kind(text: &str) -> Result<(String, Option<String>)> {
    let kind = EventKind::parse(text);
    let kind = kind.ok_or_else(|| Error::parameter("type", "must be such as `workspace.created` or `workspace.*`"))?;
    Ok((kind.type_name, kind.verb))
}

/// How far the readers of events are
///
/// Webhooks, and all else that does something about each event, read them one after the other. What a reader failed at again
/// and again is parked, and the next ones go on.
#[utoipa::path(get, path = "/v3/events/readers", tag = "events", operation_id = "list_event_readers",
    responses((status = 200, description = "Each with what it is done with, what is before it, and what it left behind", body = Object)))]
pub(crate) async fn list_event_readers(call: Call) -> Result<Response, Problem> {
    call.params(&[])?;
    Ok(answer::data(&admin_core::list_readers(&call.app.core, &call.op(false)?).await?)?)
}

/// Have a reader handle the events once more that it left behind
///
/// The first hundred, or as many as ten seconds allow. What is handled now is parked no more.
#[utoipa::path(post, path = "/v3/events/readers/{reader}/retry", tag = "events", operation_id = "retry_event_reader",
    params(("reader" = String, Path, description = "The reader's name")),
    responses((status = 200, description = "How many were handled, how many failed again, and what is parked still", body = Object)))]
pub(crate) async fn retry_event_reader(call: Call, Path(reader): Path<String>) -> Result<Response, Problem> {
    call.params(&[])?;
    Ok(answer::data(&admin_core::retry_parked(&call.app.core, &call.op(false)?, &reader).await?)?)
}

/// Read one event
///
/// With `Accept: application/cloudevents+json` it is a CloudEvent.
#[utoipa::path(get, path = "/v3/events/{id}", tag = "events", operation_id = "get_event",
    params(("id" = String, Path, description = "The event's id, `evt_…`")),
    responses((status = 200, description = "The event", body = crate::openapi::EventAnswer), (status = 404, description = "No such event")))]
pub(crate) async fn get_event(call: Call, Path(id): Path<String>) -> Result<Response, Problem> {
    call.params(&[])?;
    let id = EventId::parse(&id).ok_or_else(|| Error::not_found("event"))?;
    let event = get(&call.app.core, &call.op(false)?, id).await?;
    if cloud::wanted(&call, cloud_event::STRUCTURED) {
        return Ok(cloud::structured(&call, &event)?);
    }
    Ok(answer::data(&event)?)
}
