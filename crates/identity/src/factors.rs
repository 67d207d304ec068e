//! The second factors of an account, as its owner sees and changes them. Each change needs a sign-in a short while ago,
//! with a second factor if there is one: who finds an open browser changes nothing.

use admin_db::totp::{self as stored, TotpRow};
use admin_db::{Tx, accounts, passkeys, recovery_codes, sessions};
use admin_types::{AccountId, Error, Kind, Result};

use crate::mail::{Language, Notice};
use crate::passkeys::Passkey;
use crate::second_step::SecondFactors;
use crate::sessions::Session;
use crate::{Identity, recovery, totp};

/// How long ago a sign-in may be to change factors by it, in seconds.
pub const FRESH_SECONDS: i64 = 600;

/// What an account signs in by, besides its password.
#[derive(Clone, Debug)]
pub struct Factors {
    /// What counts.
    pub second: SecondFactors,
    /// The passkeys, oldest first.
    pub passkeys: Vec<Passkey>,
    /// Whether the session may change any of it now.
    pub fresh: bool,
}

/// A secret for an app, shown until a code of it was confirmed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Enrolment {
    /// For people.
    pub secret: String,
    /// For the picture.
    pub uri: String,
}

fn context(account: AccountId) -> String {
    format!("totp secret of {account}")
}

/// Removes every second factor of an account.
pub(crate) async fn clear(tx: &mut Tx, account: AccountId) -> Result<()> {
    stored::remove(tx, account).await?;
    passkeys::clear(tx, account).await?;
    recovery_codes::clear(tx, account).await
}

fn none_yet() -> Error {
    Error::conflict("no_enrolment", "There is no app to confirm. Begin again.")
}

impl Identity {
    /// Removes every second factor of an account, for the operator.
    pub async fn reset_factors(&self, account: AccountId) -> Result<()> {
        self.core.db().write_global(async move |tx: &mut Tx| clear(tx, account).await).await?;
        tracing::info!(%account, "all second factors were removed by the operator");
        Ok(())
    }

    /// The factors of whoever is signed in.
    pub async fn factors(&self, session: &Session) -> Result<Factors> {
        let second = self.second_factors(session.account).await?;
        let passkeys = passkeys::of_account(&mut *self.core.db().read().await?, session.account).await?;
        let passkeys = passkeys.into_iter().map(Passkey::of).collect();
        Ok(Factors { second, passkeys, fresh: self.is_fresh(session, &second) })
    }

    fn is_fresh(&self, session: &Session, second: &SecondFactors) -> bool {
        let age = self.core.clock().now().seconds() - session.authenticated_at.seconds();
        age <= FRESH_SECONDS && (!second.any() || session.methods.iter().any(|method| method == "mfa"))
    }

    /// Refuses a session in which nobody signed in a short while ago.
    pub(crate) async fn need_fresh(&self, session: &Session) -> Result<SecondFactors> {
        let second = self.second_factors(session.account).await?;
        if self.is_fresh(session, &second) {
            return Ok(second);
        }
        let detail = "This needs a sign-in within the last ten minutes, with a second factor if the account has one.";
        Err(Error::new(Kind::Forbidden, "sign_in_again", detail))
    }

    /// Makes the secret for an app; it counts once a code was confirmed.
    pub async fn begin_totp(&self, session: &Session) -> Result<()> {
        self.need_fresh(session).await?;
        let mut secret = [0; totp::SECRET_BYTES];
        self.core.random().fill(&mut secret);
        let account = session.account;
        let (sealed, now) = (self.core.cipher().seal(&context(account), &secret)?, self.core.clock().now());
        let job = async move |tx: &mut Tx| stored::put(tx, account, &sealed, now).await;
        let there = || Error::conflict("totp_exists", "There is an app already. Remove it first.");
        self.core.db().write_global(job).await?.then_some(()).ok_or_else(there)
    }

    /// The secret that waits to be confirmed.
    pub async fn enrolment(&self, session: &Session) -> Result<Enrolment> {
        self.need_fresh(session).await?;
        let row = self.totp_row(session.account).await?.filter(|row| row.confirmed_at.is_none());
        let secret = self.core.cipher().open(&context(session.account), &row.ok_or_else(none_yet)?.sealed_secret)?;
        let account = accounts::get(&mut *self.core.db().read().await?, session.account).await?;
        let email = account.map(|account| account.email).unwrap_or_default();
        let host = self.issuer.split_once("://").map_or(self.issuer.as_str(), |(_, host)| host);
        Ok(Enrolment { secret: totp::base32(&secret), uri: totp::uri(&format!("Admin {host}"), &email, &secret) })
    }

    /// Confirms the app by a code that it shows; answers recovery codes, if there are none yet.
    pub async fn confirm_totp(&self, session: &Session, code: &str, language: Language) -> Result<Vec<String>> {
        let second = self.need_fresh(session).await?;
        let row =
            self.totp_row(session.account).await?.filter(|row| row.confirmed_at.is_none()).ok_or_else(none_yet)?;
        if !self.take_code(session.account, &row, code).await? {
            let detail = "The code is wrong, or has expired. Type the one that the app shows now.";
            return Err(Error::new(Kind::Unauthenticated, "wrong_code", detail));
        }
        self.strengthen(session, "otp").await?;
        self.notify(session.account, Notice::FactorAdded, language).await;
        tracing::info!(account = %session.account, "an authenticator app was added");
        match second.recovery_codes {
            0 => self.write_recovery_codes(session.account).await,
            _ => Ok(vec![]),
        }
    }

    /// Removes the app.
    pub async fn remove_totp(&self, session: &Session, language: Language) -> Result<()> {
        self.need_fresh(session).await?;
        let account = session.account;
        self.core.db().write_global(async move |tx: &mut Tx| stored::remove(tx, account).await).await?;
        self.notify(account, Notice::FactorRemoved, language).await;
        tracing::info!(%account, "the authenticator app was removed");
        self.without_factors(account).await
    }

    /// New recovery codes, in the place of those that there were.
    pub async fn new_recovery_codes(&self, session: &Session) -> Result<Vec<String>> {
        if !self.need_fresh(session).await?.any() {
            let detail = "Recovery codes stand in for a second factor: add a passkey or an app first.";
            return Err(Error::conflict("no_second_factor", detail));
        }
        self.write_recovery_codes(session.account).await
    }

    pub(crate) async fn write_recovery_codes(&self, account: AccountId) -> Result<Vec<String>> {
        let codes = recovery::codes(self.core.random());
        let hashes: Vec<Vec<u8>> = codes.iter().map(|code| recovery::hash_of(code)).collect();
        let job = async move |tx: &mut Tx| recovery_codes::replace(tx, account, &hashes).await;
        self.core.db().write_global(job).await?;
        tracing::info!(%account, "recovery codes were made");
        Ok(codes)
    }

    /// Recovery codes end with the last factor that they stand in for.
    pub(crate) async fn without_factors(&self, account: AccountId) -> Result<()> {
        if self.second_factors(account).await?.any() {
            return Ok(());
        }
        self.core.db().write_global(async move |tx: &mut Tx| recovery_codes::clear(tx, account).await).await
    }

    /// A factor that was added in a session was proven in it, as its first step was a short while before.
    pub(crate) async fn strengthen(&self, session: &Session, method: &'static str) -> Result<()> {
        let mut methods = session.methods.clone();
        methods.extend([method.to_owned(), "mfa".to_owned()].into_iter().filter(|new| !session.methods.contains(new)));
        let (account, id, methods) = (session.account, session.id, methods.join(" "));
        let job = async move |tx: &mut Tx| sessions::set_methods(tx, account, id, &methods).await;
        self.core.db().write_global(job).await
    }

    async fn totp_row(&self, account: AccountId) -> Result<Option<TotpRow>> {
        stored::get(&mut *self.core.db().read().await?, account).await
    }

    /// Takes the code of a time step that was not taken before.
    pub(crate) async fn take_code(&self, account: AccountId, row: &TotpRow, code: &str) -> Result<bool> {
        let (secret, now) = (self.core.cipher().open(&context(account), &row.sealed_secret)?, self.core.clock().now());
        let Some(step) = totp::step_of(&secret, code, now.seconds()) else { return Ok(false) };
        self.core.db().write_global(async move |tx: &mut Tx| stored::take_step(tx, account, step, now).await).await
    }
}
