//! Accounts: a login, one for each person, that acts as a user in each org that let it in.

use std::net::IpAddr;

use admin_core::{Core, still_lets_act};
use admin_db::accounts::{self, AccountRow};
use admin_db::sessions::Device;
use admin_db::sign_in::SignInRow;
use admin_db::{Conn, Tx, resources, sign_in};
use admin_types::{AccountId, Error, FieldError, Kind, OrgId, RequestId, Resource, ResourceId, Result, Timestamp};
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
    /// Whether the link went to that address and nowhere else.
    mailed: bool,
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
    /// The request.
    pub request_id: Option<RequestId>,
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
        self.invitation_under(&hash(token)).await
    }

    /// The same, by the hash of the link.
    async fn invitation_under(&self, link: &[u8]) -> Result<Invitation> {
        let mut conn = self.core.db().read().await?;
        let found = sign_in::find(&mut conn, link, self.core.clock().now()).await?;
        let SignInRow { org, user, invited_by, mailed } = found.ok_or_else(spent)?;
        // What the operator hands over is as good as what is mailed.
        let mailed = mailed || invited_by.is_none();
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
        if resource.status != "active" {
            return Err(spent());
        }
        Ok(Invitation { org, user, name: resource.name, email, org_name, invited_by, mailed })
    }

    /// Takes a one-time link: makes an account with this address and password, or lets the one that is there in if the
    /// password is its own, and its second step too.
    pub async fn accept_invitation(
        &self,
        token: &str,
        address: &str,
        password: &SecretString,
        browser: &Browser,
    ) -> Result<SignIn> {
        let (invitation, link) = (self.invitation(token).await?, hash(token));
        let key = email::key(address)?;
        if let Some(wanted) = &invitation.email
            && email::key(wanted)? != key
        {
            let detail = "is not the address that the invitation is for";
            return Err(Error::validation(vec![FieldError::new("/email", detail)]));
        }
        // Before anything tells whether there is such an account.
        passwords::check_new(password.expose_secret(), address)?;
        let attempt = self.attempts.begin(&key, browser.address)?;
        let subject = (invitation.org, invitation.user);
        let known = accounts::by_email(&mut *self.core.db().read().await?, &key).await?;
        let Some(account) = known else {
            let account = self.create_account((address.trim(), &key), password, (link, invitation)).await?;
            return self.first_step(account, Some(subject), None, &["pwd"], browser).await;
        };
        if !self.passwords.verify(password.expose_secret(), account.password.as_deref()).await? {
            attempt.failed();
            self.tell_failed(account.id, "password", browser);
            return Err(wrong());
        }
        self.first_step(account.id, Some(subject), Some(link), &["pwd"], browser).await
    }

    /// Lets an account, which has proven who it is by every step, act as the user that a link is for.
    pub(crate) async fn join(&self, link: Vec<u8>, account: AccountId) -> Result<()> {
        let (invitation, now) = (self.invitation_under(&link).await?, self.core.clock().now());
        let subject = (invitation.org, invitation.user);
        self.core.db().write_global(async move |tx: &mut Tx| join(tx, &link, account, subject, now).await).await
    }

    /// Makes an account and lets it act as the user that the link is for: both, or neither.
    async fn create_account(
        &self,
        (email, key): (&str, &str),
        password: &SecretString,
        (link, invitation): (Vec<u8>, Invitation),
    ) -> Result<AccountId> {
        let (core, now): (&Core, _) = (&self.core, self.core.clock().now());
        let id = AccountId::new(now, core.random());
        let password = self.passwords.hash(password.expose_secret(), core.random()).await?;
        let row = AccountRow { id, email: email.to_owned(), password: Some(password) };
        let (key, subject) = (key.to_owned(), (invitation.org, invitation.user));
        let proven = invitation.mailed && invitation.email.is_some();
        let made = core.db().write_global(async move |tx: &mut Tx| {
            if !accounts::insert(tx, &row, &key, (now, proven)).await? {
                // Somebody made it in between: whoever knows its password signs in.
                return Err(wrong());
            }
            join(tx, &link, id, subject, now).await
        });
        made.await.map(|()| id)
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
        let attempt = self.attempts.begin(&key, browser.address)?;
        let account = accounts::by_email(&mut *self.core.db().read().await?, &key).await?;
        if self.attempts.is_crowded() && !self.is_known_there(account.as_ref(), browser).await? {
            return Err(too_many());
        }
        let hash = account.as_ref().and_then(|account| account.password.as_deref());
        let right = self.passwords.verify(password.expose_secret(), hash).await?;
        let account = match account {
            Some(account) if right => account,
            known => {
                attempt.failed();
                if let Some(known) = known {
                    self.tell_failed(known.id, "password", browser);
                }
                return Err(wrong());
            }
        };
        attempt.succeeded();
        self.first_step(account.id, None, None, &["pwd"], browser).await
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

/// Takes the link out and lets the account act as the user. Other invitations of the user end with it.
async fn join(
    tx: &mut Tx,
    link: &[u8],
    account: AccountId,
    (org, user): (OrgId, ResourceId),
    now: Timestamp,
) -> Result<()> {
    if sign_in::take(tx, link, now).await? != Some((org, user)) {
        return Err(spent());
    }
    if !accounts::join(tx, org, user, account, now).await?
        && accounts::account_of(tx, org, user).await? != Some(account)
    {
        return Err(Error::conflict("user_has_account", "Another account acts as this user."));
    }
    sign_in::end_invitations(tx, org, user).await
}
