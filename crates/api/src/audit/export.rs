//! Export the audit log.

use admin_core::audit::Search;
use admin_types::{Error, Event, Result};
use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;

use super::search::{CONDITIONS, conditions};
use crate::call::Call;
use crate::problem::Problem;

const COLUMNS: &str = "seq,id,at,type,outcome,actor_type,actor,via,resource_type,resource,version,address,request_id,details,before,after";

/// How events are written.
#[derive(Clone, Copy)]
enum Format {
    Ndjson,
    Csv,
}

/// Export the audit log
///
/// The oldest events first, one a line: as NDJSON, or as CSV (RFC 4180) in which texts that a spreadsheet would take for a formula
/// begin with an apostrophe. A connection that ends early has failed.
#[utoipa::path(get, path = "/v3/audit/export", tag = "audit", operation_id = "export_audit",
    params(("format" = Option<String>, Query, description = "`ndjson` (default) or `csv`"),
        ("type" = Option<String>, Query, description = "As of the search"),
        ("resource" = Option<String>, Query, description = "As of the search"),
        ("actor" = Option<String>, Query, description = "As of the search"),
        ("request_id" = Option<String>, Query, description = "As of the search"),
        ("since" = Option<String>, Query, description = "As of the search"),
        ("until" = Option<String>, Query, description = "As of the search"),
        ("outcome" = Option<String>, Query, description = "As of the search"),
        ("address" = Option<String>, Query, description = "As of the search"),
        ("q" = Option<String>, Query, description = "As of the search")),
    responses((status = 200, description = "One event a line", content_type = "application/x-ndjson")))]
pub(crate) async fn export_audit(call: Call) -> Result<Response, Problem> {
    let mut params = call.params(CONDITIONS)?;
    let format = match params.text("format").as_deref() {
        None | Some("ndjson") => Format::Ndjson,
        Some("csv") => Format::Csv,
        Some(_) => return Err(Error::parameter("format", "must be ndjson or csv").into()),
    };
    let mut search = Search::new(&call.app.core, call.op(false)?, conditions(&mut params)?).await?;
    // The first batch is read before the answer begins, while a failure can still be told.
    let first = search.next().await?;
    let lines =
        stream::try_unfold((Some(first), search, (format, true)), async |(read, mut search, (format, begins))| {
            let batch = match read {
                Some(batch) => batch,
                None => search.next().await.map_err(|error| {
                    tracing::error!(%error, "an export of the audit log was cut off");
                    std::io::Error::other(error)
                })?,
            };
            if batch.is_empty() && !begins {
                return Ok::<_, std::io::Error>(None);
            }
            let text = written(&batch, format, begins).map_err(std::io::Error::other)?;
            Ok(Some((Bytes::from(text), (None, search, (format, false)))))
        });
    let (media, name) = match format {
        Format::Ndjson => ("application/x-ndjson", "attachment; filename=\"audit.ndjson\""),
        Format::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"audit.csv\""),
    };
    Ok(([(header::CONTENT_TYPE, media), (header::CONTENT_DISPOSITION, name)], Body::from_stream(lines)).into_response())
}

fn written(events: &[Event], format: Format, begins: bool) -> Result<String> {
    let mut text = String::new();
    match format {
        Format::Ndjson => {
            for event in events {
                text.push_str(&serde_json::to_string(event).map_err(Error::internal)?);
                text.push('\n');
            }
        }
        Format::Csv => {
            if begins {
                text.push_str(COLUMNS);
                text.push_str("\r\n");
            }
            events.iter().for_each(|event| row(&mut text, event));
        }
    }
    Ok(text)
}

fn row(text: &mut String, event: &Event) {
    let json = |raw: &Option<Box<serde_json::value::RawValue>>| raw.as_ref().map_or("", |raw| raw.get()).to_owned();
    let fields = [
        event.seq.to_string(),
        event.id.to_string(),
        event.at.to_string(),
        event.kind.clone(),
        event.outcome.map_or("done", |outcome| outcome.as_str()).to_owned(),
        event.actor.kind.to_string(),
        event.actor.id.to_string(),
        event.actor.via.map_or_else(String::new, |via| via.to_string()),
        event.resource.type_name.clone(),
        event.resource.id.to_string(),
        event.resource.version.to_string(),
        event.address.map_or_else(String::new, |address| address.to_string()),
        event.request_id.as_str().to_owned(),
        json(&event.details),
        json(&event.before),
        json(&event.after),
    ];
    let fields: Vec<String> = fields.into_iter().map(field).collect();
    text.push_str(&fields.join(","));
    text.push_str("\r\n");
}

/// A field of CSV. What a spreadsheet would calculate is made a text.
fn field(text: String) -> String {
    let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text };
    match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_is_a_formula_or_ends_its_row() {
        for (given, written) in [
            ("a", "a"),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("a\r\nb", "\"a\r\nb\""),
            ("=1+1", "'=1+1"),
            ("@x,\"", "\"'@x,\"\"\""),
            ("", ""),
        ] {
            assert_eq!(field(given.to_owned()), written);
        }
    }
}
