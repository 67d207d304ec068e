//! The second factors of whoever is signed in: what there is, what is added and removed.

use admin_identity::{Form, Passkey, Session};
use admin_types::{Error, Timestamp};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use minijinja::{Value, context};
use qrcode::QrCode;
use qrcode::render::svg;

use super::signed_in::{language, session};
use super::told::{another_site, told};
use super::{is_own, message, page as print, see};
use crate::App;
use crate::oauth::{self, Refusal};
use crate::problem;

type Answer = std::result::Result<Response, Refusal>;

/// Where all of this is.
pub(super) const PAGE: &str = "/account/security";
/// Where somebody signs in again, to come back here.
const AGAIN: &str = "/sign-in?next=/account/security";

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(PAGE, get(page))
        .route("/account/security/totp", get(totp_page).post(begin_totp))
        .route("/account/security/totp/confirm", post(confirm_totp))
        .route("/account/security/totp/remove", post(remove_totp))
        .route("/account/security/recovery-codes", post(recovery_codes))
}

/// Everything that there is.
async fn page(State(app): State<App>, headers: HeaderMap) -> Answer {
    let Some(session) = session(&app, &headers).await? else { return Ok(see(AGAIN)?) };
    let factors = app.identity()?.factors(&session).await?;
    let (totp, recovery, any) = (factors.second.totp, factors.second.recovery_codes, factors.second.any());
    let (name, fresh, again) = (&session.name, factors.fresh, AGAIN);
    let passkeys: Vec<Value> = factors.passkeys.iter().map(passkey).collect();
    let rp = app.identity()?.relying_party();
    let (rp, elsewhere) = (rp.map(|rp| &rp.id), rp.map(|rp| format!("{}{PAGE}", rp.origin)));
    let of = context! { name, totp, recovery, any, fresh, again, passkeys, rp, elsewhere };
    Ok(print(&headers, StatusCode::OK, "security.html", of, None)?)
}

fn passkey(passkey: &Passkey) -> Value {
    let day = |at: Timestamp| at.to_string().chars().take(10).collect::<String>();
    let Passkey { id, name, synced, .. } = passkey;
    context! { id, name, synced, added => day(passkey.created_at), used => passkey.used_at.map(day) }
}

/// Who sent a form of these pages, and the form; otherwise what they see instead.
pub(super) async fn sent(app: &App, headers: &HeaderMap, body: Body) -> Result<(Session, Form), Answer> {
    if !is_own(app, headers) {
        let told = another_site(headers);
        return Err(told.map_err(Refusal::from));
    }
    let form = oauth::form(headers, body).await.map_err(Err)?;
    match session(app, headers).await.map_err(Err)? {
        Some(session) => Ok((session, form)),
        None => Err(see(AGAIN).map_err(Refusal::from)),
    }
}

/// Where a refusal leads: to sign in again, or to a page that says why.
pub(super) fn refused(headers: &HeaderMap, error: Error) -> Answer {
    match error.code {
        "sign_in_again" => Ok(see(AGAIN)?),
        _ if super::signed_in::is_for_people(&error) => {
            Ok(message(headers, problem::status(error.kind), &told(headers, &error))?)
        }
        _ => Err(error.into()),
    }
}

async fn begin_totp(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    let (session, _) = match sent(&app, &headers, body).await {
        Ok(sent) => sent,
        Err(answer) => return answer,
    };
    match app.identity()?.begin_totp(&session).await {
        Ok(()) => Ok(see("/account/security/totp")?),
        Err(error) => refused(&headers, error),
    }
}

/// The secret for the app, until a code was confirmed.
async fn totp_page(State(app): State<App>, headers: HeaderMap) -> Answer {
    match session(&app, &headers).await? {
        Some(session) => totp_form(&app, &headers, &session, None).await,
        None => Ok(see(AGAIN)?),
    }
}

async fn totp_form(app: &App, headers: &HeaderMap, session: &Session, error: Option<&Error>) -> Answer {
    let enrolment = match app.identity()?.enrolment(session).await {
        Ok(enrolment) => enrolment,
        Err(error) if error.code == "no_enrolment" => return Ok(see(PAGE)?),
        Err(error) => return refused(headers, error),
    };
    let code = QrCode::new(&enrolment.uri).map_err(Error::internal)?;
    let picture = code.render::<svg::Color<'_>>().min_dimensions(200, 200).build();
    // What stands before the element is for files alone.
    let picture = picture.find("<svg").map_or("", |at| &picture[at..]);
    let status = error.map_or(StatusCode::OK, |error| problem::status(error.kind));
    let (secret, error) = (grouped(&enrolment.secret), error.map(|error| told(headers, error)));
    Ok(print(headers, status, "totp.html", context! { picture, secret, error }, None)?)
}

/// In groups of four, as people type it.
fn grouped(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    letters.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

async fn confirm_totp(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    let (session, form) = match sent(&app, &headers, body).await {
        Ok(sent) => sent,
        Err(answer) => return answer,
    };
    match app.identity()?.confirm_totp(&session, form.get("code").unwrap_or_default(), language(&headers)).await {
        Ok(codes) if codes.is_empty() => Ok(see(PAGE)?),
        Ok(codes) => show(&headers, codes),
        Err(error) if error.code == "wrong_code" => totp_form(&app, &headers, &session, Some(&error)).await,
        Err(error) => refused(&headers, error),
    }
}

async fn remove_totp(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    let (session, _) = match sent(&app, &headers, body).await {
        Ok(sent) => sent,
        Err(answer) => return answer,
    };
    match app.identity()?.remove_totp(&session, language(&headers)).await {
        Ok(()) => Ok(see(PAGE)?),
        Err(error) => refused(&headers, error),
    }
}

async fn recovery_codes(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    let (session, _) = match sent(&app, &headers, body).await {
        Ok(sent) => sent,
        Err(answer) => return answer,
    };
    match app.identity()?.new_recovery_codes(&session).await {
        Ok(codes) => show(&headers, codes),
        Err(error) => refused(&headers, error),
    }
}

/// Recovery codes, this once.
pub(super) fn show(headers: &HeaderMap, codes: Vec<String>) -> Answer {
    Ok(print(headers, StatusCode::OK, "recovery-codes.html", context! { codes }, None)?)
}
