//! `admin org`: orgs, made by the operator.

use admin_core::{Founder, create_org, list_orgs};
use admin_types::{Origin, RequestId};
use anyhow::Result;

use crate::command_line::OrgCommand;
use crate::commands::token;
use crate::config::Config;
use crate::{out, serve};

pub(super) async fn run(config: &Config, command: OrgCommand) -> Result<()> {
    match command {
        OrgCommand::Create { name } => create(config, &name).await,
        OrgCommand::List => list(config).await,
    }
}

/// Makes an org whose owner has no account yet, and prints the link that makes one.
async fn create(config: &Config, name: &str) -> Result<()> {
    let url = token::public_url(config)?;
    let (core, ..) = token::open(config, None).await?;
    let now = core.clock().now();
    let founder = Founder {
        account: None,
        name: "owner".into(),
        email: None,
        origin: Origin { address: None, method: "system", authenticated_at: now },
        request_id: RequestId::new(now, core.random()),
    };
    let made = create_org(&core, name, founder).await.map_err(|error| anyhow::anyhow!("{}", error.detail))?;
    out::line(&format!("{}  {name}", made.org));
    serve::print_sign_in_link(&core, &made, &url).await
}

async fn list(config: &Config) -> Result<()> {
    let (core, ..) = token::open(config, None).await?;
    for org in list_orgs(&core).await? {
        out::line(&format!("{}  {}  {}", org.id, org.created_at, org.name));
    }
    Ok(())
}
