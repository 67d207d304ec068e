//! Who is signed in, and signing out, at one's own wish or at a client's.

use admin_identity::{Form, Session, SignedOut};
use admin_types::{Error, Kind};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use minijinja::context;
use secrecy::ExposeSecret;
use serde_json::json;

use super::told::another_site;
use super::{browser, cookie, is_own, message, page as print, see, set_cookie};
use crate::oauth::{self, Refusal};
use crate::{App, ClientAddress};

type Answer = Result<Response, Refusal>;

/// Who is signed in.
pub(super) async fn page(State(app): State<App>, headers: HeaderMap) -> Answer {
    let Some(session) = session(&app, &headers).await? else { return Ok(see("/sign-in")?) };
    let (name, user, org) = (&session.name, session.user.to_string(), session.org.to_string());
    let org_name = app.identity()?.org_name(session.org).await?;
    Ok(print(&headers, StatusCode::OK, "account.html", context! { name, user, org, org_name }, None)?)
}

/// A bearer token for our own pages.
pub(super) async fn token(State(app): State<App>, headers: HeaderMap) -> Answer {
    let session = session(&app, &headers).await?.filter(|_| is_own(&app, &headers));
    let Some(session) = session else {
        return Err(Error::new(Kind::Unauthenticated, "missing_token", "Nobody is signed in here.").into());
    };
    let (bearer, seconds) = app.identity()?.session_token(&session)?;
    Ok(oauth::private(json!({"status": "success", "data": {"access_token": bearer.expose_secret(),
        "token_type": "Bearer", "expires_in": seconds}})))
}

/// Ends the session, and all that was granted in it.
pub(super) async fn sign_out(
    State(app): State<App>,
    address: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
) -> Answer {
    if !is_own(&app, &headers) {
        return Ok(another_site(&headers)?);
    }
    if let Some(cookie) = cookie(&headers)
        && let Some(session) = app.identity()?.session(cookie).await?
    {
        app.identity()?.end_session(&session, &browser(&headers, address)).await?;
    }
    let mut response = see("/sign-in")?;
    set_cookie(&mut response, "", 0)?;
    Ok(response)
}

pub(super) async fn session(app: &App, headers: &HeaderMap) -> Result<Option<Session>, Refusal> {
    match cookie(headers) {
        Some(cookie) => Ok(app.identity()?.session(cookie).await?),
        None => Ok(None),
    }
}

pub(super) async fn logout_by_query(
    State(app): State<App>,
    address: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let form = Form::new(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())))?;
    logout(&app, (&headers, address), &form, false).await
}

pub(super) async fn logout_by_form(
    State(app): State<App>,
    address: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let form = oauth::form(&headers, body).await?;
    let confirmed = form.get("confirm").is_some() && is_own(&app, &headers);
    logout(&app, (&headers, address), &form, confirmed).await
}

/// Signs out at a client's wish (OpenID Connect RP-Initiated Logout).
async fn logout(
    app: &App,
    (headers, address): (&HeaderMap, Option<Extension<ClientAddress>>),
    form: &Form,
    confirmed: bool,
) -> Answer {
    let session = session(app, headers).await?;
    match app.identity()?.sign_out(form, (session.as_ref(), &browser(headers, address)), confirmed).await {
        Ok(SignedOut::Ask) => {
            let name = session.map(|session| session.name);
            let fields = super::authorize::pairs(form.pairs());
            let to = form.get("post_logout_redirect_uri").and_then(oauth::origin);
            Ok(print(headers, StatusCode::OK, "sign-out.html", context! { name, fields }, to.as_deref())?)
        }
        Ok(SignedOut::Done(place)) => {
            let mut response = see(place.as_deref().unwrap_or("/sign-in"))?;
            set_cookie(&mut response, "", 0)?;
            Ok(response)
        }
        Err(error) if error.internal.is_none() => Ok(message(headers, StatusCode::BAD_REQUEST, &error.description)?),
        Err(error) => Err(error.into()),
    }
}
