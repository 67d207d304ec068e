//! What the pages about one's account share: who is signed in, the forms that they send, and the errors that can be mended.

use admin_identity::{Form, Language, Session};
use admin_types::{Error, Kind};
use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::Response;
use form_urlencoded::Serializer;

use super::told::another_site;
use super::{cookie, is_own, see, texts};
use crate::App;
use crate::oauth::{self, Refusal};

/// What a handler here answers.
pub(super) type Answer = Result<Response, Refusal>;

/// The session of the browser.
pub(super) async fn session(app: &App, headers: &HeaderMap) -> Result<Option<Session>, Refusal> {
    match cookie(headers) {
        Some(cookie) => Ok(app.identity()?.session(cookie).await?),
        None => Ok(None),
    }
}

/// To the sign-in page, and from there to `place`.
pub(super) fn sign_in_first(place: &str) -> Answer {
    let query = Serializer::new(String::new()).append_pair("next", place).finish();
    Ok(see(&format!("/sign-in?{query}"))?)
}

/// A form from one of our own pages. What comes from elsewhere is refused, and so answered already.
pub(super) async fn own_form(app: &App, headers: &HeaderMap, body: Body) -> Result<Result<Form, Response>, Refusal> {
    if !is_own(app, headers) {
        return Ok(Err(another_site(headers)?));
    }
    Ok(Ok(oauth::form(headers, body).await?))
}

/// What the reader reads, for letters.
pub(crate) fn language(headers: &HeaderMap) -> Language {
    Language::of(&texts(headers)["lang"])
}

/// Whether an error can be mended by whoever fills in the form.
pub(super) fn is_for_people(error: &Error) -> bool {
    matches!(
        error.kind,
        Kind::Unauthenticated | Kind::Unprocessable | Kind::TooManyRequests | Kind::Conflict | Kind::Unavailable
    )
}
