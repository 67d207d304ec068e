//! Where blobs are, as settings say it: `folder:DIR`, or `s3://BUCKET/PREFIX?endpoint=…&region=…&path_style=true`.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::{Blob, Bucket, Folder, Key, Result, S3};

/// Where blobs are.
#[derive(Clone, Debug)]
pub enum Address {
    /// In a folder.
    Folder(PathBuf),
    /// In a bucket.
    S3(Bucket),
}

/// Who we are to a bucket. Without them, the environment says (`AWS_ACCESS_KEY_ID` and the like), or the cloud.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The id of the key.
    pub id: String,
    /// The key.
    pub secret: SecretString,
}

impl Address {
    /// Opens the store.
    ///
    /// # Errors
    /// The folder cannot be made, or the settings of the bucket do not go together. Whether a bucket answers is not looked at.
    pub fn open(&self, credentials: Option<&Credentials>) -> Result<Arc<dyn Blob>> {
        Ok(match self {
            Address::Folder(path) => Arc::new(Folder::open(path)?),
            Address::S3(bucket) => Arc::new(S3::open(bucket, credentials)?),
        })
    }
}

impl Address {
    /// Opens a store that is there, for reading: nothing is made.
    ///
    /// # Errors
    /// As of [`open`](Address::open), and that there is no such folder.
    pub fn open_to_read(&self, credentials: Option<&Credentials>) -> Result<Arc<dyn Blob>> {
        match self {
            Address::Folder(path) => Ok(Arc::new(Folder::open_to_read(path)?)),
            Address::S3(_) => self.open(credentials),
        }
    }

    /// Whether what is written to one is, or may be, in the other too.
    #[must_use]
    pub fn overlaps(&self, other: &Address) -> bool {
        match (self, other) {
            (Address::Folder(one), Address::Folder(other)) => {
                let real = |path: &Path| {
                    // Of what is not there yet, the nearest folder above is real.
                    let there = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
                    there.map_or_else(
                        || std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
                        |(above, real)| real.join(path.strip_prefix(above).unwrap_or(Path::new(""))),
                    )
                };
                let (one, other) = (real(one), real(other));
                one.starts_with(&other) || other.starts_with(&one)
            }
            (Address::S3(one), Address::S3(other)) => {
                let within = |prefix: &str, of: &str| {
                    of.is_empty() || prefix == of || prefix.strip_prefix(of).is_some_and(|rest| rest.starts_with('/'))
                };
                one.name == other.name
                    && one.endpoint == other.endpoint
                    && (within(&one.prefix, &other.prefix) || within(&other.prefix, &one.prefix))
            }
            _ => false,
        }
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Address, String> {
        if let Some(path) = text.strip_prefix("folder:") {
            return if path.is_empty() {
                Err("after `folder:` stands a path".to_owned())
            } else {
                Ok(Address::Folder(path.into()))
            };
        }
        if !text.starts_with("s3://") {
            return Err("must be folder:DIR or s3://BUCKET/PREFIX".to_owned());
        }
        let url = Url::parse(text).map_err(|error| error.to_string())?;
        if !url.username().is_empty() || url.password().is_some() || url.port().is_some() || url.fragment().is_some() {
            return Err("must be s3://BUCKET/PREFIX alone; the keys are settings of their own".to_owned());
        }
        let name = url.host_str().unwrap_or_default();
        if name.len() < 3
            || name.len() > 63
            || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        {
            return Err("the bucket's name has 3 to 63 letters, digits, dots and hyphens".to_owned());
        }
        if text.contains("..") {
            return Err("the prefix cannot lead up".to_owned());
        }
        let prefix = url.path().trim_matches('/');
        if !prefix.is_empty() {
            Key::new(prefix).map_err(|error| error.detail)?;
        }
        let mut bucket = Bucket::new(name, prefix);
        for (name, value) in url.query_pairs() {
            match name.as_ref() {
                "endpoint" => bucket.endpoint = Some(endpoint(&value)?),
                "region" => bucket.region = Some(value.into_owned()),
                "path_style" => bucket.path_style = Some(value.parse().map_err(|_| "`path_style` is true or false")?),
                "timeout_seconds" => {
                    let seconds = value.parse().ok().filter(|seconds| (1..=600).contains(seconds));
                    bucket.within = Duration::from_secs(seconds.ok_or("`timeout_seconds` is from 1 to 600")?);
                }
                other => {
                    return Err(format!(
                        "does not know `{other}`; there are endpoint, region, path_style and timeout_seconds"
                    ));
                }
            }
        }
        Ok(Address::S3(bucket))
    }
}

fn endpoint(text: &str) -> Result<String, String> {
    let url = Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme()) && url.path() == "/");
    let url = url.ok_or("the endpoint is http:// or https:// and a host")?;
    Ok(url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_buckets_are_read() {
        let Ok(Address::Folder(path)) = "folder:/var/lib/admin/blobs".parse() else { panic!() };
        assert_eq!(path, PathBuf::from("/var/lib/admin/blobs"));
        let text =
            "s3://logs.example/eu/audit/?endpoint=http://127.0.0.1:9000&region=eu-1&path_style=true&timeout_seconds=5";
        let Ok(Address::S3(bucket)) = text.parse() else { panic!() };
        assert_eq!((bucket.name.as_str(), bucket.prefix.as_str()), ("logs.example", "eu/audit"));
        assert_eq!(bucket.endpoint.as_deref(), Some("http://127.0.0.1:9000"));
        assert_eq!(
            (bucket.region.as_deref(), bucket.path_style, bucket.within.as_secs()),
            (Some("eu-1"), Some(true), 5)
        );
    }

    #[test]
    fn one_place_by_two_names_is_one_place() {
        let folder = tempfile::tempdir().unwrap();
        let place = |text: &str| text.replace("ROOT", &folder.path().display().to_string()).parse::<Address>().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("a"), folder.path().join("link")).unwrap();
        for (one, other, same) in [
            ("folder:ROOT/a", "folder:ROOT/a/", true),
            ("folder:ROOT/a", "folder:ROOT/link", true),
            ("folder:ROOT/a", "folder:ROOT/link/not/yet", true),
            ("folder:ROOT/a/b", "folder:ROOT/a", true),
            ("folder:ROOT/a", "folder:ROOT/ab", false),
            ("s3://bucket", "s3://bucket/x", true),
            ("s3://bucket/x", "s3://bucket/x/", true),
            ("s3://bucket/x", "s3://bucket/xy", false),
            ("s3://bucket/x?endpoint=http://a", "s3://bucket/x?endpoint=http://b", false),
            ("s3://bucket", "folder:ROOT/a", false),
        ] {
            assert_eq!(place(one).overlaps(&place(other)), same, "{one} {other}");
            assert_eq!(place(other).overlaps(&place(one)), same, "{other} {one}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for bad in [
            "",
            "folder:",
            "/var",
            "s3://",
            "s3://ab",
            "s3://bucket/../x",
            "s3://id:key@bucket",
            "s3://bucket?x=y",
            "s3://bucket?endpoint=ftp://x",
            "s3://bucket?path_style=1",
            "s3://bucket?timeout_seconds=0",
            "gs://bucket",
        ] {
            let read = bad.parse::<Address>();
            assert!(read.is_err(), "{bad}: {read:?}");
        }
    }
}
