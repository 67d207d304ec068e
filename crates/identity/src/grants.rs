//! What a client was granted: its terms, and the codes and refresh tokens that stand for it. A code or a refresh token
//! works once; one that is shown again ends the grant, since somebody else may have it (RFC 9700, section 4.14).

use admin_core::Core;
use admin_db::oauth::{self, GrantRow, TokenRow};
use admin_db::{Tx, revocations};
use admin_types::{Error, GrantId, OrgId, Principal, ResourceId, Result, SessionId, Timestamp};
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::assurance;
use crate::clients::ClientId;
use crate::revocations::Revocations;
use crate::sessions::Session;

/// How long a code is good for, in seconds.
const CODE_SECONDS: i64 = 60;
/// How long a refresh token is good for when it is not used, and how long a grant is however often it is, in seconds.
const REFRESH_SECONDS: i64 = 14 * 86_400;
const GRANT_SECONDS: i64 = 90 * 86_400;
/// How long an access token of a grant may live on after the grant ended, in seconds.
pub(crate) const REMEMBERED_SECONDS: i64 = 86_400;

/// The terms of a grant.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub(crate) struct Terms {
    /// What was granted, in words with spaces between.
    pub scope: String,
    /// Where the code was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<String>,
    /// The S256 of the verifier that the client must show (RFC 7636).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_challenge: Option<String>,
    /// What the ID token must repeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// When the user signed in, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// The thumbprint of the key by which a code must be redeemed, and a refresh token of a public client used (RFC 9449).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<String>,
    /// By which methods (RFC 8176).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// Whether the person was asked, and agreed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub agreed: bool,
}

impl Terms {
    /// Whether a word of the scope was granted.
    pub(crate) fn has(&self, word: &str) -> bool {
        self.scope.split(' ').any(|one| one == word)
    }

    /// How surely somebody was who they say; of a program nothing is said.
    pub(crate) fn acr(&self) -> Option<&'static str> {
        self.auth_time.map(|_| assurance::class(&self.amr))
    }
}

/// A grant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Grant {
    /// Its id.
    pub id: GrantId,
    /// The org.
    pub org: OrgId,
    /// The client.
    pub client: ClientId,
    /// Whom it acts for.
    pub subject: ResourceId,
    /// The session in which it was granted.
    pub session: Option<SessionId>,
    /// Its terms.
    pub terms: Terms,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

impl Grant {
    fn of(row: GrantRow) -> Result<Grant> {
        let terms = serde_json::from_str(&row.terms).map_err(Error::internal)?;
        let GrantRow { id, org, client, subject, session, expires_at, .. } = row;
        Ok(Grant { id, org, client: ClientId::of(client), subject, session, terms, expires_at })
    }

    /// Whom its tokens speak for.
    pub(crate) fn principal(&self) -> Principal {
        Principal::new(self.org, self.subject)
    }
}

/// What came of showing a code or a refresh token.
#[derive(Debug)]
pub(crate) enum Shown {
    /// It is good, for the first time.
    Good(Box<Grant>),
    /// It is not known, has ended, or is another client's.
    Unknown,
    /// It was shown before: its grant has ended now.
    Again(GrantId),
}

/// The hash by which a code or a refresh token is kept.
pub(crate) fn hash(token: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, token.as_bytes()).as_ref().to_vec()
}

/// A new random token that begins with `prefix`.
pub(crate) fn random_token(core: &Core, prefix: &str) -> SecretString {
    let mut bytes = [0; 32];
    core.random().fill(&mut bytes);
    SecretString::from(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// A new grant to a client, in a session.
pub(crate) fn new_row(core: &Core, client: ClientId, session: &Session, terms: &Terms) -> Result<GrantRow> {
    let now = core.clock().now();
    Ok(GrantRow {
        id: GrantId::new(now, core.random()),
        org: session.org,
        client: client.row(),
        subject: session.user,
        session: Some(session.id),
        terms: serde_json::to_string(terms).map_err(Error::internal)?,
        expires_at: now.plus_seconds(GRANT_SECONDS),
    })
}

/// Grants a client what `terms` say, and makes the code for it.
pub(crate) async fn grant_code(
    core: &Core,
    client: ClientId,
    session: &Session,
    terms: &Terms,
) -> Result<SecretString> {
    let (now, code) = (core.clock().now(), random_token(core, "adc_"));
    let row = new_row(core, client, session, terms)?;
    let hash = hash(code.expose_secret());
    core.db()
        .write_global(async move |tx: &mut Tx| {
            oauth::insert_grant(tx, &row, now).await?;
            let expires_at = now.plus_seconds(CODE_SECONDS);
            let token = TokenRow { kind: "code".into(), grant: row.id, used_at: None, expires_at };
            oauth::insert_token(tx, &hash, &token).await
        })
        .await?;
    Ok(code)
}

/// What is done with a grant while one of its tokens is taken.
#[derive(Clone, Default)]
pub(crate) struct Taking {
    /// The refresh token that takes the token's place.
    pub next: Option<SecretString>,
    /// The org and the user that the grant acts for from now on.
    pub subject: Option<(OrgId, ResourceId)>,
    /// The key that its refresh tokens are bound to from now on.
    pub jkt: Option<String>,
}

/// Takes a code or a refresh token of a client, once; what takes its place does so at the same moment.
pub(crate) async fn take(
    core: &Core,
    revocations: &Revocations,
    client: ClientId,
    (kind, token): (&'static str, &str),
    taking: &Taking,
) -> Result<Shown> {
    let next = taking.next.as_ref().map(|next| hash(next.expose_secret()));
    let (hash, now, taking) = (hash(token), core.clock().now(), taking.clone());
    let shown = core
        .db()
        .write_global(async move |tx: &mut Tx| {
            let Some(row) = oauth::token(tx, &hash).await?.filter(|row| row.kind == kind) else {
                return Ok(Shown::Unknown);
            };
            let Some(mut grant) = oauth::grant(tx, row.grant).await?.filter(|grant| grant.client == client.row())
            else {
                return Ok(Shown::Unknown);
            };
            if row.used_at.is_some() || !oauth::use_token(tx, &hash, now).await? {
                end(tx, row.grant, now).await?;
                return Ok(Shown::Again(row.grant));
            }
            if row.expires_at <= now || grant.expires_at <= now {
                return Ok(Shown::Unknown);
            }
            if let Some(subject) = taking.subject {
                (grant.org, grant.subject) = subject;
            }
            if taking.jkt.is_some() {
                // What it is bound to already stays, for the caller to compare.
                let mut terms: Terms = serde_json::from_str(&grant.terms).map_err(Error::internal)?;
                terms.jkt = terms.jkt.or(taking.jkt.clone());
                grant.terms = serde_json::to_string(&terms).map_err(Error::internal)?;
            }
            if taking.subject.is_some() || taking.jkt.is_some() {
                oauth::change_grant(tx, &grant).await?;
            }
            if let Some(next) = &next {
                let expires_at = now.plus_seconds(REFRESH_SECONDS).min(grant.expires_at);
                let row = TokenRow { kind: "refresh".into(), grant: grant.id, used_at: None, expires_at };
                oauth::insert_token(tx, next, &row).await?;
            }
            Ok(Shown::Good(Box::new(Grant::of(grant)?)))
        })
        .await?;
    if let Shown::Again(grant) = &shown {
        revocations.add(&grant.to_string(), now.plus_seconds(REMEMBERED_SECONDS));
    }
    Ok(shown)
}

/// The grant that a live refresh token of a client stands for, and when the token ends; it is not used by it.
pub(crate) async fn peek(core: &Core, client: ClientId, token: &str) -> Result<Option<(Grant, Timestamp)>> {
    let (mut conn, now) = (core.db().read().await?, core.clock().now());
    let row = oauth::token(&mut conn, &hash(token)).await?;
    let live = row.filter(|row| row.kind == "refresh" && row.used_at.is_none() && now < row.expires_at);
    let Some(row) = live else { return Ok(None) };
    let grant = oauth::grant(&mut conn, row.grant).await?.filter(|grant| grant.client == client.row());
    let grant = grant.filter(|grant| now < grant.expires_at).map(Grant::of).transpose()?;
    Ok(grant.map(|grant| (grant, row.expires_at)))
}

/// Ends a grant: its codes and refresh tokens at once, its access tokens within a second in every process.
pub(crate) async fn end_grant(core: &Core, revocations: &Revocations, id: GrantId) -> Result<()> {
    let now = core.clock().now();
    core.db().write_global(async move |tx: &mut Tx| end(tx, id, now).await).await?;
    revocations.add(&id.to_string(), now.plus_seconds(REMEMBERED_SECONDS));
    Ok(())
}

async fn end(tx: &mut Tx, id: GrantId, now: Timestamp) -> Result<()> {
    oauth::end_grant(tx, id).await?;
    revocations::insert(tx, &id.to_string(), now, now.plus_seconds(REMEMBERED_SECONDS)).await
}
