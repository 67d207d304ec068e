//! Events as CloudEvents 1.0 in the structured mode, for those who accept nothing else.

use admin_core::EventList;
use admin_types::cloud_event::{BATCH, CloudEvent, STRUCTURED};
use admin_types::{Error, Event, Result};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::call::Call;

/// Whether the caller names this media type first among those that it accepts.
pub(super) fn wanted(call: &Call, media_type: &str) -> bool {
    let accepted = call.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = accepted.split([',', ';']).next().unwrap_or_default();
    first.trim().eq_ignore_ascii_case(media_type)
}

/// One event.
pub(super) fn structured(call: &Call, event: &Event) -> Result<Response> {
    answer(STRUCTURED, &of(call, event))
}

/// A page of events; where the next one is says the header `Link` (RFC 8288), since the batch has no room for it.
pub(super) fn batch(call: &Call, events: &EventList) -> Result<Response> {
    let batch: Vec<_> = events.items.iter().map(|event| of(call, event)).collect();
    let mut response = answer(BATCH, &batch)?;
    if let Some(cursor) = &events.pagination.next_cursor {
        let query = call.uri.query().unwrap_or_default().split('&');
        let kept = query.filter(|pair| !pair.is_empty() && !pair.starts_with("cursor=") && !pair.starts_with("page="));
        let query: Vec<String> = kept.map(str::to_owned).chain([format!("cursor={cursor}")]).collect();
        let link = format!("<{}/v3/events?{}>; rel=\"next\"", call.app.public_url, query.join("&"));
        response.headers_mut().insert(header::LINK, link.parse().map_err(Error::internal)?);
    }
    Ok(response)
}

fn of<'e>(call: &'e Call, event: &'e Event) -> CloudEvent<'e> {
    CloudEvent::new(&call.app.public_url, call.principal.org, event)
}

fn answer(media_type: &'static str, body: &impl Serialize) -> Result<Response> {
    let text = serde_json::to_string(body).map_err(Error::internal)?;
    Ok(([(header::CONTENT_TYPE, media_type), (header::VARY, "accept")], text).into_response())
}
