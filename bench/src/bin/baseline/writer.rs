//! The writer: one thread, one connection, group commit. It takes what waits, runs each job in a savepoint, commits
//! once with `synchronous=FULL`, and then answers all.

use anyhow::{Result, anyhow};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

/// The most jobs of one commit.
const GROUP: usize = 256;

type Answer = Box<dyn FnOnce(bool) + Send>;
type Job = Box<dyn FnOnce(&Connection) -> (bool, Answer) + Send>;

/// The way to the writer's thread.
pub(crate) struct Writer {
    jobs: mpsc::Sender<Job>,
}

impl Writer {
    pub(crate) fn start(connection: Connection) -> Result<Writer> {
        let (sender, jobs) = mpsc::channel(4096);
        std::thread::Builder::new().name("writer".into()).spawn(move || run(&connection, jobs))?;
        Ok(Writer { jobs: sender })
    }

    /// Runs a job; its result comes when it is on disk.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (caller, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = job(connection);
            let kept = result.is_ok();
            let answer: Answer = Box::new(move |committed| {
                let result = if committed || !kept { result } else { Err(anyhow!("the commit failed")) };
                let _ = caller.send(result);
            });
            (kept, answer)
        });
        self.jobs.send(job).await.map_err(|_| anyhow!("the writer has ended"))?;
        answer.await?
    }
}

fn run(connection: &Connection, mut jobs: mpsc::Receiver<Job>) {
    while let Some(first) = jobs.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP {
            let Ok(next) = jobs.try_recv() else { break };
            group.push(next);
        }
        let mut answers = Vec::with_capacity(group.len());
        let committed = commit(connection, group, &mut answers).is_ok();
        if !committed {
            let _ = execute(connection, "ROLLBACK");
        }
        for answer in answers {
            answer(committed);
        }
    }
}

fn commit(connection: &Connection, group: Vec<Job>, answers: &mut Vec<Answer>) -> rusqlite::Result<()> {
    execute(connection, "BEGIN IMMEDIATE")?;
    for job in group {
        execute(connection, "SAVEPOINT job")?;
        let (kept, answer) = job(connection);
        answers.push(answer);
        if !kept {
            execute(connection, "ROLLBACK TO SAVEPOINT job")?;
        }
        execute(connection, "RELEASE SAVEPOINT job")?;
    }
    execute(connection, "COMMIT")
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}
