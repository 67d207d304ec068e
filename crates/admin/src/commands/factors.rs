//! `admin factors`: for people who have lost what they sign in by, with the database at hand.

use admin_identity::reset_factors;
use anyhow::{Result, bail};

use crate::config::Config;
use crate::{out, serve};

/// Removes the second factors of an account. Whoever runs this has made sure that it is its owner who asks.
pub(crate) async fn reset(config: &Config, address: &str) -> Result<()> {
    if config.database.is_missing() {
        bail!("there is no Admin in {}; start `admin serve` there first", config.database.masked());
    }
    let core = serve::open(config).await?;
    match reset_factors(&core, address).await? {
        true => out::line(&format!("{address} signs in by the password alone, until there is a second factor again.")),
        false => bail!("no account has the address {address}"),
    }
    Ok(())
}
