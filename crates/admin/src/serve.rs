//! `admin serve`: start, run, stop.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use admin_api::App;
use admin_backends::blob::Blob;
use admin_backends::outbound::{self, Outbound};
use admin_core::{Core, Setup, ensure_org, upgrade_orgs};
use admin_db::{Db, LaneOptions, signing_keys};
use admin_identity::{Identity, SIGN_IN_SECONDS, create_sign_in_token};
use admin_types::{SystemClock, SystemRandom};
use anyhow::{Context, Result};
use secrecy::ExposeSecret;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, address_file};
use crate::{data_dir, listener, logouts, out, readers, telemetry};

/// How long the token in `bootstrap_token_file` is good for, in seconds.
const BOOTSTRAP_SECONDS: i64 = 24 * 3600;

/// Opens the database and puts the application over it.
pub(crate) async fn open(config: &Config) -> Result<Core> {
    data_dir::create(&config.data_dir)?;
    let blob = config.blob.address.open(config.blob.credentials.as_ref());
    open_with(config, blob.map_err(|error| anyhow::anyhow!("cannot open the store `blob`: {error}"))?).await
}

/// Opens what there is, with this store of blobs.
pub(crate) async fn open_with(config: &Config, blob: Arc<dyn Blob>) -> Result<Core> {
    let master_key = data_dir::master_key(config)?;
    let options = LaneOptions { postgres_lanes: config.postgres_lanes };
    let db = Db::open(config.database.clone(), options).await.map_err(|error| unreachable_database(config, error))?;
    let master_key = match master_key {
        Some(master_key) => master_key,
        None => {
            let in_use = !signing_keys::all(&mut *db.read().await?).await?.is_empty();
            data_dir::make_master_key(config, in_use)?
        }
    };
    let core = Core::new(db, Arc::new(SystemClock), Arc::new(SystemRandom), &master_key, config.decision_sample);
    core.allow_hosts(config.private_hosts.clone());
    core.keep_logs(blob);
    Ok(core)
}

fn unreachable_database(config: &Config, error: admin_types::Error) -> anyhow::Error {
    let shown = config.database.masked();
    let reason = error.context.unwrap_or_default();
    match error.code {
        "schema_too_new" => anyhow::anyhow!("{}", error.detail),
        _ => anyhow::anyhow!(
            "cannot open the `database` {shown}: {reason}. Check that it is there and that its address, user and password are right"
        ),
    }
}

/// Runs until a signal stops it.
pub(crate) async fn run(config: Config, sign_in_link: bool) -> Result<()> {
    telemetry::start_logs(&config)?;
    let metrics = telemetry::start_metrics()?;
    data_dir::create(&config.data_dir)?;
    listener::raise_file_limit();
    let _lock = data_dir::lock(&config.data_dir)?;
    let core = open(&config).await?;
    let listener = listener::bind(config.listen).with_context(|| {
        format!("cannot listen on `listen` = {}; is another server there? Port 0 takes a free one", config.listen)
    })?;
    let address = listener.local_addr()?;
    data_dir::write_private(&address_file(&config.data_dir), "data_dir", &format!("{address}\n"))?;

    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let identity = Arc::new(OnceLock::new());
    let own = format!("http://{address}");
    let url = config.public_url.clone().unwrap_or_else(|| own.clone());
    let router = admin_api::router(App::new(core.clone(), identity.clone(), &url, metrics));
    let drain = Duration::from_secs(config.shutdown_seconds);
    // Decisions are made until the last request is answered.
    let answered = CancellationToken::new();
    let serving = listener::serve(listener, router, config.trusted_proxies.clone(), (stop.clone(), drain));
    let last = answered.clone().drop_guard();
    tasks.spawn(async move {
        serving.await;
        drop(last);
    });
    tasks.spawn(admin_core::build_indexes(core.clone(), stop.clone().cancelled_owned()));
    tasks.spawn(admin_core::write_decisions(core.clone(), answered.cancelled_owned()));
    tasks.spawn(admin_core::housekeeping(core.clone(), stop.clone().cancelled_owned()));
    tasks.spawn(admin_core::follow_live(core.clone(), stop.clone().cancelled_owned()));

    let started = start(&config, &core, (&identity, &tasks, &stop), (&url, &own), sign_in_link);
    let outcome = tokio::select! {
        started = started => match started {
            Ok(()) => wait_for_signal().await,
            Err(error) => Err(error),
        },
        signal = wait_for_signal() => signal,
    };
    stop.cancel();
    tasks.close();
    tokio::select! {
        () = tasks.wait() => {}
        () = second_signal() => {}
    }
    core.db().close().await;
    let _ = std::fs::remove_file(address_file(&config.data_dir));
    tracing::info!("stopped");
    outcome
}

/// What a first start makes; then the keys, and with them the server is ready. `own` is where it listens, `url` where
/// clients reach it.
async fn start(
    config: &Config,
    core: &Core,
    (identity, tasks, stop): (&Arc<OnceLock<Identity>>, &TaskTracker, &CancellationToken),
    (url, own): (&str, &str),
    sign_in_link: bool,
) -> Result<()> {
    let setup = ensure_org(core).await.context("cannot set up the org")?;
    upgrade_orgs(core).await.context("cannot bring the built-in types up to date")?;
    let opened = Identity::open(core, url).await.map_err(|error| anyhow::anyhow!("{}", error.detail))?;
    let opened = opened.with_org_creation(config.org_creation).with_smtp(config.smtp.clone());
    let opened = opened.with_registration(config.dynamic_registration);
    if let Some(path) = &config.bootstrap_token_file {
        let token = opened.local_token(setup.org, setup.owner, None, BOOTSTRAP_SECONDS)?;
        data_dir::write_private(path, "bootstrap_token_file", token.expose_secret())?;
    }
    if identity.set(opened).is_err() {
        anyhow::bail!("the keys were opened twice");
    }
    let (following, stopping) = (identity.clone(), stop.clone().cancelled_owned());
    tasks.spawn(async move {
        if let Some(identity) = following.get() {
            identity.follow(stopping).await;
        }
    });
    let (sending, stopping) = (identity.clone(), stop.clone().cancelled_owned());
    tasks.spawn(async move {
        if let Some(identity) = sending.get() {
            identity.send_mail(stopping).await;
        }
    });
    let outbound = Outbound::new(config.private_hosts.clone(), outbound::Limits::default())?;
    let (carrying, stopping) = (identity.clone(), stop.clone());
    tasks.spawn(async move {
        if let Some(identity) = carrying.get() {
            stopping.run_until_cancelled(logouts::carry(identity, &outbound)).await;
        }
    });
    readers::start(config, core, url, (tasks, stop))?;
    tracing::info!(%url, listen = %own, "ready");
    out::line(&format!("\nAdmin is ready at {url}"));
    if url != own {
        out::line(&format!("  Listens at      {own}"));
    }
    out::line(&format!("  API reference   {url}/reference"));
    if setup.fresh || sign_in_link {
        print_sign_in_link(core, &setup, url).await?;
    } else {
        out::line(
            "  Sign in         run `admin sign-in` for a one-time link, `admin token create --role owner` for a token",
        );
    }
    out::line("");
    Ok(())
}

/// A one-time link, printed for the person at the terminal and never logged.
pub(crate) async fn print_sign_in_link(core: &Core, setup: &Setup, url: &str) -> Result<()> {
    let token = create_sign_in_token(core, setup).await?;
    out::line(&format!("  Sign in (once, within {} minutes)", SIGN_IN_SECONDS / 60));
    out::line(&format!("                  {url}/set-up?token={}", token.expose_secret()));
    Ok(())
}

/// Returns when the process is asked to stop.
pub(crate) async fn wait_for_signal() -> Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: letting running requests finish; a second signal stops at once");
    Ok(())
}

/// A second signal stops hard: what was acknowledged is on disk, the rest is cut off.
async fn second_signal() {
    if wait_for_signal().await.is_err() {
        std::future::pending::<()>().await;
    }
    tracing::warn!("stopped hard");
    #[expect(clippy::disallowed_methods, reason = "a hard stop is what was asked for")]
    std::process::exit(1);
}
