//! The commands, one file each.

mod access;
mod api_key;
mod audit;
mod check;
mod client;
mod events;
mod export;
mod import;
mod keys;
mod listen;
mod login;
mod orgs;
mod stream;
mod token;
mod trigger;
mod user;
mod webhooks;

use anyhow::Result;

use crate::command_line::{Command, CommandLine, ConfigCommand, KeysCommand, OrgsCommand, TokenCommand, UserCommand};
use crate::config::Config;
use crate::{out, serve};

/// Runs one command.
pub(crate) async fn run(line: CommandLine) -> Result<()> {
    let config = Config::read(&line.settings)?;
    let listen = line.settings.listen.is_some();
    match line.command {
        Command::Serve { sign_in_link } => serve::run(config, sign_in_link).await,
        Command::Migrate => {
            serve::open(&config).await?;
            out::line("The schema is up to date.");
            Ok(())
        }
        Command::Login { url, profiled } => {
            let url = url.map_or_else(|| token::url(&config), Ok)?;
            login::login(&url, profiled.name()).await
        }
        Command::Whoami { profiled } => login::whoami(profiled.name()).await,
        Command::Logout { profiled } => login::logout(profiled.name()).await,
        Command::Orgs { command: None, profiled } => login::orgs(profiled.name()).await,
        Command::Orgs { command: Some(OrgsCommand::Switch { org }), profiled } => {
            login::switch(profiled.name(), &org).await
        }
        Command::SignIn { org } => token::sign_in(&config, org).await,
        Command::Org(command) => orgs::run(&config, command).await,
        Command::User(UserCommand::ResetLink { person }) => user::reset_link(&config, &person).await,
        Command::User(UserCommand::ResetFactors { person }) => user::reset_factors(&config, &person).await,
        Command::Token(TokenCommand::Create { speaker, org, ttl }) => token::create(&config, &speaker, org, ttl).await,
        Command::Access(command) => access::run(&config, command).await,
        Command::Keys(KeysCommand::Rotate { now }) => keys::rotate(&config, now).await,
        Command::ApiKey(command) => api_key::run(&config, command).await,
        Command::Audit(command) => audit::run(&config, command, listen).await,
        Command::Verify(arguments) => audit::verify_receipt(&arguments),
        Command::Config(ConfigCommand::Check) => check::run(&config).await,
        Command::Config(ConfigCommand::Show) => {
            config.differences().iter().for_each(|difference| out::line(difference));
            Ok(())
        }
        Command::Import { files, dry_run, server } => import::run(&config, &server, &files, dry_run).await,
        Command::Webhooks(command) => webhooks::run(&config, command).await,
        Command::Events(command) => events::run(&config, command).await,
        Command::Listen { forward_to, secret, wanted, server } => {
            listen::run(&config, &server, &wanted, (&forward_to, secret.as_deref())).await
        }
        Command::Trigger { kind, webhook, server } => trigger::run(&config, &server, &kind, webhook).await,
        Command::Export { types, filter, output, server } => {
            export::run(&config, &server, types.as_deref(), filter.as_deref(), output.as_deref()).await
        }
    }
}
