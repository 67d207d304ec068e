//! Lanes: a lane is a thread that owns one writing connection, takes the jobs that wait, runs each in a savepoint,
//! commits once, and only then answers all of them.

use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use admin_types::{Error, OrgId, Result};
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::conn::Conn;
use crate::errors::SERIALIZATION;
use crate::group::{Head, Tx};
use crate::postgres::PostgresConn;
use crate::sqlite::SqliteConn;
use crate::{Target, errors};

/// The most jobs of one commit.
const GROUP: usize = 256;
/// The most jobs that wait for a lane; beyond it a write is refused at once.
const WAITING: usize = 4096;
/// How often a group runs again after serialisation failures.
const ATTEMPTS: usize = 10;
/// How long one statement of a write may take on PostgreSQL, in milliseconds.
const STATEMENT_MS: u64 = 60_000;

/// How many writers there are.
#[derive(Clone, Copy, Debug)]
pub struct LaneOptions {
    /// Lanes on PostgreSQL, each with a connection; an org always uses the same one. SQLite has one.
    pub postgres_lanes: usize,
}

impl Default for LaneOptions {
    fn default() -> LaneOptions {
        LaneOptions { postgres_lanes: 4 }
    }
}

/// A write that waits, with its caller.
trait Job: Send {
    fn org(&self) -> Option<OrgId>;
    /// Runs the closure and keeps its outcome. May be called again. The error is what the group must know of:
    /// a failure that makes the whole group run again or fail.
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> Pin<Box<dyn Future<Output = Outcome> + 't>>;
    /// Tells the caller its outcome, or `failure` if the group failed.
    fn answer(self: Box<Self>, failure: Option<Error>);
}

enum Outcome {
    Kept,
    Failed,
    RunAgain,
}

struct Write<F, T> {
    org: Option<OrgId>,
    job: F,
    outcome: Option<Result<T>>,
    caller: oneshot::Sender<Result<T>>,
}

impl<F, T> Job for Write<F, T>
where
    T: Send,
    F: AsyncFn(&mut Tx) -> Result<T> + Send,
{
    fn org(&self) -> Option<OrgId> {
        self.org
    }

    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> Pin<Box<dyn Future<Output = Outcome> + 't>> {
        Box::pin(async move {
            let outcome = (self.job)(tx).await;
            // An error of a deferred statement is the cause of those that came after it.
            let outcome = tx.flush().await.and(outcome);
            let says = match &outcome {
                Ok(_) => Outcome::Kept,
                Err(error) if error.code == SERIALIZATION => Outcome::RunAgain,
                Err(_) => Outcome::Failed,
            };
            self.outcome = Some(outcome);
            says
        })
    }

    fn answer(self: Box<Self>, failure: Option<Error>) {
        let answer = match (failure, self.outcome) {
            (Some(failure), _) => Err(failure),
            (None, Some(outcome)) => outcome,
            (None, None) => Err(Error::internal("a job was answered before it ran")),
        };
        // The caller may have gone; the write stands all the same.
        let _ = self.caller.send(answer);
    }
}

pub(crate) struct Lanes {
    lanes: Vec<mpsc::Sender<Box<dyn Job>>>,
    threads: std::sync::Mutex<Vec<std::thread::JoinHandle<()>>>,
    closing: std::sync::atomic::AtomicBool,
}

impl Lanes {
    pub(crate) async fn start(target: &Target, options: LaneOptions, heads: &broadcast::Sender<Head>) -> Result<Lanes> {
        let count = if matches!(target, Target::Sqlite(_)) { 1 } else { options.postgres_lanes.max(1) };
        let mut lanes = vec![];
        let mut threads = vec![];
        for _ in 0..count {
            let (sender, jobs) = mpsc::channel(WAITING);
            let (target, heads) = (target.clone(), heads.clone());
            let run = move || match target {
                Target::Sqlite(path) => run_sqlite(path, jobs, &heads),
                Target::Postgres(url) => run_postgres(url, jobs, &heads),
            };
            let thread = std::thread::Builder::new().name("db-lane".into()).spawn(run).map_err(Error::internal)?;
            lanes.push(sender);
            threads.push(thread);
        }
        Ok(Lanes { lanes, threads: threads.into(), closing: false.into() })
    }

    pub(crate) async fn write<T, F>(&self, org: Option<OrgId>, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
    {
        if self.closing.load(std::sync::atomic::Ordering::Acquire) {
            return Err(closed());
        }
        let lane = org.map_or(0, |org| usize::from(org.0[15]) % self.lanes.len());
        let (caller, answer) = oneshot::channel();
        let write = Box::new(Write { org, job, outcome: None, caller });
        self.lanes[lane].try_send(write).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                Error::unavailable("Too many writes are waiting. Try again shortly.", "lane is full")
            }
            mpsc::error::TrySendError::Closed(_) => closed(),
        })?;
        answer.await.map_err(|_| Error::unavailable("The write was cut off. Try again.", "lane ended"))?
    }

    /// Refuses new writes and waits until the waiting ones are on disk.
    pub(crate) async fn close(&self) {
        self.closing.store(true, std::sync::atomic::Ordering::Release);
        for lane in &self.lanes {
            let (caller, answer) = oneshot::channel();
            let last = Box::new(Write { org: None, job: async |_: &mut Tx| Ok(()), outcome: None, caller });
            if lane.send(last).await.is_ok() {
                let _ = answer.await;
            }
        }
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.lanes.clear();
        for thread in self.threads.lock().expect("no thread panics while it holds this").drain(..) {
            let _ = thread.join();
        }
    }
}

fn closed() -> Error {
    Error::unavailable("Admin is shutting down. Try again shortly.", "lane is closed")
}

fn take_group(first: Box<dyn Job>, jobs: &mut mpsc::Receiver<Box<dyn Job>>) -> Vec<Box<dyn Job>> {
    let mut group = vec![first];
    while group.len() < GROUP {
        let Ok(next) = jobs.try_recv() else { break };
        group.push(next);
    }
    metrics::histogram!("admin_db_group_size").record(group.len() as f64);
    group
}

fn answer_all(group: Vec<Box<dyn Job>>, failure: Option<&Error>) {
    for job in group {
        job.answer(failure.cloned());
    }
}

/// SQLite: every await in a job completes at once, so the thread needs no runtime.
fn run_sqlite(path: PathBuf, mut jobs: mpsc::Receiver<Box<dyn Job>>, heads: &broadcast::Sender<Head>) {
    let mut open: Option<Tx> = None;
    while let Some(first) = jobs.blocking_recv() {
        let mut group = take_group(first, &mut jobs);
        if open.is_none() {
            match SqliteConn::open_writer(&path) {
                Ok(conn) => open = Some(Tx::new(Conn::Sqlite(conn), heads)),
                Err(error) => {
                    answer_all(group, Some(&error));
                    continue;
                }
            }
        }
        let Some(tx) = open.as_mut() else { continue };
        let result = at_once(commit_group(tx, &mut group));
        if result.is_err() && at_once(tx.abort()).is_err() {
            open = None;
        }
        answer_all(group, result.err().as_ref());
    }
}

/// Drives a future that never waits.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("a write on SQLite awaited something other than its transaction"),
    }
}

/// PostgreSQL: a runtime of its own drives the connection and the jobs, so that a job's future need not be `Send`.
fn run_postgres(url: String, mut jobs: mpsc::Receiver<Box<dyn Job>>, heads: &broadcast::Sender<Head>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a current-thread runtime needs nothing that can be missing");
    runtime.block_on(async move {
        let mut open: Option<Tx> = None;
        while let Some(first) = jobs.recv().await {
            let mut group = take_group(first, &mut jobs);
            let failure = write_postgres((&url, heads), &mut open, &mut group).await.err();
            answer_all(group, failure.as_ref());
        }
    });
}

async fn write_postgres(
    (url, heads): (&str, &broadcast::Sender<Head>),
    open: &mut Option<Tx>,
    group: &mut [Box<dyn Job>],
) -> Result<()> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        if !open.as_ref().is_some_and(usable) {
            *open = Some(Tx::new(Conn::Postgres(PostgresConn::connect(url, STATEMENT_MS).await?), heads));
        }
        let Some(tx) = open.as_mut() else { continue };
        let Err(error) = commit_group(tx, group).await else { return Ok(()) };
        if tx.abort().await.is_err() {
            *open = None;
        }
        if error.code != errors::SERIALIZATION || attempt == ATTEMPTS {
            return Err(errors::gave_up(error));
        }
        tokio::time::sleep(Duration::from_millis(1 << attempt.min(7))).await;
    }
}

fn usable(tx: &Tx) -> bool {
    match tx.connection() {
        Conn::Postgres(conn) => !conn.is_closed(),
        Conn::Sqlite(_) => true,
    }
}

/// Runs all jobs and commits. An error means that nothing of the group is known to be on disk.
async fn commit_group(tx: &mut Tx, group: &mut [Box<dyn Job>]) -> Result<()> {
    // A job alone needs no savepoint: to undo it is to undo the group.
    let savepoint = group.len() > 1;
    let mut anything = false;
    tx.begin().await?;
    for job in group.iter_mut() {
        tx.enter(job.org(), savepoint).await?;
        let kept = match job.run(tx).await {
            Outcome::RunAgain => {
                return Err(errors::run_again());
            }
            outcome => matches!(outcome, Outcome::Kept),
        };
        anything |= tx.leave(kept, savepoint).await?;
    }
    if anything { tx.commit().await } else { tx.abort().await }
}
