//! The REST edge: parse, call `core`, print. Handlers are thin; what they share is in `extract`, `answer` and
//! `problem`.

mod access;
mod answer;
mod api_keys;
mod asyncapi;
mod audit;
mod authenticate;
mod authzen;
mod body;
mod call;
mod collection;
mod errors;
mod events;
mod health;
mod index_builds;
mod meters;
mod oauth;
mod observe;
mod openapi;
mod orgs;
mod pages;
mod params;
mod path;
mod problem;
mod reference;
mod resources;
mod sign_in;
mod webhooks;

use std::sync::{Arc, OnceLock};

use admin_core::Core;
use admin_identity::Identity;
use admin_types::{Error, Result};
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;

use crate::meters::Meters;

pub use call::ClientAddress;
pub use openapi::document as openapi_document;

/// What every handler may use.
#[derive(Clone)]
pub struct App(Arc<Shared>);

/// What an [`App`] shares.
pub struct Shared {
    core: Core,
    identity: Arc<OnceLock<Identity>>,
    public_url: Box<str>,
    metrics: Box<dyn Fn() -> String + Send + Sync>,
    meters: Meters,
}

impl App {
    /// `identity` is set once the keys are there, which on a first start is shortly after the first request can be answered.
    /// `public_url` is where clients reach it, without a slash at the end: what a request says of its host is for any client
    /// to choose. `metrics` prints them in Prometheus' text format.
    #[must_use]
    pub fn new(
        core: Core,
        identity: Arc<OnceLock<Identity>>,
        public_url: &str,
        metrics: impl Fn() -> String + Send + Sync + 'static,
    ) -> App {
        let (public_url, meters) = (public_url.into(), Meters::default());
        App(Arc::new(Shared { core, identity, public_url, metrics: Box::new(metrics), meters }))
    }
}

impl Shared {
    /// Who somebody is; not there yet while the keys are being made.
    fn identity(&self) -> Result<&Identity> {
        let identity = self.identity.get();
        identity.ok_or_else(|| Error::unavailable("Admin is still starting. Try again shortly.", "keys are being made"))
    }
}

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// The whole HTTP surface.
pub fn router(app: App) -> Router {
    Router::new()
        .merge(openapi::routes())
        .merge(oauth::routes())
        .route("/", get(reference::home))
        .merge(pages::routes())
        .route("/.well-known/authzen-configuration", get(authzen::configuration))
        .route("/errors/{code}", get(errors::page))
        .route("/reference", get(reference::page))
        .route("/reference/{*file}", get(reference::file))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(problem::unknown_path)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .with_state(app.clone())
        .layer(from_fn_with_state(app, observe::observe))
}
