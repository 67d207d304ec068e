//! Events of a running server as they happen, with nothing left out when the connection breaks.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Method, Response, StatusCode};

use super::client::{Client, Refused};
use crate::command_line::{Server, Wanted};
use crate::config::Config;
use crate::out;

/// How long to wait before a connection is made again.
const PAUSE: Duration = Duration::from_secs(1);
/// The most bytes of one event: more than the server lets a resource have.
const MOST: usize = 32 * 1024 * 1024;

/// Events, one by one.
pub(crate) struct Stream<'s> {
    asked: (&'s Config, &'s Server),
    pub(crate) client: Client,
    params: Vec<(&'static str, &'s str)>,
    /// The event to go on behind.
    last: String,
    response: Option<Response>,
    text: Vec<u8>,
}

impl<'s> Stream<'s> {
    /// From now on.
    pub(crate) async fn open(config: &'s Config, server: &'s Server, wanted: &'s Wanted) -> Result<Stream<'s>> {
        let client = Client::new(config, server).await?;
        let newest = client.send(client.request(Method::GET, "/v3/events?order=desc&limit=1")).await?;
        let newest: serde_json::Value = serde_json::from_str(&newest.text().await?)?;
        let last = newest["data"][0]["id"].as_str().unwrap_or("0").to_owned();
        let types = wanted.types.as_deref().map(|types| ("type", types));
        let params = types.into_iter().chain(wanted.filter.as_deref().map(|filter| ("filter", filter))).collect();
        let mut stream = Stream { asked: (config, server), client, params, last, response: None, text: vec![] };
        stream.connect().await?;
        Ok(stream)
    }

    /// The next event, as JSON. Waits for it, over as many connections as it takes.
    pub(crate) async fn next(&mut self) -> Result<String> {
        loop {
            if let Some((id, data)) = self.take()? {
                self.last = id;
                return Ok(data);
            }
            let Some(response) = &mut self.response else {
                self.connect().await?;
                continue;
            };
            match response.chunk().await {
                Ok(Some(bytes)) if self.text.len() + bytes.len() <= MOST => self.text.extend_from_slice(&bytes),
                Ok(Some(_)) => bail!("the server sends an event of more than {MOST} bytes"),
                Ok(None) | Err(_) => {
                    self.response = None;
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// The first event of what has come: its id and its data.
    fn take(&mut self) -> Result<Option<(String, String)>> {
        while let Some(end) = self.text.windows(2).position(|two| two == b"\n\n") {
            let block: Vec<u8> = self.text.drain(..end + 2).collect();
            let block = String::from_utf8(block).context("the server sends what is not UTF-8")?;
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            // Comments keep the connection; `end`, which has no id, says that it ends.
            if let (Some(id), Some(data)) = (field("id"), field("data")) {
                return Ok(Some((id.to_owned(), data.to_owned())));
            }
        }
        Ok(None)
    }

    async fn connect(&mut self) -> Result<()> {
        self.text.clear();
        let (mut renewed, mut told) = (false, false);
        loop {
            let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.params).finish();
            let request = self.client.request(Method::GET, &format!("/v3/events/stream?{query}"));
            let error = match self.client.send(request.header("last-event-id", &self.last)).await {
                Ok(response) => {
                    self.response = Some(response);
                    return Ok(());
                }
                Err(error) => error,
            };
            match error.downcast_ref::<Refused>().map(|refused| refused.status) {
                // A token ends; whoever is still signed in gets another.
                Some(StatusCode::UNAUTHORIZED) if !renewed => {
                    self.client = Client::new(self.asked.0, self.asked.1).await?;
                    renewed = true;
                }
                Some(status) if !status.is_server_error() => return Err(error),
                _ => {
                    if !std::mem::replace(&mut told, true) {
                        out::note(&format!("{error}; trying on"));
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}
