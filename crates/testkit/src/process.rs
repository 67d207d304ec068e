//! Server processes that end with their owner.
//!
//! A test can be killed at any moment, and then no destructor runs. So each server is started through a small shell
//! that leaves a watcher behind and becomes the server. The watcher outlives both: when the owner has ended, it stops
//! the server and removes its folder. Server and watcher are a process group of their own, out of reach of the signals
//! that a test runner sends to a test's group.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
pub use rustix::process::Signal;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, kill_process, setrlimit, test_kill_process};

/// `/proc` shows processes of other users too, which `kill -0` may not, and tells a process from one that has ended but
/// that nobody has waited for; where there is no `/proc`, `kill` has to do. Nothing here starts a program to look.
const WATCH: &str = r#"
alive() {
    [ -d /proc/self ] || { kill -0 "$1" 2>/dev/null; return; }
    while read -r key value; do
        [ "$key" = State: ] && case $value in [ZX]*) return 1 ;; *) return 0 ;; esac
    done 2>/dev/null <"/proc/$1/status"
    return 1
}
owner=$1 signal=$2 folder=$3 server=$$
shift 3
( (
    while alive "$owner" && alive "$server"; do sleep 0.3; done
    alive "$owner" && exit
    kill -s "$signal" "$server"
    rounds=50
    while alive "$server" && [ $rounds -gt 0 ]; do sleep 0.1; rounds=$((rounds - 1)); done
    alive "$server" && kill -s KILL "$server"
    rm -rf "$folder"
) & )
exec "$@"
"#;

/// What ties a server to its owner.
#[derive(Clone, Copy, Debug)]
pub struct Leash<'a> {
    /// The process whose end is the server's end.
    pub owner: u32,
    /// What stops the server at once, as `kill -s` names it.
    pub signal: &'static str,
    /// What to remove afterwards.
    pub folder: &'a Path,
}

/// A command that runs `program` on a leash, with its output at the end of the file `log`.
///
/// # Errors
/// The log cannot be opened.
pub fn leashed(program: impl AsRef<OsStr>, leash: Leash<'_>, log: &Path) -> anyhow::Result<Command> {
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot write the log {}", log.display()))?;
    let mut command = Command::new("sh");
    command.args(["-c", WATCH, "sh", &leash.owner.to_string(), leash.signal]).arg(leash.folder).arg(program);
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
    Ok(command)
}

/// The user and group of the first of these accounts that there is, for a server that is not to run as root: none if
/// this process is not root itself.
///
/// # Errors
/// There is none of them.
pub fn account(names: &[&str]) -> anyhow::Result<Option<(u32, u32)>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd").context("cannot look accounts up")?;
    let find = |name: &&str| {
        let mut lines = accounts.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let fields = lines.find(|fields| fields.first() == Some(name))?;
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    let account = names.iter().find_map(find);
    Ok(Some(account.with_context(|| format!("the server does not run as root, and there is no account of {names:?}"))?))
}

/// Whether a process with this id runs. One that has ended is not alive, even if nobody has waited for it.
#[must_use]
pub fn alive(id: u32) -> bool {
    if Path::new("/proc/self").exists() {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let state = status.lines().find_map(|line| line.strip_prefix("State:"));
        return state.is_some_and(|state| !state.trim_start().starts_with(['Z', 'X']));
    }
    pid(id).is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

/// Sends `signal` to the process, if it still exists.
pub fn signal(id: u32, signal: Signal) {
    if let Some(pid) = pid(id) {
        // Fails only if the process has ended, which is no fault of the sender.
        let _ = kill_process(pid, signal);
    }
}

/// The ids of the direct children of a process; none where there is no `/proc`.
#[must_use]
pub fn children(id: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

/// Lets this process, and those that it starts from now on, have so many files and connections open.
///
/// # Panics
/// The machine does not allow that many.
pub fn allow_open_files(wanted: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit });
        raised.unwrap_or_else(|error| panic!("{wanted} open files are more than `ulimit -Hn` allows: {error}"));
    }
}

/// Waits until the child has ended, but no longer than `limit`.
pub fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let mut status = None;
    until(limit, || {
        status = child.try_wait().expect("a child can be waited for");
        status.is_some()
    });
    status
}

/// Asks until `done` or until the `limit` has passed; says whether it is done. Blocks the thread.
pub fn until(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if done() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The last lines of a log, for the message of a test that failed.
#[must_use]
pub fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

fn pid(id: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(id).ok()?)
}
