//! Passkeys: a browser asks an authenticator to make a credential, or to sign in by one. Each such call has a challenge,
//! which is the hash of a cookie that the browser got with it: nobody who sees the challenge has the cookie. The cookie
//! says, sealed, what the call was for, and counts once.

use admin_db::passkeys::{self, PasskeyRow};
use admin_db::{Tx, accounts, oauth, totp};
use admin_types::{AccountId, Error, FieldError, Kind, Result, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Identity;
use crate::accounts::Browser;
use crate::grants::hash;
use crate::mail::{Language, Notice};
use crate::second_step::{SignIn, counted};
use crate::sessions::Session;
use crate::webauthn::{self, ALGORITHMS, Assertion, Creation, RelyingParty, Said};

/// How long a person may take, in seconds.
pub const CEREMONY_SECONDS: i64 = 600;
/// The most passkeys of an account.
const MOST: usize = 20;
/// The longest name of one, in characters.
const MAX_NAME: usize = 64;
/// The longest answer of an authenticator, in bytes.
const MAX_ANSWER: usize = 32 * 1024;

/// A passkey, as its owner sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Passkey {
    /// What the authenticator calls it, in base64url.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// Whether it may be on several devices.
    pub synced: bool,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last signed in.
    pub used_at: Option<Timestamp>,
}

impl Passkey {
    pub(crate) fn of(row: PasskeyRow) -> Passkey {
        let PasskeyRow { id, name, synced, created_at, used_at, .. } = row;
        Passkey { id: URL_SAFE_NO_PAD.encode(id), name, synced, created_at, used_at }
    }
}

/// A call of an authenticator: what the browser needs for it, and the cookie that it must bring back.
#[derive(Debug)]
pub struct Call {
    /// `PublicKeyCredentialCreationOptions` or `PublicKeyCredentialRequestOptions`, with binary values in base64url.
    pub options: Value,
    /// The cookie.
    pub cookie: SecretString,
}

/// What a call was for, as its cookie says it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Ticket {
    /// A credential is made.
    creates: bool,
    /// The account that makes one, or whose second step it is.
    account: Option<AccountId>,
    until: Timestamp,
}

/// What a browser hands over.
#[derive(Deserialize)]
struct Answer<R> {
    id: String,
    response: R,
}

fn refused() -> Error {
    let detail = "The passkey is not known here, or the attempt took too long. Try again, or sign in another way.";
    Error::new(Kind::Unauthenticated, "passkey_refused", detail)
}

/// What a credential is bound to in an authenticator: nothing that tells who it is.
fn handle(account: AccountId) -> String {
    URL_SAFE_NO_PAD.encode(account.0)
}

const CONTEXT: &str = "passkey call";

impl Identity {
    /// For whom passkeys are made; `None` where browsers make none.
    pub fn relying_party(&self) -> Option<&RelyingParty> {
        self.relying_party.as_ref()
    }

    fn need_relying_party(&self) -> Result<&RelyingParty> {
        let detail = "Passkeys need a host name and TLS: set `public_url`, such as https://admin.example.org.";
        self.relying_party.as_ref().ok_or_else(|| Error::conflict("no_passkeys_here", detail))
    }

    /// A cookie for a call, and its challenge.
    fn ticket(&self, creates: bool, account: Option<AccountId>) -> Result<(SecretString, String)> {
        let until = self.core.clock().now().plus_seconds(CEREMONY_SECONDS);
        let said = serde_json::to_vec(&Ticket { creates, account, until }).map_err(Error::internal)?;
        let cookie = URL_SAFE_NO_PAD.encode(self.core.cipher().seal(CONTEXT, &said)?);
        let challenge = URL_SAFE_NO_PAD.encode(hash(&cookie));
        Ok((SecretString::from(cookie), challenge))
    }

    /// What the cookie of a call says, while it counts.
    fn read_ticket(&self, cookie: &str, creates: bool) -> Result<Ticket> {
        let sealed = URL_SAFE_NO_PAD.decode(cookie).map_err(|_| refused())?;
        let said = self.core.cipher().open(CONTEXT, &sealed).map_err(|_| refused())?;
        let ticket: Ticket = serde_json::from_slice(&said).map_err(Error::internal)?;
        let counts = ticket.creates == creates && self.core.clock().now() < ticket.until;
        counts.then_some(ticket).ok_or_else(refused)
    }

    /// Uses a challenge up, after it was answered rightly: wrong answers, which anybody may send, write nothing.
    async fn answered(&self, challenge: &[u8], ticket: &Ticket) -> Result<()> {
        let (challenge, until) = (challenge.to_vec(), ticket.until);
        let once = async move |tx: &mut Tx| oauth::say_once(tx, &challenge, until).await;
        self.core.db().write_global(once).await?.then_some(()).ok_or_else(refused)
    }

    /// A call that makes a passkey for whoever is signed in.
    pub async fn call_to_create(&self, session: &Session) -> Result<Call> {
        let rp = self.need_relying_party()?;
        self.need_fresh(session).await?;
        let mut conn = self.core.db().read().await?;
        let account = accounts::get(&mut conn, session.account).await?;
        let known = passkeys::of_account(&mut conn, session.account).await?;
        drop(conn);
        let email = account.map(|account| account.email).unwrap_or_default();
        let (cookie, challenge) = self.ticket(true, Some(session.account))?;
        let options = json!({
            "challenge": challenge,
            "rp": {"id": rp.id, "name": "Admin"},
            "user": {"id": handle(session.account), "name": email, "displayName": session.name},
            "pubKeyCredParams": ALGORITHMS.map(|alg| json!({"type": "public-key", "alg": alg})),
            "excludeCredentials": descriptors(&known),
            "authenticatorSelection": {"residentKey": "required", "requireResidentKey": true, "userVerification": "required"},
            "attestation": "none",
            "timeout": CEREMONY_SECONDS * 1000,
        });
        Ok(Call { options, cookie })
    }

    /// Adds the passkey that was made; answers recovery codes, if there are none yet.
    pub async fn add_passkey(
        &self,
        session: &Session,
        cookie: &str,
        (name, answer): (&str, &str),
        language: Language,
    ) -> Result<Vec<String>> {
        let rp = self.need_relying_party()?;
        let second = self.need_fresh(session).await?;
        let name = check_name(name)?;
        let (ticket, challenge) = (self.read_ticket(cookie, true)?, hash(cookie));
        let answer: Answer<Creation> = read(answer)?;
        let made = webauthn::created(rp, &challenge, &answer.response).filter(|made| made.said.user_verified);
        let made = made.filter(|made| Some(&made.id) == webauthn::decode(&answer.id).as_ref()).ok_or_else(refused)?;
        if ticket.account != Some(session.account) {
            return Err(refused());
        }
        self.answered(&challenge, &ticket).await?;
        if second.passkeys >= MOST {
            let detail = format!("There are {MOST} passkeys already. Remove one first.");
            return Err(Error::conflict("too_many_passkeys", detail));
        }
        let row = PasskeyRow {
            id: made.id,
            account: session.account,
            name,
            public_key: made.public_key,
            sign_count: made.said.sign_count.into(),
            synced: made.said.synced,
            created_at: self.core.clock().now(),
            used_at: None,
        };
        let kind = method(row.synced);
        if !self.core.db().write_global(async move |tx: &mut Tx| passkeys::insert(tx, &row).await).await? {
            return Err(Error::conflict("passkey_exists", "This passkey is there already."));
        }
        self.strengthen(session, kind).await?;
        self.notify(session.account, Notice::FactorAdded, language).await;
        tracing::info!(account = %session.account, "a passkey was added");
        match second.recovery_codes {
            0 => self.write_recovery_codes(session.account).await,
            _ => Ok(vec![]),
        }
    }

    /// Removes a passkey of whoever is signed in.
    pub async fn remove_passkey(&self, session: &Session, id: &str, language: Language) -> Result<()> {
        self.need_fresh(session).await?;
        let (account, id) = (session.account, webauthn::decode(id).unwrap_or_default());
        let removed = self.core.db().write_global(async move |tx: &mut Tx| passkeys::remove(tx, account, &id).await);
        if !removed.await? {
            return Err(Error::not_found("passkey"));
        }
        self.notify(account, Notice::FactorRemoved, language).await;
        tracing::info!(%account, "a passkey was removed");
        self.without_factors(account).await
    }

    /// A call that signs in by a passkey; `half`: as the second step of the sign-in under that cookie.
    pub async fn call_to_sign_in(&self, half: Option<&str>) -> Result<Call> {
        let rp = self.need_relying_party()?;
        let account = match half {
            Some(half) => Some(self.half(half).await?.account),
            None => None,
        };
        let (cookie, challenge) = self.ticket(false, account)?;
        let mut options = json!({"challenge": challenge, "rpId": rp.id, "userVerification": "required",
            "timeout": CEREMONY_SECONDS * 1000});
        if let Some(account) = account {
            let known = passkeys::of_account(&mut *self.core.db().read().await?, account).await?;
            options["allowCredentials"] = descriptors(&known);
        }
        Ok(Call { options, cookie })
    }

    /// Signs in by a passkey, which is two factors at once: the thing, and the finger, face or PIN that unlocks it.
    /// `half`: as the second step of the sign-in under that cookie.
    pub async fn sign_in_by_passkey(
        &self,
        cookie: &str,
        answer: &str,
        half: Option<&str>,
        browser: &Browser,
    ) -> Result<SignIn> {
        let rp = self.need_relying_party()?;
        let (ticket, challenge) = (self.read_ticket(cookie, false)?, hash(cookie));
        let answer: Answer<Assertion> = read(answer)?;
        let id = webauthn::decode(&answer.id).ok_or_else(refused)?;
        let known = passkeys::get(&mut *self.core.db().read().await?, &id).await?.ok_or_else(refused)?;
        let said = webauthn::asserted(rp, &challenge, &answer.response, &known.public_key);
        let said = said.filter(|said| said.user_verified && said.synced == known.synced).ok_or_else(refused)?;
        // Section 7.2, step 6: whoever was not named before is named by the authenticator.
        let named = answer.response.user_handle.as_deref().map(|text| text.trim_end_matches('='));
        let named = named.map_or(ticket.account.is_some(), |named| named == handle(known.account));
        if !named || ticket.account.is_some_and(|account| account != known.account) {
            return Err(refused());
        }
        let half = match (half, ticket.account) {
            (Some(half), Some(_)) => Some((hash(half), self.half(half).await?)),
            (None, None) => None,
            _ => return Err(refused()),
        };
        if half.as_ref().is_some_and(|(_, half)| half.account != known.account) {
            return Err(refused());
        }
        self.answered(&challenge, &ticket).await?;
        self.count_use(&known, &said).await?;
        let last = [method(known.synced), "user", "mfa"];
        match half {
            None => {
                let subject = self.subject(known.account, None, browser).await?;
                self.all_steps_done(known.account, (subject, None), &last, browser).await
            }
            Some((hash, half)) => {
                self.end_half(hash).await?;
                let methods: Vec<&str> = half.methods.split(' ').chain(last).collect();
                self.all_steps_done(half.account, ((half.org, half.user), half.invitation), &methods, browser).await
            }
        }
    }

    /// Notes a signature. A count that did not grow is told by a copy of the authenticator, or by the one that was copied.
    async fn count_use(&self, passkey: &PasskeyRow, said: &Said) -> Result<()> {
        let (id, account, count, now) =
            (passkey.id.clone(), passkey.account, i64::from(said.sign_count), self.core.clock().now());
        let used = self.core.db().write_global(async move |tx: &mut Tx| {
            let used = passkeys::used(tx, &id, count, now).await?;
            if used {
                totp::forgive(tx, account).await?;
            }
            Ok(used)
        });
        if !used.await? {
            let passkey = URL_SAFE_NO_PAD.encode(&passkey.id);
            tracing::warn!(%account, passkey, "a passkey signed with a count that did not grow: it may have been copied");
            return Err(refused());
        }
        self.attempts.succeeded(&counted(account));
        Ok(())
    }
}

/// How a passkey proves who somebody is (RFC 8176): one that is on several devices is software's.
fn method(synced: bool) -> &'static str {
    if synced { "swk" } else { "hwk" }
}

fn descriptors(known: &[PasskeyRow]) -> Value {
    known.iter().map(|row| json!({"type": "public-key", "id": URL_SAFE_NO_PAD.encode(&row.id)})).collect()
}

fn read<R: DeserializeOwned>(answer: &str) -> Result<Answer<R>> {
    let answer = (answer.len() <= MAX_ANSWER).then(|| serde_json::from_str(answer).ok()).flatten();
    answer.ok_or_else(refused)
}

fn check_name(name: &str) -> Result<String> {
    let name = name.trim();
    if name.chars().any(char::is_control) || name.chars().count() > MAX_NAME {
        let detail = format!("must have at most {MAX_NAME} characters, none of them a control character");
        return Err(Error::validation(vec![FieldError::new("/name", detail)]));
    }
    Ok(if name.is_empty() { "Passkey".to_owned() } else { name.to_owned() })
}
