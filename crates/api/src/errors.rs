//! `/errors/{code}`: what a problem's `type` leads to, the page of that code from `docs/errors/`.

use admin_types::{Error, Kind};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::path::Path;
use crate::problem::Problem;

include!(concat!(env!("OUT_DIR"), "/error_pages.rs"));

/// The page of one code, as Markdown.
pub(crate) async fn page(Path(code): Path<String>) -> Result<Response, Problem> {
    match ERROR_PAGES.iter().find(|(name, _)| *name == code) {
        Some((_, text)) => Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], *text).into_response()),
        None => Err(Error::new(Kind::NotFound, "unknown_path", "There is no error of this code.").into()),
    }
}
