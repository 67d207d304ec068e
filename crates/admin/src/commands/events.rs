//! `admin events`.

mod readers;

use anyhow::Result;
use serde_json::Value;

use super::stream::Stream;
use crate::command_line::{EventsCommand, Server, Wanted};
use crate::config::Config;
use crate::out;

pub(super) async fn run(config: &Config, command: EventsCommand) -> Result<()> {
    match command {
        EventsCommand::Tail { wanted, json, server } => tail(config, &server, &wanted, json).await,
        EventsCommand::Lag { answer } => readers::lag(config, &answer).await,
        EventsCommand::Retry { reader, answer } => readers::retry(config, &answer, &reader).await,
    }
}

/// Prints events as they happen, until somebody stops it.
async fn tail(config: &Config, server: &Server, wanted: &Wanted, json: bool) -> Result<()> {
    let mut stream = Stream::open(config, server, wanted).await?;
    out::note("Waiting for events");
    loop {
        let event = stream.next().await?;
        if json {
            out::line(&event);
            continue;
        }
        let event: Value = serde_json::from_str(&event)?;
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or("-");
        let name = event.pointer("/after/name").or(event.pointer("/before/name")).and_then(Value::as_str);
        let (at, kind, resource) = (text("/at"), text("/type"), text("/resource/id"));
        out::foreign(&format!("{at}  {kind}  {resource}  {}  by {}", name.unwrap_or("-"), text("/actor/id")));
    }
}
