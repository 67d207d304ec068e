//! Success on the wire: the envelope, written around text that is JSON already.

use admin_core::{Page, Written};
use admin_types::{Error, Pagination, Result};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

fn json_response(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

/// `{"status":"success","data":…}` around something serialisable.
pub(crate) fn data(data: &impl Serialize) -> Result<Response> {
    let data = serde_json::to_string(data).map_err(Error::internal)?;
    Ok(json_response(StatusCode::OK, format!(r#"{{"status":"success","data":{data}}}"#)))
}

/// A page of texts that are JSON already.
pub(crate) fn page(page: &Page) -> Result<Response> {
    let pagination = serde_json::to_string(&page.pagination).map_err(Error::internal)?;
    let length: usize = page.items.iter().map(|item| item.len() + 1).sum();
    let mut body = String::with_capacity(length + pagination.len() + 64);
    body.push_str(r#"{"status":"success","data":["#);
    for (i, item) in page.items.iter().enumerate() {
        if i > 0 {
            body.push(',');
        }
        body.push_str(item);
    }
    body.push_str(r#"],"pagination":"#);
    body.push_str(&pagination);
    body.push('}');
    Ok(json_response(StatusCode::OK, body))
}

/// A page of things that are serialisable.
pub(crate) fn page_of(items: &[impl Serialize], pagination: Pagination) -> Result<Response> {
    let texts = items.iter().map(|item| serde_json::to_string(item).map_err(Error::internal)).collect::<Result<_>>()?;
    page(&Page { items: texts, pagination })
}

/// One resource, with its ETag.
pub(crate) fn resource(written: &Written) -> Response {
    written_with(StatusCode::OK, written, String::new())
}

/// A resource that was created, or would be: 201 with its place.
pub(crate) fn created(written: &Written, dry_run: bool, receipt: Option<&str>) -> Result<Response> {
    if dry_run {
        return changed(written, true, receipt);
    }
    let mut response = written_with(StatusCode::CREATED, written, with_receipt(receipt));
    let place = format!("/v3/resources/{}", written.id);
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_str(&place).map_err(Error::internal)?);
    Ok(response)
}

/// A resource that was changed, or would be: a dry run tells its decision and events.
pub(crate) fn changed(written: &Written, dry_run: bool, receipt: Option<&str>) -> Result<Response> {
    let extra = match dry_run {
        false => with_receipt(receipt),
        true => format!(r#","dry_run":{}"#, json!({"decision": "allow", "events": written.events})),
    };
    Ok(written_with(StatusCode::OK, written, extra))
}

/// The member with the receipt, as JSON.
fn with_receipt(receipt: Option<&str>) -> String {
    receipt.map_or_else(String::new, |receipt| format!(r#","receipt":{receipt}"#))
}

fn written_with(status: StatusCode, written: &Written, extra: String) -> Response {
    let body = format!(r#"{{"status":"success","data":{}{extra}}}"#, written.document);
    let mut response = json_response(status, body);
    let headers = response.headers_mut();
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{}\"", written.version)) {
        headers.insert(header::ETAG, etag);
    }
    if written.replayed {
        headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    response
}
