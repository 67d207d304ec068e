//! The orgs of an account: in each it acts as a user, under that org's policies. A session acts in one at a time.

use std::str::FromStr;

use admin_core::{Founder, create_org, find_org, has_role};
use admin_db::accounts::{self, MemberRow};
use admin_db::{Tx, sessions};
use admin_types::{AccountId, Error, Kind, OrgId, Origin, Principal, RequestId, Resource, ResourceId, Result};
use serde::Serialize;
use serde_json::Value;

use crate::{ClientId, Identity, Session, find_client};

/// The most orgs that an account may be in and still make another.
const MAX_ORGS: usize = 100;

/// Who may make orgs.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum OrgCreation {
    /// Owners of the first org.
    #[default]
    Owners,
    /// Everybody with an account.
    Anyone,
    /// Nobody but the operator.
    Nobody,
}

impl FromStr for OrgCreation {
    type Err = String;

    fn from_str(text: &str) -> Result<OrgCreation, String> {
        match text {
            "owners" => Ok(OrgCreation::Owners),
            "anyone" => Ok(OrgCreation::Anyone),
            "nobody" => Ok(OrgCreation::Nobody),
            _ => Err("must be owners, anyone or nobody".into()),
        }
    }
}

/// Who asks about orgs.
#[derive(Clone, Debug)]
pub struct Asker {
    /// Whom the token speaks for.
    pub principal: Principal,
    /// The client that it was issued to.
    pub client: Option<ClientId>,
    /// Whether it is an API key, which is for one org.
    pub by_key: bool,
}

/// An org of an account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct OrgOfAccount {
    /// Its id.
    pub id: OrgId,
    /// Its name.
    pub name: String,
    /// The user that the account acts as there.
    pub user: ResourceId,
    /// The user's name.
    pub user_name: String,
    /// The roles that the user itself has; groups and role bindings may give it more.
    pub roles: Vec<String>,
    /// Whether the user may act.
    pub active: bool,
    /// Whether it is the user of the org as which whoever asks acts.
    pub current: bool,
}

impl Identity {
    /// The active user that an account acts as in an org.
    pub async fn user_in(&self, account: AccountId, org: OrgId) -> Result<Option<ResourceId>> {
        Ok(self.active_users_in(account, org).await?.first().copied())
    }

    /// All of them, in the order in which they came to the account.
    async fn active_users_in(&self, account: AccountId, org: OrgId) -> Result<Vec<ResourceId>> {
        let mut active = vec![];
        for (user, document) in accounts::users_in(&mut *self.core.db().read().await?, account, org).await? {
            if read(&document)?.status == "active" {
                active.push(user);
            }
        }
        Ok(active)
    }

    /// The orgs of an account, in the order in which it came to them, one as often as it has users there; `current`: as whom whoever
    /// asks acts.
    pub async fn orgs_of(&self, account: AccountId, current: (OrgId, ResourceId)) -> Result<Vec<OrgOfAccount>> {
        let rows = accounts::orgs(&mut *self.core.db().read().await?, account).await?;
        rows.into_iter().map(|row| of_row(row, current)).collect()
    }

    /// The orgs that whoever asks may know of: all of their account, if they ask themselves. A program that a person let act
    /// for them in one org learns of no other, unless it is the installation's own.
    pub async fn orgs_for(&self, asker: &Asker) -> Result<Vec<OrgOfAccount>> {
        let Principal { org, id, .. } = asker.principal;
        if id.prefix.type_name() != Some("user") {
            return Err(Error::forbidden("Only a person is in orgs; this is the token of a client."));
        }
        admin_core::check_caller(&self.core, &asker.principal).await?;
        let account = accounts::account_of(&mut *self.core.db().read().await?, org, id).await?;
        if let Some(account) = account.filter(|_| !asker.principal.is_limited())
            && self.acts_for_person(asker).await?
        {
            return self.orgs_of(account, (org, id)).await;
        }
        let mut conn = self.core.db().read().await?;
        let name = admin_db::orgs::name(&mut conn, org).await?.ok_or_else(|| Error::not_found("org"))?;
        let row = admin_db::resources::get(&mut conn, org, id).await?.ok_or_else(|| Error::not_found("user"))?;
        Ok(vec![of_row(MemberRow { org, user: id, org_name: name, document: row.document }, (org, id))?])
    }

    /// Whether a token is a person's own: that of a page, of the command line, or of a program of the first org that needs no
    /// consent.
    async fn acts_for_person(&self, asker: &Asker) -> Result<bool> {
        // Who acts for somebody by an exchanged token has what the first client was given, and no more.
        if asker.principal.via.is_some() {
            return Ok(false);
        }
        let Some(client) = asker.client.filter(|client| !client.is_admin_cli()) else {
            return Ok(!asker.by_key);
        };
        let (client, first) = (find_client(&self.core, &client.to_string()).await?, find_org(&self.core).await?);
        let own = client.filter(|client| client.settings.first_party).and_then(|client| client.org);
        Ok(own.is_some() && own == first.map(|first| first.org))
    }

    /// Whether a token may make credentials: it is its principal's own, or an API key. What a program was lent for a while
    /// must not outlive that.
    pub async fn may_make_credentials(&self, asker: &Asker, bound: bool) -> Result<bool> {
        let own = asker.client.is_some_and(|client| client.to_string() == asker.principal.id.to_string());
        if bound || asker.principal.via.is_some() {
            return Ok(false);
        }
        Ok(own || asker.by_key || self.acts_for_person(asker).await?)
    }

    /// Makes an org whose first owner is the caller's account. With `dry_run` it only says whether it would.
    pub async fn create_org(
        &self,
        asker: &Asker,
        name: &str,
        (origin, request_id): (Origin, RequestId),
        dry_run: bool,
    ) -> Result<Option<OrgOfAccount>> {
        let account = self.may_create_org(asker).await?;
        admin_core::check_org_name(name)?;
        let mut conn = self.core.db().read().await?;
        if accounts::memberships(&mut conn, account).await?.len() >= MAX_ORGS {
            let detail = format!("An account in {MAX_ORGS} orgs or more makes no further one.");
            return Err(Error::conflict("too_many_orgs", detail));
        }
        let (org, id) = (asker.principal.org, asker.principal.id);
        let row = accounts::get(&mut conn, account).await?.ok_or_else(|| Error::internal("no account"))?;
        let user = admin_db::resources::get(&mut conn, org, id).await?.ok_or_else(|| Error::not_found("user"))?;
        drop(conn);
        if dry_run {
            return Ok(None);
        }
        let name_of_user = read(&user.document)?.name;
        let founder =
            Founder { account: Some(account), name: name_of_user, email: Some(row.email), origin, request_id };
        let made = create_org(&self.core, name, founder).await?;
        let orgs = self.orgs_of(account, (org, id)).await?;
        let shown = orgs.into_iter().find(|org| org.id == made.org);
        shown.map(Some).ok_or_else(|| Error::internal("the org that was just made is not there"))
    }

    /// The account of whoever may make an org.
    async fn may_create_org(&self, asker: &Asker) -> Result<AccountId> {
        let Principal { org, id, .. } = &asker.principal;
        let person = "Only a person makes an org: a user with an account, who is signed in here.";
        if id.prefix.type_name() != Some("user") {
            return Err(Error::forbidden(person));
        }
        admin_core::check_caller(&self.core, &asker.principal).await?;
        let account = accounts::account_of(&mut *self.core.db().read().await?, *org, *id).await?;
        let account = account.filter(|_| !asker.principal.is_limited()).ok_or_else(|| Error::forbidden(person))?;
        if !self.acts_for_person(asker).await? {
            let detail = "A program that acts for you in one org makes no other; sign in here yourself.";
            return Err(Error::forbidden(detail));
        }
        match self.org_creation {
            OrgCreation::Anyone => Ok(account),
            OrgCreation::Nobody => Err(Error::forbidden("Only the operator makes orgs here: `admin org create`.")),
            OrgCreation::Owners if self.owns_first_org(account).await? => Ok(account),
            OrgCreation::Owners => {
                Err(Error::forbidden("Only owners of the first org make others here; see the setting `org_creation`."))
            }
        }
    }

    async fn owns_first_org(&self, account: AccountId) -> Result<bool> {
        let Some(first) = find_org(&self.core).await? else { return Ok(false) };
        match self.user_in(account, first.org).await? {
            Some(user) => has_role(&self.core, &Principal::new(first.org, user), "owner").await,
            None => Ok(false),
        }
    }

    /// Makes a session act in another org of its account. What was granted in it before stays in the org that it was for; so
    /// do the tokens of its pages, for what is left of their ten minutes.
    /// `user`: as whom, where the account has several users; the first, if absent.
    pub async fn switch_org(&self, session: &Session, org: OrgId, user: Option<ResourceId>) -> Result<()> {
        let user = match user {
            Some(user) => self.active_users_in(session.account, org).await?.into_iter().find(|one| *one == user),
            None => self.user_in(session.account, org).await?,
        };
        let user = user.ok_or_else(|| Error::not_found("org"))?;
        let (account, id) = (session.account, session.id);
        let job = async move |tx: &mut Tx| sessions::switch(tx, account, id, (org, user)).await;
        match self.core.db().write_global(job).await? {
            true => Ok(()),
            false => Err(Error::new(Kind::Unauthenticated, "missing_token", "The session has ended; sign in again.")),
        }
    }

    /// The name of an org.
    pub async fn org_name(&self, org: OrgId) -> Result<String> {
        let name = admin_db::orgs::name(&mut *self.core.db().read_once().await?, org).await?;
        name.ok_or_else(|| Error::not_found("org"))
    }
}

fn read(document: &str) -> Result<Resource> {
    serde_json::from_str(document).map_err(Error::internal)
}

fn of_row(row: MemberRow, current: (OrgId, ResourceId)) -> Result<OrgOfAccount> {
    let user = read(&row.document)?;
    let roles = user.attributes.get("roles").and_then(Value::as_array);
    let roles = roles.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    let (active, current) = (user.status == "active", (row.org, row.user) == current);
    Ok(OrgOfAccount { id: row.org, name: row.org_name, user: row.user, user_name: user.name, roles, active, current })
}
