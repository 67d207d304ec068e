//! `admin access simulate`.

use std::path::{Path, PathBuf};

use admin_types::ResourceId;
use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

use super::{items, text};
use crate::commands::client::Refused;

/// The draft that the files hold.
pub(super) fn draft(files: &[PathBuf], without: &[ResourceId], recorded: Option<u32>) -> Result<Value> {
    let mut policies: Vec<Value> = vec![];
    for file in files {
        let stem = file.file_stem().and_then(|stem| stem.to_str());
        let stem = stem.ok_or_else(|| anyhow!("{} has no name that a policy can have", file.display()))?;
        let cedar = read(file).with_context(|| format!("cannot read {}", file.display()))?;
        if policies.iter().any(|policy| policy["name"] == stem) {
            bail!("two files are named {stem}; each is a policy of its own, named by its file");
        }
        policies.push(json!({"name": stem, "cedar": cedar}));
    }
    let mut draft = json!({"policies": policies, "without": without});
    if let Some(recorded) = recorded {
        draft["recorded"] = json!(recorded);
    }
    Ok(draft)
}

fn read(file: &Path) -> std::io::Result<String> {
    std::fs::read_to_string(file)
}

/// Says of which file the server speaks: it knows the policies of a draft by their numbers.
pub(super) fn name_files(error: anyhow::Error, files: &[PathBuf]) -> anyhow::Error {
    let refused = match error.downcast::<Refused>() {
        Ok(refused) => refused,
        Err(error) => return error,
    };
    let named = refused.places.iter().filter_map(|(pointer, detail)| {
        let at = pointer.strip_prefix("/policies/")?.split('/').next()?.parse::<usize>().ok()?;
        Some(format!("{}: {detail}", files.get(at)?.display()))
    });
    let named: Vec<String> = named.collect();
    if named.is_empty() { refused.into() } else { anyhow!("{}", named.join("\n")) }
}

/// How much would change, by action, with examples.
pub(super) fn lines(data: &Value) -> Vec<String> {
    let n = |of: &Value, name: &str| of[name].as_u64().unwrap_or(0);
    let of = format!("{} decisions about {} principals", n(data, "decisions"), n(data, "principals"));
    let mut lines = vec![match (n(data, "gains"), n(data, "losses")) {
        (0, 0) => format!("Nothing would change: {of} stay as they are."),
        (gains, losses) => format!("{gains} gained, {losses} lost, of {of}."),
    }];
    for change in items(data, "changes") {
        let counts = format!("+{}  -{}", n(change, "gains"), n(change, "losses"));
        lines.extend([String::new(), format!("{}  {counts}", text(change, "action"))]);
        for example in items(change, "examples") {
            let sign = if example["becomes"] == "allow" { '+' } else { '-' };
            lines.push(format!("  {sign} {} on {}", text(example, "principal"), text(example, "resource")));
        }
    }
    if n(data, "skipped") > 0 {
        let note =
            format!("{} recorded decisions were left out: who asked, or what for, is not there.", n(data, "skipped"));
        lines.extend([String::new(), note]);
    }
    if data["complete"] == false {
        let note = "There are more principals, or it took too long: the numbers are of a part.";
        lines.extend([String::new(), note.to_owned()]);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_change_is_told_by_action() {
        let data = json!({"principals": 2, "decisions": 24, "gains": 1, "losses": 3, "complete": false, "changes": [
            {"action": "site.read", "gains": 1, "losses": 3, "examples": [
                {"principal": "usr_1", "resource": "res_1", "becomes": "allow"},
                {"principal": "usr_2", "resource": "res_2", "becomes": "deny"}]}]});
        let expected = [
            "1 gained, 3 lost, of 24 decisions about 2 principals.",
            "",
            "site.read  +1  -3",
            "  + usr_1 on res_1",
            "  - usr_2 on res_2",
            "",
            "There are more principals, or it took too long: the numbers are of a part.",
        ];
        assert_eq!(lines(&data), expected);
        let same = json!({"principals": 2, "decisions": 24, "gains": 0, "losses": 0, "complete": true, "changes": []});
        assert_eq!(lines(&same), ["Nothing would change: 24 decisions about 2 principals stay as they are."]);
    }
}
