//! Sessions: a browser in which an account is signed in, known by a random cookie of which only the hash is kept.

use admin_core::Core;
use admin_db::sessions::{self, SessionRow};
use admin_db::{Tx, oauth, resources, revocations};
use admin_types::{AccountId, Error, OrgId, Resource, ResourceId, Result, SessionId, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use crate::Identity;
use crate::accounts::Browser;
use crate::grants::{REMEMBERED_SECONDS, Terms, hash, random_token};
use crate::logout_notices::note_logout;
use crate::signed_in::Ended;

/// How long a session lasts, in seconds.
pub const SESSION_SECONDS: i64 = 14 * 86_400;
/// How long a token for our own pages is good for, in seconds.
const PAGE_SECONDS: i64 = 600;

/// A browser in which an account is signed in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// Its id, which is no secret.
    pub id: SessionId,
    /// Who is signed in.
    pub account: AccountId,
    /// The org in which it acts.
    pub org: OrgId,
    /// As this user.
    pub user: ResourceId,
    /// The user's name.
    pub name: String,
    /// The methods by which it signed in (RFC 8176).
    pub methods: Vec<String>,
    /// When it did.
    pub authenticated_at: Timestamp,
}

/// Begins a session; answers its cookie. One of the same account that the browser has goes on under the new cookie
/// instead: what was granted in it stays, and the old cookie is good for nothing.
pub(crate) async fn begin(
    core: &Core,
    account: AccountId,
    (org, user): (OrgId, ResourceId),
    methods: &[&str],
    (browser, current): (&Browser, Option<&Session>),
) -> Result<SecretString> {
    let (cookie, now) = (random_token(core, "ads_"), core.clock().now());
    let current = current.filter(|session| session.account == account).map(|session| session.id);
    let fresh = SessionRow {
        id: SessionId::new(now, core.random()),
        account,
        org,
        user,
        methods: methods.join(" "),
        authenticated_at: now,
        expires_at: now.plus_seconds(SESSION_SECONDS),
        seen_at: now,
    };
    let hash = hash(cookie.expose_secret());
    let device = browser.device();
    core.db()
        .write_global(async move |tx: &mut Tx| {
            if let Some(id) = current
                && sessions::renew(tx, &hash, &SessionRow { id, ..fresh.clone() }).await?
            {
                return Ok(());
            }
            sessions::insert(tx, &hash, &fresh, &device, now).await
        })
        .await?;
    Ok(cookie)
}

impl Identity {
    /// The session of a cookie, while its user is there and active.
    pub async fn session(&self, cookie: &str) -> Result<Option<Session>> {
        let mut conn = self.core.db().read().await?;
        let Some(row) = sessions::get(&mut conn, &hash(cookie)).await? else { return Ok(None) };
        if row.expires_at <= self.core.clock().now() {
            return Ok(None);
        }
        let user = resources::get(&mut conn, row.org, row.user).await?.filter(|user| !user.deleted);
        let Some(user) = user else { return Ok(None) };
        let user: Resource = serde_json::from_str(&user.document).map_err(Error::internal)?;
        if user.status != "active" {
            return Ok(None);
        }
        drop(conn);
        self.note_seen((row.account, row.id), row.seen_at).await;
        let SessionRow { id, account, org, user: user_id, methods, authenticated_at, .. } = row;
        let methods = methods.split(' ').filter(|method| !method.is_empty()).map(str::to_owned).collect();
        Ok(Some(Session { id, account, org, user: user_id, name: user.name, methods, authenticated_at }))
    }

    /// Signs a browser out: what was granted in its session ends with it, but for what was granted for when the person is
    /// away (OpenID Connect Back-Channel Logout, section 2.7): that ends with [`Identity::end_everywhere`].
    pub async fn end_session(&self, session: &Session, browser: &Browser) -> Result<()> {
        let (account, id, now) = (session.account, session.id, self.core.clock().now());
        let until = now.plus_seconds(REMEMBERED_SECONDS);
        let job = async move |tx: &mut Tx| {
            note_logout(tx, id, now).await?;
            let mut ids = vec![id.to_string()];
            for (grant, terms) in oauth::grants_of_session(tx, id).await? {
                let terms: Terms = serde_json::from_str(&terms).map_err(Error::internal)?;
                if terms.has("offline_access") {
                    continue;
                }
                oauth::end_grant(tx, grant).await?;
                ids.push(grant.to_string());
            }
            for id in &ids {
                revocations::insert(tx, id, now, until).await?;
            }
            sessions::remove(tx, account, id).await?;
            Ok(Ended { ids, until })
        };
        self.note_ended(&self.core.db().write_global(job).await?);
        self.tell_signed_out(session, browser).await
    }

    /// A bearer token for the pages of a session, with its lifetime in seconds. It ends with the session.
    pub fn session_token(&self, session: &Session) -> Result<(SecretString, i64)> {
        Ok((self.tokens.of_session(&self.core, session, PAGE_SECONDS)?, PAGE_SECONDS))
    }
}
