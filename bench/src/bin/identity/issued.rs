//! Tokens that clients get by their secrets, over HTTP.

use std::time::Duration;

use anyhow::{Context, Result};
use bench::admin::Admin;
use bench::http::{Caller, Connection, Request};
use bench::script::Same;
use serde_json::{Value, json};

use crate::{Options, bare, cost, median, say};

/// How tokens may be signed.
pub(crate) const ALGORITHMS: [&str; 3] = ["RS256", "ES256", "EdDSA"];
pub(crate) const CLIENTS: usize = 8;
/// Tokens of each algorithm that are kept, to be verified.
const KEPT: usize = 2_000;
const FORM: &str = "application/x-www-form-urlencoded";

/// Tokens that were issued, by algorithm.
pub(crate) struct Issued {
    /// The address of the server that issued them.
    pub(crate) issued_at: String,
    pub(crate) tokens: Vec<(&'static str, Vec<String>)>,
}

/// The form by which a client of an algorithm asks for a token.
async fn client(subject: &Admin, algorithm: &str) -> Result<String> {
    let attributes = json!({"roles": [], "token_endpoint_auth_method": "client_secret_post", "id_token_signed_response_alg": algorithm});
    let made = subject.post("/v3/clients", &json!({"name": algorithm, "attributes": attributes})).await?;
    let id = made["data"]["id"].as_str().context("a client without an id")?;
    let secret = subject.post(&format!("/v3/clients/{id}/secrets"), &json!({})).await?;
    let secret = secret["data"]["secret"].as_str().context("no secret")?;
    Ok(format!("grant_type=client_credentials&client_id={id}&client_secret={secret}"))
}

/// Measures, and prints a line for each algorithm.
pub(crate) async fn measure(subject: &Admin, options: &Options) -> Result<Issued> {
    let nobody = Caller { token: None, ..subject.owner.clone() };
    let (mut forms, mut figures) = (vec![], vec![vec![]; 2 * ALGORITHMS.len() + 1]);
    for algorithm in ALGORITHMS {
        forms.push(client(subject, algorithm).await?);
    }
    for _ in 0..options.rounds {
        for (n, algorithm) in ALGORITHMS.into_iter().enumerate() {
            figures[2 * n].push(bare::measure(Duration::from_secs(1), bare::signer(algorithm)?)?);
            let script = Same::form(&nobody, "/oauth/token", &forms[n]);
            figures[2 * n + 1].push(cost(&subject.server, options, CLIENTS, script).await?.0);
        }
        let empty = Same::of(&nobody, "/livez", None);
        figures[2 * ALGORITHMS.len()].push(cost(&subject.server, options, CLIENTS, empty).await?.0);
    }
    let figures: Vec<f64> = figures.into_iter().map(median).collect();
    say("| client_credentials | bare signature µs | token over HTTP µs | ratio | beside one RSA-2048 signature |")?;
    say("| --- | ---: | ---: | ---: | ---: |")?;
    for (n, algorithm) in ALGORITHMS.into_iter().enumerate() {
        let (bare, whole) = (figures[2 * n], figures[2 * n + 1]);
        say(&format!("| {algorithm} | {bare:.1} | {whole:.1} | {:.2} | {:.2} |", whole / bare, whole / figures[0]))?;
    }
    say(&format!("An empty answer (/livez) takes {:.1} µs.", figures[2 * ALGORITHMS.len()]))?;
    let mut tokens = vec![];
    for (algorithm, form) in ALGORITHMS.into_iter().zip(&forms) {
        tokens.push((algorithm, get(&nobody, form).await?));
    }
    Ok(Issued { issued_at: subject.server.address.clone(), tokens })
}

/// Gets tokens to keep.
async fn get(nobody: &Caller, form: &str) -> Result<Vec<String>> {
    let (mut connection, mut bytes) = (Connection::open(&nobody.address).await?, vec![]);
    let body = Some((FORM, form.as_bytes()));
    nobody.write(&mut bytes, Request { method: "POST", path: "/oauth/token", body, ..Request::default() });
    let mut tokens = vec![];
    for _ in 0..KEPT {
        let answer = connection.exchange(&bytes).await?;
        let answer: Value = serde_json::from_str(&connection.body(&answer)?)?;
        tokens.push(answer["access_token"].as_str().context("no token")?.to_owned());
    }
    Ok(tokens)
}
