//! `admin token create` and `admin sign-in`: with the keys of the database and the master key at hand.

use admin_core::{Core, Setup, check_principal, check_role, find_org, find_setup};
use admin_identity::Identity;
use admin_types::OrgId;
use anyhow::{Context, Result, bail};
use secrecy::{ExposeSecret, SecretString};

use crate::command_line::Speaker;
use crate::config::{Config, address_file};
use crate::{out, serve};

/// The org named, or the first one, as it was made; a token alone makes nothing.
pub(super) async fn open(config: &Config, org: Option<OrgId>) -> Result<(Core, Setup, Identity)> {
    let nothing = || {
        let place = config.database.masked();
        anyhow::anyhow!(
            "there is no Admin in {place}; start `admin serve` there first, or name the folder by --data-dir"
        )
    };
    if config.database.is_missing() {
        return Err(nothing());
    }
    let core = serve::open(config).await?;
    let setup = match org {
        Some(org) => find_setup(&core, org).await?.with_context(|| format!("--org: there is no org {org}"))?,
        None => find_org(&core).await?.ok_or_else(nothing)?,
    };
    let identity = Identity::open(&core, "").await.map_err(|error| anyhow::anyhow!("{}", error.detail))?;
    Ok((core, setup, identity))
}

/// A token of the first owner of an org, acting with one role.
pub(crate) async fn mint(config: &Config, org: Option<OrgId>, role: &str, seconds: i64) -> Result<SecretString> {
    let (core, setup, identity) = open(config, org).await?;
    check_role(&core, setup.org, role).await.map_err(|error| anyhow::anyhow!("--role: {}", error.detail))?;
    Ok(identity.local_token(setup.org, setup.owner, Some(role), seconds)?)
}

/// Prints a token.
pub(crate) async fn create(config: &Config, speaker: &Speaker, org: Option<OrgId>, seconds: i64) -> Result<()> {
    let token = match (&speaker.role, speaker.user, speaker.client) {
        (Some(role), ..) => mint(config, org, role, seconds).await?,
        (None, user, client) => {
            let (option, type_name) = if user.is_some() { ("--user", "user") } else { ("--client", "client") };
            let Some(id) = user.or(client) else { bail!("name a --role, a --user or a --client") };
            let (core, setup, identity) = open(config, org).await?;
            let known = check_principal(&core, setup.org, type_name, id).await;
            known.map_err(|error| anyhow::anyhow!("{option}: {}", error.detail))?;
            identity.local_token(setup.org, id, None, seconds)?
        }
    };
    out::line(token.expose_secret());
    Ok(())
}

/// Prints a one-time sign-in link.
pub(crate) async fn sign_in(config: &Config, org: Option<OrgId>) -> Result<()> {
    let url = public_url(config)?;
    let (core, setup, _) = open(config, org).await?;
    serve::print_sign_in_link(&core, &setup, &url).await
}

/// Where links lead.
pub(super) fn public_url(config: &Config) -> Result<String> {
    config.public_url.clone().map_or_else(|| url(config), Ok)
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
