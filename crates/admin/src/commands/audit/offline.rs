//! `admin verify`: a receipt, the event and a key; no server, no network, no database.

use std::path::Path;

use admin_tlog::{Entry, Hash, Policy, Receipt, Verifier};
use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command_line::Verify;
use crate::out;

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// Verifies a receipt, and says what it proves.
pub(crate) fn verify(arguments: &Verify) -> Result<()> {
    let receipt = Receipt::parse(&read_note(&arguments.receipt)?)
        .map_err(|error| anyhow::anyhow!("{} is no receipt: {error}", arguments.receipt.display()))?;
    let policy = policy(arguments)?;
    let (leaf, event) = leaf(arguments, &receipt)?;
    let checkpoint = receipt.verify(&leaf, &policy).map_err(|error| anyhow::anyhow!("NOT PROVEN: {error}"))?;
    let event: Value = serde_json::from_slice(&event).context("the entry is not JSON")?;
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or("-");
    let seq = event.get("seq").and_then(Value::as_u64);
    if seq != Some(receipt.proof.index + 1) {
        bail!(
            "NOT PROVEN: the event has the number {seq:?}, and the receipt is for the number {}",
            receipt.proof.index + 1
        );
    }
    out::line(&format!(
        "Proven: {} {} by {} at {} is event {} of {} in the log {}.",
        text("/id"),
        text("/type"),
        text("/actor/id"),
        text("/at"),
        receipt.proof.index + 1,
        checkpoint.head.size,
        checkpoint.origin
    ));
    Ok(())
}

/// The hash of the event, and its text.
fn leaf(arguments: &Verify, receipt: &Receipt) -> Result<(Hash, Vec<u8>)> {
    let Some(path) = &arguments.event else {
        if receipt.extra.is_empty() {
            bail!(
                "the receipt does not have its event in it; give that by --event FILE, or get the receipt by `admin audit receipt`"
            );
        }
        return Ok((Hash::leaf(&receipt.extra), receipt.extra.clone()));
    };
    let text = read(path)?;
    let value: Value = serde_json::from_slice(&text).with_context(|| format!("{} is not JSON", path.display()))?;
    // As the API answers it, or the event alone. Numbers keep their digits: the text is read, not the value.
    let text = match value.get("data").filter(|_| value.get("status").is_some()) {
        Some(_) => data(&text)?,
        None => text,
    };
    let entry = Entry::of_record(&text).map_err(|error| anyhow::anyhow!("{} is no event: {error}", path.display()))?;
    Ok((entry.hash(), text))
}

/// The member `data` of an answer, as it is written there.
fn data(text: &[u8]) -> Result<Vec<u8>> {
    let members: std::collections::BTreeMap<String, &serde_json::value::RawValue> = serde_json::from_slice(text)?;
    Ok(members.get("data").context("there is no `data`")?.get().as_bytes().to_vec())
}

fn policy(arguments: &Verify) -> Result<Policy> {
    let log = keys(&arguments.key, "--key")?;
    let policy = Policy::new(log).map_err(|error| anyhow::anyhow!("`--key`: {error}"))?;
    let witnesses = keys(&arguments.witness, "--witness")?;
    let threshold = arguments.witnesses.unwrap_or(witnesses.len());
    policy.with_witnesses(witnesses, threshold).map_err(|error| anyhow::anyhow!("`--witness`: {error}"))
}

/// Keys that are given as they are, or in files.
pub(super) fn keys(given: &[String], flag: &str) -> Result<Vec<Verifier>> {
    let mut keys = vec![];
    for given in given {
        if let Ok(key) = given.trim().parse() {
            keys.push(key);
            continue;
        }
        let text =
            read(Path::new(given)).with_context(|| format!("`{flag}` is neither a key nor a file that can be read"))?;
        let text = String::from_utf8(text).with_context(|| format!("{given} is not text"))?;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            keys.push(line.parse().map_err(|error| anyhow::anyhow!("{given}: {line:?} is no key: {error}"))?);
        }
    }
    Ok(keys)
}

/// A receipt or a checkpoint, without the empty lines at its end that programs such as `jq -r` leave.
pub(super) fn read_note(path: &Path) -> Result<Vec<u8>> {
    let mut text = read(path)?;
    while text.ends_with(b"\n\n") {
        text.pop();
    }
    Ok(text)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let size = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
    if size > MAX_FILE {
        bail!("{} has {size} bytes; the most is {MAX_FILE}", path.display());
    }
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
