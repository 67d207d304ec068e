//! Blobs in a bucket of S3, or of a server that speaks like it: with conditional writes (`If-None-Match`, `If-Match`), which AWS
//! has since 2024. What fails for a moment is tried again, with growing pauses, but all in all no longer than is set.

mod retain;

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutResult,
    RetryConfig, UpdateVersion,
};
use secrecy::ExposeSecret;

use super::{
    Blob, Created, Credentials, Entry, Error, Etag, Key, Kind, MAX_LIST, Object, Replaced, Result, Retention, bounded,
    folder_of, within,
};

/// How long a connection may take, and the pauses between tries.
const CONNECT: Duration = Duration::from_secs(3);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A bucket, and how it is reached.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// What all keys begin with: empty, or a key.
    pub prefix: String,
    /// The server, such as `https://s3.example.org`; without it that of AWS.
    pub endpoint: Option<String>,
    /// The region; without it what the environment says, or `us-east-1`.
    pub region: Option<String>,
    /// Whether the bucket stands in the path and not in the host; without it, where there is an endpoint.
    pub path_style: Option<bool>,
    /// How long a call may take, with all tries; one try may take a third of it.
    pub within: Duration,
}

impl Bucket {
    /// With what is usual.
    #[must_use]
    pub fn new(name: impl Into<String>, prefix: impl Into<String>) -> Bucket {
        let within = Duration::from_secs(30);
        Bucket { name: name.into(), prefix: prefix.into(), endpoint: None, region: None, path_style: None, within }
    }
}

/// A bucket.
#[derive(Clone, Debug)]
pub struct S3 {
    store: AmazonS3,
    retaining: retain::Client,
    prefix: String,
    within: Duration,
}

impl S3 {
    /// # Errors
    /// The settings do not go together.
    pub fn open(bucket: &Bucket, credentials: Option<&Credentials>) -> Result<S3> {
        let retry = RetryConfig {
            backoff: BackoffConfig { init_backoff: FIRST_PAUSE, max_backoff: LONGEST_PAUSE, base: 2.0 },
            max_retries: 100,
            // The last try begins before this, so it has the time that it may take.
            retry_timeout: bucket.within * 2 / 3,
        };
        let plain = bucket.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http:"));
        let options =
            ClientOptions::new().with_timeout(bucket.within / 3).with_connect_timeout(CONNECT).with_allow_http(plain);
        let path_style = bucket.path_style.unwrap_or(bucket.endpoint.is_some());
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(&bucket.name)
            .with_virtual_hosted_style_request(!path_style)
            .with_client_options(options.clone())
            .with_retry(retry);
        let mut region = bucket.region.clone();
        if region.is_none() {
            region = builder.get_config_value(&object_store::aws::AmazonS3ConfigKey::Region);
        }
        let region = region.unwrap_or_else(|| "us-east-1".to_owned());
        builder = builder.with_region(&region);
        if let Some(endpoint) = &bucket.endpoint {
            builder = builder.with_endpoint(host_of(endpoint, &bucket.name, path_style));
        }
        if let Some(credentials) = credentials {
            builder =
                builder.with_access_key_id(&credentials.id).with_secret_access_key(credentials.secret.expose_secret());
        }
        let retaining = retain::Client::new(&options, region).map_err(|error| failed(&error))?;
        let store = builder.build().map_err(|error| failed(&error))?;
        Ok(S3 { store, retaining, prefix: bucket.prefix.clone(), within: bucket.within })
    }

    fn path(&self, key: &Key) -> Path {
        if self.prefix.is_empty() { Path::from(key.as_str()) } else { Path::from(format!("{}/{key}", self.prefix)) }
    }

    fn key(&self, path: &Path) -> Option<Key> {
        let path = path.as_ref();
        let bare = if self.prefix.is_empty() { path } else { path.strip_prefix(&self.prefix)?.strip_prefix('/')? };
        // What is no key was put there by somebody else.
        Key::new(bare).ok()
    }

    /// All of a call, also one of which each answer comes by the byte.
    fn call<'a, T>(&self, work: impl Future<Output = Result<T>> + Send + 'a) -> BoxFuture<'a, Result<T>>
    where
        T: 'a,
    {
        let within = self.within;
        Box::pin(async move {
            tokio::time::timeout(within, work).await.unwrap_or_else(|_| {
                let detail = format!("no answer of S3 within {} seconds", within.as_secs_f32());
                Err(Error::new(Kind::Unavailable, detail))
            })
        })
    }

    async fn write(&self, key: &Key, bytes: Bytes, mode: PutMode) -> Result<PutResult, StoreError> {
        self.store.put_opts(&self.path(key), bytes.into(), PutOptions::from(mode)).await
    }
}

impl Blob for S3 {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Object>>> {
        self.call(async move {
            let found = match self.store.get(&self.path(key)).await {
                Ok(found) => found,
                Err(error) if is_absent(&error) => return Ok(None),
                Err(error) => return Err(failed(&error)),
            };
            within(found.meta.size)?;
            let etag = etag(found.meta.e_tag.clone())?;
            let bytes = found.bytes().await.map_err(|error| failed(&error))?;
            Ok(Some(Object { bytes, etag }))
        })
    }

    fn put<'a>(&'a self, key: &'a Key, bytes: Bytes) -> BoxFuture<'a, Result<Etag>> {
        self.call(async move {
            bounded(&bytes)?;
            let written = self.write(key, bytes, PutMode::Overwrite).await;
            etag(written.map_err(|error| failed(&error))?.e_tag)
        })
    }

    fn create<'a>(&'a self, key: &'a Key, bytes: Bytes) -> BoxFuture<'a, Result<Created>> {
        self.call(async move {
            bounded(&bytes)?;
            match self.write(key, bytes, PutMode::Create).await {
                Ok(written) => etag(written.e_tag).map(Created::New),
                Err(StoreError::AlreadyExists { .. }) => Ok(Created::Exists),
                Err(error) => Err(failed(&error)),
            }
        })
    }

    fn replace<'a>(&'a self, key: &'a Key, bytes: Bytes, expected: &'a Etag) -> BoxFuture<'a, Result<Replaced>> {
        self.call(async move {
            bounded(&bytes)?;
            let version = UpdateVersion { e_tag: Some(expected.as_str().to_owned()), version: None };
            match self.write(key, bytes, PutMode::Update(version)).await {
                Ok(written) => etag(written.e_tag).map(Replaced::Done),
                Err(StoreError::Precondition { .. } | StoreError::AlreadyExists { .. }) => Ok(Replaced::Changed),
                Err(error) if is_absent(&error) => Ok(Replaced::Changed),
                Err(error) => Err(failed(&error)),
            }
        })
    }

    fn retain<'a>(&'a self, key: &'a Key, bytes: Bytes, retention: Retention) -> BoxFuture<'a, Result<()>> {
        self.call(async move {
            bounded(&bytes)?;
            self.retaining.put(&self.store, &self.path(key), bytes, retention).await
        })
    }

    fn list<'a>(&'a self, folder: &'a str, after: Option<&'a Key>, limit: usize) -> BoxFuture<'a, Result<Vec<Entry>>> {
        self.call(async move {
            let folder = match folder_of(folder)? {
                Some(folder) => Some(self.path(&folder)),
                None => (!self.prefix.is_empty()).then(|| Path::from(self.prefix.as_str())),
            };
            let found = match after {
                Some(after) => self.store.list_with_offset(folder.as_ref(), &self.path(after)),
                None => self.store.list(folder.as_ref()),
            };
            let entries = found
                .try_filter_map(async |found| Ok(self.key(&found.location).map(|key| Entry { key, size: found.size })));
            entries.take(limit.min(MAX_LIST)).try_collect().await.map_err(|error| failed(&error))
        })
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<()>> {
        self.call(async move {
            match self.store.delete(&self.path(key)).await {
                Ok(()) => Ok(()),
                Err(error) if is_absent(&error) => Ok(()),
                Err(error) => Err(failed(&error)),
            }
        })
    }
}

/// The bucket in front of the host, unless it is in the path.
fn host_of(endpoint: &str, bucket: &str, path_style: bool) -> String {
    match endpoint.split_once("://") {
        Some((scheme, host)) if !path_style => format!("{scheme}://{bucket}.{host}"),
        _ => endpoint.to_owned(),
    }
}

fn etag(given: Option<String>) -> Result<Etag> {
    given.map(Etag).ok_or_else(|| Error::new(Kind::Unsupported, "the server names no content by an ETag"))
}

/// Whether there is nothing under the key. That there is no bucket is another matter, though the status is the same.
fn is_absent(error: &StoreError) -> bool {
    matches!(error, StoreError::NotFound { source, .. } if !format!("{source:?}").contains("NoSuchBucket"))
}

fn failed(error: &StoreError) -> Error {
    let mut detail = format!("S3: {error}");
    let kind = match error {
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => Kind::Denied,
        StoreError::NotImplemented { .. } | StoreError::NotSupported { .. } => Kind::Unsupported,
        StoreError::InvalidPath { .. } => Kind::Invalid,
        StoreError::NotFound { .. } => Kind::Failed,
        // The crate has the status in its words alone. What is wrong with us does not pass by waiting.
        _ if detail.contains("status code: 4") && !detail.contains("status code: 429") => Kind::Failed,
        _ => Kind::Unavailable,
    };
    detail.truncate(detail.floor_char_boundary(1_000));
    Error::new(kind, detail)
}
