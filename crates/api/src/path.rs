//! What stands in the places of a path. What cannot be read is a problem like any other.

use admin_types::Error;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::App;
use crate::problem::Problem;

/// The parts of the path that the route names, percent-decoded.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Path<T>, Problem> {
        match axum::extract::Path::from_request_parts(parts, app).await {
            Ok(axum::extract::Path(values)) => Ok(Path(values)),
            Err(_) => Err(Problem(Error::parameter("path", "must be UTF-8, percent-encoded"))),
        }
    }
}
