//! A new password, for whoever is signed in, and for whoever has forgotten the old one.

use admin_types::{Error, Kind, Result};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use minijinja::context;
use secrecy::SecretString;

use super::sign_in::query;
use super::signed_in::{Answer, is_for_people, language, own_form, session, sign_in_first};
use super::told::told;
use super::{browser, message, page as print, see, set_cookie, texts};
use crate::problem;
use crate::{App, ClientAddress};

const HERE: &str = "/account/password";

pub(super) async fn page(State(app): State<App>, headers: HeaderMap) -> Answer {
    let Some(session) = session(&app, &headers).await? else { return sign_in_first(HERE) };
    let email = app.identity()?.address_of(&session).await?;
    Ok(form(&headers, &email, None)?)
}

fn form(headers: &HeaderMap, email: &str, error: Option<&Error>) -> Result<Response> {
    let status = error.map_or(StatusCode::OK, |error| problem::status(error.kind));
    let error = error.map(|error| told(headers, error));
    print(headers, status, "password.html", context! { email, error }, None)
}

/// Replaces the password of whoever is signed in.
pub(super) async fn change(
    State(app): State<App>,
    address: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let sent = match own_form(&app, &headers, body).await? {
        Ok(sent) => sent,
        Err(refused) => return Ok(refused),
    };
    let Some(session) = session(&app, &headers).await? else { return sign_in_first(HERE) };
    let value = |name: &str| SecretString::from(sent.get(name).unwrap_or_default());
    let (old, new, browser) = (value("old"), value("password"), browser(&headers, address));
    let identity = app.identity()?;
    match identity.change_password(&session, (&old, &new), &browser, language(&headers)).await {
        Ok(()) => Ok(done(&headers, "password_changed", "/account")?),
        Err(error) if is_for_people(&error) => Ok(form(&headers, &identity.address_of(&session).await?, Some(&error))?),
        Err(error) => Err(error.into()),
    }
}

/// A page that says that something is done, and leads on.
pub(super) fn done(headers: &HeaderMap, key: &str, place: &str) -> Result<Response> {
    let texts = texts(headers);
    let (title, text) = (&texts[&format!("{key}_title")], &texts[key]);
    print(headers, StatusCode::OK, "done.html", context! { title, text, place }, None)
}

/// Where somebody says that they have forgotten their password, or sets a new one by a link.
pub(super) async fn reset_page(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Answer {
    let query = query(&uri);
    let Some(token) = query.get("token") else {
        let mail = app.identity()?.has_mail();
        return Ok(print(&headers, StatusCode::OK, "forgotten.html", context! { mail }, None)?);
    };
    match app.identity()?.address_of_reset(token).await {
        Ok(email) => Ok(new_password(&headers, (token, &email), None)?),
        Err(error) if error.kind == Kind::Unauthenticated => {
            Ok(message(&headers, StatusCode::UNAUTHORIZED, &told(&headers, &error))?)
        }
        Err(error) => Err(error.into()),
    }
}

fn new_password(headers: &HeaderMap, (token, email): (&str, &str), error: Option<&Error>) -> Result<Response> {
    let status = error.map_or(StatusCode::OK, |error| problem::status(error.kind));
    let error = error.map(|error| told(headers, error));
    print(headers, status, "new-password.html", context! { token, email, error }, None)
}

/// Takes the address, or the new password.
pub(super) async fn reset(
    State(app): State<App>,
    address: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let sent = match own_form(&app, &headers, body).await? {
        Ok(sent) => sent,
        Err(refused) => return Ok(refused),
    };
    let identity = app.identity()?;
    let Some(token) = sent.get("token") else {
        if identity.has_mail() {
            let email = sent.get("email").unwrap_or_default();
            identity.forgot_password(email, &browser(&headers, address), language(&headers));
        }
        return Ok(done(&headers, "password_sent", "/sign-in")?);
    };
    let new = SecretString::from(sent.get("password").unwrap_or_default());
    match identity.reset_password(token, &new, language(&headers)).await {
        Ok(()) => {
            let mut response = see("/sign-in")?;
            // Whatever session this browser had may be of the same account.
            set_cookie(&mut response, "", 0)?;
            Ok(response)
        }
        Err(error) if error.kind == Kind::Unauthenticated => {
            Ok(message(&headers, StatusCode::UNAUTHORIZED, &told(&headers, &error))?)
        }
        Err(error) if is_for_people(&error) => {
            let email = identity.address_of_reset(token).await?;
            Ok(new_password(&headers, (token, &email), Some(&error))?)
        }
        Err(error) => Err(error.into()),
    }
}
