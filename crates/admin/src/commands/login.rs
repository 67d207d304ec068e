//! `admin login`, `whoami`, `logout`, `orgs`: a person at a terminal, let in by a browser (RFC 8628).

use std::time::Duration;

use admin_types::{Clock, SystemClock};
use anyhow::{Context, Result, bail};
use reqwest::StatusCode;
use serde_json::Value;

use super::client::{Client, refused};
use crate::command_line::Profiled;
use crate::out;
use crate::profiles::{self, Locked, Profile};

/// The client that every installation has for this program.
const CLIENT: &str = "admin-cli";
const SCOPE: &str = "openid profile email offline_access admin";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// How much earlier than it ends an access token is replaced, in seconds.
const EARLY: i64 = 30;

/// Signs in at a server: shows a code, and waits until a browser has let it in.
pub(crate) async fn login(url: &str, name: &str) -> Result<()> {
    let url = address(url)?;
    // Whether the sign-in can be kept is seen before somebody is asked for it.
    drop(Locked::open()?);
    let asked = call(&url, "/oauth/device_authorization", &[("client_id", CLIENT), ("scope", SCOPE)]).await?;
    let asked = asked.map_err(|error| anyhow::anyhow!("{url} lets no device in: {}", described(&error)))?;
    let text = |name: &str| asked[name].as_str().with_context(|| format!("the answer of {url} has no {name}"));
    out::note(&format!("Open this page in a browser, and see that it shows {}:", text("user_code")?));
    out::line(text("verification_uri_complete")?);
    let mut wait = asked["interval"].as_u64().unwrap_or(5).clamp(1, 60);
    let code = text("device_code")?;
    let granted = loop {
        tokio::time::sleep(Duration::from_secs(wait)).await;
        let form = [("grant_type", DEVICE_CODE), ("client_id", CLIENT), ("device_code", code)];
        match call(&url, "/oauth/token", &form).await? {
            Ok(granted) => break granted,
            Err(error) => match error["error"].as_str().unwrap_or_default() {
                "authorization_pending" => {}
                "slow_down" => wait += 5,
                "access_denied" => bail!("the person at the browser did not agree"),
                "expired_token" => bail!("nobody came to the page in time; run `admin login` again"),
                _ => bail!("{url} did not sign in: {}", described(&error)),
            },
        }
    };
    let mut locked = Locked::open()?;
    locked.profiles.profiles.insert(name.to_owned(), profile(&url, &granted)?);
    locked.save()?;
    drop(locked);
    whoami(name).await
}

/// Says who is signed in, and where.
pub(crate) async fn whoami(name: &str) -> Result<()> {
    let client = signed_in(name).await?;
    let known = answer(&client, "/oauth/userinfo").await?;
    let text = |name: &str| known[name].as_str().unwrap_or("?").to_owned();
    let orgs = answer(&client, "/v3/orgs").await?;
    let org = orgs["data"].as_array().into_iter().flatten().find(|org| org["current"] == true);
    let org = org.map(|org| format!("{} ({})", org["name"].as_str().unwrap_or("?"), org["id"].as_str().unwrap_or("?")));
    let email = known["email"].as_str().map(|email| format!(" <{email}>")).unwrap_or_default();
    let org = org.unwrap_or_else(|| "?".to_owned());
    out::line(&format!("{}{email}, {} in {org} at {} (profile {name})", text("name"), text("sub"), client.url()));
    Ok(())
}

/// Signs out: what was granted ends at the server, and is forgotten here.
pub(crate) async fn logout(name: &str) -> Result<()> {
    let mut locked = Locked::open()?;
    let profile = locked.get(name)?.clone();
    let form = [("client_id", CLIENT), ("token", profile.refresh_token.as_str())];
    let ended = call(&profile.url, "/oauth/revoke", &form).await;
    locked.profiles.profiles.remove(name);
    locked.save()?;
    match ended {
        Ok(Ok(_)) => out::line(&format!("Signed out of {}.", profile.url)),
        Ok(Err(error)) => bail!("forgotten here, but {} did not end it: {}", profile.url, described(&error)),
        Err(error) => return Err(error.context("forgotten here; the server could not be told to end it")),
    }
    Ok(())
}

/// Lists the orgs in which the person is.
pub(crate) async fn orgs(name: &str) -> Result<()> {
    let client = signed_in(name).await?;
    for org in answer(&client, "/v3/orgs").await?["data"].as_array().into_iter().flatten() {
        let text = |name: &str| org[name].as_str().unwrap_or("?");
        let mark = if org["current"] == true { '*' } else { ' ' };
        out::line(&format!("{mark} {}  {}", text("id"), text("name")));
    }
    Ok(())
}

/// Makes another org the one in which the profile acts.
pub(crate) async fn switch(name: &str, wanted: &str) -> Result<()> {
    let client = signed_in(name).await?;
    let orgs = answer(&client, "/v3/orgs").await?;
    let is = |org: &&Value| org["id"] == wanted || org["name"] == wanted;
    let found: Vec<&str> =
        orgs["data"].as_array().into_iter().flatten().filter(is).filter_map(|org| org["id"].as_str()).collect();
    let org = match found.as_slice() {
        [org] => *org,
        [] => bail!("you are in no org `{wanted}`; `admin orgs` lists those that you are in"),
        _ => bail!("several orgs have the name `{wanted}`; give the id"),
    };
    let mut locked = Locked::open()?;
    refresh(&mut locked, name, Some(org)).await?;
    drop(locked);
    whoami(name).await
}

/// A client that acts as who is signed in.
async fn signed_in(name: &str) -> Result<Client> {
    let profile = fresh(name).await?;
    Ok(Client::of_profile(&profile, name))
}

async fn answer(client: &Client, path: &str) -> Result<Value> {
    let answer = client.send(client.request(reqwest::Method::GET, path)).await?.text().await?;
    serde_json::from_str(&answer).context("the server's answer is not JSON")
}

/// The profile of a name, with an access token that is good.
pub(crate) async fn fresh(name: &str) -> Result<Profile> {
    let now = SystemClock.now().seconds();
    let known = profiles::load()?.profiles.remove(name);
    if let Some(profile) = known.filter(|profile| now + EARLY < profile.expires_at) {
        return Ok(profile);
    }
    let mut locked = Locked::open()?;
    let profile = locked.get(name)?.clone();
    // Another process may have done it while this one waited.
    if now + EARLY < profile.expires_at {
        return Ok(profile);
    }
    refresh(&mut locked, name, None).await
}

async fn refresh(locked: &mut Locked, name: &str, org: Option<&str>) -> Result<Profile> {
    let old = locked.get(name)?.clone();
    let mut form = vec![("grant_type", "refresh_token"), ("client_id", CLIENT), ("refresh_token", &old.refresh_token)];
    form.extend(org.map(|org| ("org", org)));
    let granted = match call(&old.url, "/oauth/token", &form).await? {
        Ok(granted) => granted,
        Err(error) if error["error"] == "invalid_grant" => {
            return Err(ended(&old.url, name));
        }
        Err(error) => bail!("{} did not renew the sign-in: {}", old.url, described(&error)),
    };
    let new = profile(&old.url, &granted)?;
    locked.profiles.profiles.insert(name.to_owned(), new.clone());
    locked.save()?;
    Ok(new)
}

/// What to do when the server lets a profile in no more.
pub(crate) fn ended(url: &str, name: &str) -> anyhow::Error {
    anyhow::anyhow!("the sign-in of the profile `{name}` has ended; run `admin login {url} --profile {name}`")
}

fn profile(url: &str, granted: &Value) -> Result<Profile> {
    let text = |name: &str| granted[name].as_str().map(str::to_owned).with_context(|| format!("{url} gave no {name}"));
    let expires_at = SystemClock.now().seconds() + granted["expires_in"].as_i64().unwrap_or(0);
    Ok(Profile {
        url: url.to_owned(),
        access_token: text("access_token")?,
        expires_at,
        refresh_token: text("refresh_token")?,
    })
}

/// Posts a form to an endpoint; its answer, or its refusal.
async fn call(url: &str, path: &str, form: &[(&str, &str)]) -> Result<std::result::Result<Value, Value>> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = reqwest::Client::new().post(format!("{url}{path}")).body(body);
    let request = request.header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let response = request.send().await.map_err(|error| refused(url, &error))?;
    let (status, text) = (response.status(), response.text().await.unwrap_or_default());
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    match status {
        StatusCode::OK => Ok(Ok(body)),
        status if body["error"].is_string() => {
            tracing::debug!(%status, path, "refused");
            Ok(Err(body))
        }
        status => bail!("{url}{path} answered {status}; is this the address of an Admin?"),
    }
}

fn described(error: &Value) -> String {
    let text = |name: &str| error[name].as_str().unwrap_or_default();
    format!("{} ({})", text("error_description"), text("error"))
}

/// A server's address as it was given, without the slash at its end: scheme, host and port alone, since Admin answers at the
/// root of its host.
pub(crate) fn address(given: &str) -> Result<String> {
    let url = if given.contains("://") { given.to_owned() } else { format!("http://{given}") };
    let url = url.trim_end_matches('/').to_owned();
    let plain = !url.contains(|c: char| c.is_whitespace() || c.is_control() || "\\?#@".contains(c));
    let parsed = reqwest::Url::parse(&url).ok().filter(|url| plain && ["http", "https"].contains(&url.scheme()));
    match parsed.is_some_and(|url| url.has_host() && url.path() == "/") {
        true => Ok(url),
        false => bail!(
            "`{given}` is no address of a server; it is http:// or https:// and a host, such as https://admin.example.org"
        ),
    }
}

impl Profiled {
    /// The profile that is named, or meant.
    pub(crate) fn name(&self) -> &str {
        self.profile.as_deref().unwrap_or(profiles::DEFAULT)
    }
}
