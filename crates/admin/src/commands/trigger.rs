//! `admin trigger`.

use admin_types::ResourceId;
use anyhow::{Result, bail};
use reqwest::Method;
use serde_json::{Value, json};

use super::client::Client;
use crate::command_line::Server;
use crate::config::Config;
use crate::out;

/// Has a webhook send the newest event of a kind, and prints what came back; fails if it did not arrive.
pub(crate) async fn run(config: &Config, server: &Server, kind: &str, webhook: ResourceId) -> Result<()> {
    let client = Client::new(config, server).await?;
    let request = client.request(Method::POST, &format!("/v3/webhooks/{webhook}/test"));
    let request = request.header("content-type", "application/json").body(json!({"type": kind}).to_string());
    let answer: Value = serde_json::from_str(&client.send(request).await?.text().await?)?;
    let (delivery, attempt) = (&answer["data"], &answer["data"]["attempts"][0]);
    let (state, details) = (delivery["state"].as_str().unwrap_or("?"), &attempt["details"]);
    if let Some(status) = attempt["status"].as_i64() {
        let millis = details["timing_ms"]["total"].as_f64().unwrap_or_default();
        out::line(&format!("{kind}  {status}  {millis:.0} ms"));
        details["response"]["body"].as_str().unwrap_or_default().lines().for_each(out::foreign);
    }
    match state {
        "delivered" => Ok(()),
        _ => bail!("{kind} is {state}: {}", delivery["reason"].as_str().unwrap_or("nothing came back yet")),
    }
}
