//! Events: what happened in the org.

use admin_core::{EventQuery, get_event as get, list_events as list};
use admin_types::{Error, EventId, Result};
use axum::response::Response;

use crate::answer;
use crate::call::Call;
use crate::params::Params;
use crate::path::Path;
use crate::problem::Problem;

const PARAMS: &[&str] =
    &["type", "resource", "actor", "request_id", "since", "until", "order", "cursor", "page", "limit"];

/// List events
///
/// Every change leaves exactly one event, numbered without gaps in its org.
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
        types: None,
    })
}

fn kind(text: &str) -> Result<(String, Option<String>)> {
    let is_word = |word: &str, others: &[u8]| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || others.contains(&byte))
    };
    match text.split_once('.') {
        Some((type_name, verb)) if is_word(type_name, b"0123456789_") && verb == "*" => {
            Ok((type_name.to_owned(), None))
        }
        Some((type_name, verb)) if is_word(type_name, b"0123456789_") && is_word(verb, b"_") => {
            Ok((type_name.to_owned(), Some(verb.to_owned())))
        }
        _ => Err(Error::parameter("type", "must be such as `workspace.created` or `workspace.*`")),
    }
}

/// Read one event
#[utoipa::path(get, path = "/v3/events/{id}", tag = "events", operation_id = "get_event",
    params(("id" = String, Path, description = "The event's id, `evt_…`")),
    responses((status = 200, description = "The event", body = crate::openapi::EventAnswer), (status = 404, description = "No such event")))]
pub(crate) async fn get_event(call: Call, Path(id): Path<String>) -> Result<Response, Problem> {
    call.params(&[])?;
    let id = EventId::parse(&id).ok_or_else(|| Error::not_found("event"))?;
    let event = get(&call.app.core, &call.op(false)?, id).await?;
    Ok(answer::data(&event)?)
}
