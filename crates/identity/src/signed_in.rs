//! Where an account is signed in, as its owner sees it; and the end of all of that at once.

use admin_db::sessions::{self, DeviceRow};
use admin_db::{Tx, accounts, half_sign_in, oauth, revocations};
use admin_types::{AccountId, Error, OrgId, Result, SessionId, Timestamp};

use crate::accounts::Browser;
use crate::grants::REMEMBERED_SECONDS;
use crate::logout_notices::note_logout;
use crate::{Identity, Session};

/// How old what is known of the use of a session may be, in seconds: it is written down no more often.
const SEEN_SECONDS: i64 = 60;

/// A browser in which an account is signed in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedIn {
    /// The id of the session.
    pub id: SessionId,
    /// The org in which it acts.
    pub org: OrgId,
    /// When it was begun.
    pub since: Timestamp,
    /// When it was last used, to the minute.
    pub seen_at: Timestamp,
    /// The address where it was begun.
    pub address: Option<String>,
    /// What the browser calls itself.
    pub agent: Option<String>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// What ended, by its id, and until when that matters.
pub(crate) struct Ended {
    pub(crate) ids: Vec<String>,
    pub(crate) until: Timestamp,
}

/// Ends all sessions of an account but one, what is half signed in, and all that was granted for its users in every org, but in that session.
pub(crate) async fn end_all(tx: &mut Tx, account: AccountId, but: Option<SessionId>, now: Timestamp) -> Result<Ended> {
    let until = now.plus_seconds(REMEMBERED_SECONDS);
    let mut ids: Vec<String> = vec![];
    half_sign_in::clear(tx, account).await?;
    for session in sessions::end_others(tx, account, but).await? {
        note_logout(tx, session, now).await?;
        ids.push(session.to_string());
    }
    for (grant, session) in accounts::grants(tx, account).await? {
        if but.is_none() || session != but {
            oauth::end_grant(tx, grant).await?;
            ids.push(grant.to_string());
        }
    }
    for id in &ids {
        revocations::insert(tx, id, now, until).await?;
    }
    Ok(Ended { ids, until })
}

impl Identity {
    /// Where an account is signed in, the last used first.
    pub async fn signed_in(&self, session: &Session) -> Result<Vec<SignedIn>> {
        let now = self.core.clock().now();
        let rows = sessions::devices(&mut *self.core.db().read().await?, session.account, now).await?;
        let shown = |DeviceRow { id, org, created_at, seen_at, device }| SignedIn {
            id,
            org,
            since: created_at,
            seen_at,
            address: device.address,
            agent: device.agent,
            current: id == session.id,
        };
        Ok(rows.into_iter().map(shown).collect())
    }

    /// Signs out one of the browsers in which the account of a session is signed in.
    pub async fn end_one(&self, session: &Session, id: SessionId, browser: &Browser) -> Result<()> {
        let mine = self.signed_in(session).await?.into_iter().any(|one| one.id == id);
        match mine {
            true => self.end_session(&Session { id, ..session.clone() }, browser).await,
            false => Err(Error::not_found("session")),
        }
    }

    /// Signs the account of a session out everywhere: all sessions, and all that was granted for its users in every org.
    pub async fn end_everywhere(&self, session: &Session, browser: &Browser) -> Result<()> {
        let (account, now) = (session.account, self.core.clock().now());
        let ended = self.core.db().write_global(async move |tx: &mut Tx| end_all(tx, account, None, now).await).await?;
        self.note_ended(&ended);
        self.tell_signed_out(session, browser).await
    }

    /// Knows in this process at once what has ended; the others hear of it within a second.
    pub(crate) fn note_ended(&self, ended: &Ended) {
        ended.ids.iter().for_each(|id| self.revocations.add(id, ended.until));
    }

    /// Notes that a session is used, unless that was noted just now. It matters to nobody but the list of sessions, so a
    /// failure is logged and no more.
    pub(crate) async fn note_seen(&self, (account, id): (AccountId, SessionId), seen_at: Timestamp) {
        let now = self.core.clock().now();
        if seen_at.plus_seconds(SEEN_SECONDS) > now {
            return;
        }
        let noted = self.core.db().write_global(async move |tx: &mut Tx| sessions::see(tx, account, id, now).await);
        if let Err(error) = noted.await {
            tracing::warn!(%error, "the use of a session could not be noted");
        }
    }
}
