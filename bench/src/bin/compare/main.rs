//! `compare`: Admin beside a bare program that does the same SQL: the same data, the same requests, one core for the
//! subject and one for the load, in interleaved rounds. Prints tables in Markdown.

mod figures;
mod life;
mod operations;
mod report;
mod rounds;
mod subject;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bench::process;
use clap::Parser;

use crate::operations::{OPERATIONS, Operation};
use crate::subject::{Kind, Place};

/// Above this share of time in which something waited for a core, in percent, figures are not worth taking.
const BUSY: f64 = 5.0;
/// How long to wait for a quiet machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Compares Admin with a bare program. Both are built beside this one.
#[derive(Parser, Debug)]
pub(crate) struct Options {
    /// How many rows the subjects hold; with several sizes, also how costs grow.
    #[arg(long, value_delimiter = ',', default_value = "100000")]
    rows: Vec<u64>,
    /// Rounds; figures are their median, with the least and the greatest.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Starts on a fresh folder, each with an import of all rows.
    #[arg(long, default_value_t = 3)]
    imports: usize,
    /// Seconds of each closed loop.
    #[arg(long, default_value_t = 1.0)]
    closed: f64,
    /// Seconds of each open loop.
    #[arg(long, default_value_t = 0.6)]
    open: f64,
    /// The rates of the open loops, in percent of the slower subject's peak.
    #[arg(long, value_delimiter = ',', default_value = "50")]
    shares: Vec<f64>,
    /// Clients that read.
    #[arg(long, default_value_t = 16)]
    readers: usize,
    /// Clients that write.
    #[arg(long, default_value_t = 64)]
    writers: usize,
    /// Only operations whose name contains one of these.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Where data goes, in a folder that is removed afterwards.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// The subject's core; the load runs on the other.
    #[arg(long, default_value_t = 0)]
    core: usize,
    /// Measure on a busy machine too.
    #[arg(long)]
    force: bool,
}

impl Options {
    fn operations(&self) -> Vec<&'static Operation> {
        let wanted =
            |operation: &&Operation| self.only.is_empty() || self.only.iter().any(|only| operation.name.contains(only));
        OPERATIONS.iter().filter(wanted).collect()
    }

    fn closed(&self) -> Result<Duration> {
        Ok(Duration::try_from_secs_f64(self.closed)?)
    }

    fn open(&self) -> Result<Duration> {
        Ok(Duration::try_from_secs_f64(self.open)?)
    }
}

/// Says how far the measurement is.
pub(crate) fn progress(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "compare: {text}");
}

fn print(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Waits until the machine is quiet, which it is not right after a build, but not for long. Answers its CPU pressure.
fn quiet(force: bool) -> Result<f64> {
    let asked = Instant::now();
    loop {
        let pressure = process::pressure()?;
        if pressure < BUSY || force {
            return Ok(pressure);
        }
        ensure!(
            asked.elapsed() < PATIENCE,
            "the machine is busy (CPU pressure {pressure:.1} %): wait until it is not, or take --force and doubtful figures"
        );
        progress(&format!("the machine is busy (CPU pressure {pressure:.1} %), waiting"));
        std::thread::sleep(Duration::from_secs(5));
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<()> {
    ensure!(options.rounds > 0 && options.imports > 0, "at least one round and one import");
    let least = options.writers as u64 * 2;
    ensure!(options.rows.iter().all(|rows| *rows >= least), "at least {least} rows, two for each client that writes");
    let pressure = quiet(options.force)?;
    let temporary = match &options.folder {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    let cores = std::thread::available_parallelism()?.get();
    let core = (cores > 1).then_some(options.core);
    if core.is_some() {
        process::bind_to(if options.core == 0 { 1 } else { 0 })?;
    }
    let programs = std::env::current_exe()?.parent().context("a program lies in a folder")?.to_owned();
    let place = Place { programs, folder: temporary.path().to_owned(), core };
    print(&report::heading(options, pressure, process::syncs_per_second(temporary.path())?, cores));
    let mut sizes = vec![];
    for rows in &options.rows {
        let (subjects, life) = life::run(&place, options, *rows).await?;
        let measured = rounds::run(&subjects, options, *rows).await?;
        let memory = subjects.iter().map(|subject| subject.memory()).collect::<Result<Vec<_>>>()?;
        print(&report::tables(*rows, options, &life, &measured, &memory));
        sizes.push((*rows, measured));
        drop(subjects);
        for kind in Kind::ALL {
            let _ = std::fs::remove_dir_all(place.folder_of(kind));
        }
    }
    if sizes.len() > 1 {
        print(&report::growth(&sizes));
    }
    Ok(())
}
