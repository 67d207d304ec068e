//! A small disk of a test's own, to fill up.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tempfile::TempDir;

use crate::process::{self, Leash, Signal};

const MOUNTED_WITHIN: Duration = Duration::from_secs(60);
/// Mounts a disk in memory, and unmounts it when it is told to end.
const HOLD: &str = r#"
mount -t tmpfs -o "size=$2,mode=0777" admin-test "$1" || exit 1
trap 'umount -l "$1"; exit' TERM
while :; do sleep 60 & wait $!; done
"#;

/// A disk that is mounted while this value lives.
#[derive(Debug)]
pub struct Disk {
    folder: TempDir,
    holder: Child,
}

impl Disk {
    /// Mounts a disk of so many bytes: as root, or by `sudo`, as the servers of the tests are installed.
    ///
    /// # Panics
    /// It cannot be mounted.
    #[must_use]
    pub fn mount(bytes: u64) -> Disk {
        Disk::try_mount(bytes).unwrap_or_else(|error| panic!("a disk of the test's own: {error:#}"))
    }

    fn try_mount(bytes: u64) -> anyhow::Result<Disk> {
        let folder = tempfile::Builder::new().prefix("admin-test-disk-").tempdir()?;
        let (place, log) = (folder.path().join("disk"), folder.path().join("log"));
        fs::create_dir(&place)?;
        let leash = Leash { owner: std::process::id(), signal: "TERM", folder: folder.path() };
        let root = rustix::process::geteuid().is_root();
        let program: &[&str] = if root { &["sh"] } else { &["sudo", "-n", "sh"] };
        let mut command: Command = process::leashed(program[0], leash, &log)?;
        command.args(&program[1..]).args(["-c", HOLD, "sh"]).arg(&place).arg(bytes.to_string());
        let mut disk = Disk { holder: command.spawn()?, folder };
        let deadline = Instant::now() + MOUNTED_WITHIN;
        while !is_mounted(&place)? {
            let ended = disk.holder.try_wait()?.is_some() || Instant::now() > deadline;
            ensure!(!ended, "cannot mount it: {}", process::tail(&log));
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(disk)
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    /// Leaves no room on it.
    ///
    /// # Panics
    /// It cannot be written for another reason.
    pub fn fill(&self) {
        let mut filler = fs::File::create(self.filler()).expect("a file on the disk");
        for size in [65_536, 4_096, 1] {
            while filler.write_all(&vec![0; size]).is_ok() {}
        }
    }

    /// Makes room again.
    ///
    /// # Panics
    /// It was not filled.
    pub fn make_room(&self) {
        fs::remove_file(self.filler()).expect("what fills the disk");
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        process::signal(self.holder.id(), Signal::TERM);
        process::wait(&mut self.holder, MOUNTED_WITHIN);
    }
}

fn is_mounted(place: &Path) -> anyhow::Result<bool> {
    let mounts = fs::read_to_string("/proc/self/mounts").context("cannot look at what is mounted")?;
    Ok(mounts.lines().any(|line| line.split(' ').nth(1) == place.to_str()))
}
