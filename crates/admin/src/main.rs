//! `admin`: the binary. Command line, configuration, lifecycle and telemetry; everything else is in the crates below.

mod command_line;
mod commands;
mod config;
mod data_dir;
mod listener;
mod logouts;
mod out;
mod profiles;
mod proxies;
mod readers;
mod serve;
mod telemetry;

use clap::Parser;

use crate::command_line::CommandLine;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    let line = CommandLine::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            out::problem(&format!("cannot start: {error}"));
            return std::process::ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(commands::run(line));
    // What still runs in the background has nothing left to say.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            out::problem(&format!("{error:#}"));
            std::process::ExitCode::FAILURE
        }
    }
}
