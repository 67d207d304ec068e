//! Passkeys: what a browser's authenticator is asked, and the forms in which its answers come back.

use admin_identity::{CEREMONY_SECONDS, Call, Form};
use admin_types::Result;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use axum::{Extension, Router};

use super::security::{PAGE, refused, sent, show};
use super::sign_in::{form as first_step, go_on};
use super::signed_in::{is_for_people, language};
use super::told::another_site;
use super::{HALF_COOKIE, PASSKEY_COOKIE, browser, is_own, named_cookie, next, second_step, see, set_named_cookie};
use crate::oauth::{self, Refusal};
use crate::{App, ClientAddress};

type Answer = std::result::Result<Response, Refusal>;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/sign-in/passkey/options", post(call_to_sign_in))
        .route("/sign-in/passkey", post(sign_in))
        .route("/account/security/passkeys/options", post(call_to_create))
        .route("/account/security/passkeys", post(create))
        .route("/account/security/passkeys/remove", post(remove))
}

/// What the authenticator is asked, and the cookie that must come back with its answer.
fn answer(call: Call) -> Result<Response> {
    let mut response = oauth::private(call.options);
    set_named_cookie(
        &mut response,
        PASSKEY_COOKIE,
        secrecy::ExposeSecret::expose_secret(&call.cookie),
        CEREMONY_SECONDS,
    )?;
    Ok(response)
}

/// The half of a sign-in whose second step this is, if the form says that it is one.
fn half<'a>(headers: &'a HeaderMap, form: &Form) -> Option<&'a str> {
    form.get("second").and(Some(named_cookie(headers, HALF_COOKIE).unwrap_or_default()))
}

async fn call_to_sign_in(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    let form = oauth::form(&headers, body).await?;
    if !is_own(&app, &headers) {
        return Ok(another_site(&headers)?);
    }
    Ok(answer(app.identity()?.call_to_sign_in(half(&headers, &form)).await?)?)
}

/// An authenticator has signed.
async fn sign_in(
    State(app): State<App>,
    address: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let form = oauth::form(&headers, body).await?;
    if !is_own(&app, &headers) {
        return Ok(another_site(&headers)?);
    }
    let (next, half) = (next(form.get("next")), half(&headers, &form));
    let cookie = named_cookie(&headers, PASSKEY_COOKIE).unwrap_or_default();
    let signed = form.get("credential").unwrap_or_default();
    let tried = app.identity()?.sign_in_by_passkey(cookie, signed, half, &browser(&headers, address)).await;
    let mut response = match (tried, half) {
        (Ok(step), _) => go_on(&step, next)?,
        (Err(error), Some(half)) if is_for_people(&error) => {
            second_step::form(&app, &headers, half, next, Some(&error)).await?
        }
        (Err(error), None) if is_for_people(&error) => first_step(&app, &headers, next, "", Some(&error)).await?,
        (Err(error), _) => return Err(error.into()),
    };
    set_named_cookie(&mut response, PASSKEY_COOKIE, "", 0)?;
    Ok(response)
}

async fn call_to_create(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    match sent(&app, &headers, body).await {
        Ok((session, _)) => Ok(answer(app.identity()?.call_to_create(&session).await?)?),
        Err(answer) => answer,
    }
}

/// An authenticator has made a credential.
async fn create(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    let (session, form) = match sent(&app, &headers, body).await {
        Ok(sent) => sent,
        Err(answer) => return answer,
    };
    let value = |name: &str| form.get(name).unwrap_or_default();
    let cookie = named_cookie(&headers, PASSKEY_COOKIE).unwrap_or_default();
    let mut response = match app
        .identity()?
        .add_passkey(&session, cookie, (value("name"), value("credential")), language(&headers))
        .await
    {
        Ok(codes) if codes.is_empty() => see(PAGE)?,
        Ok(codes) => show(&headers, codes)?,
        Err(error) => return refused(&headers, error),
    };
    set_named_cookie(&mut response, PASSKEY_COOKIE, "", 0)?;
    Ok(response)
}

async fn remove(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    let (session, form) = match sent(&app, &headers, body).await {
        Ok(sent) => sent,
        Err(answer) => return answer,
    };
    match app.identity()?.remove_passkey(&session, form.get("id").unwrap_or_default(), language(&headers)).await {
        Ok(()) => Ok(see(PAGE)?),
        Err(error) => refused(&headers, error),
    }
}
