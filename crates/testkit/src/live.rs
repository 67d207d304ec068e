//! Server-sent events, read one by one.

use std::time::Duration;

use reqwest::{RequestBuilder, Response};
use serde_json::Value;

/// How long an event may take to come.
const WITHIN: Duration = Duration::from_secs(60);

/// A stream of events.
#[derive(Debug)]
pub struct Live {
    response: Response,
    text: String,
}

/// One event of a stream.
#[derive(Clone, PartialEq, Debug)]
pub struct Sent {
    /// Its id; empty if it has none.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// What it says.
    pub data: Value,
}

impl Live {
    /// Opens a stream.
    ///
    /// # Panics
    /// The answer is no stream of events.
    pub async fn open(request: RequestBuilder) -> Live {
        let response = request.send().await.unwrap_or_else(|error| panic!("no stream: {error:?}"));
        assert_eq!(response.status(), 200, "no stream");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Live { response, text: String::new() }
    }

    /// The next event; `None` when the stream has ended.
    ///
    /// # Panics
    /// Nothing comes for 20 seconds, or what comes is no event.
    pub async fn next(&mut self) -> Option<Sent> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (sent, rest) = (read(block), rest.to_owned());
                self.text = rest;
                match sent {
                    Some(sent) => return Some(sent),
                    None => continue,
                }
            }
            let chunk = tokio::time::timeout(WITHIN, self.response.chunk()).await.expect("an event within a minute");
            match chunk.unwrap_or_else(|error| panic!("the stream broke: {error:?}")) {
                Some(bytes) => self.text.push_str(std::str::from_utf8(&bytes).expect("UTF-8")),
                None => return None,
            }
        }
    }

    /// The next `count` events.
    ///
    /// # Panics
    /// The stream ends before.
    pub async fn take(&mut self, count: usize) -> Vec<Sent> {
        let mut all = vec![];
        while all.len() < count {
            all.push(self.next().await.unwrap_or_else(|| panic!("the stream ended after {} of {count}", all.len())));
        }
        all
    }
}

/// One event; `None` for comments and settings.
fn read(block: &str) -> Option<Sent> {
    let field = |name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_default().to_owned()
    };
    let data = field("data");
    let data = (!data.is_empty()).then(|| serde_json::from_str(&data).expect("JSON"))?;
    Some(Sent { id: field("id"), kind: field("event"), data })
}
