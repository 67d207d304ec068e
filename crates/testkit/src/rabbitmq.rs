//! RabbitMQ 3.10: one broker that all tests of a run share, or one of a test's own.
//!
//! The shared broker starts with the first test that asks for it and ends with the run, as [`crate::postgres`] does it. The
//! broker is asked and told things in Erlang, by the small program `erl_call`; the cookie, which each broker has of its
//! own, makes sure that it is the right one that answers.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::{CommandExt, parent_id};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;

use crate::ports;
use crate::process::{self, Leash, Signal};

const READY_WITHIN: Duration = Duration::from_secs(120);
const STOPPED_WITHIN: Duration = Duration::from_secs(60);
const ANSWERED_WITHIN_SECONDS: &str = "20";
const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";
const PROGRAM: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// An empty virtual host of one test's own, deleted with this value.
#[derive(Debug)]
pub struct VirtualHost {
    /// `amqp://…`, with user and password.
    pub url: String,
    name: String,
    node: Node,
}

/// A fresh virtual host in the broker that the tests of this run share.
///
/// # Panics
/// RabbitMQ cannot be started.
pub async fn virtual_host() -> VirtualHost {
    tokio::task::spawn_blocking(|| {
        let node = shared().unwrap_or_else(|error| panic!("RabbitMQ for the tests of this run: {error:#}"));
        VirtualHost::create(node)
    })
    .await
    .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

impl VirtualHost {
    fn create(node: Node) -> VirtualHost {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let create = format!(
            r#"ok = rabbit_vhost:add(<<"{name}">>, <<"test">>),
            ok = rabbit_auth_backend_internal:set_permissions(<<"guest">>, <<"{name}">>, <<".*">>, <<".*">>, <<".*">>, <<"test">>)."#
        );
        node.evaluate(&create).unwrap_or_else(|error| panic!("a fresh virtual host: {error:#}"));
        VirtualHost { url: format!("amqp://guest:guest@127.0.0.1:{}/{name}", node.amqp), name, node }
    }

    /// `amqps://…` by this name of the machine, of a broker that was started so.
    ///
    /// # Panics
    /// It was not.
    #[must_use]
    pub fn secure_url(&self, host: &str) -> String {
        let port = self.node.amqps.expect("the broker was started with a certificate");
        format!("amqps://guest:guest@{host}:{port}/{}", self.name)
    }

    /// Closes every connection to this virtual host, as an operator would.
    ///
    /// # Panics
    /// RabbitMQ does not answer.
    pub fn close_connections(&self) {
        let close = format!(
            r#"[rabbit_networking:close_connection(Pid, "the test says so") || Pid <- rabbit_networking:connections(),
            [{{vhost, <<"{}">>}}] =:= (catch rabbit_reader:info(Pid, [vhost]))], ok."#,
            self.name
        );
        self.node.evaluate(&close).unwrap_or_else(|error| panic!("close connections: {error:#}"));
    }
}

impl Drop for VirtualHost {
    /// A virtual host that could not be deleted goes with its broker.
    fn drop(&mut self) {
        let _ = self.node.evaluate(&format!(r#"rabbit_vhost:delete(<<"{}">>, <<"test">>)."#, self.name));
    }
}

/// A RabbitMQ of one test's own; stopped and removed with this value.
#[derive(Debug)]
pub struct Server {
    node: Node,
    broker: Child,
    epmd: Child,
    _folder: TempDir,
}

impl Server {
    /// Makes a data folder and starts a broker on it.
    ///
    /// # Panics
    /// RabbitMQ cannot be started.
    pub async fn start() -> Server {
        Server::start_with(None).await
    }

    /// The same with a listener for TLS, which shows this certificate, in PEM with its key.
    ///
    /// # Panics
    /// RabbitMQ cannot be started.
    pub async fn start_secure(certificate: &str, key: &str) -> Server {
        Server::start_with(Some((certificate.to_owned(), key.to_owned()))).await
    }

    async fn start_with(certificate: Option<(String, String)>) -> Server {
        tokio::task::spawn_blocking(|| Server::try_start(certificate))
            .await
            .expect("the start of a broker does not panic")
            .unwrap_or_else(|error| panic!("a RabbitMQ of the test's own: {error:#}"))
    }

    fn try_start(certificate: Option<(String, String)>) -> anyhow::Result<Server> {
        let folder = tempfile::Builder::new().prefix("admin-test-rabbitmq-").tempdir()?;
        if let Some((certificate, key)) = certificate {
            fs::write(folder.path().join(CERTIFICATE), certificate)?;
            fs::write(folder.path().join(KEY), key)?;
        }
        let (node, broker, epmd) = Node::fresh(folder.path(), std::process::id())?;
        Ok(Server { node, broker, epmd, _folder: folder })
    }

    /// A fresh virtual host in this broker.
    ///
    /// # Panics
    /// RabbitMQ does not answer.
    #[must_use]
    pub fn virtual_host(&self) -> VirtualHost {
        VirtualHost::create(self.node.clone())
    }

    /// SIGKILL to the broker and its processes; returns when they are gone.
    ///
    /// What was declared before is on disk: of exchanges, queues and permissions the broker keeps the last three seconds in memory,
    /// whatever it has said. Messages are not spared.
    ///
    /// # Panics
    /// One of them stays.
    pub fn kill(&mut self) {
        self.node
            .evaluate("dumped = mnesia:dump_log(), [ok = dets:sync(Table) || Table <- dets:all()].")
            .unwrap_or_else(|error| panic!("write declarations down: {error:#}"));
        let mut processes = process::children(self.broker.id());
        processes.push(self.broker.id());
        for id in &processes {
            process::signal(*id, Signal::KILL);
        }
        let status = process::wait(&mut self.broker, STOPPED_WITHIN);
        let gone = process::until(STOPPED_WITHIN, || !processes.iter().any(|id| process::alive(*id)));
        assert!(status.is_some() && gone, "RabbitMQ survived SIGKILL: processes {processes:?}");
    }

    /// Starts again on the same data and the same port, after [`Server::kill`]. Returns when it takes connections.
    ///
    /// # Panics
    /// RabbitMQ cannot be started.
    pub async fn restart(&mut self) {
        let node = self.node.clone();
        let started = tokio::task::spawn_blocking(move || node.start()).await.expect("a start does not panic");
        self.broker = started.unwrap_or_else(|error| panic!("RabbitMQ did not start again: {error:#}"));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for process in [&mut self.broker, &mut self.epmd] {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// The broker of this run, started if this is the first test to ask.
fn shared() -> anyhow::Result<Node> {
    let Ok(run) = std::env::var("NEXTEST_RUN_ID") else {
        let folder = tempfile::Builder::new().prefix("admin-test-rabbitmq-").tempdir()?.keep();
        return Ok(Node::fresh(&folder, std::process::id())?.0);
    };
    let folder = std::env::temp_dir().join(format!("admin-test-rabbitmq-{run}"));
    fs::create_dir_all(&folder)?;
    let lock = fs::File::create(folder.join("lock"))?;
    lock.lock()?;
    let known = folder.join("ports");
    if let Ok(ports) = fs::read_to_string(&known) {
        return Node::of(&folder, &ports, parent_id());
    }
    let (node, ..) = Node::fresh(&folder, parent_id())?;
    fs::write(known, format!("{} {} {}", node.amqp, node.distribution, node.epmd))?;
    Ok(node)
}

/// A data folder with its ports, and the process whose end is its end.
#[derive(Clone, Debug)]
struct Node {
    folder: PathBuf,
    owner: u32,
    amqp: u16,
    /// Where it speaks TLS, if it does.
    amqps: Option<u16>,
    distribution: u16,
    epmd: u16,
}

impl Node {
    /// A new broker, and its port mapper, which it would start by itself and leave behind.
    fn fresh(folder: &Path, owner: u32) -> anyhow::Result<(Node, Child, Child)> {
        ensure!(Path::new(PROGRAM).is_file(), "`{PROGRAM}` is not installed; scripts/install.sh test installs it");
        let ports = || format!("{} {} {}", ports::free(), ports::free(), ports::free());
        let start = |ports: &str| {
            let mut node = Node::of(folder, ports, owner)?;
            node.amqps = folder.join(CERTIFICATE).exists().then(ports::free);
            node.lay_out()?;
            let mut epmd = node.port_mapper()?;
            match node.start() {
                Ok(broker) => Ok((node, broker, epmd)),
                Err(error) => {
                    let _ = epmd.kill();
                    let _ = epmd.wait();
                    Err(error)
                }
            }
        };
        // Somebody may have been faster to take one of the ports.
        start(&ports()).or_else(|_: anyhow::Error| start(&ports()))
    }

    fn of(folder: &Path, ports: &str, owner: u32) -> anyhow::Result<Node> {
        let ports: Vec<u16> = ports.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        let [amqp, distribution, epmd] = ports[..] else { bail!("three ports, not {ports:?}") };
        Ok(Node { folder: folder.to_owned(), owner, amqp, amqps: None, distribution, epmd })
    }

    /// The files that a broker reads; what an earlier one left, which was killed while it started, goes.
    fn lay_out(&self) -> anyhow::Result<()> {
        let _ = fs::remove_dir_all(self.folder.join("data"));
        let home = self.folder.join("home");
        let _ = fs::remove_dir_all(&home);
        let cookie = home.join(".erlang.cookie");
        let mut configuration = format!("listeners.tcp.1 = 127.0.0.1:{}\nloopback_users = none\n", self.amqp);
        if let Some(port) = self.amqps {
            let [certificate, key] = [CERTIFICATE, KEY].map(|name| self.folder.join(name));
            configuration.push_str(&format!(
                "listeners.ssl.1 = 127.0.0.1:{port}\nssl_options.verify = verify_none\nssl_options.certfile = {}\nssl_options.keyfile = {}\n",
                certificate.display(),
                key.display(),
            ));
        }
        let [data, log] = ["data", "log"].map(|name| self.folder.join(name));
        for folder in [&home, &data, &log] {
            fs::create_dir_all(folder)?;
        }
        fs::write(self.folder.join("rabbitmq.conf"), configuration)?;
        fs::write(self.folder.join("plugins"), "[].")?;
        fs::write(&cookie, self.cookie())?;
        fs::set_permissions(&cookie, fs::Permissions::from_mode(0o400))?;
        if let Some((user, group)) = process::account(&["rabbitmq", "nobody"])? {
            for path in [&self.folder, &home, &cookie, &data, &log] {
                chown(path, Some(user), Some(group))?;
            }
        }
        Ok(())
    }

    fn port_mapper(&self) -> anyhow::Result<Child> {
        let mut epmd = process::leashed("epmd", self.leash(), &self.output())?;
        epmd.args(["-address", "127.0.0.1", "-port", &self.epmd.to_string()]);
        self.as_account(&mut epmd)?.spawn().context("cannot run epmd")
    }

    /// Starts the broker on what its folder holds.
    fn start(&self) -> anyhow::Result<Child> {
        let mut broker = process::leashed(PROGRAM, self.leash(), &self.output())?;
        broker.env("RABBITMQ_NODENAME", "test@localhost");
        // Becomes the broker, instead of a shell that waits for it.
        broker.env("RUNNING_UNDER_SYSTEMD", "true").env("RABBITMQ_CONF_ENV_FILE", "/dev/null");
        broker.env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1").env("RABBITMQ_NODE_PORT", self.amqp.to_string());
        broker.env("RABBITMQ_DIST_PORT", self.distribution.to_string());
        broker.env("ERL_EPMD_PORT", self.epmd.to_string()).env("ERL_EPMD_ADDRESS", "127.0.0.1");
        for (name, file) in [
            ("RABBITMQ_MNESIA_BASE", "data"),
            ("RABBITMQ_LOG_BASE", "log"),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", "plugins"),
            ("RABBITMQ_CONFIG_FILE", "rabbitmq"),
        ] {
            broker.env(name, self.folder.join(file));
        }
        // Idle schedulers sleep: other tests need the processors.
        let arguments = "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none";
        broker.env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", arguments);
        let mut broker = self.as_account(&mut broker)?.spawn().context("cannot run rabbitmq-server")?;
        match self.ready(&mut broker) {
            Ok(()) => Ok(broker),
            Err(error) => {
                let _ = broker.kill();
                let _ = broker.wait();
                Err(error.context(process::tail(&self.output())))
            }
        }
    }

    /// Waits until the broker serves from this very folder.
    fn ready(&self, broker: &mut Child) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if let Some(status) = broker.try_wait()? {
                bail!("the broker ended before it was ready: {status}");
            }
            let runs = self.evaluate("true = rabbit:is_running(), rabbit_mnesia:dir().");
            if runs.is_ok_and(|folder| folder.contains(&*self.folder.to_string_lossy()))
                && TcpStream::connect((Ipv4Addr::LOCALHOST, self.amqp)).is_ok()
            {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "the broker was not ready within {READY_WITHIN:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Has the broker evaluate an Erlang expression, and gives what it came to.
    fn evaluate(&self, expression: &str) -> anyhow::Result<String> {
        // With a name that it makes up itself, two calls in one second have the same one, and the second is refused.
        static CALLS: AtomicU32 = AtomicU32::new(0);
        let caller = format!("caller_{}_{}", std::process::id(), CALLS.fetch_add(1, Ordering::Relaxed));
        let mut call = Command::new("timeout");
        call.args([
            ANSWERED_WITHIN_SECONDS,
            "erl_call",
            "-c",
            &self.cookie(),
            "-address",
            &format!("127.0.0.1:{}", self.distribution),
            "-h",
            &caller,
            "-e",
        ]);
        call.env("HOME", self.folder.join("home"));
        call.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut call = call.spawn().context("cannot run erl_call")?;
        writeln!(call.stdin.take().context("a pipe")?, "{expression}")?;
        let output = call.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.success() && text.starts_with("{ok, "),
            "{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(text)
    }

    /// As secret as a test's folder.
    fn cookie(&self) -> String {
        format!("TEST{}X{}X{}", self.owner, self.amqp, self.distribution)
    }

    fn leash(&self) -> Leash<'_> {
        Leash { owner: self.owner, signal: "KILL", folder: &self.folder }
    }

    /// RabbitMQ is run under its own account; the working folder must be one that it may enter.
    fn as_account<'a>(&self, command: &'a mut Command) -> anyhow::Result<&'a mut Command> {
        if let Some((user, group)) = process::account(&["rabbitmq", "nobody"])? {
            command.uid(user).gid(group);
        }
        Ok(command.current_dir(&self.folder).env("HOME", self.folder.join("home")).env("LC_ALL", "C.UTF-8"))
    }

    fn output(&self) -> PathBuf {
        self.folder.join("output")
    }
}
