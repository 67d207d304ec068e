//! A witness (c2sp.org/tlog-witness): cosigns checkpoints of the logs that it knows, each only if it follows from the one that it
//! cosigned last. What it cosigned last is on the disk before anybody gets the cosignature, so that it never cosigns two
//! trees of which neither is the beginning of the other.

mod folder;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use admin_tlog::{AddCheckpoint, Checkpoint, Cosigner, Note, Policy, Refusal, Signature, TreeHead, Verifier};
use admin_types::{Clock, Random};

use folder::{Folder, broken};

/// The most bytes of a request: a checkpoint with its signatures, and the proof.
pub const MAX_REQUEST: usize = 64 * 1024;

/// Cosigns for the logs that it knows.
pub struct Witness {
    cosigner: Cosigner,
    logs: HashMap<String, Watched>,
    folder: Folder,
    clock: Arc<dyn Clock>,
    /// No other process remembers in the same folder.
    _lock: File,
}

/// A log that is known.
struct Watched {
    keys: Vec<Verifier>,
    policy: Policy,
    /// What was cosigned last. Whoever cosigns holds it until the new one is kept.
    last: Mutex<Option<TreeHead>>,
}

/// Why there is no cosignature.
#[derive(Debug)]
pub enum Refused {
    /// What was asked is not right.
    Refusal(Refusal),
    /// What would have been cosigned could not be kept.
    NotKept(io::Error),
}

impl Witness {
    /// Opens a witness that remembers in a folder, which becomes its own. Makes its key when there is none, under this name, or under
    /// a random one.
    ///
    /// # Errors
    /// The folder cannot be used, another process uses it, or what is in it is not as it was written; the words say which.
    pub fn open(
        path: &Path,
        name: Option<&str>,
        logs: Vec<Verifier>,
        (clock, random): (Arc<dyn Clock>, &dyn Random),
    ) -> io::Result<Witness> {
        let (folder, lock) = Folder::open(path)?;
        let cosigner = match folder.key()? {
            Some(cosigner) => cosigner,
            None => make_key(&folder, name, random)?,
        };
        if let Some(name) = name.filter(|name| *name != cosigner.verifier().name()) {
            let own = cosigner.verifier().name();
            return Err(io::Error::other(format!(
                "the key in {} has the name {own}, not {name}; another name is another witness, with a folder of its own",
                path.display()
            )));
        }
        let mut keys: HashMap<String, Vec<Verifier>> = HashMap::new();
        for key in logs {
            keys.entry(key.name().to_owned()).or_default().push(key);
        }
        let mut logs = HashMap::new();
        for (origin, keys) in keys {
            let policy = Policy::new(keys.clone()).map_err(|error| broken(&origin, &error))?;
            let last = folder.last(&origin, cosigner.verifier())?;
            logs.insert(origin, Watched { keys, policy, last: Mutex::new(last) });
        }
        Ok(Witness { cosigner, logs, folder, clock, _lock: lock })
    }

    /// The key that verifies what this witness cosigns.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        self.cosigner.verifier()
    }

    /// How many logs it knows.
    #[must_use]
    pub fn logs(&self) -> usize {
        self.logs.len()
    }

    /// Answers a request `add-checkpoint`: with the cosignature, or with why there is none. Waits for the disk.
    ///
    /// # Errors
    /// Why there is none.
    pub fn add(&self, request: &[u8]) -> Result<Signature, Refused> {
        let malformed = |error| Refused::Refusal(Refusal::Malformed(error));
        let request = AddCheckpoint::parse(request).map_err(malformed)?;
        let origin = Checkpoint::parse(request.checkpoint.text()).map_err(malformed)?.origin;
        let watched = self.logs.get(&origin).ok_or(Refused::Refusal(Refusal::UnknownLog))?;
        let mut last = watched.last.lock().unwrap_or_else(PoisonError::into_inner);
        // What the disk does not remember is forgotten at the next start: nothing may follow it.
        let kept = self.folder.last(&origin, self.cosigner.verifier()).map_err(Refused::NotKept)?;
        if kept != *last {
            return Err(Refused::NotKept(io::Error::other(format!(
                "what was cosigned last of {origin} was removed or altered on the disk; bring the folder back as it was, or begin with a new one, which is another witness"
            ))));
        }
        let head = request.check(&watched.policy, last.as_ref()).map_err(Refused::Refusal)?.head;
        let mut note = watched.signed(&request.checkpoint).map_err(malformed)?;
        let seconds = u64::try_from(self.clock.now().0 / 1_000_000).unwrap_or_default();
        let cosignature = note.cosign(&self.cosigner, seconds).map_err(malformed)?;
        if last.is_none_or(|last| last != head) {
            self.folder.keep(&origin, &note).map_err(Refused::NotKept)?;
            *last = Some(head);
        }
        Ok(cosignature)
    }
}

impl Watched {
    /// The checkpoint with the signatures of its log alone: what a witness keeps as its evidence.
    fn signed(&self, note: &Note) -> Result<Note, admin_tlog::Error> {
        let lines: String = note.signatures().iter().map(|line| format!("{line}\n")).collect();
        let mut signed = Note::new(note.text().to_owned())?;
        signed.add_lines(lines.as_bytes(), &self.keys)?;
        Ok(signed)
    }
}

fn make_key(folder: &Folder, name: Option<&str>, random: &dyn Random) -> io::Result<Cosigner> {
    let mut seed = [0; 32];
    random.fill(&mut seed);
    let digits: String = random.bytes16().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let name = name.map_or_else(|| format!("witness/{digits}"), str::to_owned);
    let cosigner = Cosigner::of_seed(&name, &seed).map_err(|error| broken(&name, &error))?;
    folder.keep_key(&cosigner)?;
    Ok(cosigner)
}

#[cfg(test)]
mod tests;
