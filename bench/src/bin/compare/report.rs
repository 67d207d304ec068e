//! The tables, in Markdown.

use std::fmt::Write;

use crate::Options;
use crate::figures::{apart, short};
use crate::life::Life;
use crate::rounds::Row;

const DURABILITY: &str =
    "Both subjects: SQLite, WAL, `synchronous=FULL`, group commit: an answer means that the row is on the disk.";

/// What the figures were taken on, and how.
pub(crate) fn heading(options: &Options, pressure: f64, syncs: f64, cores: usize) -> String {
    let model = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let model = model.trim_start_matches([' ', '\t', ':']);
    let placed = if cores > 1 { "the subject on one, the load on another" } else { "subject and load share it" };
    let forced = if options.force { ", --force" } else { "" };
    format!(
        "Cores: {cores} × {model}; {placed}. CPU pressure at the start: {pressure:.1} %{forced}. \
         Disk: {} syncs a second.\nRounds: {}, interleaved; median (least–greatest). Clients: {} reading, {} writing.",
        apart(syncs.round() as u64),
        options.rounds,
        options.readers,
        options.writers
    )
}

/// All tables of one size.
pub(crate) fn tables(rows: u64, options: &Options, lives: &[Life], measured: &[Row], memory: &[(u64, u64)]) -> String {
    let mut out = format!("\n### {} rows\n\n", apart(rows));
    out += "| operation | admin CPU µs | baseline CPU µs | ratio | admin /s | baseline /s |\n";
    out += "| --- | ---: | ---: | ---: | ---: | ---: |\n";
    for (operation, by) in measured {
        let ratio = short(by[0].cpu.median() / by[1].cpu.median());
        let (admin, baseline) = (&by[0], &by[1]);
        let _ = writeln!(
            out,
            "| {} | {} | {} | {ratio} | {} | {} |",
            operation.name,
            admin.cpu,
            baseline.cpu,
            apart(admin.rate.median() as u64),
            apart(baseline.rate.median() as u64)
        );
    }
    let _ = write!(out, "\n{DURABILITY}\n\n");
    out += &latencies(options, measured);
    out += &life(lives, memory);
    out
}

fn latencies(options: &Options, measured: &[Row]) -> String {
    let mut out = "| operation | load | a second | admin p50 µs | p99 µs | baseline p50 µs | p99 µs |\n".to_owned();
    out += "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n";
    for (operation, by) in measured {
        for (nth, share) in options.shares.iter().enumerate() {
            let (admin, baseline) = (&by[0].latencies[nth], &by[1].latencies[nth]);
            let _ = writeln!(
                out,
                "| {} | {share} % | {} | {} | {} | {} | {} |",
                operation.name,
                apart(admin.rate.median() as u64),
                admin.p50,
                admin.p99,
                baseline.p50,
                baseline.p99
            );
        }
    }
    out + "\n"
}

fn life(lives: &[Life], memory: &[(u64, u64)]) -> String {
    let mut out = "| | admin | baseline |\n| --- | ---: | ---: |\n".to_owned();
    let mut line = |name: &str, value: &dyn Fn(usize) -> String| {
        let _ = writeln!(out, "| {name} | {} | {} |", value(0), value(1));
    };
    line("import, rows a second", &|at| lives[at].rows.to_string());
    line("import, CPU µs for each row", &|at| lives[at].cpu.to_string());
    line("start on a fresh folder, ms to /livez", &|at| lives[at].fresh_live.to_string());
    line("start on a fresh folder, ms to /readyz", &|at| lives[at].fresh_ready.to_string());
    line("start with all rows, ms to /livez", &|at| lives[at].live.to_string());
    line("start with all rows, ms to /readyz", &|at| lives[at].ready.to_string());
    line("memory idle, MB (its own)", &|at| megabytes(lives[at].idle));
    line("memory after the import, MB (its own)", &|at| megabytes(lives[at].filled));
    line("memory after all rounds, MB (its own)", &|at| megabytes(memory[at]));
    out
}

fn megabytes((all, own): (u64, u64)) -> String {
    format!("{:.1} ({:.1})", all as f64 / 1e6, own as f64 / 1e6)
}

/// How CPU grows with the number of rows.
pub(crate) fn growth(sizes: &[(u64, Vec<Row>)]) -> String {
    let mut out = "\n### How CPU µs grow with the rows\n\n| operation |".to_owned();
    for name in ["admin", "baseline"] {
        for (rows, _) in sizes {
            let _ = write!(out, " {name} {} |", apart(*rows));
        }
    }
    out += "\n| --- |";
    out += &" ---: |".repeat(sizes.len() * 2);
    out.push('\n');
    for (nth, (operation, _)) in sizes[0].1.iter().enumerate() {
        let _ = write!(out, "| {} |", operation.name);
        for at in 0..2 {
            for (_, measured) in sizes {
                let _ = write!(out, " {} |", short(measured[nth].1[at].cpu.median()));
            }
        }
        out.push('\n');
    }
    out
}
