//! A new password: by whoever knows the old one, or by a link that was sent to the account's address. The link signs nobody
//! in, so a second factor is asked for as ever.

use admin_db::account_links::{self, LinkRow};
use admin_db::{Tx, accounts, attempts};
use admin_types::{AccountId, Error, Kind, ResourceId, Result};
use secrecy::{ExposeSecret, SecretString};

use crate::accounts::wrong;
use crate::attempts::{RESET_WINDOW, RESETS_OF_ACCOUNT, RESETS_OF_ADDRESS, network, points_of};
use crate::grants::{hash, random_token};
use crate::mail::{Language, Notice, Wish};
use crate::{Browser, Identity, Session, email, factors, passwords, signed_in};

/// How long a link for a new password, or for a new address, may be used, in seconds.
pub const RESET_SECONDS: i64 = 1800;
/// What such a link is for.
const PURPOSE: &str = "password";

fn spent() -> Error {
    let detail = "The link is unknown, has expired, or was used before. Ask for a new one.";
    Error::new(Kind::Unauthenticated, "bad_sign_in_token", detail)
}

impl Identity {
    /// Somebody says that they have an account with this address and have forgotten its password. There is nothing to answer:
    /// whether it is so is looked up afterwards, and a letter sent if it is.
    pub fn forgot_password(&self, address: &str, browser: &Browser, language: Language) {
        let address = address.chars().take(320).collect();
        self.outbox.wish(Wish { address, from: browser.address, language });
    }

    /// Sends the link, if there is such an account and not too many were sent.
    pub(crate) async fn grant_wish(&self, wish: &Wish) -> Result<()> {
        let Ok(key) = email::key(&wish.address) else { return Ok(()) };
        let account = accounts::by_email(&mut *self.core.db().read().await?, &key).await?;
        let now = self.core.clock().now();
        let (by_account, by_address) =
            (points_of("reset of", &key), wish.from.map(|from| points_of("reset from", &network(from).to_string())));
        let until = now.plus_seconds(RESET_WINDOW);
        let counted = self.core.db().write_global(async move |tx: &mut Tx| {
            // Somebody who asks for many must not keep those of an address from its owner.
            if let Some(by_address) = &by_address
                && attempts::add(tx, by_address, 1, now, until).await? > RESETS_OF_ADDRESS
            {
                return Ok(false);
            }
            Ok(attempts::add(tx, &by_account, 1, now, until).await? <= RESETS_OF_ACCOUNT)
        });
        let (true, Some(account)) = (counted.await?, account) else { return Ok(()) };
        let (token, link) = self.new_link();
        // To the address of the account, not to the one that was typed, which may look like it.
        let letter = crate::mail::reset(&account.email, &self.reset_url(&token), wish.language);
        let envelope = self.envelope(&letter, RESET_SECONDS)?;
        let row = LinkRow { account: account.id, email: None };
        let until = now.plus_seconds(RESET_SECONDS);
        let job = async move |tx: &mut Tx| {
            account_links::insert(tx, &link, PURPOSE, &row, until).await?;
            envelope.keep(tx).await
        };
        self.core.db().write_global(job).await?;
        self.outbox.nudge();
        Ok(())
    }

    fn new_link(&self) -> (SecretString, Vec<u8>) {
        let token = random_token(&self.core, "rst_");
        let hash = hash(token.expose_secret());
        (token, hash)
    }

    fn reset_url(&self, token: &SecretString) -> String {
        format!("{}/reset-password?token={}", self.issuer, token.expose_secret())
    }

    /// A link for a new password, for the operator to hand over.
    pub async fn reset_link(&self, account: AccountId) -> Result<SecretString> {
        let ((token, link), row) = (self.new_link(), LinkRow { account, email: None });
        let until = self.core.clock().now().plus_seconds(RESET_SECONDS);
        let job = async move |tx: &mut Tx| account_links::insert(tx, &link, PURPOSE, &row, until).await;
        self.core.db().write_global(job).await?;
        Ok(token)
    }

    /// The account with an address.
    pub async fn account_at(&self, address: &str) -> Result<Option<AccountId>> {
        let key = email::key(address)?;
        Ok(accounts::by_email(&mut *self.core.db().read().await?, &key).await?.map(|account| account.id))
    }

    /// The account that acts as a user of any org, for the operator.
    pub async fn account_of_user(&self, user: ResourceId) -> Result<Option<AccountId>> {
        accounts::account_of_user(&mut *self.core.db().read().await?, user).await
    }

    /// The address of the account that a link gives a new password. The link stays good.
    pub async fn address_of_reset(&self, token: &str) -> Result<String> {
        let (mut conn, now) = (self.core.db().read().await?, self.core.clock().now());
        let link = account_links::find(&mut conn, &hash(token), PURPOSE, now).await?.ok_or_else(spent)?;
        Ok(accounts::get(&mut conn, link.account).await?.ok_or_else(spent)?.email)
    }

    /// Sets a new password by a link, once. All sessions of the account end, and all that was granted for it.
    pub async fn reset_password(&self, token: &str, new: &SecretString, language: Language) -> Result<()> {
        let (link, now) = (hash(token), self.core.clock().now());
        let found = account_links::find(&mut *self.core.db().read().await?, &link, PURPOSE, now).await?;
        let account = found.ok_or_else(spent)?.account;
        let row = accounts::get(&mut *self.core.db().read().await?, account).await?.ok_or_else(spent)?;
        passwords::check_new(new.expose_secret(), &row.email)?;
        let password = self.passwords.hash(new.expose_secret(), self.core.random()).await?;
        let ended = self.core.db().write_global(async move |tx: &mut Tx| {
            if account_links::take(tx, &link, PURPOSE, now).await?.is_none() {
                return Err(spent());
            }
            account_links::end_all(tx, account).await?;
            accounts::set_password(tx, account, &password, now).await?;
            // Until now anybody may have made it: what they left behind must let them in no more.
            if !accounts::is_proven(tx, account).await? {
                factors::clear(tx, account).await?;
                accounts::prove(tx, account, now).await?;
            }
            signed_in::end_all(tx, account, None, now).await
        });
        self.note_ended(&ended.await?);
        self.attempts.succeeded(&email::key(&row.email)?);
        self.notify(account, Notice::PasswordChanged, language).await;
        Ok(())
    }

    /// Replaces the password of whoever is signed in and knows it. All other sessions end, and what was granted in them.
    pub async fn change_password(
        &self,
        session: &Session,
        (old, new): (&SecretString, &SecretString),
        browser: &Browser,
        language: Language,
    ) -> Result<()> {
        let row = self.check_password(session, old, browser).await?;
        passwords::check_new(new.expose_secret(), &row.email)?;
        let password = self.passwords.hash(new.expose_secret(), self.core.random()).await?;
        let (account, id, now) = (session.account, session.id, self.core.clock().now());
        let ended = self.core.db().write_global(async move |tx: &mut Tx| {
            // Links that were sent before are of whoever had the account then.
            account_links::end_all(tx, account).await?;
            accounts::set_password(tx, account, &password, now).await?;
            signed_in::end_all(tx, account, Some(id), now).await
        });
        self.note_ended(&ended.await?);
        self.notify(account, Notice::PasswordChanged, language).await;
        Ok(())
    }

    /// The account of a session, if its password is known to whoever asks.
    pub(crate) async fn check_password(
        &self,
        session: &Session,
        password: &SecretString,
        browser: &Browser,
    ) -> Result<accounts::AccountRow> {
        let row = accounts::get(&mut *self.core.db().read().await?, session.account).await?;
        let row = row.ok_or_else(|| Error::internal("a session without an account"))?;
        let key = email::key(&row.email)?;
        let attempt = self.attempts.begin(&key, browser.address)?;
        if !self.passwords.verify(password.expose_secret(), row.password.as_deref()).await? {
            attempt.failed();
            return Err(wrong());
        }
        Ok(row)
    }
}
