//! The context of a call: who, under which request id, with which conditions. A handler that takes a [`Call`] cannot
//! run without an authenticated principal.

use admin_core::{Idempotency, Op};
use admin_identity::{Asker, ClientId, Verified};
use admin_types::{Error, Origin, Principal, RequestId, Result};
use aws_lc_rs::digest::{Context, SHA256};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri, header};

use crate::App;
use crate::params::Params;
use crate::problem::Problem;

/// The address of the client, as an extension of its requests.
#[derive(Clone, Copy, Debug)]
pub struct ClientAddress(pub std::net::IpAddr);

/// An authenticated call.
pub(crate) struct Call {
    pub(crate) app: App,
    pub(crate) principal: Principal,
    pub(crate) origin: Origin,
    /// The client that the token was issued to.
    pub(crate) client: Option<ClientId>,
    /// Whether the token is bound to a key.
    pub(crate) bound: bool,
    pub(crate) request_id: RequestId,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
}

impl FromRequestParts<App> for Call {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Call, Problem> {
        let verified = parts.extensions.remove::<Verified>();
        let request_id = parts.extensions.get::<RequestId>().cloned();
        let address = parts.extensions.get::<ClientAddress>().map(|address| address.0);
        let (Some(verified), Some(request_id)) = (verified, request_id) else {
            return Err(Problem(Error::internal("a handler outside the layers that authenticate")));
        };
        let (method, uri, headers) = (parts.method.clone(), parts.uri.clone(), std::mem::take(&mut parts.headers));
        let origin = Origin { address, method: verified.method, authenticated_at: verified.authenticated_at };
        let (principal, client, bound) = (verified.principal, verified.claims.client_id, verified.claims.cnf.is_some());
        Ok(Call { app: app.clone(), principal, origin, client, bound, request_id, method, uri, headers })
    }
}

impl Call {
    /// Who asks, for what depends on how they came by their token.
    pub(crate) fn asker(&self) -> Asker {
        Asker { principal: self.principal.clone(), client: self.client, by_key: self.origin.method == "key" }
    }

    /// The query parameters, of which only the `known` are allowed.
    pub(crate) fn params(&self, known: &[&str]) -> Result<Params> {
        Params::read(self.uri.query(), known)
    }

    /// The operation that this call asks for.
    pub(crate) fn op(&self, dry_run: bool) -> Result<Op> {
        Ok(Op {
            principal: self.principal.clone(),
            origin: self.origin.clone(),
            request_id: self.request_id.clone(),
            now: self.app.core.clock().now(),
            dry_run,
            if_match: if_match(&self.headers)?,
            idempotency: None,
        })
    }

    /// The operation of a POST, which may be under an `Idempotency-Key`.
    pub(crate) fn idempotent_op(&self, dry_run: bool, body: &[u8]) -> Result<Op> {
        let mut op = self.op(dry_run)?;
        if let Some(value) = self.headers.get("idempotency-key") {
            let key = value
                .to_str()
                .ok()
                .filter(|key| (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()));
            let key =
                key.ok_or_else(|| Error::parameter("Idempotency-Key", "must be 1 to 255 visible ASCII characters"))?;
            op.idempotency = Some(Idempotency { key: key.to_owned(), request_hash: self.hash(body) });
        }
        Ok(op)
    }

    fn hash(&self, body: &[u8]) -> Vec<u8> {
        let mut context = Context::new(&SHA256);
        for part in [self.method.as_str().as_bytes(), self.uri.to_string().as_bytes(), body] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        context.finish().as_ref().to_vec()
    }
}

/// The version that `If-Match` names; `*` names any.
fn if_match(headers: &HeaderMap) -> Result<Option<i64>> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let digits = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let digits = digits.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let version = digits.and_then(|text| text.parse().ok());
    version.map(Some).ok_or_else(|| Error::parameter("If-Match", "must be the ETag of a resource, such as \"3\", or *"))
}
