//! Starts, imports and memory: each round on a fresh folder; the last round's subjects are the ones that are measured.

use std::time::Duration;

use anyhow::Result;

use crate::figures::Figures;
use crate::subject::{Kind, Place, Subject};
use crate::{Options, progress};

/// The figures of one subject.
#[derive(Clone, Default, Debug)]
pub(crate) struct Life {
    /// Milliseconds to the first answer of `/livez`, on a fresh folder.
    pub(crate) fresh_live: Figures,
    /// The same, of `/readyz`.
    pub(crate) fresh_ready: Figures,
    /// Milliseconds to the first answer of `/livez`, with all rows there.
    pub(crate) live: Figures,
    /// The same, of `/readyz`.
    pub(crate) ready: Figures,
    /// Rows a second of an import.
    pub(crate) rows: Figures,
    /// Microseconds of CPU for each row.
    pub(crate) cpu: Figures,
    /// Bytes after the start on a fresh folder: resident, and its own.
    pub(crate) idle: (u64, u64),
    /// The same, after the import.
    pub(crate) filled: (u64, u64),
}

/// Starts, fills, stops and starts again. Answers the subjects, with their rows, in the order of [`Kind::ALL`].
pub(crate) async fn run(place: &Place, options: &Options, rows: u64) -> Result<(Vec<Subject>, Vec<Life>)> {
    let (mut subjects, mut lives) = (vec![], vec![Life::default(); Kind::ALL.len()]);
    for round in 0..options.imports {
        subjects.clear();
        progress(&format!("{rows} rows: start and import, round {} of {}", round + 1, options.imports));
        for (kind, life) in Kind::ALL.into_iter().zip(&mut lives) {
            let folder = place.folder_of(kind);
            if folder.exists() {
                std::fs::remove_dir_all(folder)?;
            }
            subjects.push(one(place, kind, rows, life).await?);
        }
    }
    Ok((subjects, lives))
}

async fn one(place: &Place, kind: Kind, rows: u64, life: &mut Life) -> Result<Subject> {
    let subject = Subject::start(place, kind)?;
    life.fresh_live.add(milliseconds(subject.server.live));
    life.fresh_ready.add(milliseconds(subject.server.ready));
    subject.prepare().await?;
    life.idle = subject.memory()?;
    let import = subject.import(rows).await?;
    life.rows.add(rows as f64 / import.took.as_secs_f64());
    life.cpu.add(import.cpu.as_secs_f64() * 1e6 / rows as f64);
    life.filled = subject.memory()?;
    drop(subject);
    let subject = Subject::start(place, kind)?;
    life.live.add(milliseconds(subject.server.live));
    life.ready.add(milliseconds(subject.server.ready));
    Ok(subject)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
