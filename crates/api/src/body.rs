//! Bodies: bounded in size and time, of the right media type, strict JSON.

use std::time::Duration;

use admin_types::{Error, Kind, Result, json};
use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};

/// The largest JSON body, in bytes.
pub(crate) const MAX_BODY: usize = 1024 * 1024;
/// How long a client may take to send a JSON body, in seconds.
const BODY_SECONDS: u64 = 30;

/// The media type of a body, in lower case and without parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Refuses a media type that is not among `accepted`.
pub(crate) fn require_media_type(headers: &HeaderMap, accepted: &[&str]) -> Result<String> {
    let media_type = media_type(headers);
    if accepted.contains(&media_type.as_str()) {
        return Ok(media_type);
    }
    let shown = if media_type.is_empty() { "no media type".to_owned() } else { format!("`{media_type}`") };
    let detail =
        format!("The body has {shown}; this endpoint takes {}. Set the header `Content-Type`.", accepted.join(" or "));
    Err(Error::new(Kind::UnsupportedMediaType, "unsupported_media_type", detail))
}

/// The whole body.
pub(crate) async fn bytes(body: Body) -> Result<Bytes> {
    let collected =
        tokio::time::timeout(Duration::from_secs(BODY_SECONDS), Limited::new(body, MAX_BODY).collect()).await;
    match collected {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let detail = format!(
                "The body is larger than {MAX_BODY} bytes. For many resources, use `POST /v3/resources:import`."
            );
            Err(Error::new(Kind::TooLarge, "body_too_large", detail))
        }
        Ok(Err(_)) => Err(Error::invalid("body_cut_off", "The connection ended before the body was complete.")),
        Err(_) => {
            let detail = format!("The body did not arrive within {BODY_SECONDS} seconds.");
            Err(Error::new(Kind::Timeout, "body_timeout", detail))
        }
    }
}

/// The body as strict JSON, or an empty object if there is none.
pub(crate) async fn read_json_if_any(headers: &HeaderMap, body: Body) -> Result<Value> {
    let bytes = bytes(body).await?;
    if bytes.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    require_media_type(headers, &["application/json"])?;
    json::parse(&bytes)
}

/// The body as strict JSON.
pub(crate) async fn read_json(headers: &HeaderMap, body: Body) -> Result<(Value, Bytes)> {
    require_media_type(headers, &["application/json"])?;
    let bytes = bytes(body).await?;
    Ok((json::parse(&bytes)?, bytes))
}
