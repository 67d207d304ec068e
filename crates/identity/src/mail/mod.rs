//! Letters. They wait in the database, sealed, until a mail server has taken them: a request that makes one is answered
//! before, and a server that is away for a while loses none.

mod letters;
mod outbox;
mod smtp;

use admin_db::accounts;
use admin_db::{Tx, mail};
use admin_types::{AccountId, Error, Result};

pub use letters::{Language, Notice};
pub use smtp::Smtp;

pub(crate) use letters::{Letter, confirm, invitation, notice, reset};
pub(crate) use outbox::{Outbox, Wish};
pub(crate) use smtp::is_deliverable;

use crate::Identity;

/// How long a letter is tried to be sent unless it says otherwise, in seconds.
const KEPT_SECONDS: i64 = 86_400;
/// The most letters that wait; beyond it none are taken.
const MAX_WAITING: i64 = 10_000;

impl Identity {
    /// The same, with a server that sends letters.
    #[must_use]
    pub fn with_smtp(self, smtp: Option<Smtp>) -> Identity {
        Identity { outbox: Outbox::new(smtp), ..self }
    }

    /// Whether there is a server that sends letters.
    pub fn has_mail(&self) -> bool {
        self.outbox.smtp.is_some()
    }

    /// Tells the owner of an account what happened to it, at its address if there is a mail server, and the audit logs of its orgs. A
    /// letter that cannot be kept is logged, since what happened has happened.
    pub async fn notify(&self, account: AccountId, notice: Notice, language: Language) {
        self.tell_changed(account, notice);
        if let Err(error) = self.try_to_notify(account, notice, language).await {
            tracing::warn!(%error, ?notice, "a notice could not be sent");
        }
    }

    async fn try_to_notify(&self, account: AccountId, notice: Notice, language: Language) -> Result<()> {
        if !self.has_mail() {
            return Ok(());
        }
        let row = accounts::get(&mut *self.core.db().read().await?, account).await?;
        let row = row.ok_or_else(|| Error::not_found("account"))?;
        self.post(letters::notice(&row.email, notice, &self.issuer, self.core.clock().now(), language)).await
    }

    /// Keeps a letter until it is sent.
    pub(crate) async fn post(&self, letter: Letter) -> Result<()> {
        let envelope = self.envelope(&letter, KEPT_SECONDS)?;
        self.core.db().write_global(async move |tx: &mut Tx| envelope.keep(tx).await).await?;
        self.outbox.nudge();
        Ok(())
    }

    /// A letter as it is kept, for a transaction that keeps more; nudge the outbox after it.
    pub(crate) fn envelope(&self, letter: &Letter, seconds: i64) -> Result<Envelope> {
        let mut id = [0; 16];
        self.core.random().fill(&mut id);
        let plain = serde_json::to_vec(letter).map_err(Error::internal)?;
        let sealed = self.core.cipher().seal(&context(&id), &plain)?;
        let now = self.core.clock().now();
        Ok(Envelope { id, sealed, now, until: now.plus_seconds(seconds) })
    }
}

/// What a letter is sealed for.
fn context(id: &[u8; 16]) -> String {
    format!("mail {}", id.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// A letter, sealed.
pub(crate) struct Envelope {
    id: [u8; 16],
    sealed: Vec<u8>,
    now: admin_types::Timestamp,
    until: admin_types::Timestamp,
}

impl Envelope {
    /// Keeps it, if there is room.
    pub(crate) async fn keep(&self, tx: &mut Tx) -> Result<()> {
        if mail::waiting(tx).await? >= MAX_WAITING {
            let detail =
                "Too many letters wait to be sent. Try again later; the operator should look at the mail server.";
            return Err(Error::unavailable(detail, "the outbox is full"));
        }
        mail::insert(tx, &self.id, &self.sealed, self.now, self.until).await
    }
}
