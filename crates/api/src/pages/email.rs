//! Another address for one's account, confirmed by a link that is sent there.

use admin_types::{Error, Kind, Result};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use form_urlencoded::Serializer;
use minijinja::context;
use secrecy::SecretString;

use super::password::done;
use super::sign_in::query;
use super::signed_in::{Answer, is_for_people, language, own_form, session, sign_in_first};
use super::told::told;
use super::{browser, message, page as print};
use crate::problem;
use crate::{App, ClientAddress};

const HERE: &str = "/account/email";

pub(super) async fn page(State(app): State<App>, headers: HeaderMap) -> Answer {
    let Some(session) = session(&app, &headers).await? else { return sign_in_first(HERE) };
    let address = app.identity()?.address_of(&session).await?;
    Ok(form(&app, &headers, &address, "", None)?)
}

fn form(app: &App, headers: &HeaderMap, now: &str, email: &str, error: Option<&Error>) -> Result<Response> {
    let status = error.map_or(StatusCode::OK, |error| problem::status(error.kind));
    let (error, mail) = (error.map(|error| told(headers, error)), app.identity()?.has_mail());
    print(headers, status, "email.html", context! { now, email, error, mail }, None)
}

/// Sends a link to the new address.
pub(super) async fn wish(
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
    let (identity, email) = (app.identity()?, sent.get("email").unwrap_or_default());
    if !identity.has_mail() {
        return Ok(form(&app, &headers, &identity.address_of(&session).await?, email, None)?);
    }
    let (password, browser) =
        (SecretString::from(sent.get("password").unwrap_or_default()), browser(&headers, address));
    match identity.wish_for_address(&session, (email, &password), &browser, language(&headers)).await {
        Ok(()) => Ok(done(&headers, "email_sent", "/account")?),
        Err(error) if is_for_people(&error) => {
            Ok(form(&app, &headers, &identity.address_of(&session).await?, email, Some(&error))?)
        }
        Err(error) => Err(error.into()),
    }
}

/// The page that the link opens: a program that looks at links before their reader does takes nothing by it.
pub(super) async fn confirm_page(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Answer {
    let query = query(&uri);
    let token = query.get("token").unwrap_or_default();
    let Some(session) = session(&app, &headers).await? else {
        let query = Serializer::new(String::new()).append_pair("token", token).finish();
        return sign_in_first(&format!("/account/email/confirm?{query}"));
    };
    match app.identity()?.wished_address(&session, token).await {
        Ok(email) => Ok(print(&headers, StatusCode::OK, "confirm-email.html", context! { token, email }, None)?),
        Err(error) => spent(&headers, error),
    }
}

fn spent(headers: &HeaderMap, error: Error) -> Answer {
    match error.kind {
        Kind::Unauthenticated => Ok(message(headers, StatusCode::UNAUTHORIZED, &told(headers, &error))?),
        _ => Err(error.into()),
    }
}

/// Takes the new address.
pub(super) async fn confirm(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    let sent = match own_form(&app, &headers, body).await? {
        Ok(sent) => sent,
        Err(refused) => return Ok(refused),
    };
    let Some(session) = session(&app, &headers).await? else { return sign_in_first(HERE) };
    let token = sent.get("token").unwrap_or_default();
    match app.identity()?.take_address(&session, token, language(&headers)).await {
        Ok(()) => Ok(done(&headers, "email_changed", "/account")?),
        Err(error) => spent(&headers, error),
    }
}
