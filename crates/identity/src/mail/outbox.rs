//! The outbox: sends what waits, and tries again what was not taken. Also where somebody who has forgotten their password is
//! looked up: after the answer, which then says and takes the same for every address.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use admin_db::Tx;
use admin_db::mail::{self, MailRow};
use admin_types::{Error, Result};
use tokio::sync::{Mutex, Notify, mpsc};
use tokio::task::JoinSet;

use super::smtp::Failed;
use super::{Language, Letter, Smtp, context};
use crate::Identity;

/// How often each process looks for letters that others have left, or that are to be tried again.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long after a first try the next one comes, in seconds; each further one waits twice as long, up to the most.
const AGAIN_AFTER: i64 = 5;
const AGAIN_AFTER_MOST: i64 = 1800;
/// A process that takes a letter has it for as long, in seconds: longer than a server may take.
const LEASE: i64 = 30;
/// The most wishes for a new password that wait to be looked at.
const MAX_WISHES: usize = 1000;

/// Somebody has forgotten their password.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// The address that they say they have.
    pub(crate) address: String,
    /// Where they are.
    pub(crate) from: Option<IpAddr>,
    /// What they read.
    pub(crate) language: Language,
}

/// What is to be sent.
pub(crate) struct Outbox {
    pub(super) smtp: Option<Arc<Smtp>>,
    nudged: Notify,
    wishes: (mpsc::Sender<Wish>, Mutex<mpsc::Receiver<Wish>>),
}

impl Outbox {
    pub(crate) fn new(smtp: Option<Smtp>) -> Outbox {
        let (sender, receiver) = mpsc::channel(MAX_WISHES);
        Outbox { smtp: smtp.map(Arc::new), nudged: Notify::new(), wishes: (sender, Mutex::new(receiver)) }
    }

    /// Says that a letter waits.
    pub(crate) fn nudge(&self) {
        self.nudged.notify_one();
    }

    /// Takes a wish, if there is room.
    pub(crate) fn wish(&self, wish: Wish) {
        if self.wishes.0.try_send(wish).is_err() {
            tracing::warn!("too many people have forgotten their passwords at once; a wish was dropped");
        }
    }
}

impl Identity {
    /// Sends letters until `stop` is done. Without a mail server it does nothing.
    pub async fn send_mail(&self, stop: impl Future<Output = ()>) {
        let Some(smtp) = self.outbox.smtp.clone() else { return };
        tokio::select! {
            () = stop => {}
            () = self.send_all(&smtp) => {}
            () = self.hear_wishes() => {}
        }
    }

    async fn hear_wishes(&self) {
        let mut wishes = self.outbox.wishes.1.lock().await;
        while let Some(wish) = wishes.recv().await {
            if let Err(error) = self.grant_wish(&wish).await {
                tracing::warn!(%error, "a link for a new password could not be sent");
            }
        }
    }

    async fn send_all(&self, smtp: &Arc<Smtp>) {
        loop {
            match self.send_due(smtp).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "cannot look for letters; trying again"),
            }
            tokio::select! {
                () = self.outbox.nudged.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Sends those that are due, side by side; whether there were any.
    async fn send_due(&self, smtp: &Arc<Smtp>) -> Result<bool> {
        let now = self.core.clock().now();
        let due = mail::due(&mut *self.core.db().read().await?, now).await?;
        let mut sending = JoinSet::new();
        for row in &due {
            let (claimed, again_at) = (row.clone(), now.plus_seconds(LEASE));
            let job = async move |tx: &mut Tx| mail::claim(tx, &claimed, again_at).await;
            if !self.core.db().write_global(job).await? {
                continue;
            }
            let (row, smtp, letter) = (row.clone(), smtp.clone(), self.open_letter(row));
            sending.spawn(async move {
                let sent = match letter {
                    Ok(letter) => smtp.send(&letter).await,
                    Err(error) => Err(Failed::ForGood(error.to_string())),
                };
                (row, sent)
            });
        }
        while let Some(done) = sending.join_next().await {
            let (row, sent) = done.map_err(Error::internal)?;
            self.note(row, sent).await?;
        }
        Ok(!due.is_empty())
    }

    fn open_letter(&self, row: &MailRow) -> Result<Letter> {
        let plain = self.core.cipher().open(&context(&row.id), &row.sealed)?;
        serde_json::from_slice(&plain).map_err(Error::internal)
    }

    /// What becomes of a letter. Nobody's address stands in the log.
    async fn note(&self, row: MailRow, sent: Result<(), Failed>) -> Result<()> {
        let keep = match sent {
            Ok(()) => None,
            Err(Failed::ForGood(reason)) => {
                tracing::warn!(reason, "a letter cannot be sent and is dropped");
                None
            }
            Err(Failed::ForNow(reason)) => {
                let after = AGAIN_AFTER.saturating_mul(1 << row.attempts.clamp(0, 20)).min(AGAIN_AFTER_MOST);
                tracing::warn!(reason, after, "a letter was not taken; trying again");
                Some(self.core.clock().now().plus_seconds(after))
            }
        };
        let job = async move |tx: &mut Tx| match keep {
            None => mail::remove(tx, &row.id).await,
            Some(at) => mail::put_off(tx, &row.id, at).await,
        };
        self.core.db().write_global(job).await
    }
}
