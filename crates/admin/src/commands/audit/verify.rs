//! `admin audit verify`: the database and the log against each other.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use admin_audit::{Finding, Report, Verification, kept_checkpoint, verify};
use admin_backends::blob::{Address, Blob};
use admin_core::Core;
use admin_core::audit::{LogStore, origin};
use admin_db::orgs;
use admin_tlog::Note;
use admin_types::{Kind, OrgId};
use anyhow::{Context, Result, bail};
use serde_json::json;

use super::offline::read_note;
use crate::commands::client::progress;
use crate::config::Config;
use crate::{out, serve};

/// What somebody has kept: the name of its file, the log that it is of, and the checkpoint.
type Kept = (String, String, Note);

/// Verifies the log of one org, or of all; an error if anything was found.
pub(crate) async fn run(
    config: &Config,
    org: Option<OrgId>,
    from: Option<&Address>,
    kept: &[PathBuf],
    json: bool,
) -> Result<()> {
    if config.database.is_missing() {
        bail!("there is no Admin in {}; name its database by --database or --data-dir", config.database.masked());
    }
    let kept: Vec<Kept> = kept.iter().map(|path| read_kept(path)).collect::<Result<_>>()?;
    let store = open_store(config, from)?;
    let core = serve::open_with(config, store.clone()).await?;
    let all = orgs::all(&mut *core.db().read().await?).await?;
    let chosen: Vec<OrgId> = all.iter().copied().filter(|one| org.is_none_or(|org| org == *one)).collect();
    if chosen.is_empty() {
        bail!("there is no such org; `admin org list` names them");
    }
    if let Some((name, log, _)) = kept.iter().find(|(_, log, _)| !chosen.iter().any(|org| origin(*org) == *log)) {
        bail!("--kept {name} is of the log {log}, which is none of those that are verified");
    }
    let (mut found, mut unreadable) = (0, 0);
    for org in chosen {
        let log = LogStore::new(store.clone(), org);
        log.published().await.map_err(|error| cannot_read(from, &error))?;
        match one(config, &core, (org, log), from.is_some(), of_log(&kept, &origin(org))).await {
            Ok(report) => {
                found += report.findings.len();
                match json {
                    true => out::line(&as_json(org, &report).to_string()),
                    false => tell(&report, from.is_some()),
                }
            }
            // What is wrong with one of them hides nothing of the others.
            Err(error) if error.kind == Kind::Internal => {
                unreadable += 1;
                let why = reason(&error);
                match json {
                    true => out::line(&json!({"org": org, "origin": origin(org), "error": why}).to_string()),
                    false => out::line(&format!("{}: NOT VERIFIED: {why}", origin(org))),
                }
            }
            Err(error) => bail!("{} ({})", error.detail, reason(&error)),
        }
    }
    match (found, unreadable) {
        (0, 0) => Ok(()),
        (0, _) => bail!("{unreadable} logs could not be verified"),
        (_, 0) => bail!("{found} things were found that are not as they were written"),
        _ => bail!(
            "{found} things were found that are not as they were written, and {unreadable} logs could not be verified"
        ),
    }
}

async fn one(
    config: &Config,
    core: &Core,
    (org, store): (OrgId, LogStore),
    is_copy: bool,
    kept: Vec<(String, Note)>,
) -> admin_types::Result<Report> {
    let days = config.audit_retention_days;
    let kept_since = (days > 0).then(|| core.clock().now().plus_seconds(-days * 86_400));
    let policy = core.audit_policy_that_is(org).await?;
    let verification = Verification { core, org, store, is_copy, policy, kept_since, kept };
    let bar = progress(None, "verifying");
    let report = verify(&verification, |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    let report = report.await;
    bar.finish_and_clear();
    report
}

fn reason(error: &admin_types::Error) -> &str {
    error.context.as_deref().unwrap_or(&error.detail)
}

/// What is to be done about a store that cannot be read at all.
fn cannot_read(from: Option<&Address>, error: &admin_types::Error) -> anyhow::Error {
    let (place, keys) = match from {
        None => ("the store `blob`", "`blob_access_key` and `blob_secret_key`"),
        Some(_) => ("--from", "`audit_mirror_access_key` and `audit_mirror_secret_key`, or else those of `blob`"),
    };
    anyhow::anyhow!(
        "{place} cannot be read. Check that its address is right and that it can be reached from here; of a bucket, that its keys ({keys}) are right and may read it; of a folder, that this user may. {}",
        reason(error)
    )
}

/// The store that is verified, in which nothing is made.
fn open_store(config: &Config, from: Option<&Address>) -> Result<Arc<dyn Blob>> {
    let opened = match from {
        None => config.blob.address.open_to_read(config.blob.credentials.as_ref()),
        Some(address) => {
            let mirror = config.audit.mirror.as_ref().and_then(|mirror| mirror.credentials.as_ref());
            address.open_to_read(mirror.or(config.blob.credentials.as_ref()))
        }
    };
    let name = if from.is_some() { "--from" } else { "the store `blob`" };
    opened.map_err(|error| anyhow::anyhow!("{name}: {error}"))
}

fn read_kept(path: &Path) -> Result<Kept> {
    let name = path.display().to_string();
    let (log, note) = kept_checkpoint(&read_note(path)?)
        .map_err(|error| anyhow::anyhow!("{error}"))
        .with_context(|| format!("--kept {name} is neither a receipt nor a checkpoint"))?;
    Ok((name, log, note))
}

fn of_log(kept: &[Kept], log: &str) -> Vec<(String, Note)> {
    let of_log = kept.iter().filter(|(_, of, _)| of == log);
    of_log.map(|(name, _, note)| (name.clone(), note.clone())).collect()
}

fn tell(report: &Report, is_copy: bool) {
    let Report { origin, size, pruned, compared, unsealed, behind, findings } = report;
    if is_copy && *size == 0 && findings.is_empty() {
        out::line(&format!("{origin}: nothing is in the copy yet; it is {behind} events behind."));
        return;
    }
    let judged = if findings.is_empty() { "good" } else { "NOT GOOD" };
    let mut said = format!("{origin}: {judged}. {size} events are sealed, {compared} are as they were sealed");
    for (count, what) in [
        (*pruned, "removed by the retention"),
        (*unsealed - (*behind).min(*unsealed), "not sealed yet"),
        (*behind, "not in the copy yet"),
    ] {
        if count > 0 {
            said.push_str(&format!(", {count} {what}"));
        }
    }
    out::line(&format!("{said}."));
    for Finding { what, detail, .. } in findings {
        out::line(&format!("  {what}: {detail}"));
    }
}

fn as_json(org: OrgId, report: &Report) -> serde_json::Value {
    let findings: Vec<_> = report
        .findings
        .iter()
        .map(|finding| json!({"what": finding.what, "event": finding.event, "detail": finding.detail}))
        .collect();
    json!({"org": org, "origin": report.origin, "size": report.size, "compared": report.compared,
        "pruned": report.pruned, "unsealed": report.unsealed, "behind": report.behind, "findings": findings})
}
