//! Tokens that are verified, in one process: the first time, and every time after that.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use admin_core::{Core, MasterKey};
use admin_db::{Db, LaneOptions, Target};
use admin_identity::Identity;
use admin_types::{SystemClock, SystemRandom, Timestamp};
use anyhow::{Context, Result, anyhow};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::issued::Issued;
use crate::{bare, say};

/// Opens what the server left in its folder.
async fn open(data: &Path) -> Result<Core> {
    let text = fs::read_to_string(data.join("master.key")).context("the master key")?;
    let bytes = STANDARD.decode(text.trim())?.try_into().map_err(|_| anyhow!("a master key has 32 bytes"))?;
    let target = Target::Sqlite(data.join("admin.db"));
    let db = Db::open(target, LaneOptions { postgres_lanes: 1 }).await.map_err(|error| anyhow!("{error}"))?;
    let sample = "0".parse().map_err(|()| anyhow!("a share"))?;
    Ok(Core::new(db, Arc::new(SystemClock), Arc::new(SystemRandom), &MasterKey::new(bytes), sample))
}

/// Measures, and prints a line for each algorithm.
pub(crate) async fn measure(data: &Path, issuer: &str, issued: &Issued) -> Result<()> {
    let identity = Identity::open(&open(data).await?, issuer).await.map_err(|error| anyhow!("{error}"))?;
    let now = Timestamp(i64::try_from(std::time::UNIX_EPOCH.elapsed()?.as_micros())?);
    say("| a token | the first time µs | later µs |")?;
    say("| --- | ---: | ---: |")?;
    for (algorithm, tokens) in &issued.tokens {
        let check = |token: &str| identity.verify(token, now).map_err(|error| anyhow!("{algorithm}: {error}"));
        let mut first = vec![];
        for token in tokens {
            let started = Instant::now();
            check(token)?;
            first.push(started.elapsed().as_secs_f64() * 1e6);
        }
        let mut next = tokens.iter().cycle();
        let later = bare::measure(Duration::from_secs(1), || {
            let token = next.next().expect("a cycle has no end");
            black_box(check(token).expect("it was verified before"));
        })?;
        say(&format!("| {algorithm} | {:.1} | {later:.2} |", crate::median(first)))?;
    }
    Ok(())
}
