//! The contract of the queue: one suite, held by the embedded adapter and by the one over RabbitMQ.

mod contract;
mod dice;
mod in_process;
mod memory_log;
mod rabbitmq;
mod recorder;

use std::sync::Arc;
use std::time::Duration;

use admin_backends::queue::Settings;
use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use memory_log::MemoryLog;
use recorder::Recorder;

/// The reader that the suite watches.
const READER: &str = "watched";

/// An adapter under test: processes over one log.
trait Harness: Send + Sync {
    /// Nothing is there yet.
    fn fresh() -> impl Future<Output = Self> + Send;

    /// The log that all processes share, and that outlives them.
    fn log(&self) -> &Arc<MemoryLog>;

    /// One more process, whose handler the recorder is.
    fn process(&self, recorder: &Arc<Recorder>) -> impl Future<Output = Process> + Send;
}

/// A running process.
struct Process {
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Process {
    /// A process of what `start` makes of its token for the stop.
    fn of(parts: impl IntoIterator<Item = Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()>>>) -> Process {
        let stop = CancellationToken::new();
        let tasks = parts.into_iter().map(|part| tokio::spawn(part(stop.clone()))).collect();
        Process { stop, tasks }
    }

    /// It ends without a word, as by SIGKILL.
    async fn kill(self) {
        for task in &self.tasks {
            task.abort();
        }
        for task in self.tasks {
            let _ = task.await;
        }
    }

    /// It is asked to stop, and does.
    async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            task.await.expect("a process ends when it is asked to");
        }
    }
}

/// Bounds that let a suite end soon.
fn settings() -> Settings {
    Settings {
        lease: Duration::from_secs(1),
        first_pause: Duration::from_millis(5),
        longest_pause: Duration::from_millis(100),
        attempts: 3,
        ..Settings::default()
    }
}
