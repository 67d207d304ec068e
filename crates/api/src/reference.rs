//! The reference page: Swagger UI from the binary, over the org's own OpenAPI document.

use std::sync::{Arc, LazyLock};

use admin_types::{Error, Kind};
use axum::http::header;
use axum::response::{Html, IntoResponse, Redirect, Response};
use utoipa_swagger_ui::Config;

use crate::path::Path;
use crate::problem::Problem;

/// Everything comes from this server; the one script of ours is a file.
pub(crate) const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'";

static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| Arc::new(Config::from("/v3/openapi.json")));

/// `/` leads to the reference.
pub(crate) async fn home() -> Redirect {
    Redirect::to("/reference")
}

/// The page.
pub(crate) async fn page() -> Response {
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(include_str!("../assets/reference.html"))).into_response()
}

/// The files of the page.
pub(crate) async fn file(Path(file): Path<String>) -> Result<Response, Problem> {
    let javascript = [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")];
    match file.as_str() {
        "reference.js" => return Ok((javascript, include_str!("../assets/reference.js")).into_response()),
        "style.css" => {
            return Ok(([(header::CONTENT_TYPE, "text/css")], include_str!("../assets/style.css")).into_response());
        }
        _ => {}
    }
    match utoipa_swagger_ui::serve(&file, CONFIG.clone()) {
        Ok(Some(found)) => {
            let cache = (header::CACHE_CONTROL, "public, max-age=3600".to_owned());
            Ok(([(header::CONTENT_TYPE, found.content_type), cache], found.bytes.into_owned()).into_response())
        }
        Ok(None) => Err(Error::new(Kind::NotFound, "unknown_path", "There is no such file.").into()),
        Err(error) => Err(Error::internal(error).into()),
    }
}
