//! `admin webhooks`: how it goes with the deliveries of a webhook, and sending them once more, at a running server.

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::{Value, json};

use super::client::Client;
use crate::command_line::{Answer, Replayed, WebhooksCommand};
use crate::config::Config;
use crate::out;

/// Runs one of the commands.
pub(crate) async fn run(config: &Config, command: WebhooksCommand) -> Result<()> {
    match command {
        WebhooksCommand::Deliveries { webhook, event, state, limit, answer } => {
            let path = match event {
                Some(event) => format!("/v3/webhooks/{webhook}/deliveries/{event}"),
                None => {
                    let state = state.map_or_else(String::new, |state| format!("&state={state}"));
                    format!("/v3/webhooks/{webhook}/deliveries?limit={limit}{state}")
                }
            };
            let data = call(config, &answer, Method::GET, &path, None).await?;
            match (&data, answer.json) {
                (data, true) => out::line(&data.to_string()),
                (Value::Array(all), false) => all.iter().for_each(|one| out::foreign(&line(one))),
                (one, false) => {
                    out::foreign(&line(one));
                    let attempts = one["attempts"].as_array().into_iter().flatten();
                    attempts.for_each(|attempt| tried(attempt).lines().for_each(out::foreign));
                }
            }
        }
        WebhooksCommand::Replay { webhook, what, dry_run, answer } => {
            if what.events.is_empty() && !what.failed && what.since.is_none() {
                bail!("say what to send once more: ids of events, --failed, or --since TIME");
            }
            let query = if dry_run { "?dry_run=true" } else { "" };
            let path = format!("/v3/webhooks/{webhook}/replay{query}");
            let data = call(config, &answer, Method::POST, &path, Some(&document(&what))).await?;
            let would = if dry_run { "would be sent" } else { "are sent" };
            match answer.json {
                true => out::line(&data.to_string()),
                false => out::line(&format!("{} events {would} once more", data["events"])),
            }
        }
    }
    Ok(())
}

async fn call(config: &Config, answer: &Answer, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
    let client = Client::new(config, &answer.server).await?;
    let request = client.request(method, path);
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    let text = client.send(request).await?.text().await?;
    let mut answered: Value = serde_json::from_str(&text).context("the server's answer is not JSON")?;
    Ok(answered["data"].take())
}

fn document(what: &Replayed) -> Value {
    match what {
        Replayed { failed: true, .. } => json!({"failed": true}),
        Replayed { since: Some(since), until: None, .. } => json!({"since": since}),
        Replayed { since: Some(since), until: Some(until), .. } => json!({"since": since, "until": until}),
        Replayed { events, .. } => json!({"events": events}),
    }
}

/// One delivery.
fn line(delivery: &Value) -> String {
    let text = |name: &str| delivery[name].as_str();
    let (event, tries) = (text("event").unwrap_or("test"), &delivery["tries"]);
    let (at, state, kind) = (text("created_at"), text("state"), text("type"));
    let then = match (text("next_try_at"), text("reason")) {
        (Some(next), Some(reason)) => format!("  {reason}; again at {next}"),
        (Some(next), None) => format!("  at {next}"),
        (None, Some(reason)) => format!("  {reason}"),
        (None, None) => String::new(),
    };
    let known = |text: Option<&str>| text.unwrap_or("-").to_owned();
    format!("{}  {}  {event}  {}  tries: {tries}{then}", known(at), known(state), known(kind))
}

/// One try, with the response.
fn tried(attempt: &Value) -> String {
    let (number, at) = (&attempt["number"], attempt["at"].as_str().unwrap_or("-"));
    let details = &attempt["details"];
    let millis = details["timing_ms"]["total"].as_f64().unwrap_or_default();
    let status = attempt["status"].as_i64().map_or("-".to_owned(), |status| status.to_string());
    let failure = attempt["failure"].as_str().map_or_else(String::new, |failure| format!("  {failure}"));
    let body = details["response"]["body"].as_str().unwrap_or_default();
    let body: String = body.lines().map(|line| format!("\n    {line}")).collect();
    format!("  {number}.  {at}  {status}  {millis:.0} ms{failure}{body}")
}
