//! Many sessions: what they take of the disk, and of the memory of the process that has looked at all of them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use aws_lc_rs::digest;
use bench::admin::Admin;
use bench::http::{Caller, Request};
use bench::process;
use bench::rows::scatter;
use bench::script::Script;
use rusqlite::Connection;

use crate::{Options, cost, say};

const CLIENTS: usize = 8;
const MEGABYTE: f64 = 1e6;

/// The cookie of session `n`, with its name.
fn cookie(name: &str, n: u32) -> String {
    format!("{name}=ads_{n:043}")
}

/// Reads of the account's page, in one session after the other.
struct Pages {
    nobody: Caller,
    name: String,
    sessions: u32,
    next: u64,
}

impl Script for Pages {
    fn request(&mut self, _client: usize, out: &mut Vec<u8>) {
        let n = scatter(self.next) % u64::from(self.sessions);
        self.next += 1;
        self.nobody.write(out, Request { path: "/account", ..Request::default() });
        // Before the empty line that ends the head.
        out.truncate(out.len() - 2);
        out.extend_from_slice(format!("cookie: {}\r\n\r\n", cookie(&self.name, n as u32)).as_bytes());
    }
}

/// Measures, and prints a line; the server is started anew.
pub(crate) async fn measure(subject: Admin, folder: &Path, known: &str, options: &Options) -> Result<Admin> {
    let name = known.split('=').next().unwrap_or_default().to_owned();
    let data = subject.data.clone();
    drop(subject);
    let before = size(&data)?;
    copy(&data.join("admin.db"), &name, options.sessions)?;
    let after = size(&data)?;
    let subject = Admin::start(folder, options.core)?;
    let idle = process::memory(subject.server.id())?.0;
    let nobody = Caller { token: None, ..subject.owner.clone() };
    let pages = Pages { nobody, name, sessions: options.sessions, next: 0 };
    let (cpu, _) = cost(&subject.server, options, CLIENTS, pages).await?;
    let busy = process::memory(subject.server.id())?.0;
    let megabytes = |bytes: u64| bytes as f64 / MEGABYTE;
    say(&format!(
        "{} sessions: {:.0} MB more on disk; {:.0} MB of memory when idle, {:.0} MB after reads in all of them, of {cpu:.0} µs each.",
        options.sessions,
        megabytes(after - before),
        megabytes(idle),
        megabytes(busy)
    ))?;
    Ok(subject)
}

fn size(data: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(data)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("admin.db") {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}

/// Copies the session that is there, whatever columns it has, to as many others, each with a cookie of its own.
fn copy(database: &Path, name: &str, sessions: u32) -> Result<()> {
    let mut connection = Connection::open(database)?;
    let all = connection.transaction()?;
    all.execute_batch("CREATE TEMP TABLE copied AS SELECT * FROM session LIMIT 1")?;
    for n in 0..sessions {
        let cookie = cookie(name, n);
        let value = cookie.split_once('=').context("a cookie")?.1;
        let hash = digest::digest(&digest::SHA256, value.as_bytes());
        all.execute("UPDATE copied SET hash = ?1, id = substr(?1, 1, 16)", [hash.as_ref()])?;
        all.execute("INSERT INTO session SELECT * FROM copied", [])?;
    }
    all.commit()?;
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}
