//! Who is signed in, and signing out.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use minijinja::context;

use super::{cookie, is_own, message, page as print, see, set_cookie};
use crate::App;
use crate::oauth::Refusal;

type Answer = Result<Response, Refusal>;

/// Who is signed in.
pub(super) async fn page(State(app): State<App>, headers: HeaderMap) -> Answer {
    let session = match cookie(&headers) {
        Some(cookie) => app.identity()?.session(cookie).await?,
        None => None,
    };
    let Some(session) = session else { return Ok(see("/sign-in")?) };
    let (name, user, org) = (&session.name, session.user.to_string(), session.org.to_string());
    Ok(print(&headers, StatusCode::OK, "account.html", context! { name, user, org }, None)?)
}

/// Ends the session, and all that was granted in it.
pub(super) async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Answer {
    if !is_own(&app, &headers) {
        return Ok(message(&headers, StatusCode::FORBIDDEN, "This form was sent from another site.")?);
    }
    if let Some(cookie) = cookie(&headers)
        && let Some(session) = app.identity()?.session(cookie).await?
    {
        app.identity()?.end_session(&session).await?;
    }
    let mut response = see("/sign-in")?;
    set_cookie(&mut response, "", 0)?;
    Ok(response)
}
