//! What an error says to people: by the catalogue of their language where that has a text, otherwise as the API says it.

use admin_types::{Error, FieldError, Result};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::{Texts, message, texts};

/// An error in the reader's language, without the place in a document that nobody sees.
pub(super) fn told(headers: &HeaderMap, error: &Error) -> String {
    let texts = texts(headers);
    if let Some(text) = texts.get(&format!("error_{}", error.code)) {
        return text.clone();
    }
    match error.errors.as_slice() {
        [] => error.detail.clone(),
        places => places.iter().map(|place| of_field(texts, place)).collect::<Vec<_>>().join(" "),
    }
}

/// What is wrong with a field, which the page calls by its label.
fn of_field(texts: &Texts, place: &FieldError) -> String {
    let name = place.pointer.trim_start_matches('/');
    let label = texts.get(name).map_or(name, String::as_str);
    texts.get(&format!("error_in_{name}")).cloned().unwrap_or_else(|| format!("{label} {}.", place.detail))
}

/// The answer to a form of another site.
pub(super) fn another_site(headers: &HeaderMap) -> Result<Response> {
    message(headers, StatusCode::FORBIDDEN, &texts(headers)["another_site"])
}
