//! The client of a running server that `import`, `export` and `access` share.

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use secrecy::{ExposeSecret, SecretString};

use crate::command_line::Server;
use crate::commands::{login, token};
use crate::config::Config;
use crate::profiles::Profile;
use crate::{out, profiles};

/// How long the token of one command is good for, in seconds.
const SECONDS: i64 = 24 * 3600;

/// A request that the server refused.
#[derive(Debug)]
pub(crate) struct Refused {
    url: String,
    pub(crate) status: reqwest::StatusCode,
    /// What it says, as one sentence.
    pub(crate) detail: String,
    /// The places that are wrong, as pointers and sentences.
    pub(crate) places: Vec<(String, String)>,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} answered {}: {}", self.url, self.status, self.detail)?;
        // Of one place the sentence tells already.
        let places = if self.places.len() > 1 { &self.places[..] } else { &[] };
        places.iter().try_for_each(|(pointer, detail)| write!(f, "\n  {pointer}: {detail}"))
    }
}

impl std::error::Error for Refused {}

/// Waits as long as a server that is there takes to read what it is sent, as in a large import; unless told so, the
/// connection ends when nothing was read for half a minute. A server that is gone is found out by probes.
fn patient() -> reqwest::Client {
    let builder = reqwest::Client::builder();
    #[cfg(target_os = "linux")]
    let builder = builder.tcp_user_timeout(None);
    builder.build().expect("the settings of the HTTP client are constants")
}

/// A server and a token for it.
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    token: SecretString,
    /// The profile that the token is of.
    profile: Option<String>,
}

impl Client {
    /// For who is named: by a token, by a profile, or by the data folder, whose keys make an owner's token. If none is, the
    /// server of the data folder comes first, so that nobody who is signed in far away changes what is there by mistake.
    pub(crate) async fn new(config: &Config, server: &Server) -> Result<Client> {
        let here = token::url(config);
        let wants_profile = server.profile.is_some() || (server.url.is_none() && here.is_err());
        if server.token.is_none() && wants_profile {
            let name = server.profile.as_deref().unwrap_or(profiles::DEFAULT);
            if server.profile.is_some() || profiles::load()?.profiles.contains_key(name) {
                let profile = login::fresh(name).await?;
                out::note(&format!("As the profile `{name}` at {}", profile.url));
                return Ok(Client::of_profile(&profile, name));
            }
        }
        let url = match &server.url {
            Some(url) => login::address(url)?,
            None => here?,
        };
        let token = match &server.token {
            Some(token) => SecretString::from(token.as_str()),
            None => token::mint(config, None, "owner", SECONDS).await?,
        };
        Ok(Client::with_token(&url, token))
    }

    /// A server, and a token for it.
    pub(crate) fn with_token(url: &str, token: SecretString) -> Client {
        Client { http: patient(), url: url.to_owned(), token, profile: None }
    }

    /// The server of a profile, as who is signed in there.
    pub(crate) fn of_profile(profile: &Profile, name: &str) -> Client {
        let client = Client::with_token(&profile.url, profile.access_token.as_str().into());
        Client { profile: Some(name.to_owned()), ..client }
    }

    /// Where the server is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A request to `path`.
    pub(crate) fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(self.token.expose_secret())
    }

    /// The answer to a request, or its problem as one sentence.
    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response> {
        let response = request.send().await.map_err(|error| refused(&self.url, &error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, body) = (response.status(), response.text().await.unwrap_or_default());
        if let Some(name) = self.profile.as_ref().filter(|_| status == reqwest::StatusCode::UNAUTHORIZED) {
            return Err(login::ended(&self.url, name));
        }
        let problem: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let places = problem["errors"].as_array().into_iter().flatten();
        let places = places.map(|place| (text(&place["pointer"]), text(&place["detail"]))).collect();
        let detail = problem["detail"].as_str().unwrap_or(&body).to_owned();
        bail!(Refused { url: self.url.clone(), status, detail, places })
    }
}

/// Why there is no answer: the server cannot be reached, or the request was not sent to its end.
pub(crate) fn refused(url: &str, error: &reqwest::Error) -> anyhow::Error {
    let cause = cause(error);
    let refused = |cause: &std::io::Error| cause.kind() == std::io::ErrorKind::ConnectionRefused;
    match error.is_connect() {
        true if cause.downcast_ref().is_some_and(refused) => {
            anyhow::anyhow!("cannot reach {url}: connection refused; is the server running?")
        }
        true => anyhow::anyhow!("cannot reach {url}: {cause}"),
        false => anyhow::anyhow!("the request to {url} failed: {cause}"),
    }
}

/// The first cause of an error.
fn cause<'e>(error: &'e (dyn std::error::Error + 'static)) -> &'e (dyn std::error::Error + 'static) {
    std::iter::successors(Some(error), |error| error.source()).last().unwrap_or(error)
}

/// A progress bar over bytes; a counter when the length is unknown.
pub(crate) fn progress(length: Option<u64>, what: &str) -> ProgressBar {
    let bar = length.map_or_else(ProgressBar::no_length, ProgressBar::new);
    let template = match length {
        Some(_) => "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        None => "{msg} {spinner} {bytes} {bytes_per_sec}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.with_message(what.to_owned())
}
