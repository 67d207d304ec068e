//! Asking one witness for one cosignature.

use std::time::Duration;

use admin_backends::outbound::{Outbound, Request};
use admin_core::audit::LogStore;
use admin_tlog::{
    AddCheckpoint, ConsistencyProof, Note, Policy, TreeHead, consistency_tiles, head_at, head_tiles, prove_consistency,
};
use bytes::Bytes;
use http::{HeaderMap, Method};

use super::WitnessAddress;

/// How long a witness may take.
const WITHIN: Duration = Duration::from_secs(10);
/// How often it may say that it knows another size than we thought.
const CONFLICTS: usize = 2;

/// What is to be cosigned.
pub(super) struct Ask<'a> {
    pub(super) outbound: &'a Outbound,
    pub(super) store: &'a LogStore,
    pub(super) policy: &'a Policy,
    pub(super) note: &'a Note,
    pub(super) head: TreeHead,
}

/// Why there is no cosignature.
pub(super) enum Failed {
    /// The log has grown meanwhile: in the next round.
    Later,
    /// The witness does not answer.
    Away(String),
    /// It does not want to, or cannot.
    Refused(String),
    /// The log is not the one that the witness knows.
    Forked(String),
}

impl Ask<'_> {
    /// The lines that the witness answers, not verified yet. `last`: the size that it cosigned last, as far as we know.
    pub(super) async fn cosignature(&self, witness: &WitnessAddress, last: u64) -> Result<Bytes, Failed> {
        let mut last = last;
        for _ in 0..CONFLICTS {
            let proof = self.proof(last).await?;
            let body = AddCheckpoint { old_size: last, proof, checkpoint: self.note.clone() }.to_string();
            let url = format!("{}/add-checkpoint", witness.url);
            let request = Request { method: Method::POST, url, headers: HeaderMap::new(), body: body.into() };
            let answer = self.outbound.send(request, WITHIN).await.map_err(|error| Failed::Away(error.to_string()))?;
            let text = String::from_utf8_lossy(&answer.body);
            match answer.status.as_u16() {
                200 => return Ok(answer.body),
                409 => last = self.other_size(last, text.trim()).await?,
                422 => return Err(Failed::Forked(format!("the log does not follow from its tree of {last} events"))),
                status @ (408 | 429 | 500..) => return Err(Failed::Away(format!("it answered {status}: {text}"))),
                status => return Err(Failed::Refused(format!("it answered {status}: {text}"))),
            }
        }
        Err(Failed::Later)
    }

    /// That the tree has only grown since it had this size.
    async fn proof(&self, last: u64) -> Result<ConsistencyProof, Failed> {
        let size = self.head.size;
        let wanted = |error: admin_tlog::Error| Failed::Refused(error.to_string());
        let mut ids = consistency_tiles(last, size).map_err(wanted)?;
        ids.extend(head_tiles(last, size).map_err(wanted)?);
        ids.sort_unstable();
        ids.dedup();
        let tiles = self.store.tiles(ids).await.map_err(|_| Failed::Later)?;
        let proof = head_at(last, size, &tiles).and_then(|old| prove_consistency(&old, &self.head, &tiles));
        proof.map_err(|error| match error {
            // Partial tiles are removed when the next checkpoints have replaced them.
            admin_tlog::Error::MissingTile(_) => Failed::Later,
            error => Failed::Forked(format!("the tiles of the log were altered: {error}")),
        })
    }

    /// The size that the witness says it cosigned last, if the log can go on from there.
    async fn other_size(&self, last: u64, text: &str) -> Result<u64, Failed> {
        let size: u64 = text.parse().map_err(|_| Failed::Refused(format!("409 does not tell a size: {text:?}")))?;
        if size == last {
            return Err(Failed::Forked(format!("it cosigned another tree of {size} events")));
        }
        if size <= self.head.size {
            return Ok(size);
        }
        // Perhaps another process has had a later checkpoint cosigned.
        match self.store.checkpoint(self.policy).await {
            Ok(Some((_, now, _))) if now.head.size < size => Err(Failed::Forked(format!(
                "it cosigned a tree of {size} events, and the log has {}: an old copy of the log was restored",
                now.head.size
            ))),
            _ => Err(Failed::Later),
        }
    }
}
