//! `admin audit` and `admin verify`.

mod offline;
mod verify;
mod witness;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use reqwest::Method;

use crate::command_line::AuditCommand;
use crate::commands::client::Client;
use crate::config::Config;
use crate::out;

pub(crate) use offline::verify as verify_receipt;

/// Where a witness listens, unless it is told.
const WITNESS_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7070);

/// Runs one of the commands. `listen`: whether an address to listen on was given with it.
pub(crate) async fn run(config: &Config, command: AuditCommand, listen: bool) -> Result<()> {
    match command {
        AuditCommand::Key { server } => {
            let client = Client::new(config, &server).await?;
            let key = client.send(client.request(Method::GET, "/v3/audit/key")).await?.text().await?;
            out::line(key.trim());
            Ok(())
        }
        AuditCommand::Receipt { event, output, server } => {
            let client = Client::new(config, &server).await?;
            let path = format!("/v3/audit/{event}/receipt?event=true");
            let receipt = client.send(client.request(Method::GET, &path)).await?.text().await?;
            match output {
                Some(path) => {
                    std::fs::write(&path, receipt).with_context(|| format!("cannot write {}", path.display()))
                }
                None => {
                    out::line(receipt.trim_end_matches('\n'));
                    Ok(())
                }
            }
        }
        AuditCommand::Verify { org, from, kept, json } => verify::run(config, org, from.as_ref(), &kept, json).await,
        AuditCommand::Witness { log, data, name } => {
            // The setting `listen` is of the server, which may stand beside the witness.
            let listen = if listen { config.listen } else { WITNESS_LISTEN };
            witness::run(config, witness::Arguments { listen, log, data, name }).await
        }
    }
}
