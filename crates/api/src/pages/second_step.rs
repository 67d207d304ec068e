//! The second step of signing in: a code of the app, a recovery code, or a passkey.

use admin_identity::Proof;
use admin_types::{Error, Result};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use minijinja::context;

use super::sign_in::{form as first_step, go_on, query};
use super::signed_in::{is_for_people, language};
use super::told::{another_site, told};
use super::{HALF_COOKIE, browser, is_own, named_cookie, next, page as print, see, set_named_cookie};
use crate::oauth::{self, Refusal};
use crate::{App, ClientAddress, problem};

type Answer = std::result::Result<Response, Refusal>;

/// The page with the form, for whoever has done the first step.
pub(super) async fn page(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Answer {
    let query = query(&uri);
    let Some(half) = named_cookie(&headers, HALF_COOKIE) else { return Ok(see("/sign-in")?) };
    Ok(form(&app, &headers, half, next(query.get("next")), None).await?)
}

/// The form, with why the last try failed; where the first step is over, the form of that.
pub(super) async fn form(
    app: &App,
    headers: &HeaderMap,
    half: &str,
    next: &str,
    error: Option<&Error>,
) -> Result<Response> {
    let by = match app.identity()?.second_step_by(half).await {
        Ok(by) => by,
        Err(error) if error.code == "sign_in_expired" => return over(app, headers, next, &error).await,
        Err(error) => return Err(error),
    };
    let status = error.map_or(StatusCode::OK, |error| problem::status(error.kind));
    let (error, totp, passkeys) = (error.map(|error| told(headers, error)), by.totp, by.passkeys);
    let recovery = by.recovery_codes > 0;
    let rp = app.identity()?.relying_party().map(|rp| rp.id.as_str());
    let of = context! { next, error, totp, passkeys, recovery, rp };
    print(headers, status, "second-step.html", of, None)
}

async fn over(app: &App, headers: &HeaderMap, next: &str, error: &Error) -> Result<Response> {
    let mut response = first_step(app, headers, next, "", Some(error)).await?;
    set_named_cookie(&mut response, HALF_COOKIE, "", 0)?;
    Ok(response)
}

/// A code of the app, or a recovery code.
pub(super) async fn submit(
    State(app): State<App>,
    address: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let sent = oauth::form(&headers, body).await?;
    if !is_own(&app, &headers) {
        return Ok(another_site(&headers)?);
    }
    let next = next(sent.get("next"));
    let Some(half) = named_cookie(&headers, HALF_COOKIE) else { return Ok(see("/sign-in")?) };
    let proof = match sent.get("recovery_code") {
        Some(code) => Proof::Recovery(code),
        None => Proof::Code(sent.get("code").unwrap_or_default()),
    };
    match app.identity()?.second_step(half, proof, &browser(&headers, address), language(&headers)).await {
        Ok(step) => Ok(go_on(&step, next)?),
        Err(error) if error.code == "sign_in_expired" => Ok(over(&app, &headers, next, &error).await?),
        Err(error) if is_for_people(&error) => Ok(form(&app, &headers, half, next, Some(&error)).await?),
        Err(error) => Err(error.into()),
    }
}
