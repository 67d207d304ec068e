//! `admin user`: people, helped by the operator.

use admin_identity::Identity;
use admin_types::{AccountId, ResourceId};
use anyhow::{Context, Result};
use secrecy::ExposeSecret;

use crate::commands::token;
use crate::config::Config;
use crate::out;

/// The account of a person, by its address or by a user that it acts as.
async fn account_of(identity: &Identity, person: &str) -> Result<AccountId> {
    let account = match ResourceId::parse(person) {
        Some(user) => identity.account_of_user(user).await?,
        None => identity.account_at(person).await?,
    };
    account.with_context(|| {
        format!(
            "no account has the address {person}, or acts as a user of this id; invite the user, or run `admin sign-in`"
        )
    })
}

/// Removes the second factors of a person. Whoever runs this has made sure that it is they who ask.
pub(super) async fn reset_factors(config: &Config, person: &str) -> Result<()> {
    let (_, _, identity) = token::open(config, None).await?;
    identity.reset_factors(account_of(&identity, person).await?).await?;
    out::line(&format!("{person} signs in by the password alone, until there is a second factor again."));
    Ok(())
}

/// Prints a link by which a person sets a new password.
pub(super) async fn reset_link(config: &Config, person: &str) -> Result<()> {
    let url = token::public_url(config)?;
    let (_, _, identity) = token::open(config, None).await?;
    let account = account_of(&identity, person).await?;
    let token = identity.reset_link(account).await?;
    out::line(&format!("  New password (once, within {} minutes)", admin_identity::RESET_SECONDS / 60));
    out::line(&format!("                  {url}/reset-password?token={}", token.expose_secret()));
    Ok(())
}
