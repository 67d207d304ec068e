//! An Admin that runs on a folder of its own, called by its owner.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::http::{Caller, Connection, Request};
use crate::process::{self, Server};

/// The `admin` that was built beside the program that measures.
#[derive(Debug)]
pub struct Admin {
    /// Its data folder.
    pub data: PathBuf,
    /// Its process.
    pub server: Server,
    /// Who calls it.
    pub owner: Caller,
    program: PathBuf,
}

impl Admin {
    /// Starts it on a folder, which may hold what it left there before.
    ///
    /// # Errors
    /// There is no binary, or it does not become ready.
    pub fn start(folder: &Path, core: Option<usize>) -> Result<Admin> {
        Admin::start_with(folder, core, &[])
    }

    /// The same, with settings.
    ///
    /// # Errors
    /// There is no binary, or it does not become ready.
    pub fn start_with(folder: &Path, core: Option<usize>, settings: &[(&str, &str)]) -> Result<Admin> {
        let program = std::env::current_exe()?.with_file_name("admin");
        ensure!(program.is_file(), "there is no {}: build it with the same profile first", program.display());
        let (data, token) = (folder.join("data"), folder.join("token"));
        let mut command = process::on_core(core, &program);
        command.arg("serve").env("ADMIN_DATA_DIR", &data).env("ADMIN_LISTEN", "127.0.0.1:0");
        command.env("ADMIN_BOOTSTRAP_TOKEN_FILE", &token).envs(settings.iter().copied());
        let server = Server::start(command, &data.join("admin.addr"), &folder.join("log"))?;
        let token = fs::read_to_string(&token).context("the owner's token")?.trim().to_owned();
        let owner = Caller { address: server.address.clone(), token: Some(token) };
        Ok(Admin { data, server, owner, program })
    }

    /// Sends a request as the owner; answers the body.
    ///
    /// # Errors
    /// It is not answered with success.
    pub async fn send(&self, method: &str, path: &str, body: Option<(&str, &Value)>) -> Result<Value> {
        let text = body.map(|(media_type, body)| (media_type, body.to_string()));
        let body = text.as_ref().map(|(media_type, text)| (*media_type, text.as_bytes()));
        let (mut connection, mut bytes) = (Connection::open(&self.owner.address).await?, vec![]);
        self.owner.write(&mut bytes, Request { method, path, body, ..Request::default() });
        let answer = connection.exchange(&bytes).await?;
        let text = connection.body(&answer)?;
        ensure!((200..300).contains(&answer.status), "{method} {path}: {} {text}", answer.status);
        Ok(serde_json::from_str(&text)?)
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// It is not answered with success.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.send("POST", path, Some(("application/json", body))).await
    }

    /// Runs `admin ARGUMENTS`; answers what it prints.
    ///
    /// # Errors
    /// It fails.
    pub fn command(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new(&self.program).args(arguments).env("ADMIN_DATA_DIR", &self.data).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "admin {}: {said}", arguments.join(" "));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }
}
