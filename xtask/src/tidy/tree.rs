//! The files of the tree and their texts, read once for all checks.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

/// Paths from the root, with `/`, and texts. A file that is not text has an empty one.
#[derive(Clone, Default, Debug)]
pub struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// What is committed or could be: the files that git knows, and the new ones that it does not ignore.
    ///
    /// # Errors
    /// `root` is not a git work tree, or a file cannot be read.
    pub fn read(root: &Path) -> anyhow::Result<Tree> {
        let git = Command::new("git")
            // A checkout that belongs to another account is as good as ours: it is only read.
            .args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .context("cannot run git")?;
        ensure!(git.status.success(), "git ls-files: {}", String::from_utf8_lossy(&git.stderr));
        let mut tree = Tree::default();
        for path in String::from_utf8(git.stdout)?.split_terminator('\0') {
            let file = root.join(path);
            // Deleted but not yet committed as such, or a link.
            if !file.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
                continue;
            }
            let bytes = fs::read(&file).with_context(|| format!("cannot read {path}"))?;
            tree.files.insert(path.to_owned(), String::from_utf8(bytes).unwrap_or_default());
        }
        Ok(tree)
    }

    /// A tree of these paths and texts.
    #[must_use]
    pub fn of(files: &[(&str, &str)]) -> Tree {
        Tree { files: files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect() }
    }

    /// Every path with its text, in the order of the paths.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The files whose name ends with one of `endings`.
    pub fn ending(&self, endings: &[&str]) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter(|(path, _)| endings.iter().any(|ending| path.ends_with(ending)))
    }

    /// The files in the folder `folder`, which ends with `/`.
    pub fn under(&self, folder: &str) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter(move |(path, _)| path.starts_with(folder))
    }

    /// The text of one file.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Whether there is a file or a folder of this path; a trailing `/` asks for a folder.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.files.contains_key(path) || path.is_empty() || self.under(&folder).next().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_git_knows_or_could_know() {
        let folder = tempfile::tempdir().unwrap();
        let git = |arguments: &[&str]| Command::new("git").args(arguments).current_dir(&folder).output().unwrap();
        git(&["init", "--quiet"]);
        fs::create_dir(folder.path().join("docs")).unwrap();
        for (path, text) in
            [(".gitignore", "/admin-data\n"), ("docs/a.md", "known"), ("b.rs", "new"), ("admin-data", "ignored")]
        {
            fs::write(folder.path().join(path), text).unwrap();
        }
        git(&["add", "docs/a.md"]);
        let tree = Tree::read(folder.path()).unwrap();
        assert_eq!(tree.files().map(|(path, _)| path).collect::<Vec<_>>(), [".gitignore", "b.rs", "docs/a.md"]);
        assert_eq!(tree.text("docs/a.md"), Some("known"));
        assert!(tree.has("docs") && tree.has("docs/") && tree.has("b.rs") && !tree.has("b") && !tree.has("b.rs/"));
    }
}
