//! PostgreSQL 15: one cluster that all tests of a run share, or one of a test's own.
//!
//! The shared cluster starts with the first test that asks for it and ends with the run. Under nextest every test is a
//! process of its own, so the run is nextest's process, and the first test to take a file lock starts the cluster for
//! all. Elsewhere the run is the test process itself.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::{CommandExt, parent_id};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};

use crate::ports;
use crate::process::{self, Leash, Signal};

const READY_WITHIN: Duration = Duration::from_secs(120);
const STOPPED_WITHIN: Duration = Duration::from_secs(60);

/// An empty database of one test's own, dropped with this value.
#[derive(Debug)]
pub struct Database {
    /// `postgres://…`, what `ADMIN_DATABASE` takes.
    pub url: String,
    name: String,
    cluster_url: String,
}

/// A fresh database in the cluster that the tests of this run share.
///
/// # Panics
/// PostgreSQL cannot be started.
pub async fn database() -> Database {
    static CLUSTER_URL: OnceCell<String> = OnceCell::const_new();
    let cluster_url = CLUSTER_URL.get_or_try_init(shared).await;
    let cluster_url = cluster_url.unwrap_or_else(|error| panic!("PostgreSQL for the tests of this run: {error:#}"));
    Database::create(cluster_url).await.unwrap_or_else(|error| panic!("a fresh PostgreSQL database: {error:#}"))
}

impl Database {
    async fn create(cluster_url: &str) -> anyhow::Result<Database> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let create = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'");
        connect(cluster_url).await?.batch_execute(&create).await?;
        let (server, _) = cluster_url.rsplit_once('/').context("the address of a database ends with its name")?;
        Ok(Database { url: format!("{server}/{name}"), name, cluster_url: cluster_url.to_owned() })
    }
}

impl Drop for Database {
    /// A database that could not be dropped goes with its cluster.
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let url = self.cluster_url.clone();
        let work = async move {
            tokio::time::timeout(STOPPED_WITHIN, async { connect(&url).await?.batch_execute(&drop).await }).await
        };
        // A thread of its own: the test's runtime may be this thread, and may be shutting down.
        let _ = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().map(|runtime| runtime.block_on(work))
        })
        .join();
    }
}

/// A PostgreSQL of one test's own; stopped and removed with this value.
#[derive(Debug)]
pub struct Server {
    folder: TempDir,
    port: u16,
    process: Child,
}

impl Server {
    /// Makes a cluster and starts it.
    ///
    /// # Panics
    /// PostgreSQL cannot be started.
    pub async fn start() -> Server {
        Server::try_start().await.unwrap_or_else(|error| panic!("a PostgreSQL of the test's own: {error:#}"))
    }

    async fn try_start() -> anyhow::Result<Server> {
        let folder = tempfile::Builder::new().prefix("admin-test-postgres-").tempdir()?;
        let cluster = Cluster::initialise(folder.path(), std::process::id())?;
        let (process, port) = cluster.start_on_a_free_port().await?;
        Ok(Server { folder, port, process })
    }

    /// The address of the cluster's own database, `postgres`.
    #[must_use]
    pub fn url(&self) -> String {
        address(self.port)
    }

    /// The id of the postmaster.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// A fresh database in this cluster.
    ///
    /// # Panics
    /// PostgreSQL does not answer.
    pub async fn database(&self) -> Database {
        let database = Database::create(&self.url()).await;
        database.unwrap_or_else(|error| panic!("a fresh PostgreSQL database: {error:#}"))
    }

    /// SIGKILL to the postmaster and to every one of its processes; returns when they are gone.
    ///
    /// # Panics
    /// One of them stays.
    pub fn kill(&mut self) {
        let mut processes = process::children(self.id());
        processes.push(self.id());
        for id in &processes {
            process::signal(*id, Signal::KILL);
        }
        let status = process::wait(&mut self.process, STOPPED_WITHIN);
        let gone = process::until(STOPPED_WITHIN, || !processes.iter().any(|id| process::alive(*id)));
        assert!(status.is_some() && gone, "PostgreSQL survived SIGKILL: processes {processes:?}");
    }

    /// Starts again on the same data and the same port, after [`Server::kill`] or a fast shutdown.
    ///
    /// # Panics
    /// PostgreSQL cannot be started.
    pub async fn restart(&mut self) {
        process::signal(self.id(), Signal::INT);
        let stopped = process::wait(&mut self.process, STOPPED_WITHIN).is_some();
        assert!(stopped, "PostgreSQL did not stop:\n{}", process::tail(&self.folder.path().join("log")));
        let cluster = Cluster { folder: self.folder.path().to_owned(), owner: std::process::id() };
        let started = cluster.start(self.port).await;
        self.process = started.unwrap_or_else(|error| panic!("PostgreSQL did not start again: {error:#}"));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        process::signal(self.id(), Signal::QUIT);
        if process::wait(&mut self.process, STOPPED_WITHIN).is_none() {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

/// The address of the cluster of this run, started if this is the first test to ask.
async fn shared() -> anyhow::Result<String> {
    let Ok(run) = std::env::var("NEXTEST_RUN_ID") else {
        let folder = tempfile::Builder::new().prefix("admin-test-postgres-").tempdir()?.keep();
        let (_, port) = Cluster::initialise(&folder, std::process::id())?.start_on_a_free_port().await?;
        return Ok(address(port));
    };
    let folder = std::env::temp_dir().join(format!("admin-test-postgres-{run}"));
    fs::create_dir_all(&folder)?;
    let lock = fs::File::create(folder.join("lock"))?;
    lock.lock()?;
    let known = folder.join("url");
    if let Ok(url) = fs::read_to_string(&known) {
        return Ok(url);
    }
    let cluster = Cluster::initialise(&folder, parent_id())?;
    let (_, port) = cluster.start_on_a_free_port().await?;
    fs::write(known, address(port))?;
    Ok(address(port))
}

/// A data folder, and the process whose end is its end.
struct Cluster {
    folder: PathBuf,
    owner: u32,
}

impl Cluster {
    fn initialise(folder: &Path, owner: u32) -> anyhow::Result<Cluster> {
        let cluster = Cluster { folder: folder.to_owned(), owner };
        // Left by a test that was killed while it started the cluster.
        let _ = fs::remove_dir_all(cluster.data());
        if let Some((user, group)) = process::account(&["postgres", "nobody"])? {
            chown(folder, Some(user), Some(group))?;
        }
        let mut initdb = Command::new(program("initdb")?);
        initdb.arg("--pgdata").arg(cluster.data());
        initdb.args(["--username=admin", "--auth=trust", "--locale=C", "--encoding=UTF8", "--no-sync"]);
        let output = cluster.as_account(&mut initdb)?.output().context("cannot run initdb")?;
        ensure!(output.status.success(), "initdb failed: {}", String::from_utf8_lossy(&output.stderr));
        Ok(cluster)
    }

    async fn start_on_a_free_port(&self) -> anyhow::Result<(Child, u16)> {
        let port = ports::free();
        match self.start(port).await {
            Ok(process) => Ok((process, port)),
            // Somebody may have been faster to take the port.
            Err(_) => {
                let port = ports::free();
                Ok((self.start(port).await?, port))
            }
        }
    }

    /// Durability is on as in production: `fsync` keeps its default.
    async fn start(&self, port: u16) -> anyhow::Result<Child> {
        let leash = Leash { owner: self.owner, signal: "QUIT", folder: &self.folder };
        let mut postgres = process::leashed(program("postgres")?, leash, &self.log())?;
        postgres.arg("-D").arg(self.data()).args(["-p", &port.to_string()]);
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"] {
            postgres.args(["-c", setting]);
        }
        let mut process = self.as_account(&mut postgres)?.spawn().context("cannot run postgres")?;
        match self.ready(&mut process, port).await {
            Ok(()) => Ok(process),
            Err(error) => {
                let _ = process.kill();
                let _ = process.wait();
                Err(error.context(process::tail(&self.log())))
            }
        }
    }

    /// Waits until the server answers from this very data folder.
    async fn ready(&self, process: &mut Child, port: u16) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if let Some(status) = process.try_wait()? {
                bail!("postgres ended before it was ready: {status}");
            }
            if let Ok(client) = connect(&address(port)).await {
                let folder: String = client.query_one("SHOW data_directory", &[]).await?.get(0);
                ensure!(Path::new(&folder) == self.data(), "port {port} belongs to the PostgreSQL of {folder}");
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "postgres was not ready within {READY_WITHIN:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// PostgreSQL refuses to run as root; the working folder must be one that its account may enter.
    fn as_account<'a>(&self, command: &'a mut Command) -> anyhow::Result<&'a mut Command> {
        if let Some((user, group)) = process::account(&["postgres", "nobody"])? {
            command.uid(user).gid(group);
        }
        Ok(command.current_dir(&self.folder).env("LC_ALL", "C"))
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }
}

/// A program of PostgreSQL 15: Debian keeps it beside other versions, outside the path.
fn program(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [PathBuf::from("/usr/lib/postgresql/15/bin")].into_iter().chain(std::env::split_paths(&path));
    let found = folders.map(|folder| folder.join(name)).find(|program| program.is_file());
    found.with_context(|| format!("`{name}` of PostgreSQL 15 is not installed; scripts/install.sh test installs it"))
}

fn address(port: u16) -> String {
    format!("postgres://admin@127.0.0.1:{port}/postgres")
}

/// A connection with its own driver task.
async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
