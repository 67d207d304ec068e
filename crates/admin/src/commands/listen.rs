//! `admin listen`: events go to a program on this machine, as the messages that a webhook would send, without a public address.

use std::time::Duration;

use admin_core::webhooks::SigningKey;
use admin_types::{Clock, Event, OrgId, Random, SystemClock, SystemRandom};
use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::Value;
use tokio::time::Instant;

use super::client::Client;
use super::stream::Stream;
use crate::command_line::{Server, Wanted};
use crate::config::Config;
use crate::out;

/// How long the program may take, as with a webhook.
const WITHIN: Duration = Duration::from_secs(15);

/// Sends each event once, until somebody stops it, and prints what came back.
pub(crate) async fn run(
    config: &Config,
    server: &Server,
    wanted: &Wanted,
    (to, secret): (&str, Option<&str>),
) -> Result<()> {
    let secret = secret.map_or_else(new_secret, str::to_owned);
    SigningKey::read(&secret).map_err(|why| anyhow!("--secret: {why}"))?;
    let url = reqwest::Url::parse(to).map_err(|why| anyhow!("--forward-to: {to} is no URL: {why}"))?;
    if !["http", "https"].contains(&url.scheme()) {
        bail!("--forward-to: {to} must begin with http:// or https://");
    }
    let http = reqwest::Client::builder().timeout(WITHIN).redirect(reqwest::redirect::Policy::none()).build()?;
    let mut stream = Stream::open(config, server, wanted).await?;
    let org = current_org(&stream.client).await?;
    out::line(&format!("Sending events to {to}, signed with {secret}"));
    loop {
        let event: Event = serde_json::from_str(&stream.next().await?).context("what the server sent is no event")?;
        let key = SigningKey::read(&secret).map_err(|why| anyhow!("--secret: {why}"))?;
        let seconds = SystemClock.now().0.div_euclid(1_000_000);
        let signed = admin_webhooks::signed((stream.client.url(), org), &event, key, seconds);
        let (headers, body) = signed.map_err(|error| anyhow!("{error}"))?;
        let request = headers.iter().fold(http.post(to), |request, (name, value)| request.header(name, value));
        let began = Instant::now();
        let answer = request.body(body).send().await;
        let came = match answer {
            Ok(response) => response.status().as_u16().to_string(),
            Err(error) if error.is_timeout() => "timeout".to_owned(),
            Err(error) if error.is_connect() => "no connection".to_owned(),
            Err(error) => error.to_string(),
        };
        let millis = began.elapsed().as_millis();
        out::line(&format!("{}  {}  {}  {came}  {millis} ms", event.at, event.kind, event.id));
    }
}

fn new_secret() -> String {
    let mut bytes = [0; 32];
    SystemRandom.fill(&mut bytes);
    format!("whsec_{}", STANDARD.encode(bytes))
}

/// The org that the token is for: messages name it as their source.
async fn current_org(client: &Client) -> Result<OrgId> {
    let orgs = client.send(client.request(Method::GET, "/v3/orgs")).await?;
    let orgs: Value = serde_json::from_str(&orgs.text().await?)?;
    let orgs = orgs["data"].as_array().map_or(&[][..], Vec::as_slice);
    let current = orgs.iter().find(|org| org["current"] == true).or(orgs.first());
    let id = current.and_then(|org| org["id"].as_str()).and_then(OrgId::parse);
    id.context("the server does not say which org the token is for")
}
