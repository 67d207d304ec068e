//! Telling clients that a session ended (OpenID Connect Back-Channel Logout 1.0). That they must hear it is written down
//! with the end of the session; a worker takes it from there, in whichever process.

use admin_db::logout_notices::{self, NoticeRow};
use admin_db::sessions;
use admin_db::{Tx, oauth, revocations};
use admin_types::{OrgId, ResourceId, Result, SessionId, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use serde_json::json;

use crate::Identity;
use crate::clients::{ClientId, find_client};
use crate::grants::{REMEMBERED_SECONDS, hash};
use crate::signed_in::Ended;

/// How long after each try the next one is, in seconds; after the last a client is not told any more.
const AGAIN_AFTER: [i64; 5] = [2, 10, 60, 300, 600];
/// How long a logout token is good for, in seconds.
const TOKEN_SECONDS: i64 = 120;
/// Notices that are taken at a time.
const AT_A_TIME: i64 = 20;

/// What a client must be told.
#[derive(Clone, Debug)]
pub struct LogoutNotice {
    /// Where.
    pub url: String,
    /// The logout token.
    pub token: SecretString,
    id: [u8; 16],
}

/// Writes down that the clients of a session must hear of its end. In the job that ends it, and before its grants end.
pub(crate) async fn note_logout(tx: &mut Tx, session: SessionId, now: Timestamp) -> Result<()> {
    for (client, org, subject) in logout_notices::clients(tx, session).await? {
        note(tx, (client, org, subject, session), now).await?;
    }
    Ok(())
}

async fn note(
    tx: &mut Tx,
    (client, org, subject, session): (ResourceId, OrgId, ResourceId, SessionId),
    now: Timestamp,
) -> Result<()> {
    // The same client hears of the same session once.
    let mut id = [0; 16];
    id.copy_from_slice(&hash(&format!("{client} {subject} {session}"))[..16]);
    logout_notices::insert(tx, &NoticeRow { id, client, org, subject, session, tries: 0 }, now).await
}

/// Ends what a user is signed in to, who is active no more.
async fn end_user(tx: &mut Tx, (org, user): (OrgId, ResourceId), now: Timestamp) -> Result<Ended> {
    let until = now.plus_seconds(REMEMBERED_SECONDS);
    let mut ids = vec![];
    for (client, session) in logout_notices::clients_of(tx, org, user).await? {
        note(tx, (client, org, user, session), now).await?;
    }
    for (account, session) in sessions::of_user(tx, org, user).await? {
        sessions::remove(tx, account, session).await?;
        ids.push(session.to_string());
    }
    for grant in oauth::grants_of_subject(tx, org, user).await? {
        oauth::end_grant(tx, grant).await?;
        ids.push(grant.to_string());
    }
    for id in &ids {
        revocations::insert(tx, id, now, until).await?;
    }
    logout_notices::forget(tx, org, user).await?;
    Ok(Ended { ids, until })
}

impl Identity {
    /// Ends the sessions and grants of users who were disabled or deleted.
    pub(crate) async fn end_departed(&self) -> Result<()> {
        for user in logout_notices::departed(&mut *self.core.db().read().await?).await? {
            let now = self.core.clock().now();
            let ended = self.core.db().write_global(async move |tx: &mut Tx| end_user(tx, user, now).await).await?;
            self.note_ended(&ended);
        }
        Ok(())
    }

    /// What clients must be told now. Each is taken for one try: unless [`Identity::logout_heard`] is called, it is due again.
    pub async fn due_logouts(&self) -> Result<Vec<LogoutNotice>> {
        let now = self.core.clock().now();
        let mut due = vec![];
        let rows = logout_notices::due(&mut *self.core.db().read().await?, now, AT_A_TIME).await?;
        for row in rows {
            let again = usize::try_from(row.tries).ok().and_then(|tries| AGAIN_AFTER.get(tries));
            let client = find_client(&self.core, &ClientId::of(row.client).to_string()).await?;
            let url = client.as_ref().and_then(|client| client.settings.backchannel_logout_uri.clone());
            let (Some(again), Some(client), Some(url)) = (again, client, url) else {
                if again.is_none() {
                    tracing::warn!(client = %row.client, "a client could not be told that a session ended");
                }
                self.forget_notice(row.id).await?;
                continue;
            };
            let (next, taken) = (now.plus_seconds(*again), row.clone());
            if !self
                .core
                .db()
                .write_global(async move |tx: &mut Tx| logout_notices::take(tx, &taken, next).await)
                .await?
            {
                continue;
            }
            // Section 2.4: no nonce, so that it can never pass for an ID token.
            let claims = json!({
                "iss": self.issuer, "aud": client.id, "sub": row.subject, "sid": row.session,
                "iat": now.seconds(), "exp": now.seconds() + TOKEN_SECONDS,
                "jti": URL_SAFE_NO_PAD.encode(self.core.random().bytes16()),
                "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
            });
            let token = self.tokens.sign(client.algorithm(), "logout+jwt", now, &claims)?;
            due.push(LogoutNotice { url, token, id: row.id });
        }
        Ok(due)
    }

    /// A client has heard it.
    pub async fn logout_heard(&self, notice: &LogoutNotice) -> Result<()> {
        self.forget_notice(notice.id).await
    }

    async fn forget_notice(&self, id: [u8; 16]) -> Result<()> {
        self.core.db().write_global(async move |tx: &mut Tx| logout_notices::remove(tx, id).await).await
    }
}
