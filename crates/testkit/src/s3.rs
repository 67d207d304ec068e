//! Servers of S3, which `scripts/install.sh test` installs. [`Server::start`] is `s3s-fs`, which checks signatures and conditions,
//! but looks at a condition in one step and writes in another: tests in which writers race put
//! [`Proxy::one_by_one`](crate::faulty::Proxy::one_by_one) before it. A key must be no folder of another there.
//! [`Server::with_locks`] is `moto`, which knows object lock, but only reads whom a signature is from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::ports;
use crate::process::{self, Leash, Signal};

/// The versions that `scripts/install.sh` installs.
const S3S: &str = "s3s-fs-0.14.1";
const MOTO: &str = "moto-5.2.5";

/// How long a server may take to start (moto is slow at it), and to stop.
const READY_WITHIN: Duration = Duration::from_secs(120);
const STOPPED_WITHIN: Duration = Duration::from_secs(60);

/// The only user.
pub const ACCESS_KEY: &str = "admin-test-access";
/// The user's key.
pub const SECRET_KEY: &str = "admin-test-secret";
/// The only bucket.
pub const BUCKET: &str = "admin-test";

/// A server of a test's own, with an empty bucket.
#[derive(Debug)]
pub struct Server {
    folder: tempfile::TempDir,
    port: u16,
    process: Child,
}

#[derive(Clone, Copy)]
enum Program {
    S3s,
    Moto,
}

impl Server {
    /// Starts `s3s-fs`.
    ///
    /// # Panics
    /// It cannot be started.
    pub async fn start() -> Server {
        Server::try_start(Program::S3s)
            .await
            .unwrap_or_else(|error| panic!("an S3 server of the test's own: {error:#}"))
    }

    /// Starts `moto`, with a bucket whose objects can be kept under a lock.
    ///
    /// # Panics
    /// It cannot be started.
    pub async fn with_locks() -> Server {
        let server = Server::try_start(Program::Moto).await;
        server.unwrap_or_else(|error| panic!("an S3 server with object lock of the test's own: {error:#}"))
    }

    async fn try_start(program: Program) -> anyhow::Result<Server> {
        let folder = tempfile::Builder::new().prefix("admin-test-s3-").tempdir()?;
        fs::create_dir_all(folder.path().join("data").join(BUCKET))?;
        let port = ports::free();
        let started = match start(program, folder.path(), port).await {
            Ok(process) => (process, port),
            // Somebody may have been faster to take the port.
            Err(_) => {
                let port = ports::free();
                (start(program, folder.path(), port).await?, port)
            }
        };
        let server = Server { folder, process: started.0, port: started.1 };
        if let Program::Moto = program {
            let made = reqwest::Client::new()
                .put(format!("{}/{BUCKET}", server.url()))
                .header("x-amz-bucket-object-lock-enabled", "true")
                .header("authorization", authorization())
                .send()
                .await?;
            ensure!(made.status().is_success(), "no bucket: {}", made.text().await?);
        }
        Ok(server)
    }

    /// Where it listens; buckets stand in the path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What was put under a key, as `s3s-fs` keeps it.
    #[must_use]
    pub fn file(&self, key: &str) -> PathBuf {
        self.folder.path().join("data").join(BUCKET).join(key)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        process::signal(self.process.id(), Signal::TERM);
        if process::wait(&mut self.process, STOPPED_WITHIN).is_none() {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

async fn start(program: Program, folder: &Path, port: u16) -> anyhow::Result<Child> {
    let log = folder.join("log");
    let mut process = command(program, folder, port, &log)?.spawn().context("cannot run the S3 server")?;
    match ready(program, &mut process, port).await {
        Ok(()) => Ok(process),
        Err(error) => {
            let _ = process.kill();
            let _ = process.wait();
            Err(error.context(process::tail(&log)))
        }
    }
}

fn command(program: Program, folder: &Path, port: u16, log: &Path) -> anyhow::Result<Command> {
    let leash = Leash { owner: std::process::id(), signal: "KILL", folder };
    let port = port.to_string();
    Ok(match program {
        Program::S3s => {
            let mut command = process::leashed(installed(S3S, "s3s-fs")?, leash, log)?;
            command.args(["--host", "127.0.0.1", "--port", &port]);
            command.args(["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY]).arg(folder.join("data"));
            command
        }
        Program::Moto => {
            let mut command = process::leashed(installed(MOTO, "moto_server")?, leash, log)?;
            command.args(["-H", "127.0.0.1", "-p", &port]).current_dir(folder);
            command
        }
    })
}

fn installed(folder: &str, program: &str) -> anyhow::Result<PathBuf> {
    let home = std::env::var("HOME").context("HOME is not set")?;
    let path = Path::new(&home).join(".cache/admin").join(folder).join("bin").join(program);
    ensure!(path.is_file(), "{} is missing; scripts/install.sh test installs it", path.display());
    Ok(path)
}

/// Waits until it answers like the program that it is.
async fn ready(program: Program, process: &mut Child, port: u16) -> anyhow::Result<()> {
    let deadline = Instant::now() + READY_WITHIN;
    let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build()?;
    loop {
        if let Some(status) = process.try_wait()? {
            bail!("the S3 server ended before it was ready: {status}");
        }
        if let Ok(answer) = client.get(format!("http://127.0.0.1:{port}/")).send().await {
            // Without a signature the one lists nothing, and the other everything.
            let wanted = match program {
                Program::S3s => 403,
                Program::Moto => 200,
            };
            ensure!(
                answer.status() == wanted,
                "port {port} belongs to another server, which answers {}",
                answer.status()
            );
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "the S3 server was not ready within {READY_WITHIN:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A header `Authorization` that is enough for `moto`.
#[must_use]
pub fn authorization() -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
    )
}
