//! Objects under a lock. The crate that speaks S3 has no word for it, so this one request is made here and signed by it.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use object_store::ClientOptions;
use object_store::aws::{AmazonS3, AwsAuthorizer};
use object_store::client::{HttpClient, HttpConnector, HttpRequest, HttpResponse, ReqwestConnector};
use object_store::path::Path;
use object_store::signer::Signer;

use super::super::{Error, Kind, Mode, Result, Retention};
use super::{FIRST_PAUSE, LONGEST_PAUSE};

/// How much of an answer that says what went wrong is read, in bytes.
const ANSWER: usize = 16 * 1024;

const LOCK_MODE: &str = "x-amz-object-lock-mode";
const SIGNED_FOR: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
pub(super) struct Client {
    http: HttpClient,
    region: String,
}

impl Client {
    pub(super) fn new(options: &ClientOptions, region: String) -> Result<Client, object_store::Error> {
        Ok(Client { http: ReqwestConnector::default().connect(options)?, region })
    }

    /// Tries until it is done; whoever calls this bounds the time.
    pub(super) async fn put(&self, store: &AmazonS3, path: &Path, bytes: Bytes, retention: Retention) -> Result<()> {
        let until = jiff::Timestamp::from_microsecond(retention.until).map_err(|error| failed(&error))?;
        let mode = match retention.mode {
            Mode::Governance => "GOVERNANCE",
            Mode::Compliance => "COMPLIANCE",
        };
        // A lock needs a checksum of what is locked.
        let checksum = STANDARD.encode(digest(&SHA256, &bytes));
        let headers = [
            (LOCK_MODE, mode.to_owned()),
            ("x-amz-object-lock-retain-until-date", until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
            ("x-amz-sdk-checksum-algorithm", "SHA256".to_owned()),
            ("x-amz-checksum-sha256", checksum),
        ];
        let put = self.send(store, path, Method::PUT, &headers, bytes).await?;
        if !put.status().is_success() {
            return Err(refused(put).await);
        }
        // There are servers that know no locks and say nothing of it.
        let kept = self.send(store, path, Method::HEAD, &[], Bytes::new()).await?;
        if kept.headers().get(LOCK_MODE).is_none_or(|kept| kept != mode) {
            let detail = "S3 took an object, but keeps it under no lock, or does not let us see it; the bucket needs object \
                          lock, and we s3:GetObjectRetention";
            return Err(Error::new(Kind::Unsupported, detail));
        }
        Ok(())
    }

    async fn send(
        &self,
        store: &AmazonS3,
        path: &Path,
        method: Method,
        headers: &[(&'static str, String)],
        bytes: Bytes,
    ) -> Result<HttpResponse> {
        let mut pause = FIRST_PAUSE;
        loop {
            let request = self.request(store, path, method.clone(), headers, bytes.clone()).await?;
            match self.http.execute(request).await {
                Ok(answer) if !again(answer.status()) => return Ok(answer),
                _ => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn request(
        &self,
        store: &AmazonS3,
        path: &Path,
        method: Method,
        headers: &[(&'static str, String)],
        bytes: Bytes,
    ) -> Result<HttpRequest> {
        // Signed for its address alone, which the store knows in either style.
        let url = store.signed_url(method.clone(), path, SIGNED_FOR).await.map_err(|error| failed(&error))?;
        let url = url.as_str().split('?').next().unwrap_or_default();
        let mut request = http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let mut request = request.body(bytes.into()).map_err(|error| failed(&error))?;
        let credential = store.credentials().get_credential().await.map_err(|error| failed(&error))?;
        let authorizer = AwsAuthorizer::new(&credential, "s3", &self.region);
        authorizer.try_authorize(&mut request, None).map_err(|error| failed(&error))?;
        Ok(request)
    }
}

fn failed(error: &dyn std::fmt::Display) -> Error {
    Error::new(Kind::Failed, format!("S3: {error}"))
}

fn again(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT
}

async fn refused(answer: HttpResponse) -> Error {
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ANSWER).collect().await;
    let body = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned()).unwrap_or_default();
    let kind = match status {
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Kind::Denied,
        // What a bucket says that has no locks.
        StatusCode::BAD_REQUEST | StatusCode::NOT_IMPLEMENTED => Kind::Unsupported,
        _ => Kind::Failed,
    };
    Error::new(kind, format!("S3 does not keep an object under a lock: {status} {}", body.trim()))
}
