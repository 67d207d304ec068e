//! `admin keys`: the keys that sign tokens, with the database and the master key at hand.

use admin_identity::{PUBLISHED_AHEAD, PUBLISHED_AT_ONCE, rotate_keys};
use anyhow::{Result, bail};

use crate::config::Config;
use crate::{out, serve};

/// Makes the next key of each algorithm. Every process reads them within a second, so nothing fails meanwhile.
pub(crate) async fn rotate(config: &Config, now: bool) -> Result<()> {
    if config.database.is_missing() {
        bail!("there is no Admin in {}; start `admin serve` there first", config.database.masked());
    }
    let core = serve::open(config).await?;
    let ahead = if now { PUBLISHED_AT_ONCE } else { PUBLISHED_AHEAD };
    let active_at = core.clock().now().plus_seconds(ahead);
    for (algorithm, id) in rotate_keys(&core, active_at).await? {
        out::line(&format!("{:6} {id}  signs from {active_at} on", algorithm.as_str()));
    }
    Ok(())
}
