//! Logs and metrics.

use anyhow::{Context, Result};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Upper bounds of the latency histogram, in seconds.
const SECONDS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Upper bounds of the group-size histogram, in writes.
const GROUP: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Starts logging to standard error.
pub(crate) fn start_logs(config: &Config) -> Result<()> {
    let filter = EnvFilter::try_new(&config.log_level)
        .with_context(|| format!("`log_level` = {:?} cannot be read", config.log_level))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match config.log_format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Pretty => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))
}

/// Starts counting; answers what prints the metrics.
pub(crate) fn start_metrics() -> Result<impl Fn() -> String + Send + Sync + 'static> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full("admin_http_request_seconds".into()), SECONDS)?
        .set_buckets_for_metric(Matcher::Full("admin_db_group_size".into()), GROUP)?
        .build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| anyhow::anyhow!("cannot start metrics: {error}"))?;
    Ok(move || {
        handle.run_upkeep();
        handle.render()
    })
}
