//! `admin audit witness`: an HTTP server that cosigns checkpoints of logs that it knows (c2sp.org/tlog-witness).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use admin_audit::{MAX_REQUEST, Refused, Witness};
use admin_tlog::{Refusal, Verifier};
use admin_types::{SystemClock, SystemRandom};
use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::offline::keys;
use crate::config::Config;
use crate::serve::wait_for_signal;
use crate::{listener, out, telemetry};

/// How long a request may take to arrive and to get its turn.
const WITHIN: Duration = Duration::from_secs(10);
/// Requests that are answered at once.
const AT_ONCE: usize = 64;
/// How long requests under way may take when it is stopped.
const DRAIN: Duration = Duration::from_secs(10);

/// What the command line says.
pub(super) struct Arguments {
    pub(super) listen: SocketAddr,
    pub(super) log: Vec<String>,
    pub(super) data: PathBuf,
    pub(super) name: Option<String>,
}

#[derive(Clone)]
struct Shared {
    witness: Arc<Witness>,
    turns: Arc<Semaphore>,
}

/// Runs until a signal stops it.
pub(super) async fn run(config: &Config, arguments: Arguments) -> Result<()> {
    telemetry::start_logs(config)?;
    listener::raise_file_limit();
    let logs: Vec<Verifier> = keys(&arguments.log, "--log")?;
    let outside = (Arc::new(SystemClock) as _, &SystemRandom as _);
    let witness = Witness::open(&arguments.data, arguments.name.as_deref(), logs, outside)?;
    let listener = listener::bind(arguments.listen).with_context(|| {
        format!("cannot listen on `--listen` {}; is another server there? Port 0 takes a free one", arguments.listen)
    })?;
    let url = format!("http://{}", listener.local_addr()?);
    out::line(&witness.verifier().to_string());
    out::line(&format!("  Listens at {url}, and knows {} logs", witness.logs()));
    out::line(&format!("  In the settings of the logs: audit_witnesses = \"{url} {}\"", witness.verifier()));
    let shared = Shared { witness: Arc::new(witness), turns: Arc::new(Semaphore::new(AT_ONCE)) };
    let router = Router::new().route("/add-checkpoint", post(add)).fallback(unknown).with_state(shared);
    let stop = CancellationToken::new();
    let serving = listener::serve(listener, router, config.trusted_proxies.clone(), (stop.clone(), DRAIN));
    let signal = async {
        let signal = wait_for_signal().await;
        stop.cancel();
        signal
    };
    tokio::join!(signal, serving).0
}

async fn unknown() -> Response {
    (StatusCode::NOT_FOUND, "This is a witness: POST /add-checkpoint (c2sp.org/tlog-witness).\n").into_response()
}

async fn add(State(Shared { witness, turns }): State<Shared>, body: Body) -> Response {
    // A turn is for what has arrived: whoever sends slowly keeps nobody else from one.
    let arrived = async {
        let bytes = to_bytes(body, MAX_REQUEST).await;
        Some((turns.acquire_owned().await.ok()?, bytes))
    };
    let (_turn, bytes) = match tokio::time::timeout(WITHIN, arrived).await {
        Ok(Some((turn, Ok(bytes)))) => (turn, bytes),
        Ok(Some((_, Err(_)))) => {
            let detail = format!("The request is cut off, or has more than {MAX_REQUEST} bytes.\n");
            return (StatusCode::PAYLOAD_TOO_LARGE, detail).into_response();
        }
        _ => return (StatusCode::REQUEST_TIMEOUT, "The request took too long; try again.\n").into_response(),
    };
    match tokio::task::spawn_blocking(move || witness.add(&bytes)).await {
        Ok(Ok(cosignature)) => format!("{cosignature}\n").into_response(),
        Ok(Err(Refused::Refusal(refusal))) => refused(&refusal),
        Ok(Err(Refused::NotKept(error))) => {
            tracing::error!(%error, "a checkpoint was not cosigned, since it could not be kept");
            failed()
        }
        Err(error) => {
            tracing::error!(%error, "a checkpoint was not cosigned");
            failed()
        }
    }
}

fn refused(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    match refusal {
        Refusal::Conflict(size) => (status, [(CONTENT_TYPE, "text/x.tlog.size")], format!("{size}\n")).into_response(),
        Refusal::UnknownLog => {
            (status, "This witness does not know the log; its key is given by --log.\n").into_response()
        }
        Refusal::NotSigned(error) => {
            (status, format!("The checkpoint is not signed by its log: {error}.\n")).into_response()
        }
        Refusal::Malformed(error) => {
            (status, format!("Not a request of c2sp.org/tlog-witness: {error}.\n")).into_response()
        }
        Refusal::NotConsistent => {
            tracing::error!("a log asked to cosign a tree that does not follow from the one that was cosigned last");
            (status, "The tree does not follow from the one that was cosigned last.\n").into_response()
        }
    }
}

fn failed() -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, "The witness cannot remember the checkpoint, so it does not cosign it.\n")
        .into_response()
}
