//! `admin access`: questions to a running server about who may do what.

mod decisions;
mod explain;
mod matrix;
mod simulate;

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::command_line::{AccessCommand, Answer};
use crate::commands::client::Client;
use crate::config::Config;
use crate::out;

/// Asks, and prints the answer.
pub(crate) async fn run(config: &Config, command: AccessCommand) -> Result<()> {
    match command {
        AccessCommand::Explain { action, resource, principal, answer } => {
            let question = explain::question(&action, resource, principal);
            let asked = ask(config, &answer, Method::POST, "/v3/access/explain", Some(&question)).await?;
            show(&asked, answer.json, explain::lines)
        }
        AccessCommand::Matrix { answer } => {
            let asked = ask(config, &answer, Method::GET, "/v3/access/matrix", None).await?;
            show(&asked, answer.json, matrix::lines)
        }
        AccessCommand::Simulate { files, without, recorded, answer } => {
            let draft = simulate::draft(&files, &without, recorded)?;
            let asked = ask(config, &answer, Method::POST, "/v3/access/simulate", Some(&draft)).await;
            show(&asked.map_err(|error| simulate::name_files(error, &files))?, answer.json, simulate::lines)
        }
        AccessCommand::Decisions { limit, answer } => {
            let path = format!("/v3/access/decisions?limit={limit}");
            let asked = ask(config, &answer, Method::GET, &path, None).await?;
            show(&asked, answer.json, decisions::lines)
        }
    }
}

/// What an answer holds.
#[derive(serde::Deserialize)]
struct Envelope {
    /// As the server wrote it.
    data: Box<RawValue>,
}

/// What the server answers.
pub(super) async fn ask(
    config: &Config,
    answer: &Answer,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Box<RawValue>> {
    let client = Client::new(config, &answer.server).await?;
    let request = client.request(method, path);
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    let text = client.send(request).await?.text().await.context("the answer was cut off")?;
    let envelope: Envelope =
        serde_json::from_str(&text).context("the answer is not one of an Admin of this version")?;
    Ok(envelope.data)
}

/// Prints the answer as it is, or as lines for people.
pub(super) fn show(data: &RawValue, json: bool, lines: fn(&Value) -> Vec<String>) -> Result<()> {
    if json {
        out::line(data.get());
        return Ok(());
    }
    let data = serde_json::from_str(data.get())?;
    // Names and conditions are what somebody wrote.
    lines(&data).iter().for_each(|line| out::foreign(line));
    Ok(())
}

/// A member as text; "" if it is none.
fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

/// The items of a list; none if it is no list.
fn items<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// Rows with their columns below each other, two spaces apart.
pub(super) fn table(rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(at, cell)| {
            let pad = width(at).unwrap_or(0).saturating_sub(cell.chars().count());
            format!("{cell}{}", " ".repeat(pad))
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [["role", "read"], ["auditör", "all"], ["x", ""]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&rows), ["role     read", "auditör  all", "x"]);
    }
}
