//! The REST edge: parse, call `core`, print. Handlers are thin; what they share is in `extract`, `answer` and
//! `problem`.

mod answer;
mod authenticate;
mod body;
mod call;
mod collection;
mod errors;
mod events;
mod health;
mod index_builds;
mod observe;
mod openapi;
mod params;
mod path;
mod problem;
mod reference;
mod resources;
mod sign_in;

use std::sync::{Arc, OnceLock};

use admin_core::{Core, Tokens};
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;

pub use openapi::document as openapi_document;

/// What every handler may use.
#[derive(Clone)]
pub struct App {
    /// The application.
    pub core: Core,
    /// The bearer tokens; set once the keys are there, which on a first start is shortly after the first request can be
    /// answered.
    pub tokens: Arc<OnceLock<Tokens>>,
    /// Prints the metrics in Prometheus' text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

/// The whole HTTP surface.
pub fn router(app: App) -> Router {
    Router::new()
        .merge(openapi::routes())
        .route("/", get(reference::home))
        .route("/sign-in", get(sign_in::page).post(sign_in::exchange))
        .route("/errors/{code}", get(errors::page))
        .route("/reference", get(reference::page))
        .route("/reference/{*file}", get(reference::file))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(problem::unknown_path)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .with_state(app.clone())
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(from_fn_with_state(app.clone(), authenticate::authenticate))
        .layer(from_fn(problem::limit_head))
        .layer(from_fn_with_state(app, observe::observe))
}
