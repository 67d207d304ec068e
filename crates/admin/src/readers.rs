//! The readers of events: who does something about each, over the queue that is configured.

use std::sync::Arc;
use std::time::Duration;

use admin_audit::{Cosigning, Mirror, Sealer, Turn};
use admin_backends::outbound::{Limits, Outbound};
use admin_backends::queue::{self, Log, Settings, lag, rabbitmq};
use admin_core::{Core, Feed, Reader};
use admin_webhooks::{Matching, READER, Webhooks};
use anyhow::{Context, Result};
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;

/// Messages of webhooks under way at once, and connections that are kept for the next.
const DELIVERIES: Limits = Limits { under_way: 8192, kept: 4096, idle: Duration::from_secs(30), body: 4096 };
/// Witnesses asked at once, and connections that are kept for the next checkpoint.
const ASKED: Limits = Limits { under_way: 128, kept: 32, idle: Duration::from_secs(30), body: 16_384 };
/// How often the metrics of readers are taken.
const MEASURE: Duration = Duration::from_secs(10);

/// Has the readers work until `stop`. `url`: where clients reach this Admin.
pub(crate) fn start(
    config: &Config,
    core: &Core,
    url: &str,
    (tasks, stop): (&TaskTracker, &CancellationToken),
) -> Result<()> {
    let outbound = Outbound::new(config.private_hosts.clone(), DELIVERIES)?;
    let webhooks = Webhooks::new(core, outbound, config.webhook_schedule.clone(), url);
    let holder = format!("{}/{}", std::process::id(), core.clock().now());
    seal(core, &holder, (tasks, stop));
    if config.audit_retention_days > 0 {
        let readers = vec![if config.queue.is_some() { rabbitmq::RELAY } else { READER }, admin_audit::READER];
        let (core, days, holder, stop) = (core.clone(), config.audit_retention_days, holder.clone(), stop.clone());
        tasks.spawn(admin_audit::keep(core, days, readers, holder, stop));
    }
    witness(config, core, &holder, (tasks, stop))?;
    mirror(config, core, &holder, (tasks, stop))?;
    let matching = Arc::new(Matching::new(&webhooks));
    let (name, stopping) = (holder.clone(), stop.clone());
    // A log is written in order or not at all.
    let sealing = Reader { name: admin_audit::READER, handler: None, has_cursor: true };
    match broker(config, &holder, url)? {
        None => {
            let webhooks = Reader { name: READER, handler: Some(matching.clone()), has_cursor: true };
            core.set_readers(vec![webhooks, sealing]);
            let log = Arc::new(Feed::new(core));
            tasks.spawn(measure(core.clone(), log.clone(), READER, stop.clone()));
            tasks.spawn(async move {
                queue::run(log, (READER, &name), matching, Settings::default(), stopping).await;
            });
        }
        Some(broker) => {
            let publisher = rabbitmq::publisher(broker.clone());
            core.set_readers(vec![
                Reader { name: rabbitmq::RELAY, handler: Some(publisher), has_cursor: true },
                Reader { name: READER, handler: Some(matching.clone()), has_cursor: false },
                sealing,
            ]);
            let log = Arc::new(Feed::new(core));
            tasks.spawn(measure(core.clone(), log.clone(), rabbitmq::RELAY, stop.clone()));
            let (relayed, relaying) = (broker.clone(), stop.clone());
            let started = core.clone();
            tasks.spawn(async move {
                begin_relay(&started, &relaying).await;
                rabbitmq::relay(log, &name, relayed, Settings::default(), relaying).await;
            });
            let log = Arc::new(Feed::new(core));
            tasks.spawn(async move {
                rabbitmq::consume(log, READER, matching, (broker, Settings::default()), stopping).await;
            });
        }
    }
    tasks.spawn(admin_webhooks::deliver(webhooks, holder, stop.clone()));
    Ok(())
}

/// Has the checkpoints of the audit log cosigned by those who are configured.
fn witness(
    config: &Config,
    core: &Core,
    holder: &str,
    (tasks, stop): (&TaskTracker, &CancellationToken),
) -> Result<()> {
    if config.audit.witnesses.is_empty() {
        return Ok(());
    }
    let outbound = Outbound::new(config.audit.witness_hosts.clone(), ASKED)?;
    let cosigning = Cosigning::new(core, outbound, config.audit.witnesses.clone());
    let turn = Turn { log: Arc::new(Feed::new(core)), holder: holder.to_owned() };
    tasks.spawn(cosigning.run(turn, stop.clone()));
    Ok(())
}

/// Has events sealed into the audit log: read from the database itself, whatever carries them to others.
fn seal(core: &Core, holder: &str, (tasks, stop): (&TaskTracker, &CancellationToken)) {
    let (log, sealer) = (Arc::new(Feed::new(core)), Arc::new(Sealer::new(core)));
    tasks.spawn(measure(core.clone(), log.clone(), admin_audit::READER, stop.clone()));
    let (holder, stop) = (holder.to_owned(), stop.clone());
    tasks.spawn(async move {
        queue::run(log, (admin_audit::READER, &holder), sealer, admin_audit::settings(), stop).await;
    });
}

/// Has the audit log copied to the second store, if one is configured.
fn mirror(config: &Config, core: &Core, holder: &str, (tasks, stop): (&TaskTracker, &CancellationToken)) -> Result<()> {
    let Some(store) = &config.audit.mirror else { return Ok(()) };
    let blob = store.address.open(store.credentials.as_ref());
    let blob = blob.map_err(|error| anyhow::anyhow!("cannot open the store `audit_mirror`: {error}"))?;
    let mirror = Mirror::new(core, blob, config.audit.mirror_days);
    let turn = Turn { log: Arc::new(Feed::new(core)), holder: holder.to_owned() };
    tasks.spawn(mirror.run(turn, stop.clone()));
    Ok(())
}

/// The broker that is configured, if one is.
fn broker(config: &Config, name: &str, url: &str) -> Result<Option<rabbitmq::Broker>> {
    let Some(address) = &config.queue else { return Ok(None) };
    let authorities = config.queue_ca_file.as_ref().map(|path| {
        std::fs::read_to_string(path).with_context(|| format!("cannot read `queue_ca_file` = {}", path.display()))
    });
    let broker = rabbitmq::Broker::new(address.expose_secret(), &[READER]);
    Ok(Some(rabbitmq::Broker {
        authorities: authorities.transpose()?,
        name: format!("admin {name}"),
        source: url.to_owned(),
        mode: config.queue_content_mode,
        ..broker
    }))
}

/// Whoever read the events in the process before is done with what it read: the relay begins there.
async fn begin_relay(core: &Core, stop: &CancellationToken) {
    while let Err(error) = core.begin_reader(rabbitmq::RELAY, READER).await {
        tracing::warn!(%error, "cannot begin to relay events; trying again");
        stop.run_until_cancelled(tokio::time::sleep(Duration::from_secs(1))).await;
        if stop.is_cancelled() {
            return;
        }
    }
}

/// Shows how far a reader is behind, as gauges.
async fn measure(core: Core, log: Arc<dyn Log>, reader: &'static str, stop: CancellationToken) {
    loop {
        match lag(&*log, reader, core.clock().now()).await {
            Ok(lag) => lag.record(reader),
            Err(error) => tracing::debug!(%error, reader, "cannot tell how far a reader is behind"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(MEASURE)).await.is_none() {
            return;
        }
    }
}
