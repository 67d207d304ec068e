//! One-time sign-in: a token that is printed once, works once, and expires.

use admin_core::{Core, Op, Setup, change_credentials};
use admin_db::sign_in::{self as stored, SignInRow};
use admin_db::{Tx, accounts, attempts};
use admin_types::{Error, FieldError, Kind, ResourceId, Result, Timestamp, action};
use secrecy::{ExposeSecret, SecretString};

use crate::accounts::live;
use crate::attempts::{INVITATIONS_OF_ADDRESS, INVITATIONS_OF_ORG, RESET_WINDOW, points_of};
use crate::grants::{hash, random_token};
use crate::mail::{Language, Letter};
use crate::{Identity, TOKEN_SECONDS, email, mail};

/// How long a sign-in token may be used, in seconds.
pub const SIGN_IN_SECONDS: i64 = 3600;

/// A new token that signs the owner in once. Only its hash is kept.
pub async fn create_sign_in_token(core: &Core, setup: &Setup) -> Result<SecretString> {
    let token = random_token(core, "sgn_");
    let (hash, expires_at) = (hash(token.expose_secret()), core.clock().now().plus_seconds(SIGN_IN_SECONDS));
    let row = SignInRow { org: setup.org, user: setup.owner, invited_by: None, mailed: false };
    let job = async move |tx: &mut Tx| stored::insert(tx, &hash, &row, expires_at).await;
    core.db().write_global(job).await?;
    Ok(token)
}

impl Identity {
    /// Takes a link that the operator made, and gives the bearer token of its user, with its lifetime in seconds.
    pub async fn sign_in(&self, token: &SecretString) -> Result<(SecretString, i64)> {
        let (hash, now) = (hash(token.expose_secret()), self.core.clock().now());
        let taken = self
            .core
            .db()
            .write_global(async move |tx: &mut Tx| stored::take_of_operator(tx, &hash, now).await)
            .await?;
        let Some((org, user)) = taken else {
            let detail =
                "The sign-in token is unknown, expired, or was used before. Run `admin sign-in` for a new one.";
            return Err(Error::new(Kind::Unauthenticated, "bad_sign_in_token", detail));
        };
        Ok((self.local_token(org, user, None, TOKEN_SECONDS)?, TOKEN_SECONDS))
    }
}

/// How long an invitation may be used, in seconds.
const INVITATION_SECONDS: i64 = 7 * 86_400;
/// How long it is tried to send one, in seconds.
const MAIL_SECONDS: i64 = 86_400;

/// A one-time token that lets somebody act as a user: for those who may do all that the user may.
pub async fn invite_user(core: &Core, op: Op, user: ResourceId) -> Result<(SecretString, Timestamp)> {
    let token = random_token(core, "sgn_");
    let (hash, expires_at) = (hash(token.expose_secret()), op.now.plus_seconds(INVITATION_SECONDS));
    let (org, job) = (op.principal.org, (core.clone(), op));
    let invited = core
        .db()
        .write(org, async move |tx: &mut Tx| invite(&job.0, tx, &job.1, user, (&hash, false), expires_at).await);
    invited.await?;
    Ok((token, expires_at))
}

/// Decides whether the caller may invite the user, and keeps the invitation.
async fn invite(
    core: &Core,
    tx: &mut Tx,
    op: &Op,
    user: ResourceId,
    (hash, mailed): (&[u8], bool),
    until: Timestamp,
) -> Result<()> {
    let org = op.principal.org;
    change_credentials(core, tx, op, ("user", user), (action::INVITED, None)).await?;
    if accounts::account_of(tx, org, user).await?.is_some() {
        return Err(Error::conflict("user_has_account", "An account acts as this user already."));
    }
    let row = SignInRow { org, user, invited_by: Some(op.principal.id), mailed };
    stored::insert(tx, hash, &row, until).await
}

impl Identity {
    /// The same, sent to the user's address; nobody else sees the link.
    pub async fn invite_by_mail(&self, op: Op, user: ResourceId, language: Language) -> Result<Timestamp> {
        if !self.has_mail() {
            let detail =
                "no mail server is set up; leave `send` out and hand over the link, or ask the operator for `smtp_url`";
            return Err(Error::validation(vec![FieldError::new("/send", detail)]));
        }
        let token = random_token(&self.core, "sgn_");
        let (hash, until) = (hash(token.expose_secret()), op.now.plus_seconds(INVITATION_SECONDS));
        let (org, now) = (op.principal.org, op.now);
        // Whether the caller may know any of it is decided below, before anything is answered.
        let letter = self.invitation_letter(&op, user, &token, language).await?;
        let envelope = letter.as_ref().map(|letter| self.envelope(letter, MAIL_SECONDS)).transpose()?;
        let whom =
            letter.map(|letter| points_of("invitations to", &letter.to.to_ascii_lowercase())).unwrap_or_default();
        let from = points_of("invitations from", &org.to_string());
        let job = (self.core.clone(), op);
        let invited = self.core.db().write(org, async move |tx: &mut Tx| {
            invite(&job.0, tx, &job.1, user, (&hash, true), until).await?;
            let Some(envelope) = &envelope else {
                let detail = "the user has no attribute `email` that a letter could be sent to";
                return Err(Error::validation(vec![FieldError::new("/send", detail)]));
            };
            let hour = now.plus_seconds(RESET_WINDOW);
            let sent = attempts::add(tx, &from, 1, now, hour).await? <= INVITATIONS_OF_ORG;
            if !sent || attempts::add(tx, &whom, 1, now, hour).await? > INVITATIONS_OF_ADDRESS {
                let detail = "There were too many letters with invitations within an hour. Try again later.";
                return Err(Error::new(Kind::TooManyRequests, "too_many_attempts", detail));
            }
            envelope.keep(tx).await
        });
        invited.await?;
        self.outbox.nudge();
        Ok(until)
    }

    async fn invitation_letter(
        &self,
        op: &Op,
        user: ResourceId,
        token: &SecretString,
        language: Language,
    ) -> Result<Option<Letter>> {
        let (mut conn, org) = (self.core.db().read().await?, op.principal.org);
        let Some(invited) = live(&mut conn, org, user).await? else { return Ok(None) };
        let by = live(&mut conn, org, op.principal.id).await?.map_or_else(String::new, |by| by.name);
        let name = admin_db::orgs::name(&mut conn, org).await?.unwrap_or_default();
        let to = invited.attributes.get("email").and_then(|email| email.as_str());
        let Some(to) = to.filter(|to| email::key(to).is_ok() && mail::is_deliverable(to)) else { return Ok(None) };
        let url = format!("{}/set-up?token={}", self.issuer, token.expose_secret());
        Ok(Some(mail::invitation(to, (&by, &name), &url, language)))
    }
}
