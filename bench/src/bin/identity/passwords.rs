//! Signing in by password: argon2id, as many at a time as there are cores.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bench::admin::Admin;
use bench::http::{Caller, Connection, Request};
use bench::script::Same;
use form_urlencoded::Serializer;

use crate::{Options, bare, cost, median};

pub(crate) const CLIENTS: usize = 16;
const EMAIL: &str = "ada@example.org";
const PASSWORD: &str = "a long good password";
const FORM: &str = "application/x-www-form-urlencoded";

/// Measures; answers the cookie of a session, and a line to print.
pub(crate) async fn measure(subject: &Admin, options: &Options) -> Result<(String, String)> {
    let nobody = Caller { token: None, ..subject.owner.clone() };
    let said = subject.command(&["sign-in"])?;
    let token = said.split_once("token=").context("no link")?.1;
    let own = [("email", EMAIL), ("password", PASSWORD)];
    let form = |more: &[(&str, &str)]| Serializer::new(String::new()).extend_pairs(own).extend_pairs(more).finish();
    let cookie = set_up(&nobody, &form(&[("token", token)])).await?;
    let mut figures = [vec![], vec![], vec![]];
    for _ in 0..options.rounds {
        figures[0].push(bare::measure(Duration::from_secs(1), bare::hasher())?);
        let (cpu, rate) = cost(&subject.server, options, CLIENTS, Same::form(&nobody, "/sign-in", &form(&[]))).await?;
        figures[1].push(cpu);
        figures[2].push(rate);
    }
    let [bare, whole, rate] = figures.map(median);
    let line = format!(
        "A sign-in by password takes {whole:.0} µs, {:.2} of one bare argon2id hash ({bare:.0} µs); {rate:.1} a second with {CLIENTS} clients.",
        whole / bare
    );
    Ok((cookie, line))
}

/// Makes the owner's account; answers the cookie of its session, with its name.
async fn set_up(nobody: &Caller, form: &str) -> Result<String> {
    let (mut connection, mut bytes) = (Connection::open(&nobody.address).await?, vec![]);
    let body = Some((FORM, form.as_bytes()));
    nobody.write(&mut bytes, Request { method: "POST", path: "/set-up", body, ..Request::default() });
    let answer = connection.exchange(&bytes).await?;
    let head = connection.head(&answer)?;
    ensure!(answer.status == 303, "no account: {head}");
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).context("no cookie")?;
    Ok(cookie.split(';').next().unwrap_or_default().to_owned())
}
