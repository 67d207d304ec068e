//! `admin token create` and `admin sign-in`: with the keys of the database and the master key at hand.

use admin_core::{Core, Setup, Tokens, ensure_org};
use admin_types::Role;
use anyhow::{Context, Result};
use secrecy::{ExposeSecret, SecretString};

use crate::config::{Config, address_file};
use crate::{out, serve};

async fn open(config: &Config) -> Result<(Core, Setup, Tokens)> {
    let core = serve::open(config).await?;
    let setup = ensure_org(&core).await?;
    let tokens = Tokens::open(&core).await.map_err(|error| anyhow::anyhow!("{}", error.detail))?;
    Ok((core, setup, tokens))
}

/// A token of the first owner, acting with one role.
pub(crate) async fn mint(config: &Config, role: Role, seconds: i64) -> Result<SecretString> {
    let (core, setup, tokens) = open(config).await?;
    Ok(tokens.create(&core, setup.org, setup.owner, &[role], seconds)?)
}

/// Prints a token.
pub(crate) async fn create(config: &Config, role: Role, seconds: i64) -> Result<()> {
    out::line(mint(config, role, seconds).await?.expose_secret());
    Ok(())
}

/// Prints a one-time sign-in link.
pub(crate) async fn sign_in(config: &Config) -> Result<()> {
    let url = url(config)?;
    let (core, setup, _) = open(config).await?;
    serve::print_sign_in_link(&core, &setup, &url).await
}

/// The address of the server that runs on the data folder.
pub(crate) fn url(config: &Config) -> Result<String> {
    let path = address_file(&config.data_dir);
    let address = std::fs::read_to_string(&path).with_context(|| {
        format!(
            "no server runs on {} (there is no {}); start one with `admin serve`, or name one by `--url`",
            config.data_dir.display(),
            path.display()
        )
    })?;
    Ok(format!("http://{}", address.trim()))
}
