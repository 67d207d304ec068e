//! The binary itself, `admin serve`, on a temporary folder and a free port.

use std::fs;
use std::ops::Deref;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;

use crate::client::Client;
use crate::postgres::{self, Database};
use crate::process::{self, Leash, Signal};
use crate::story::Backend;

const READY_WITHIN: Duration = Duration::from_secs(120);
const STOPPED_WITHIN: Duration = Duration::from_secs(60);

/// A running Admin, called by its owner: a sandbox is also the [`Client`] with the owner's token.
///
/// The address stays the same when the server is killed and started again, so clients made before go on working.
#[derive(Debug)]
pub struct Sandbox {
    /// The token that the first start made for the owner of the first org.
    pub owner_token: String,
    /// What `ADMIN_DATA_DIR` says.
    pub data_dir: PathBuf,
    client: Client,
    install: Install,
    process: Mutex<Child>,
}

/// What outlives the server's process: its folder, its database, its settings.
#[derive(Debug)]
struct Install {
    folder: TempDir,
    database: Option<Database>,
    settings: Vec<(String, String)>,
}

impl Deref for Sandbox {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Sandbox {
    /// Starts `admin serve` on an empty folder and an empty database.
    ///
    /// # Panics
    /// It is not ready in time; the message has the end of its log.
    pub async fn start_on(backend: Backend) -> Sandbox {
        Sandbox::start_with(backend, &[]).await
    }

    /// The same, with more settings in its environment, such as `("ADMIN_READ_ONLY", "true")`.
    ///
    /// # Panics
    /// It is not ready in time; the message has the end of its log.
    pub async fn start_with(backend: Backend, settings: &[(&str, &str)]) -> Sandbox {
        let folder = tempfile::Builder::new().prefix("admin-test-").tempdir().expect("a temporary folder");
        let database = match backend {
            Backend::Sqlite => None,
            Backend::Postgres => Some(postgres::database().await),
        };
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let install = Install { folder, database, settings };
        let started = install.serve("127.0.0.1:0").await;
        let (process, address) = started.unwrap_or_else(|error| panic!("`admin serve` did not start: {error:#}"));
        let owner_token = fs::read_to_string(install.token_file()).expect("the first start writes the owner's token");
        let owner_token = owner_token.trim().to_owned();
        let client = Client::new(&format!("http://{address}"), Some(&owner_token));
        Sandbox { owner_token, data_dir: install.data_dir(), client, install, process: Mutex::new(process) }
    }

    /// Starts the server again on the same folder, database and address, after [`Sandbox::kill`] or [`Sandbox::stop`].
    ///
    /// # Panics
    /// It still runs, or it is not ready in time.
    pub async fn start(&self) {
        assert!(!self.running(), "the server still runs; kill or stop it first");
        // What a killed server left behind must not pass for the word of the new one.
        let _ = fs::remove_file(self.install.address_file());
        let started = self.install.serve(self.client.base_url.trim_start_matches("http://")).await;
        let (process, _) = started.unwrap_or_else(|error| panic!("`admin serve` did not start again: {error:#}"));
        *self.process() = process;
    }

    /// SIGKILL: the process is gone when this returns.
    pub fn kill(&self) {
        let mut process = self.process();
        let _ = process.kill();
        let _ = process.wait();
    }

    /// SIGTERM: drains, and returns the exit status. Blocks the thread.
    ///
    /// # Panics
    /// It has not ended in time.
    pub fn stop(&self) -> ExitStatus {
        let mut process = self.process();
        process::signal(process.id(), Signal::TERM);
        let status = process::wait(&mut process, STOPPED_WITHIN);
        status.unwrap_or_else(|| panic!("the server was still there {STOPPED_WITHIN:?} after SIGTERM"))
    }

    /// Whether the process is there.
    ///
    /// # Panics
    /// The process cannot be asked about.
    #[must_use]
    pub fn running(&self) -> bool {
        self.process().try_wait().expect("a child can be waited for").is_none()
    }

    /// The id of the server's process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process().id()
    }

    /// What the server has logged so far, over all its starts.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.install.log_file()).unwrap_or_default()
    }

    /// Runs `admin ARGUMENTS` with the server's settings and returns what it prints. Blocks the thread.
    ///
    /// # Panics
    /// The command fails; the message has what it said.
    pub fn cli(&self, arguments: &[&str]) -> String {
        let output = self.try_cli(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`admin {}` ended with {}: {said}", arguments.join(" "), output.status);
        String::from_utf8(output.stdout).expect("the command line prints UTF-8")
    }

    /// Where the command line keeps what is the caller's own.
    pub fn config_dir(&self) -> PathBuf {
        self.install.config_dir()
    }

    /// The same, for a command that may fail.
    ///
    /// # Panics
    /// The binary cannot be run.
    pub fn try_cli(&self, arguments: &[&str]) -> Output {
        self.spawn_cli(arguments).wait_with_output().expect("the binary can be waited for")
    }

    /// The same, as a process whose standard output and standard error can be read while it runs.
    ///
    /// # Panics
    /// The binary cannot be run.
    pub fn spawn_cli(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(binary().unwrap_or_else(|error| panic!("{error:#}")));
        let command = self.install.configure(&mut command).args(arguments).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary can be run")
    }

    fn process(&self) -> MutexGuard<'_, Child> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = process::tail(&self.install.log_file());
            #[expect(clippy::print_stderr, reason = "beside the failure of the test, where its reader looks")]
            {
                eprintln!("--- the end of the server's log ---\n{log}\n---");
            }
        }
    }
}

impl Install {
    /// Runs `admin serve` until it is ready; with it the address that it listens at.
    async fn serve(&self, listen: &str) -> anyhow::Result<(Child, String)> {
        let leash = Leash { owner: std::process::id(), signal: "KILL", folder: self.folder.path() };
        let mut command = process::leashed(binary()?, leash, &self.log_file())?;
        let said = fs::metadata(self.log_file()).map_or(0, |log| log.len());
        let mut process = self.configure(&mut command).arg("serve").env("ADMIN_LISTEN", listen).spawn()?;
        match self.ready(&mut process, usize::try_from(said)?).await {
            Ok(address) => Ok((process, address)),
            Err(error) => {
                let _ = process.kill();
                let _ = process.wait();
                Err(error.context(process::tail(&self.log_file())))
            }
        }
    }

    /// Waits until the server has written its address, calls itself ready there, and has printed how to sign in, behind the
    /// `said` bytes that earlier ones have logged.
    async fn ready(&self, process: &mut Child, said: usize) -> anyhow::Result<String> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if let Some(status) = process.try_wait()? {
                bail!("it ended before it was ready: {status}");
            }
            let address = fs::read_to_string(self.address_file()).unwrap_or_default();
            let address = address.trim().trim_start_matches("http://").to_owned();
            if !address.is_empty() {
                let ready = Client::new(&format!("http://{address}"), None).request(reqwest::Method::GET, "/readyz");
                if ready.send().await.is_ok_and(|answer| answer.status() == 200) && self.has_greeted(said) {
                    return Ok(address);
                }
            }
            ensure!(Instant::now() < deadline, "it was not ready within {READY_WITHIN:?} (address: {address:?})");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether all is printed that a start prints.
    fn has_greeted(&self, said: usize) -> bool {
        let log = fs::read(self.log_file()).unwrap_or_default();
        let log = String::from_utf8_lossy(log.get(said..).unwrap_or_default());
        let greeting = log.split_once("Admin is ready at ").map_or("", |(_, greeting)| greeting);
        greeting.split_once("Sign in ").is_some_and(|(_, how)| how.contains("\n\n"))
    }

    /// Only this sandbox's settings reach the binary, none of the developer's own.
    fn configure<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ADMIN_")) {
            command.env_remove(name);
        }
        // Profiles are the sandbox's own too.
        command.env("XDG_CONFIG_HOME", self.config_dir());
        command.env("ADMIN_DATA_DIR", self.data_dir()).env("ADMIN_BOOTSTRAP_TOKEN_FILE", self.token_file());
        if let Some(database) = &self.database {
            command.env("ADMIN_DATABASE", &database.url);
        }
        command.envs(self.settings.iter().map(|(name, value)| (name, value))).current_dir(self.folder.path())
    }

    fn data_dir(&self) -> PathBuf {
        let set = self.settings.iter().find(|(name, _)| name == "ADMIN_DATA_DIR");
        set.map_or_else(|| self.folder.path().join("data"), |(_, path)| PathBuf::from(path))
    }

    fn config_dir(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    fn address_file(&self) -> PathBuf {
        self.data_dir().join("admin.addr")
    }

    fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

/// The binary under test: what `ADMIN_BINARY` names, or the one that Cargo built beside the tests.
fn binary() -> anyhow::Result<PathBuf> {
    if let Some(binary) = std::env::var_os("ADMIN_BINARY") {
        return Ok(PathBuf::from(binary));
    }
    let test = std::env::current_exe()?;
    let profile = test.ancestors().nth(2).context("a test lies in the folder `deps` of its profile")?;
    let binary = profile.join("admin");
    ensure!(
        binary.is_file(),
        "there is no binary at {}: run the tests of the whole workspace, or `cargo build --package admin` before these",
        binary.display()
    );
    Ok(binary)
}
