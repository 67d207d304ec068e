//! The one way into a session: whoever has proven a first step comes here. An account without a second factor is signed
//! in; for one that has one, the half that is done is kept under a cookie of its own until the second step is proven.

use admin_db::half_sign_in::{self, HalfRow};
use admin_db::{Tx, passkeys, recovery_codes, totp};
use admin_types::{AccountId, Error, Kind, OrgId, ResourceId, Result};
use secrecy::{ExposeSecret, SecretString};

use crate::accounts::{Browser, wrong};
use crate::grants::{hash, random_token};
use crate::mail::{Language, Notice};
use crate::{Identity, recovery, sessions};

/// How long the second step may take, in seconds.
pub const HALF_SECONDS: i64 = 600;
/// Tries of a second step.
const TRIES: i64 = 5;
/// Wrong codes in a row after which those of the app are refused (NIST SP 800-63B, section 5.2.2).
const LOCKED_AFTER: i64 = 100;

/// What came of a step.
#[derive(Debug)]
pub enum SignIn {
    /// Somebody is signed in: the cookie of the session.
    Done(SecretString),
    /// A second step is needed: the cookie of the half that is done.
    SecondStep(SecretString),
}

/// What proves a second step.
#[derive(Clone, Copy, Debug)]
pub enum Proof<'a> {
    /// The code that an app shows.
    Code(&'a str),
    /// A recovery code.
    Recovery(&'a str),
}

/// What an account may prove a second step by.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SecondFactors {
    /// Codes of an app.
    pub totp: bool,
    /// How many passkeys.
    pub passkeys: usize,
    /// How many recovery codes.
    pub recovery_codes: i64,
}

impl SecondFactors {
    /// Whether there is any. Recovery codes stand in for one, and are none by themselves.
    pub fn any(&self) -> bool {
        self.totp || self.passkeys > 0
    }
}

fn over() -> Error {
    let detail = "The sign-in took too long, was tried too often, or is finished. Sign in again.";
    Error::new(Kind::Unauthenticated, "sign_in_expired", detail)
}

fn wrong_code() -> Error {
    Error::new(Kind::Unauthenticated, "wrong_code", "The code is wrong, has expired, or was used before.")
}

/// Under what an account's wrong codes are counted: apart from its passwords, so that the right one forgives none.
pub(crate) fn counted(account: AccountId) -> String {
    format!("second step of {account}")
}

impl Identity {
    /// Goes on for an account that has proven who it is by `methods` (RFC 8176). `subject`: the user that it will act as, if
    /// it came for that one. `invitation`: the hash of the link by which it may, which is taken when every step is proven.
    pub(crate) async fn first_step(
        &self,
        account: AccountId,
        subject: Option<(OrgId, ResourceId)>,
        invitation: Option<Vec<u8>>,
        methods: &[&str],
        browser: &Browser,
    ) -> Result<SignIn> {
        let subject = self.subject(account, subject, browser).await?;
        if !self.second_factors(account).await?.any() {
            return self.all_steps_done(account, (subject, invitation), methods, browser).await;
        }
        let cookie = random_token(&self.core, "adh_");
        let (hash, (org, user)) = (hash(cookie.expose_secret()), subject);
        let expires_at = self.core.clock().now().plus_seconds(HALF_SECONDS);
        let row = HalfRow { account, org, user, methods: methods.join(" "), expires_at, invitation };
        self.core.db().write_global(async move |tx: &mut Tx| half_sign_in::insert(tx, &hash, &row).await).await?;
        Ok(SignIn::SecondStep(cookie))
    }

    /// Begins a session for whoever has proven every step, or renews the one that the browser has.
    pub(crate) async fn all_steps_done(
        &self,
        account: AccountId,
        (subject, invitation): ((OrgId, ResourceId), Option<Vec<u8>>),
        methods: &[&str],
        browser: &Browser,
    ) -> Result<SignIn> {
        if let Some(link) = invitation {
            self.join(link, account).await?;
        }
        let current = self.current(browser).await?;
        let cookie = sessions::begin(&self.core, account, subject, methods, (browser, current.as_ref())).await?;
        self.tell_signed_in(subject, methods, browser).await?;
        Ok(SignIn::Done(cookie))
    }

    /// The user that an account will act as: the one that it came for, that of the session which it renews, or its first.
    pub(crate) async fn subject(
        &self,
        account: AccountId,
        subject: Option<(OrgId, ResourceId)>,
        browser: &Browser,
    ) -> Result<(OrgId, ResourceId)> {
        if let Some(subject) = subject {
            return Ok(subject);
        }
        let current = self.current(browser).await?.filter(|session| session.account == account);
        match current {
            Some(session) => Ok((session.org, session.user)),
            None => self.first_active(account).await?.ok_or_else(wrong),
        }
    }

    async fn current(&self, browser: &Browser) -> Result<Option<sessions::Session>> {
        match &browser.cookie {
            Some(cookie) => self.session(cookie.expose_secret()).await,
            None => Ok(None),
        }
    }

    /// What an account may prove a second step by.
    pub(crate) async fn second_factors(&self, account: AccountId) -> Result<SecondFactors> {
        let mut conn = self.core.db().read().await?;
        let totp = totp::get(&mut conn, account).await?.is_some_and(|row| row.confirmed_at.is_some());
        let passkeys = passkeys::of_account(&mut conn, account).await?.len();
        Ok(SecondFactors { totp, passkeys, recovery_codes: recovery_codes::count(&mut conn, account).await? })
    }

    /// The half that is done under a cookie, while it is good.
    pub(crate) async fn half(&self, cookie: &str) -> Result<HalfRow> {
        let mut conn = self.core.db().read().await?;
        half_sign_in::get(&mut conn, &hash(cookie), self.core.clock().now()).await?.ok_or_else(over)
    }

    /// By what the account of a half sign-in may prove its second step.
    pub async fn second_step_by(&self, cookie: &str) -> Result<SecondFactors> {
        self.second_factors(self.half(cookie).await?.account).await
    }

    /// Proves the second step of the sign-in whose half is done under `cookie`.
    pub async fn second_step(
        &self,
        cookie: &str,
        proof: Proof<'_>,
        browser: &Browser,
        language: Language,
    ) -> Result<SignIn> {
        let (hash, now) = (hash(cookie), self.core.clock().now());
        let key = counted(self.half(cookie).await?.account);
        let under_way = self.attempts.begin(&key, browser.address)?;
        let tried = hash.clone();
        let attempt = async move |tx: &mut Tx| half_sign_in::attempt(tx, &tried, now, TRIES).await;
        let half = self.core.db().write_global(attempt).await?.ok_or_else(over)?;
        let proven = match proof {
            Proof::Code(code) => self.prove_code(half.account, code).await,
            Proof::Recovery(code) => self.take_recovery_code(half.account, code).await,
        };
        if !proven? {
            under_way.failed();
            self.tell_failed(half.account, "second step", browser);
            return Err(wrong_code());
        }
        under_way.succeeded();
        self.end_half(hash).await?;
        if matches!(proof, Proof::Recovery(_)) {
            self.notify(half.account, Notice::RecoveryCodeUsed, language).await;
        }
        let first = half.methods.split(' ').filter(|method| !method.is_empty());
        let methods: Vec<&str> = first.chain(["otp", "mfa"]).collect();
        self.all_steps_done(half.account, ((half.org, half.user), half.invitation), &methods, browser).await
    }

    /// Ends a half sign-in: for whoever comes first.
    pub(crate) async fn end_half(&self, hash: Vec<u8>) -> Result<()> {
        let ended = self.core.db().write_global(async move |tx: &mut Tx| half_sign_in::remove(tx, &hash).await).await?;
        ended.then_some(()).ok_or_else(over)
    }

    /// Whether a code is the one that the account's app shows now, and was not taken before.
    async fn prove_code(&self, account: AccountId, code: &str) -> Result<bool> {
        let row = totp::get(&mut *self.core.db().read().await?, account).await?;
        let Some(row) = row.filter(|row| row.confirmed_at.is_some()) else { return Ok(false) };
        // Counted before the comparison, and forgotten with the code that is right, so that codes at once are bounded too.
        let count = async move |tx: &mut Tx| totp::attempt(tx, account, LOCKED_AFTER).await;
        if !self.core.db().write_global(count).await? {
            let detail =
                "After 100 wrong codes in a row those of the app are refused. Use a passkey or a recovery code.";
            return Err(Error::new(Kind::TooManyRequests, "totp_locked", detail));
        }
        self.take_code(account, &row, code).await
    }

    async fn take_recovery_code(&self, account: AccountId, code: &str) -> Result<bool> {
        let hash = recovery::hash_of(code);
        self.core
            .db()
            .write_global(async move |tx: &mut Tx| {
                let taken = recovery_codes::take(tx, account, &hash).await?;
                if taken {
                    totp::forgive(tx, account).await?;
                }
                Ok(taken)
            })
            .await
    }
}
