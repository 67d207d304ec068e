//! `admin events lag` and `admin events retry`: the readers of events.

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::Value;

use super::super::access::{ask, show, table};
use crate::command_line::Answer;
use crate::config::Config;

/// Prints how far each reader is, and what it left behind.
pub(super) async fn lag(config: &Config, answer: &Answer) -> Result<()> {
    let readers = ask(config, answer, Method::GET, "/v3/events/readers", None).await?;
    show(&readers, answer.json, lines)
}

/// Has a reader handle what it left behind; fails if anything is left then.
pub(super) async fn retry(config: &Config, answer: &Answer, reader: &str) -> Result<()> {
    if reader.is_empty() || !reader.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
        bail!("`{reader}` is no name of a reader; `admin events lag` lists them");
    }
    let path = format!("/v3/events/readers/{reader}/retry");
    let retried = ask(config, answer, Method::POST, &path, None).await?;
    show(&retried, answer.json, outcome)?;
    let retried: Value = serde_json::from_str(retried.get()).context("the answer is not JSON")?;
    match parked(&retried).is_empty() {
        true => Ok(()),
        false => bail!("{reader} has left events behind still"),
    }
}

fn outcome(retried: &Value) -> Vec<String> {
    let count = |name: &str| retried[name].as_u64().unwrap_or(0);
    let left = parked(retried);
    let first = format!("{} handled, {} failed again, {} left behind", count("handled"), count("failed"), left.len());
    [first].into_iter().chain(left).collect()
}

fn lines(readers: &Value) -> Vec<String> {
    let readers = readers.as_array().map_or(&[][..], Vec::as_slice);
    let mut rows = vec![["reader", "done", "behind", "since", "parked"].map(str::to_owned).to_vec()];
    let number = |value: &Value| value.as_i64().map_or_else(|| "-".to_owned(), |number| number.to_string());
    for reader in readers {
        let parked = reader["parked"].as_array().map_or(0, Vec::len);
        rows.push(vec![
            reader["reader"].as_str().unwrap_or_default().to_owned(),
            number(&reader["done"]),
            number(&reader["behind"]),
            reader["behind_since"].as_str().unwrap_or("-").to_owned(),
            parked.to_string(),
        ]);
    }
    let mut lines = table(&rows);
    for reader in readers {
        let left = parked(reader);
        if !left.is_empty() {
            lines.push(String::new());
            lines.push(format!("{} left behind:", reader["reader"].as_str().unwrap_or_default()));
            lines.extend(left.into_iter().map(|line| format!("  {line}")));
        }
    }
    lines
}

fn parked(reader: &Value) -> Vec<String> {
    let row = |event: &Value| {
        let text = |name: &str| event[name].as_str().unwrap_or("-").to_owned();
        vec![text("event"), text("at"), text("reason")]
    };
    table(&reader["parked"].as_array().into_iter().flatten().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_left_behind_is_below_the_table() {
        let parked = json!([{"event": "evt_1", "seq": 7, "reason": "it panicked", "at": "2026-01-01T00:00:00Z"}]);
        let readers = json!([
            {"reader": "relay", "done": 7, "behind": 12, "behind_since": "2026-01-01T00:00:00Z", "parked": []},
            {"reader": "webhooks", "done": null, "behind": null, "behind_since": null, "parked": parked},
        ]);
        let expected = [
            "reader    done  behind  since                 parked",
            "relay     7     12      2026-01-01T00:00:00Z  0",
            "webhooks  -     -       -                     1",
            "",
            "webhooks left behind:",
            "  evt_1  2026-01-01T00:00:00Z  it panicked",
        ];
        assert_eq!(lines(&readers), expected);
    }
}
