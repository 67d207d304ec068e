//! Creations at a rate, each with the time at which it was answered.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bench::http::{Caller, Connection, Request};
use serde_json::Value;

/// Connections that creations are sent over.
const CLIENTS: u32 = 16;

/// A creation that was accepted.
pub(crate) struct Accepted {
    pub(crate) id: String,
    pub(crate) at: Instant,
}

/// Creates resources for a time, so many a second, evenly. `document` makes the body of each.
pub(crate) async fn at_rate(
    owner: &Caller,
    (rate, time): (u32, Duration),
    document: impl Fn(u64) -> String + Clone + Send + 'static,
) -> Result<Vec<Accepted>> {
    let mut clients = tokio::task::JoinSet::new();
    let began = Instant::now();
    for client in 0..CLIENTS {
        let (owner, document) = (owner.clone(), document.clone());
        clients.spawn(async move {
            let mut connection = Connection::open(&owner.address).await?;
            let (mut accepted, mut bytes, mut number) = (vec![], vec![], u64::from(client));
            loop {
                let due = Duration::from_secs_f64(number as f64 / f64::from(rate));
                if due >= time {
                    return anyhow::Ok(accepted);
                }
                tokio::time::sleep_until((began + due).into()).await;
                bytes.clear();
                let body = document(number);
                let body = Some(("application/json", body.as_bytes()));
                owner.write(&mut bytes, Request { method: "POST", path: "/v3/resources", body, ..Request::default() });
                let answer = connection.exchange(&bytes).await?;
                let at = Instant::now();
                let text = connection.body(&answer)?;
                ensure!(answer.status == 201, "a creation was answered {}: {text}", answer.status);
                let made: Value = serde_json::from_str(&text)?;
                let id = made["data"]["id"].as_str().unwrap_or_default().to_owned();
                accepted.push(Accepted { id, at });
                number += u64::from(CLIENTS);
            }
        });
    }
    let mut all = vec![];
    while let Some(ended) = clients.join_next().await {
        all.extend(ended??);
    }
    Ok(all)
}
