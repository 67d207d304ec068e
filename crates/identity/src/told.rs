//! What people do about their sessions, in the audit log of the org that it concerns.

use admin_core::occurrence::{Occurrence, security_changed, sign_in_failed, signed_in, signed_out};
use admin_db::accounts;
use admin_types::{AccountId, OrgId, RequestId, ResourceId, Result, Timestamp};

use crate::accounts::Browser;
use crate::mail::Notice;
use crate::{Identity, Session};

/// In how many orgs of an account it is told what happened to it.
const MAX_ORGS: usize = 20;

impl Identity {
    fn where_from(&self, browser: &Browser) -> (Timestamp, Option<std::net::IpAddr>, RequestId) {
        let now = self.core.clock().now();
        let made = || RequestId::new(now, self.core.random());
        (now, browser.address, browser.request_id.clone().unwrap_or_else(made))
    }

    /// Somebody is signed in, as a user of an org. Written before they hear of it.
    pub(crate) async fn tell_signed_in(
        &self,
        (org, user): (OrgId, ResourceId),
        methods: &[&str],
        browser: &Browser,
    ) -> Result<()> {
        let methods: Vec<&str> = methods.iter().copied().filter(|method| !method.is_empty()).collect();
        self.core.occurred(org, signed_in(user, &methods, self.where_from(browser))).await
    }

    /// Somebody ends a session.
    pub(crate) async fn tell_signed_out(&self, session: &Session, browser: &Browser) -> Result<()> {
        self.core.occurred(session.org, signed_out(session.user, self.where_from(browser))).await
    }

    /// Somebody failed to sign in to an account: told in the orgs of the account. Behind the answer, which must take as long as that
    /// to somebody whom nobody knows.
    pub(crate) fn tell_failed(&self, account: AccountId, step: &'static str, browser: &Browser) {
        let from = self.where_from(browser);
        self.tell_orgs(account, move |user| sign_in_failed(user, step, from.clone()));
    }

    /// How the owner of an account signs in was changed: told in the orgs of the account.
    pub(crate) fn tell_changed(&self, account: AccountId, what: Notice) {
        let now = self.core.clock().now();
        let from = (now, None, RequestId::new(now, self.core.random()));
        self.tell_orgs(account, move |user| security_changed(user, what.as_str(), from.clone()));
    }

    fn tell_orgs(&self, account: AccountId, of: impl Fn(ResourceId) -> Occurrence + Send + 'static) {
        let core = self.core.clone();
        tokio::spawn(async move {
            let read = async { accounts::memberships(&mut *core.db().read().await?, account).await };
            match read.await {
                Ok(users) => {
                    for (org, user) in users.into_iter().take(MAX_ORGS) {
                        core.occurs(org, of(user)).await;
                    }
                }
                Err(error) => tracing::warn!(%error, "what happened to an account could not be told"),
            }
        });
    }
}
