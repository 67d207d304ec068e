//! The commands, one file each.

mod access;
mod api_key;
mod check;
mod client;
mod export;
mod factors;
mod import;
mod keys;
mod token;

use anyhow::Result;

use crate::command_line::{Command, CommandLine, ConfigCommand, FactorsCommand, KeysCommand, TokenCommand};
use crate::config::Config;
use crate::{out, serve};

/// Runs one command.
pub(crate) async fn run(line: CommandLine) -> Result<()> {
    let config = Config::read(&line.settings)?;
    match line.command {
        Command::Serve { sign_in_link } => serve::run(config, sign_in_link).await,
        Command::Migrate => {
            serve::open(&config).await?;
            out::line("The schema is up to date.");
            Ok(())
        }
        Command::SignIn => token::sign_in(&config).await,
        Command::Token(TokenCommand::Create { speaker, ttl }) => token::create(&config, &speaker, ttl).await,
        Command::Access(command) => access::run(&config, command).await,
        Command::Keys(KeysCommand::Rotate { now }) => keys::rotate(&config, now).await,
        Command::Factors(FactorsCommand::Reset { address }) => factors::reset(&config, &address).await,
        Command::ApiKey(command) => api_key::run(&config, command).await,
        Command::Config(ConfigCommand::Check) => check::run(&config).await,
        Command::Config(ConfigCommand::Show) => {
            config.differences().iter().for_each(|difference| out::line(difference));
            Ok(())
        }
        Command::Import { files, dry_run, server } => import::run(&config, &server, &files, dry_run).await,
        Command::Export { types, filter, output, server } => {
            export::run(&config, &server, types.as_deref(), filter.as_deref(), output.as_deref()).await
        }
    }
}
