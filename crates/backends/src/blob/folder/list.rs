//! The keys of a folder, in the order of their bytes, as far as they are wanted.

use std::cmp::Ordering;
use std::fs;
use std::io;
use std::path::Path;

use super::super::{Entry, Error, Key, MAX_LIST, Result};

pub(super) fn list(root: &Path, folder: Option<&Key>, after: Option<&Key>, limit: usize) -> Result<Vec<Entry>> {
    let mut found =
        Found { after: after.map(Key::as_str).unwrap_or_default(), limit: limit.min(MAX_LIST), entries: vec![] };
    let (path, prefix) = match folder {
        Some(folder) => (root.join(folder.as_str()), format!("{folder}/")),
        None => (root.to_owned(), String::new()),
    };
    found.walk(&path, &prefix).map_err(|error| Error::file(format!("cannot list {}", path.display()), &error))?;
    Ok(found.entries)
}

struct Found<'a> {
    after: &'a str,
    limit: usize,
    entries: Vec<Entry>,
}

impl Found<'_> {
    fn walk(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        // A folder's keys stand where its name and a slash would.
        let mut names = vec![];
        let inside = match fs::read_dir(folder) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(());
            }
            inside => inside?,
        };
        for entry in inside {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            // What the folder keeps for itself, and what somebody else has put there.
            if Key::new(name.as_str()).is_ok() {
                names.push(if entry.file_type()?.is_dir() { name + "/" } else { name });
            }
        }
        names.sort_unstable();
        for name in names {
            if self.entries.len() >= self.limit {
                return Ok(());
            }
            let whole = format!("{prefix}{name}");
            if let Some(bare) = name.strip_suffix('/') {
                if self.reaches(&whole) {
                    self.walk(&folder.join(bare), &whole)?;
                }
            } else if whole.as_str() > self.after {
                self.push(&folder.join(&name), whole)?;
            }
        }
        Ok(())
    }

    /// Whether keys with this prefix can follow.
    fn reaches(&self, prefix: &str) -> bool {
        self.after.starts_with(prefix) || prefix.cmp(self.after) == Ordering::Greater
    }

    fn push(&mut self, path: &Path, key: String) -> io::Result<()> {
        match (fs::metadata(path), Key::new(key)) {
            (Ok(about), Ok(key)) => self.entries.push(Entry { key, size: about.len() }),
            // It went in the meantime, or is deeper than keys go.
            (Err(error), _) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        Ok(())
    }
}
