//! Clients that register themselves (RFC 7591).

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Answer, Refusal, private};
use crate::body;
use crate::call::Call;
use crate::problem::Problem;

pub(super) async fn register(call: Result<Call, Problem>, body: Body) -> Answer {
    let call = call.map_err(|Problem(error)| Refusal::from(error))?;
    let (document, _) = body::read_json(&call.headers, body).await?;
    let mut response: Response = private(call.app.identity()?.register_client(call.op(false)?, &document).await?);
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}
