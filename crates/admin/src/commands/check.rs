//! `admin config check`.

use admin_identity::check_master_key;
use anyhow::Result;

use crate::config::Config;
use crate::{out, serve};

/// Every value was read; now the master key and the database.
pub(crate) async fn run(config: &Config) -> Result<()> {
    let core = serve::open(config).await?;
    core.db().ping().await?;
    check_master_key(&core).await.map_err(|error| anyhow::anyhow!("{}", error.detail))?;
    out::line("The configuration is good, and the database answers.");
    Ok(())
}
