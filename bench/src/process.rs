//! A subject's process: started on a core of its own, stopped with its owner, and what `/proc` says about it.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// The unit of the times in `/proc/PID/stat`: USER_HZ, which Linux shows as 100 everywhere.
const TICK: Duration = Duration::from_millis(10);
/// How long a subject may take to stop before it is killed.
const STOP: Duration = Duration::from_secs(20);
/// How long a subject may take to start.
const START: Duration = Duration::from_secs(60);

/// How much CPU a process has used by now, in user and kernel mode, over all its threads.
///
/// # Errors
/// There is no such process.
pub fn cpu(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("no process {pid}"))?;
    // The name, in parentheses, may hold anything; utime and stime are the 12th and 13th word behind it.
    let words: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, words)| words).split_whitespace().collect();
    let ticks = |at: usize| words.get(at).and_then(|word| word.parse::<u32>().ok());
    let (user, kernel) = ticks(11).zip(ticks(12)).context("/proc/PID/stat has no times")?;
    Ok(TICK * (user + kernel))
}

/// How much memory a process holds, in bytes: resident in all, and of that its own (not pages of files).
///
/// # Errors
/// There is no such process.
pub fn memory(pid: u32) -> Result<(u64, u64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).with_context(|| format!("no process {pid}"))?;
    let kilobytes = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let (all, own) = kilobytes("VmRSS:").zip(kilobytes("RssAnon:")).context("/proc/PID/status has no sizes")?;
    Ok((all * 1024, own * 1024))
}

/// The share of the last ten seconds in which something waited for a core, in percent.
///
/// # Errors
/// The kernel does not tell.
pub fn pressure() -> Result<f64> {
    let text = fs::read_to_string("/proc/pressure/cpu").context("the kernel does not tell its CPU pressure")?;
    let value = text.lines().find_map(|line| line.strip_prefix("some avg10=")).and_then(|rest| rest.split(' ').next());
    value.and_then(|value| value.parse().ok()).context("/proc/pressure/cpu has no avg10")
}

/// How often a second a small write to a file in `folder` can be brought to the disk.
///
/// # Errors
/// The folder cannot be written to.
pub fn syncs_per_second(folder: &Path) -> Result<f64> {
    use std::io::Write;
    let path = folder.join("sync-probe");
    let mut file = fs::File::create(&path)?;
    let (started, mut n) = (Instant::now(), 0);
    while started.elapsed() < Duration::from_millis(300) {
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        n += 1;
    }
    fs::remove_file(path)?;
    Ok(f64::from(n) / started.elapsed().as_secs_f64())
}

/// Binds this process, and the threads that it starts from now on, to a core.
///
/// # Errors
/// There is no such core, or no `taskset`.
pub fn bind_to(core: usize) -> Result<()> {
    let pid = std::process::id().to_string();
    let status = Command::new("taskset").args(["-cp", &core.to_string(), &pid]).stdout(Stdio::null()).status();
    if !status.context("cannot run taskset, of util-linux")?.success() {
        bail!("cannot bind to core {core}");
    }
    Ok(())
}

/// A command that runs `program` on a core, and dies with this process.
#[must_use]
pub fn on_core(core: Option<usize>, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if let Some(core) = core {
        command.args(["taskset", "-c", &core.to_string()]);
    }
    command.arg(program);
    command
}

/// A subject that runs.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: String,
    /// From the start of its process until `/livez` was answered with success.
    pub live: Duration,
    /// The same, of `/readyz`.
    pub ready: Duration,
}

impl Server {
    /// Starts a server that writes its address to `address_file`, and waits until it is ready. Both outputs go to `log`.
    ///
    /// # Errors
    /// It ended, or was not ready in time.
    pub fn start(mut command: Command, address_file: &Path, log: &Path) -> Result<Server> {
        let _ = fs::remove_file(address_file);
        let output = fs::File::options().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let started = Instant::now();
        let child = command.spawn().context("cannot start a subject (setpriv is of util-linux)")?;
        let mut server = Server { child, address: String::new(), live: Duration::ZERO, ready: Duration::ZERO };
        let address =
            server.wait(started, || fs::read_to_string(address_file).ok().filter(|text| text.ends_with('\n')));
        server.address = address.with_context(|| format!("see {}", log.display()))?.trim().to_owned();
        let address = server.address.clone();
        server.wait(started, || answers(&address, "/livez").then_some(()))?;
        server.live = started.elapsed();
        server.wait(started, || answers(&address, "/readyz").then_some(()))?;
        server.ready = started.elapsed();
        Ok(server)
    }

    /// The process's id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn wait<T>(&mut self, started: Instant, look: impl Fn() -> Option<T>) -> Result<T> {
        loop {
            if let Some(found) = look() {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("a subject ended before it was ready: {status}");
            }
            if started.elapsed() > START {
                bail!("a subject was not ready within {START:?}");
            }
            std::thread::sleep(Duration::from_micros(100));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // Fails only if the process has ended.
            let _ = kill_process(pid, Signal::TERM);
        }
        let asked = Instant::now();
        while asked.elapsed() < STOP && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a server answers a GET with 200.
fn answers(address: &str, path: &str) -> bool {
    use std::io::{Read, Write};
    let ask = || -> std::io::Result<bool> {
        let mut stream = std::net::TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes())?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        Ok(&head == b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}
