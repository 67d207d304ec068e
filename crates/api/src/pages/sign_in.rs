//! Signing in by a password, and the first time by a one-time link.

use admin_identity::{Form, SESSION_SECONDS};
use admin_types::{Error, Kind, Result};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use minijinja::context;
use secrecy::{ExposeSecret, SecretString};

use super::told::{another_site, told};
use super::{browser, is_own, message, next, page as print, see, set_cookie};
use crate::oauth::{self, Refusal};
use crate::problem::{self, Problem};
use crate::{App, ClientAddress};

type Answer = std::result::Result<Response, Refusal>;

pub(super) fn query(uri: &Uri) -> Form {
    let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    Form::new(pairs.map(|(name, value)| (name.into_owned(), value.into_owned()))).unwrap_or_default()
}

/// The page with the form.
pub(super) async fn page(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Answer {
    let query = query(&uri);
    let next = next(query.get("next"));
    Ok(form(&app, &headers, next, query.get("login_hint").unwrap_or_default(), None).await?)
}

/// The form, with why the last try failed.
async fn form(app: &App, headers: &HeaderMap, next: &str, email: &str, error: Option<&Error>) -> Result<Response> {
    let asked = super::authorize::asked(app, next).await;
    let client = asked.as_ref().map(|request| request.client.name.as_str());
    let to = asked.as_ref().and_then(|request| oauth::origin(request.redirect_uri()));
    let status = error.map_or(StatusCode::OK, |error| problem::status(error.kind));
    let error = error.map(|error| told(headers, error));
    print(headers, status, "sign-in.html", context! { next, email, error, client }, to.as_deref())
}

/// A form from the page, or the exchange of a one-time token by a program.
pub(super) async fn submit(
    State(app): State<App>,
    address: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    if crate::body::media_type(&headers) == "application/json" {
        return exchange(&app, &headers, body).await.map_err(|Problem(error)| error.into());
    }
    let sent = oauth::form(&headers, body).await?;
    let next = next(sent.get("next"));
    if !is_own(&app, &headers) {
        return Ok(another_site(&headers)?);
    }
    let (email, password) = (sent.get("email").unwrap_or_default(), sent.get("password").unwrap_or_default());
    let browser = browser(&headers, address);
    match app.identity()?.sign_in_by_password(email, &SecretString::from(password), &browser).await {
        Ok(cookie) => Ok(signed_in(cookie.expose_secret(), next)?),
        Err(error) if is_for_people(&error) => Ok(form(&app, &headers, next, email, Some(&error)).await?),
        Err(error) => Err(error.into()),
    }
}

fn signed_in(cookie: &str, next: &str) -> Result<Response> {
    let mut response = see(next)?;
    set_cookie(&mut response, cookie, SESSION_SECONDS)?;
    Ok(response)
}

/// Whether an error can be mended by whoever fills in the form.
fn is_for_people(error: &Error) -> bool {
    matches!(
        error.kind,
        Kind::Unauthenticated | Kind::Unprocessable | Kind::TooManyRequests | Kind::Conflict | Kind::Unavailable
    )
}

/// `{"token":"sgn_…"}` → a bearer token.
async fn exchange(app: &App, headers: &HeaderMap, body: Body) -> std::result::Result<Response, Problem> {
    crate::sign_in::exchange(app, headers, body).await
}

/// The page that a one-time link opens.
pub(super) async fn set_up_page(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Answer {
    let query = query(&uri);
    Ok(set_up_form(&app, &headers, query.get("token").unwrap_or_default(), None, None).await?)
}

async fn set_up_form(
    app: &App,
    headers: &HeaderMap,
    token: &str,
    email: Option<&str>,
    error: Option<&Error>,
) -> Result<Response> {
    let invitation = match app.identity()?.invitation(token).await {
        Ok(invitation) => invitation,
        Err(error) if error.kind == Kind::Unauthenticated => {
            return message(headers, StatusCode::UNAUTHORIZED, &told(headers, &error));
        }
        Err(error) => return Err(error),
    };
    let (fixed, name) = (invitation.email.is_some(), &invitation.name);
    let (org_name, invited_by) = (&invitation.org_name, &invitation.invited_by);
    let email = invitation.email.as_deref().or(email);
    let status = error.map_or(StatusCode::OK, |error| problem::status(error.kind));
    let error = error.map(|error| told(headers, error));
    print(headers, status, "set-up.html", context! { token, name, email, fixed, error, org_name, invited_by }, None)
}

/// Takes a one-time link.
pub(super) async fn set_up(
    State(app): State<App>,
    address: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let sent = oauth::form(&headers, body).await?;
    if !is_own(&app, &headers) {
        return Ok(another_site(&headers)?);
    }
    let value = |name: &str| sent.get(name).unwrap_or_default();
    let (token, email, password) = (value("token"), value("email"), SecretString::from(value("password")));
    let browser = browser(&headers, address);
    match app.identity()?.accept_invitation(token, email, &password, &browser).await {
        Ok(cookie) => Ok(signed_in(cookie.expose_secret(), "/account")?),
        Err(error) if is_for_people(&error) => Ok(set_up_form(&app, &headers, token, Some(email), Some(&error)).await?),
        Err(error) => Err(error.into()),
    }
}
