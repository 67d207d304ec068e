//! Accounts: a login, one for each person, that acts as a user in each org that let it in.

use std::net::IpAddr;

use admin_core::{Core, still_lets_act};
use admin_db::accounts::{self, AccountRow};
use admin_db::sessions::Device;
use admin_db::sign_in::SignInRow;
use admin_db::{Conn, Tx, resources, sign_in};
use admin_types::{AccountId, Error, FieldError, Kind, OrgId, Resource, ResourceId, Result};
use secrecy::{ExposeSecret, SecretString};

use crate::attempts::too_many;
use crate::grants::hash;
use crate::second_step::SignIn;
use crate::{Identity, email, passwords};

/// The longest name of a browser that is kept, in characters.
const MAX_AGENT: usize = 200;

/// What a one-time link lets somebody do: act as this user.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// The org.
    pub org: OrgId,
    /// The user.
    pub user: ResourceId,
    /// The user's name.
    pub name: String,
    /// The address that the account must have, if the user has one.
    pub email: Option<String>,
    /// The org's name.
    pub org_name: String,
    /// The name of whoever invites, if it is an invitation and they are there still.
    pub invited_by: Option<String>,
}

/// Where somebody signs in from.
#[derive(Clone, Default, Debug)]
pub struct Browser {
    /// The client's address.
    pub address: Option<IpAddr>,
    /// What the browser calls itself.
    pub agent: Option<String>,
    /// The cookie of the session that it has, if any.
    pub cookie: Option<SecretString>,
}

impl Browser {
    pub(crate) fn device(&self) -> Device {
        let agent =
            self.agent.as_ref().map(|agent| agent.chars().filter(|c| !c.is_control()).take(MAX_AGENT).collect());
        Device { address: self.address.map(|address| address.to_string()), agent }
    }
}

fn spent() -> Error {
    let detail =
        "The link is unknown, has expired, or was used before. Ask for a new one; the owner runs `admin sign-in`.";
    Error::new(Kind::Unauthenticated, "bad_sign_in_token", detail)
}

pub(crate) fn wrong() -> Error {
    Error::new(Kind::Unauthenticated, "wrong_credentials", "The address or the password is wrong.")
}

/// A resource that is not in the trash.
pub(crate) async fn live(conn: &mut Conn, org: OrgId, id: ResourceId) -> Result<Option<Resource>> {
    let row = resources::get(conn, org, id).await?.filter(|row| !row.deleted);
    row.map(|row| serde_json::from_str(&row.document)).transpose().map_err(Error::internal)
}

impl Identity {
    /// What a one-time link is good for. The link stays good.
    pub async fn invitation(&self, token: &str) -> Result<Invitation> {
        let mut conn = self.core.db().read().await?;
        let found = sign_in::find(&mut conn, &hash(token), self.core.clock().now()).await?;
        let SignInRow { org, user, invited_by } = found.ok_or_else(spent)?;
        if let Some(by) = invited_by
            && !still_lets_act(&self.core, org, (by, user)).await?
        {
            return Err(spent());
        }
        let resource = live(&mut conn, org, user).await?.ok_or_else(spent)?;
        let org_name = admin_db::orgs::name(&mut conn, org).await?.ok_or_else(spent)?;
        let invited_by = match invited_by {
            Some(id) => live(&mut conn, org, id).await?.map(|by| by.name),
            None => None,
        };
        let email = resource.attributes.get("email").and_then(|email| email.as_str()).map(str::to_owned);
        Ok(Invitation { org, user, name: resource.name, email, org_name, invited_by })
    }

    /// Takes a one-time link: makes an account with this address and password, or lets the one that is there in if the
    /// password is its own.
    pub async fn accept_invitation(
        &self,
        token: &str,
        address: &str,
        password: &SecretString,
        browser: &Browser,
    ) -> Result<SignIn> {
        let invitation = self.invitation(token).await?;
        let key = email::key(address)?;
        if let Some(wanted) = &invitation.email
            && email::key(wanted)? != key
        {
            let detail = "is not the address that the invitation is for";
            return Err(Error::validation(vec![FieldError::new("/email", detail)]));
        }
        self.attempts.check(&key, browser.address)?;
        let known = accounts::by_email(&mut *self.core.db().read().await?, &key).await?;
        let account = match known {
            Some(account) => {
                let right = self.passwords.verify(password.expose_secret(), account.password.as_deref()).await?;
                if !right {
                    self.attempts.failed(&key, browser.address);
                    return Err(wrong());
                }
                account.id
            }
            None => self.create_account(address.trim(), &key, password).await?,
        };
        let (token, now, subject) = (hash(token), self.core.clock().now(), (invitation.org, invitation.user));
        let joined = self.core.db().write_global(async move |tx: &mut Tx| {
            if sign_in::take(tx, &token, now).await? != Some(subject) {
                return Err(spent());
            }
            let (org, user) = subject;
            if accounts::join(tx, org, user, account, now).await? {
                return Ok(());
            }
            match accounts::account_of(tx, org, user).await? == Some(account) {
                true => Ok(()),
                false => Err(Error::conflict("user_has_account", "Another account acts as this user.")),
            }
        });
        joined.await?;
        self.first_step(account, Some(subject), &["pwd"], browser).await
    }

    async fn create_account(&self, email: &str, key: &str, password: &SecretString) -> Result<AccountId> {
        passwords::check_new(password.expose_secret(), email)?;
        let (core, now): (&Core, _) = (&self.core, self.core.clock().now());
        let id = AccountId::new(now, core.random());
        let password = self.passwords.hash(password.expose_secret(), core.random()).await?;
        let row = AccountRow { id, email: email.to_owned(), password: Some(password) };
        let key = key.to_owned();
        match core.db().write_global(async move |tx: &mut Tx| accounts::insert(tx, &row, &key, now).await).await? {
            true => Ok(id),
            // Somebody made it in between: whoever knows its password signs in.
            false => Err(wrong()),
        }
    }

    /// Signs in by address and password. An unknown address, one without a password
    /// and a wrong password are told alike, and take alike.
    pub async fn sign_in_by_password(
        &self,
        address: &str,
        password: &SecretString,
        browser: &Browser,
    ) -> Result<SignIn> {
        let key = email::key(address).map_err(|_| wrong())?;
        self.attempts.check(&key, browser.address)?;
        let account = accounts::by_email(&mut *self.core.db().read().await?, &key).await?;
        if self.attempts.is_crowded() && !self.is_known_there(account.as_ref(), browser).await? {
            return Err(too_many());
        }
        let hash = account.as_ref().and_then(|account| account.password.as_deref());
        let right = self.passwords.verify(password.expose_secret(), hash).await?;
        let Some(account) = account.filter(|_| right) else {
            self.attempts.failed(&key, browser.address);
            return Err(wrong());
        };
        self.attempts.succeeded(&key);
        self.first_step(account.id, None, &["pwd"], browser).await
    }

    /// Whether an account has a session that was begun where somebody is now.
    async fn is_known_there(&self, account: Option<&AccountRow>, browser: &Browser) -> Result<bool> {
        let (Some(account), Some(address)) = (account, browser.address) else { return Ok(false) };
        let (mut conn, now) = (self.core.db().read_once().await?, self.core.clock().now());
        admin_db::sessions::comes_from(&mut conn, account.id, &address.to_string(), now).await
    }

    /// The first user of an account that is there and active.
    pub(crate) async fn first_active(&self, account: AccountId) -> Result<Option<(OrgId, ResourceId)>> {
        let mut conn = self.core.db().read().await?;
        for (org, user) in accounts::memberships(&mut conn, account).await? {
            let row = resources::get(&mut conn, org, user).await?.filter(|row| !row.deleted);
            let resource = row.map(|row| serde_json::from_str::<Resource>(&row.document)).transpose();
            if resource.map_err(Error::internal)?.is_some_and(|user| user.status == "active") {
                return Ok(Some((org, user)));
            }
        }
        Ok(None)
    }
}
