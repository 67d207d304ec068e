//! `admin api-key`: the keys of a principal, at a running server.

use admin_types::{Clock, SystemClock};
use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};

use super::client::Client;
use crate::command_line::{ApiKeyCommand, Whose};
use crate::config::Config;
use crate::out;

/// Runs one of the commands.
pub(crate) async fn run(config: &Config, command: ApiKeyCommand) -> Result<()> {
    match command {
        ApiKeyCommand::Create { name, actions, days, whose } => {
            let end = SystemClock.now().plus_seconds(days * 86_400).to_string();
            let mut document = json!({"name": name, "expires_at": (days > 0).then_some(end)});
            if !actions.is_empty() {
                document["actions"] = json!(actions);
            }
            if let Some(principal) = whose.principal {
                document["principal"] = json!(principal);
            }
            let made = call(config, &whose, Method::POST, "/v3/api-keys", Some(&document)).await?;
            show_key(&made["data"]);
        }
        ApiKeyCommand::List { whose } => {
            let listed = call(config, &whose, Method::GET, &of(&whose, "/v3/api-keys"), None).await?;
            listed["data"].as_array().into_iter().flatten().for_each(line);
        }
        ApiKeyCommand::Rotate { id, overlap, whose } => {
            let path = of(&whose, &format!("/v3/api-keys/{id}/rotate"));
            let made = call(config, &whose, Method::POST, &path, Some(&json!({"overlap_seconds": overlap}))).await?;
            show_key(&made["data"]);
        }
        ApiKeyCommand::Delete { id, whose } => {
            let path = of(&whose, &format!("/v3/api-keys/{id}"));
            call(config, &whose, Method::DELETE, &path, None).await?;
            out::line("It is out of force.");
        }
    }
    Ok(())
}

async fn call(config: &Config, whose: &Whose, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
    let client = Client::new(config, &whose.server).await?;
    let request = client.request(method, path);
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    let answer = client.send(request).await?.text().await?;
    match answer.as_str() {
        "" => Ok(Value::Null),
        text => serde_json::from_str(text).context("the server's answer is not JSON"),
    }
}

fn of(whose: &Whose, path: &str) -> String {
    whose.principal.map_or_else(|| path.to_owned(), |principal| format!("{path}?principal={principal}"))
}

/// The key alone on standard output, so that it can be put where it is used.
fn show_key(made: &Value) {
    let text = |name: &str| made[name].as_str().unwrap_or("never");
    let (id, principal, end) = (text("id"), text("principal"), text("expires_at"));
    out::note(&match end {
        "never" => format!("{id} of {principal}, without an end. It is not shown again:"),
        end => format!("{id} of {principal}, good until {end}. It is not shown again:"),
    });
    out::line(text("key"));
}

fn line(key: &Value) {
    let text = |name: &str| key[name].as_str().unwrap_or("never").to_owned();
    let actions = key["actions"].as_array().map_or_else(
        || "all".to_owned(),
        |actions| actions.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
    );
    let (id, name, end, used) = (text("id"), text("name"), text("expires_at"), text("last_used_at"));
    out::line(&format!("{id}  {name}  actions: {actions}  ends: {end}  last used: {used}"));
}
