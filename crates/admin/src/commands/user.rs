//! `admin user`: people, helped by the operator.

use admin_types::ResourceId;
use anyhow::{Context, Result};
use secrecy::ExposeSecret;

use crate::commands::token;
use crate::config::Config;
use crate::out;

/// Prints a link by which a person sets a new password.
pub(super) async fn reset_link(config: &Config, person: &str) -> Result<()> {
    let url = token::public_url(config)?;
    let (_, _, identity) = token::open(config, None).await?;
    let account = match ResourceId::parse(person) {
        Some(user) => identity.account_of_user(user).await?,
        None => identity.account_at(person).await?,
    };
    let account = account.with_context(|| {
        format!(
            "no account has the address {person}, or acts as a user of this id; invite the user, or run `admin sign-in`"
        )
    })?;
    let token = identity.reset_link(account).await?;
    out::line(&format!("  New password (once, within {} minutes)", admin_identity::RESET_SECONDS / 60));
    out::line(&format!("                  {url}/reset-password?token={}", token.expose_secret()));
    Ok(())
}
