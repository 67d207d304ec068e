//! The log's side of its witnesses (c2sp.org/tlog-witness): has each new checkpoint cosigned, and publishes it again with the
//! cosignatures. A log grows without its witnesses; a checkpoint that was followed by another before they answered stays as it is.

mod ask;

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use admin_backends::outbound::Outbound;
use admin_core::Core;
use admin_db::audit::LogSize;
use admin_tlog::{Algorithm, Note, TreeHead, Verifier};
use admin_types::{OrgId, Result};
use futures_util::future::join_all;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::rounds::{Turn, describe_objections, object, round, withdraw};
use ask::{Ask, Failed};

/// What the lease is for.
const WORK: &str = "audit cosign";
/// How often it looks for new checkpoints.
const EVERY: Duration = Duration::from_secs(1);
/// Logs for which witnesses are asked at once.
const AT_ONCE: usize = 16;
/// How often a checkpoint that was followed by another is let go for that one, in a round.
const TRIES: usize = 3;
/// How long a witness is left alone that did not answer.
const AWAY: Duration = Duration::from_secs(5);
/// How long a witness is left alone with a log that it refused.
const REFUSED: Duration = Duration::from_secs(60);

/// A witness that is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WitnessAddress {
    /// Where it is: `/add-checkpoint` stands behind this.
    pub url: String,
    /// What verifies its cosignatures.
    pub key: Verifier,
}

impl FromStr for WitnessAddress {
    type Err = String;

    /// Reads `URL KEY`.
    fn from_str(text: &str) -> Result<WitnessAddress, String> {
        let (url, key) =
            text.trim().split_once(char::is_whitespace).ok_or("a witness is its address, a space and its key")?;
        let key: Verifier = key.trim().parse().map_err(|error| format!("{}: {error}", key.trim()))?;
        if key.algorithm() != Algorithm::Cosignature {
            return Err(format!("{key} is the key of a log, not of a witness"));
        }
        Ok(WitnessAddress { url: url.trim_end_matches('/').to_owned(), key })
    }
}

/// Has checkpoints cosigned.
pub struct Cosigning {
    core: Core,
    outbound: Outbound,
    witnesses: Vec<WitnessAddress>,
    logs: Mutex<HashMap<OrgId, Vec<Asked>>>,
    /// Until when a witness is left alone, by its place.
    away: Mutex<Vec<Option<Instant>>>,
}

/// How far a witness is with a log.
#[derive(Clone, Copy, Default)]
struct Asked {
    /// The size that it cosigned last, as far as we know.
    last: u64,
    /// The size that was published with its cosignature.
    done: u64,
    /// Until when it is left alone.
    rests: Option<Instant>,
    /// It is known that the database has no objection.
    agrees: bool,
}

/// What came of trying.
enum Came {
    Done,
    Outrun,
}

impl Cosigning {
    /// For these witnesses, at least one.
    #[must_use]
    pub fn new(core: &Core, outbound: Outbound, witnesses: Vec<WitnessAddress>) -> Cosigning {
        metrics::describe_counter!("admin_audit_cosigned_total", "Cosignatures of witnesses that were published");
        describe_objections();
        let away = Mutex::new(vec![None; witnesses.len()]);
        Cosigning { core: core.clone(), outbound, witnesses, logs: Mutex::default(), away }
    }

    /// Works until `stop`.
    pub async fn run(self, turn: Turn, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
            let one = async { if turn.is_ours(WORK).await { self.round().await } else { Ok(()) } };
            if let Some(Err(error)) = stop.run_until_cancelled(one).await {
                tracing::debug!(%error, "cannot look for checkpoints to be cosigned; looking on");
            }
        }
        turn.give_up(WORK).await;
    }

    async fn round(&self) -> Result<()> {
        round(&self.core, AT_ONCE, |log| self.is_due(log), |log| self.log(log.org)).await
    }

    fn asked(&self, org: OrgId) -> Vec<Asked> {
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        logs.get(&org).cloned().unwrap_or_else(|| vec![Asked::default(); self.witnesses.len()])
    }

    fn is_due(&self, log: &LogSize) -> bool {
        let now = Instant::now();
        let away = self.away.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let waits = |until: Option<Instant>| until.is_some_and(|until| now < until);
        let size = u64::try_from(log.size).unwrap_or_default();
        self.asked(log.org)
            .iter()
            .zip(away)
            .any(|(asked, away)| asked.done < size && !waits(asked.rests) && !waits(away))
    }

    async fn log(&self, org: OrgId) {
        for _ in 0..TRIES {
            match self.attempt(org).await {
                Ok(Came::Done) => return,
                Ok(Came::Outrun) => {}
                Err(error) => {
                    tracing::debug!(%org, %error, "a checkpoint was not cosigned; trying again");
                    return;
                }
            }
        }
    }

    /// Asks the witnesses whose cosignatures are missing, and publishes those that came.
    async fn attempt(&self, org: OrgId) -> Result<Came> {
        let store = self.core.log_store(org)?;
        let policy = self.core.audit_policy(org).await?;
        let Some((mut note, checkpoint, etag)) = store.checkpoint(&policy).await? else { return Ok(Came::Done) };
        let (mut asked, head) = (self.asked(org), checkpoint.head);
        let ask = Ask { outbound: &self.outbound, store: &store, policy: &policy, note: &note, head };
        let answers = self.witnesses.iter().zip(&asked).enumerate().map(|(place, (witness, asked))| {
            let ask = &ask;
            async move {
                let there = ask.note.verify(std::slice::from_ref(&witness.key)).is_ok();
                if there || self.waits(place, asked) { None } else { Some(ask.cosignature(witness, asked.last).await) }
            }
        });
        let answers = join_all(answers).await;
        let mut added = 0;
        for (place, answer) in answers.into_iter().enumerate() {
            let Some(answer) = answer else { continue };
            let key = std::slice::from_ref(&self.witnesses[place].key);
            let answer = answer.and_then(|lines| {
                note.add_lines(&lines, key)
                    .map_err(|error| Failed::Refused(format!("its answer is no cosignature: {error}")))
            });
            match answer {
                Ok(count) => {
                    let agrees = asked[place].agrees || withdraw(&self.core, org, &self.witnesses[place].url).await;
                    asked[place] = Asked { last: head.size, rests: None, agrees, ..asked[place] };
                    added += count;
                }
                Err(failed) => self.rest(org, place, &mut asked[place], failed).await,
            }
        }
        let mut came = Came::Done;
        if added > 0 {
            match store.publish(&note, Some(&etag)).await? {
                Some(_) => metrics::counter!("admin_audit_cosigned_total").increment(added as u64),
                None => came = Came::Outrun,
            }
        }
        if let Came::Done = came {
            self.published(&note, head, &mut asked);
        }
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).insert(org, asked);
        Ok(came)
    }

    fn published(&self, note: &Note, head: TreeHead, asked: &mut [Asked]) {
        for (witness, asked) in self.witnesses.iter().zip(asked) {
            if note.verify(std::slice::from_ref(&witness.key)).is_ok() {
                (asked.last, asked.done) = (head.size, head.size);
            }
        }
    }

    fn waits(&self, place: usize, asked: &Asked) -> bool {
        let away = self.away.lock().unwrap_or_else(PoisonError::into_inner)[place];
        [away, asked.rests].into_iter().flatten().any(|until| Instant::now() < until)
    }

    /// Leaves a witness alone for a while, and says why.
    async fn rest(&self, org: OrgId, place: usize, asked: &mut Asked, failed: Failed) {
        let witness = self.witnesses[place].url.as_str();
        match failed {
            Failed::Later => {}
            Failed::Away(why) => {
                tracing::warn!(witness, why, "a witness does not answer; asking it again later");
                self.away.lock().unwrap_or_else(PoisonError::into_inner)[place] = Some(Instant::now() + AWAY);
            }
            Failed::Refused(why) => {
                tracing::warn!(%org, witness, why, "a witness does not cosign; asking it again later");
                asked.rests = Some(Instant::now() + REFUSED);
            }
            Failed::Forked(why) => {
                object(&self.core, org, witness, &format!("the witness does not cosign: {why}")).await;
                asked.agrees = false;
                asked.rests = Some(Instant::now() + REFUSED);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_and_a_key_are_read() {
        let cosigner = admin_tlog::Cosigner::of_seed("w", &[1; 32]).unwrap();
        let signer = admin_tlog::Signer::of_seed("l", &[1; 32]).unwrap();
        let read: WitnessAddress = format!(" https://w.example/a/  {}", cosigner.verifier()).parse().unwrap();
        assert_eq!((read.url.as_str(), &read.key), ("https://w.example/a", cosigner.verifier()));
        for wrong in
            ["", "https://w.example", "https://w witness.example+", &format!("https://w {}", signer.verifier())]
        {
            assert!(wrong.parse::<WitnessAddress>().is_err(), "{wrong}");
        }
    }
}
