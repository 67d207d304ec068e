//! The endpoints that programs call.

use admin_identity::{OAuthError, Verified};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;

use super::{Answer, basic, form, private, proof};
use crate::pages::browser;
use crate::{App, ClientAddress};

pub(super) async fn token(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    let form = form(&headers, body).await?;
    Ok(private(app.identity()?.token(&form, &basic(&headers)?, proof(&headers)?).await?))
}

pub(super) async fn device_authorization(
    State(app): State<App>,
    address: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let (form, device) = (form(&headers, body).await?, browser(&headers, address));
    Ok(private(app.identity()?.device_authorization(&form, &basic(&headers)?, &device).await?))
}

pub(super) async fn push(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    let form = form(&headers, body).await?;
    let mut response = private(app.identity()?.push_request(&form, &basic(&headers)?, proof(&headers)?).await?);
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

pub(super) async fn introspect(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    let form = form(&headers, body).await?;
    Ok(private(app.identity()?.introspect(&form, &basic(&headers)?).await?))
}

pub(super) async fn revoke(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    let form = form(&headers, body).await?;
    app.identity()?.revoke(&form, &basic(&headers)?).await?;
    Ok(StatusCode::OK.into_response())
}

pub(super) async fn userinfo(State(app): State<App>, verified: Option<Extension<Verified>>) -> Answer {
    let verified = verified.ok_or_else(|| OAuthError::new("invalid_token", "send an access token"))?;
    Ok(private(app.identity()?.userinfo(&verified).await?))
}
