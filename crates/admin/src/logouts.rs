//! Carries logout tokens to clients. Their addresses are for those who manage clients to choose, so they go by `outbound`, which
//! keeps away from the network that Admin stands in.

use std::time::Duration;

use admin_backends::outbound::{Outbound, Request};
use admin_identity::{Identity, LogoutNotice};
use anyhow::{Result, ensure};
use futures_util::future::join_all;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use secrecy::ExposeSecret;

/// How often notices are looked for, and how long a client may take to answer.
const EVERY: Duration = Duration::from_millis(500);
const WITHIN: Duration = Duration::from_secs(5);

/// Carries notices until it is dropped.
pub(crate) async fn carry(identity: &Identity, outbound: &Outbound) {
    loop {
        match identity.due_logouts().await {
            Ok(due) => drop(join_all(due.iter().map(|notice| tell(identity, outbound, notice))).await),
            Err(error) => tracing::warn!(%error, "cannot look for clients that must hear of a sign-out; trying again"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn tell(identity: &Identity, outbound: &Outbound, notice: &LogoutNotice) {
    match send(outbound, notice).await {
        Ok(()) => {
            if let Err(error) = identity.logout_heard(notice).await {
                tracing::warn!(%error, "a sign-out was heard, but that could not be written down");
            }
        }
        Err(error) => {
            tracing::info!(url = %notice.url, error = format!("{error:#}"), "a client did not hear of a sign-out")
        }
    }
}

async fn send(outbound: &Outbound, notice: &LogoutNotice) -> Result<()> {
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("logout_token", notice.token.expose_secret())
        .finish();
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    let request = Request {
        method: Method::POST,
        url: notice.url.clone(),
        headers: HeaderMap::from_iter([(CONTENT_TYPE, form)]),
        body: body.into(),
    };
    let status = outbound.send(request, WITHIN).await?.status;
    ensure!(status.is_success(), "it answered {status}");
    Ok(())
}
