//! The subjects: how each is started, prepared, filled and asked.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bench::http::{Caller, Connection, Request};
use bench::process::{self, Server};
use bench::rows;
use bench::script::RESOURCES;
use serde_json::Value;

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Admin,
    Baseline,
}

impl Kind {
    pub(crate) const ALL: [Kind; 2] = [Kind::Admin, Kind::Baseline];

    /// The program's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Admin => "admin",
            Kind::Baseline => "baseline",
        }
    }
}

/// Where programs are, where data goes, and on which core a subject runs.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) programs: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) core: Option<usize>,
}

impl Place {
    pub(crate) fn folder_of(&self, kind: Kind) -> PathBuf {
        self.folder.join(kind.name())
    }
}

/// A subject that runs.
pub(crate) struct Subject {
    pub(crate) kind: Kind,
    pub(crate) server: Server,
    pub(crate) caller: Caller,
}

/// What it took to put in many rows at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Import {
    pub(crate) took: Duration,
    pub(crate) cpu: Duration,
}

impl Subject {
    /// Starts a subject on its folder.
    pub(crate) fn start(place: &Place, kind: Kind) -> Result<Subject> {
        let folder = place.folder_of(kind);
        fs::create_dir_all(&folder)?;
        let program = place.programs.join(kind.name());
        ensure!(program.is_file(), "there is no {}: build it with the same profile first", program.display());
        let (data, token_file, log) = (folder.join("data"), folder.join("token"), folder.join("log"));
        let mut command = process::on_core(place.core, &program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ADMIN_")) {
            command.env_remove(name);
        }
        command.current_dir(&folder);
        let address_file = match kind {
            Kind::Admin => {
                command.arg("serve").env("ADMIN_DATA_DIR", &data).env("ADMIN_LISTEN", "127.0.0.1:0");
                command.env("ADMIN_BOOTSTRAP_TOKEN_FILE", &token_file);
                data.join("admin.addr")
            }
            Kind::Baseline => {
                command.arg("--data-dir").arg(&data);
                data.join("address")
            }
        };
        let server = Server::start(command, &address_file, &log)?;
        let token = match kind {
            Kind::Admin => Some(fs::read_to_string(&token_file).context("the owner's token")?.trim().to_owned()),
            Kind::Baseline => None,
        };
        let caller = Caller { address: server.address.clone(), token };
        Ok(Subject { kind, server, caller })
    }

    /// Resident memory, and of that its own, in bytes.
    pub(crate) fn memory(&self) -> Result<(u64, u64)> {
        process::memory(self.server.id())
    }

    pub(crate) fn cpu(&self) -> Result<Duration> {
        process::cpu(self.server.id())
    }

    /// Asks once; the answer is the document under `data` and all that stands beside it.
    pub(crate) async fn ask(&self, request: Request<'_>) -> Result<Value> {
        let mut connection = Connection::open(&self.caller.address).await?;
        let mut bytes = vec![];
        self.caller.write(&mut bytes, request);
        let answer = connection.exchange(&bytes).await?;
        let text = connection.body(&answer)?;
        if !(200..300).contains(&answer.status) {
            bail!("{} answered {} to {}: {text}", self.kind.name(), answer.status, request.path);
        }
        Ok(serde_json::from_str(&text)?)
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        self.ask(Request { path, ..Request::default() }).await
    }

    /// Makes what rows need before they can be put in.
    pub(crate) async fn prepare(&self) -> Result<()> {
        if self.kind == Kind::Admin {
            for (name, plural) in [(rows::ITEM, "items"), (rows::ENTRY, "entries")] {
                let body = rows::type_document(name, plural);
                let body = Some(("application/json", body.as_bytes()));
                self.ask(Request { method: "POST", path: RESOURCES, body, ..Request::default() }).await?;
            }
        }
        Ok(())
    }

    /// Puts rows in, and counts them.
    pub(crate) async fn import(&self, count: u64) -> Result<Import> {
        let (started, before) = (Instant::now(), self.cpu()?);
        let mut connection = Connection::open(&self.caller.address).await?;
        let path = format!("{RESOURCES}:import");
        let answer = connection.upload(&self.caller, &path, "application/x-ndjson", rows::ndjson(count)).await?;
        let import = Import { took: started.elapsed(), cpu: self.cpu()? - before };
        let text = connection.body(&answer)?;
        let report: Value = serde_json::from_str(&text).with_context(|| text.clone())?;
        ensure!(report["data"]["created"] == count, "{} was to import {count} rows: {text}", self.kind.name());
        ensure!(self.count(rows::ITEM).await? == count, "{} does not count {count} rows", self.kind.name());
        Ok(import)
    }

    /// How many resources of a type there are.
    pub(crate) async fn count(&self, type_name: &str) -> Result<u64> {
        let page = self.get(&format!("{RESOURCES}?type={type_name}&limit=1")).await?;
        page["pagination"]["total_items"].as_u64().context("a list without a total")
    }
}
