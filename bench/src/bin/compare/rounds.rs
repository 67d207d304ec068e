//! The rounds: reads first, so that they meet the rows that were imported; then writes. Within a round each operation is
//! done by one subject after the other, and the next round begins with the other subject.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bench::drive::{self, Load, Outcome, Pace};
use bench::rows;

use crate::figures::Figures;
use crate::operations::{Operation, Prepared, difference};
use crate::subject::Subject;
use crate::{Options, progress};

/// How long each operation runs before it is measured.
const WARM_UP: Duration = Duration::from_millis(300);
/// The slowest open loop, in requests a second, so that its latencies are of some number.
const LEAST_RATE: f64 = 50.0;

/// The figures of one operation by one subject.
#[derive(Clone, Default, Debug)]
pub(crate) struct Measured {
    /// Microseconds of CPU for each, in the closed loop.
    pub(crate) cpu: Figures,
    /// Answers a second, in the closed loop.
    pub(crate) rate: Figures,
    /// For each open loop.
    pub(crate) latencies: Vec<Latency>,
}

/// The figures of one open loop.
#[derive(Clone, Default, Debug)]
pub(crate) struct Latency {
    /// Requests a second.
    pub(crate) rate: Figures,
    /// Half of the answers came within so many microseconds.
    pub(crate) p50: Figures,
    /// All but one in a hundred.
    pub(crate) p99: Figures,
}

/// An operation, and its figures by each subject.
pub(crate) type Row = (&'static Operation, Vec<Measured>);

/// An operation in the middle of being measured.
struct Course<'a> {
    operation: &'static Operation,
    subjects: &'a [Subject],
    prepared: Vec<Prepared>,
    measured: Vec<Measured>,
    /// Answers so far, of each subject.
    answered: Vec<u64>,
}

/// Measures all operations.
pub(crate) async fn run(subjects: &[Subject], options: &Options, rows: u64) -> Result<Vec<Row>> {
    let (writes, reads): (Vec<_>, Vec<_>) = options.operations().into_iter().partition(|operation| operation.writes());
    let mut done = vec![];
    for (name, operations) in [("reads", reads), ("writes", writes)] {
        let mut courses = vec![];
        for operation in operations {
            courses.push(Course::prepare(operation, subjects, options, rows).await?);
        }
        for course in &mut courses {
            for subject in 0..subjects.len() {
                course.load(subject, Pace::Closed, WARM_UP, options).await?;
            }
        }
        for round in 0..options.rounds {
            progress(&format!("{rows} rows: {name}, round {} of {}", round + 1, options.rounds));
            for course in &mut courses {
                course.round(round, options).await?;
            }
        }
        for course in courses {
            done.push(course.finish().await?);
        }
    }
    Ok(done)
}

impl<'a> Course<'a> {
    async fn prepare(
        operation: &'static Operation,
        subjects: &'a [Subject],
        options: &Options,
        rows: u64,
    ) -> Result<Course<'a>> {
        let mut prepared: Vec<Prepared> = vec![];
        for subject in subjects {
            let ready = operation.prepare(subject, options, rows).await?;
            if let Some(first) = prepared.first()
                && let Some(at) = difference(&first.sample, &ready.sample)
            {
                bail!("the subjects answer differently to `{}`: {at}", operation.name);
            }
            prepared.push(ready);
        }
        let measured =
            vec![
                Measured { latencies: vec![Latency::default(); options.shares.len()], ..Measured::default() };
                subjects.len()
            ];
        Ok(Course { operation, subjects, prepared, measured, answered: vec![0; subjects.len()] })
    }

    async fn load(&mut self, subject: usize, pace: Pace, time: Duration, options: &Options) -> Result<Outcome> {
        let load = Load { clients: self.operation.clients(options), pace, time };
        let script = &*self.prepared[subject].script;
        let outcome = drive::run(&self.subjects[subject].caller.address, load, script).await;
        let outcome =
            outcome.with_context(|| format!("`{}` by {}", self.operation.name, self.subjects[subject].kind.name()))?;
        self.answered[subject] += outcome.answered;
        Ok(outcome)
    }

    async fn round(&mut self, round: usize, options: &Options) -> Result<()> {
        let count = self.subjects.len();
        let order: Vec<usize> = (0..count).map(|at| (at + round) % count).collect();
        let mut slowest = f64::INFINITY;
        for at in &order {
            let before = self.subjects[*at].cpu()?;
            let outcome = self.load(*at, Pace::Closed, options.closed()?, options).await?;
            let used = self.subjects[*at].cpu()? - before;
            slowest = slowest.min(outcome.per_second());
            self.measured[*at].cpu.add(used.as_secs_f64() * 1e6 / outcome.answered.max(1) as f64);
            self.measured[*at].rate.add(outcome.per_second());
        }
        for (nth, share) in options.shares.iter().enumerate() {
            let rate = (slowest * share / 100.0).max(LEAST_RATE);
            for at in &order {
                let outcome = self.load(*at, Pace::Open(rate), options.open()?, options).await?;
                let latency = &mut self.measured[*at].latencies[nth];
                latency.rate.add(rate);
                latency.p50.add(outcome.quantile(0.5));
                latency.p99.add(outcome.quantile(0.99));
            }
        }
        Ok(())
    }

    /// Counts what was created: every answer must stand for a row.
    async fn finish(self) -> Result<Row> {
        if self.operation.creates() {
            for (subject, answered) in self.subjects.iter().zip(&self.answered) {
                let count = subject.count(rows::ENTRY).await?;
                let name = subject.kind.name();
                ensure!(count == *answered, "{name} answered {answered} creations, and has {count} rows");
            }
        }
        Ok((self.operation, self.measured))
    }
}
