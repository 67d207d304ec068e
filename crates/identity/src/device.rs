//! Devices without a browser (RFC 8628): a device shows a code, a person enters it at another one and lets the first one
//! in. The device asks until then, and learns how fast it may ask.

use admin_core::Core;
use admin_db::Tx;
use admin_db::device_codes::{self, DeviceRow};
use admin_db::oauth::{self, TokenRow};
use admin_db::sessions::Device;
use admin_types::{Error, Kind, Result, Timestamp};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::Identity;
use crate::accounts::Browser;
use crate::client_auth::{Basic, authenticate_client};
use crate::clients::{Client, ClientId, DEVICE_CODE, find_client};
use crate::error::{OAuthError, OAuthResult};
use crate::form::Form;
use crate::grants::{self, Terms, hash, random_token};
use crate::sessions::Session;
use crate::token_endpoint::{DEFAULT_SCOPE, SCOPES, scope};

/// How long a code is good for, how long a device waits between two questions, and how much longer after it asked too
/// soon (section 3.5), in seconds.
const CODE_SECONDS: i64 = 600;
const INTERVAL: i64 = 5;
const SLOWER: i64 = 5;
/// How much earlier than it should a device may ask, in seconds: its clock and the network differ.
const EARLY: i64 = 1;
/// Letters that make no words and look like no others (section 6.1), and how many of them a person enters: 34 bits.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LENGTH: usize = 8;
/// Codes that are tried until one is free.
const TRIES: usize = 5;

/// A device that asks to be let in, as a person decides about it.
#[derive(Clone, Debug)]
pub struct DeviceRequest {
    /// The code that the device shows.
    pub user_code: String,
    /// What it runs.
    pub client: Client,
    /// What it wants, in words with spaces between.
    pub scope: String,
    /// The address from which it asked.
    pub address: Option<String>,
    /// What it calls itself.
    pub agent: Option<String>,
    /// When it asked.
    pub asked_at: Timestamp,
    hash: Vec<u8>,
    expires_at: Timestamp,
}

impl Identity {
    /// The codes for a device (section 3.2). `device`: where it asks from.
    pub async fn device_authorization(&self, form: &Form, basic: &Basic, device: &Browser) -> OAuthResult<Value> {
        let at = |path: &str| format!("{}{path}", self.issuer);
        let endpoints = [self.issuer.clone(), at("/oauth/device_authorization"), at("/oauth/token")];
        let endpoints = endpoints.each_ref().map(String::as_str);
        let client = authenticate_client(&self.core, form, basic, &endpoints).await?;
        if !client.may_use(DEVICE_CODE) {
            let detail = format!("the client may not use {DEVICE_CODE}; add it to its grant_types");
            return Err(OAuthError::new("unauthorized_client", detail));
        }
        self.check_resource(form)?;
        self.guesses.started(device.address)?;
        let scope = scope(form.get("scope").unwrap_or(DEFAULT_SCOPE), &SCOPES)?;
        let code = random_token(&self.core, "add_");
        let now = self.core.clock().now();
        let row = DeviceRow {
            hash: hash(code.expose_secret()),
            client: client.id.row(),
            scope,
            state: "pending".into(),
            device: device.device(),
            seconds: INTERVAL,
            polled_at: None,
            created_at: now,
            expires_at: now.plus_seconds(CODE_SECONDS),
        };
        let user_code = shown(&self.wait(row).await?);
        let verification_uri = at("/device");
        Ok(json!({
            "device_code": code.expose_secret(), "user_code": user_code, "verification_uri": verification_uri,
            "verification_uri_complete": format!("{verification_uri}?user_code={user_code}"),
            "expires_in": CODE_SECONDS, "interval": INTERVAL,
        }))
    }

    /// Keeps a device that waits; answers the letters that its person enters.
    async fn wait(&self, row: DeviceRow) -> Result<String> {
        for _ in 0..TRIES {
            let (letters, row) = (random_letters(&self.core), row.clone());
            let user_hash = hash(&letters);
            let job = async move |tx: &mut Tx| device_codes::insert(tx, &row, &user_hash).await;
            if self.core.db().write_global(job).await? {
                return Ok(letters);
            }
        }
        Err(Error::unavailable("Too many devices wait to be let in. Try again shortly.", "no user code is free"))
    }

    /// What a device learns of its code: a refusal while nobody has let it in.
    pub(crate) async fn poll(&self, client: &Client, code: &str) -> OAuthResult<()> {
        let (hash, now, client) = (hash(code), self.core.clock().now(), client.id);
        let job = async move |tx: &mut Tx| {
            let row = device_codes::get(tx, &hash).await?.filter(|row| row.client == client.row());
            let Some(row) = row else { return Ok("invalid_grant") };
            match row.state.as_str() {
                "allowed" => return Ok(""),
                "denied" => return Ok("access_denied"),
                _ if row.expires_at <= now => return Ok("expired_token"),
                _ => {}
            }
            let soon = row.polled_at.is_some_and(|at| now < at.plus_seconds(row.seconds - EARLY));
            let seconds = if soon { row.seconds + SLOWER } else { row.seconds };
            device_codes::polled(tx, &hash, now, seconds).await?;
            Ok(if soon { "slow_down" } else { "authorization_pending" })
        };
        let detail = match self.core.db().write_global(job).await? {
            "" => return Ok(()),
            code @ "invalid_grant" => (code, "the device_code is unknown, or was given to another client"),
            code @ "access_denied" => (code, "the person did not agree"),
            code @ "expired_token" => (code, "the device_code has expired; ask for a new one"),
            code @ "slow_down" => (code, "the device asks too often; wait five seconds longer from now on"),
            code => (code, "nobody has entered the code yet; ask again"),
        };
        Err(OAuthError::new(detail.0, detail.1))
    }

    /// The device that shows a code, for whoever is signed in. An unknown code counts as a guess.
    pub async fn device_request(&self, session: &Session, browser: &Browser, code: &str) -> Result<DeviceRequest> {
        let guess = self.guesses.begin(session.account, browser.address)?;
        let letters = letters(code);
        let found = match &letters {
            Some(letters) => device_codes::by_user_code(&mut *self.core.db().read().await?, &hash(letters)).await?,
            None => None,
        };
        let now = self.core.clock().now();
        let waits = found.filter(|row| row.state == "pending" && now < row.expires_at);
        let client = match &waits {
            Some(row) => find_client(&self.core, &ClientId::of(row.client).to_string()).await?,
            None => None,
        };
        let client = client.filter(|client| client.serves(session.org));
        let (Some(row), Some(client), Some(letters)) = (waits, client, letters) else {
            let detail = "No device waits with this code. Look at the code again, or let the device show a new one.";
            return Err(Error::new(Kind::NotFound, "not_found", detail));
        };
        guess.give_back();
        let DeviceRow { scope, device: Device { address, agent }, hash, expires_at, created_at, .. } = row;
        let user_code = shown(&letters);
        Ok(DeviceRequest { user_code, client, scope, address, agent, asked_at: created_at, hash, expires_at })
    }

    /// Lets a device in, in the org that is active in the session, or keeps it out; false when it waits no more.
    pub async fn decide_device(&self, session: &Session, request: &DeviceRequest, allow: bool) -> Result<bool> {
        let terms = Terms {
            scope: request.scope.clone(),
            auth_time: Some(session.authenticated_at.seconds()),
            amr: session.methods.clone(),
            ..Terms::default()
        };
        let grant = grants::new_row(&self.core, request.client.id, session, &terms)?;
        let (hash, expires_at, now) = (request.hash.clone(), request.expires_at, self.core.clock().now());
        let job = async move |tx: &mut Tx| {
            let state = if allow { "allowed" } else { "denied" };
            if !device_codes::decide(tx, &hash, state, now).await? {
                return Ok(false);
            }
            if allow {
                // From now on the device's code works as any other does: once, and it ends the grant when it is shown again.
                oauth::insert_grant(tx, &grant, now).await?;
                let token = TokenRow { kind: "device".into(), grant: grant.id, used_at: None, expires_at };
                oauth::insert_token(tx, &hash, &token).await?;
            }
            Ok(true)
        };
        self.core.db().write_global(job).await
    }
}

/// Letters for a person to enter. Each is as likely as all others: bytes beyond the last whole alphabet are passed over.
fn random_letters(core: &Core) -> String {
    let mut letters = String::with_capacity(LENGTH);
    while letters.len() < LENGTH {
        let fair =
            core.random().bytes16().into_iter().filter(|byte| *byte < 240).map(|byte| LETTERS[byte as usize % 20]);
        letters.extend(fair.take(LENGTH - letters.len()).map(char::from));
    }
    letters
}

/// The letters of a code, however a person writes it.
fn letters(code: &str) -> Option<String> {
    let kept = code.chars().filter(|c| !c.is_whitespace() && *c != '-').take(LENGTH + 1);
    let kept: String = kept.map(|c| c.to_ascii_uppercase()).collect();
    (kept.len() == LENGTH && kept.bytes().all(|b| LETTERS.contains(&b))).then_some(kept)
}

/// The code as it is shown.
fn shown(letters: &str) -> String {
    let (start, end) = letters.split_at(LENGTH / 2);
    format!("{start}-{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_written() {
        for written in ["BCDF-GHJK", "bcdfghjk", " bcdf ghjk ", "B-C-D-F-G-H-J-K"] {
            assert_eq!(letters(written).as_deref(), Some("BCDFGHJK"), "{written}");
        }
        assert_eq!(shown("BCDFGHJK"), "BCDF-GHJK");
        for bad in ["", "BCDF-GHJ", "BCDF-GHJKL", "ACDF-GHJK", "BCDF-GHJ1", "bcdfghjé"] {
            assert_eq!(letters(bad), None, "{bad}");
        }
    }
}
