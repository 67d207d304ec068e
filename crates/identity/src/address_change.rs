//! Another address for an account: wished for by whoever knows its password, confirmed by a link that is sent there, and
//! opened by somebody who is signed in to the account, so that nobody hangs their account on the address of another. The old
//! address is told.

use admin_db::account_links::{self, LinkRow};
use admin_db::{Tx, accounts};
use admin_types::{Error, FieldError, Kind, Result};
use secrecy::{ExposeSecret, SecretString};

use crate::grants::{hash, random_token};
use crate::mail::{self, Language, Notice};
use crate::{Browser, Identity, RESET_SECONDS, Session, email};

/// What such a link is for.
const PURPOSE: &str = "email";

impl Identity {
    /// The address of the account of a session.
    pub async fn address_of(&self, session: &Session) -> Result<String> {
        let row = accounts::get(&mut *self.core.db().read().await?, session.account).await?;
        Ok(row.ok_or_else(|| Error::internal("a session without an account"))?.email)
    }

    /// Sends a link to a new address. Whether another account has it is not told: then nothing is sent.
    pub async fn wish_for_address(
        &self,
        session: &Session,
        (address, password): (&str, &SecretString),
        browser: &Browser,
        language: Language,
    ) -> Result<()> {
        let key = email::key(address)?;
        let address = address.trim().to_owned();
        if !mail::is_deliverable(&address) {
            let detail = "must be an address that letters can be sent to";
            return Err(Error::validation(vec![FieldError::new("/email", detail)]));
        }
        self.check_password(session, password, browser).await?;
        let other = accounts::by_email(&mut *self.core.db().read().await?, &key).await?;
        let free = other.is_none_or(|other| other.id == session.account);
        let token = random_token(&self.core, "cnf_");
        let url = format!("{}/account/email/confirm?token={}", self.issuer, token.expose_secret());
        let envelope = self.envelope(&mail::confirm(&address, &url, language), RESET_SECONDS)?;
        let (link, until) = (hash(token.expose_secret()), self.core.clock().now().plus_seconds(RESET_SECONDS));
        let row = LinkRow { account: session.account, email: Some(address) };
        let job = async move |tx: &mut Tx| {
            // One wish at a time.
            account_links::end_all(tx, row.account).await?;
            account_links::insert(tx, &link, PURPOSE, &row, until).await?;
            if free { envelope.keep(tx).await } else { Ok(()) }
        };
        self.core.db().write_global(job).await?;
        self.outbox.nudge();
        Ok(())
    }

    /// The address that a link confirms for the account of a session.
    pub async fn wished_address(&self, session: &Session, token: &str) -> Result<String> {
        let (mut conn, now) = (self.core.db().read().await?, self.core.clock().now());
        let link = account_links::find(&mut conn, &hash(token), PURPOSE, now).await?;
        let link = link.filter(|link| link.account == session.account);
        link.and_then(|link| link.email).ok_or_else(spent)
    }

    /// Gives the account of a session the address that a link confirms, once.
    pub async fn take_address(&self, session: &Session, token: &str, language: Language) -> Result<()> {
        let address = self.wished_address(session, token).await?;
        let (old, key) = (self.address_of(session).await?, email::key(&address)?);
        let (link, account, now) = (hash(token), session.account, self.core.clock().now());
        // Said at the old address, so made before the new one is there.
        let letter = mail::notice(&old, Notice::EmailChanged, &self.issuer, now, language);
        let taken = self.core.db().write_global(async move |tx: &mut Tx| {
            if account_links::take(tx, &link, PURPOSE, now).await?.is_none() {
                return Err(spent());
            }
            account_links::end_all(tx, account).await?;
            // Whoever had it since the link was sent: the same answer as for a link that is spent.
            match accounts::set_email(tx, account, &address, &key, now).await? {
                true => accounts::prove(tx, account, now).await,
                false => Err(spent()),
            }
        });
        taken.await?;
        self.tell_changed(account, Notice::EmailChanged);
        if let Err(error) = self.post(letter).await {
            tracing::warn!(%error, "the old address could not be told of the new one");
        }
        Ok(())
    }
}

fn spent() -> Error {
    let detail = "The link is unknown, has expired, was used before, or is of another account. Ask for a new one.";
    Error::new(Kind::Unauthenticated, "bad_sign_in_token", detail)
}
