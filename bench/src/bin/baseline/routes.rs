//! The endpoints: the shapes of Admin's, so that the same client reads both.

use std::sync::Arc;

use admin_types::{Attributes, Clock, Labels, Resource, ResourceId, SystemClock, SystemRandom};
use anyhow::{Context, anyhow};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::BytesMut;
use futures_util::StreamExt;
use serde::Deserialize;

use crate::store::{self, ListQuery, Store};

/// Rows of one transaction of an import.
const BATCH: usize = 500;

/// An error, answered with its text.
struct Failure(StatusCode, anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure(StatusCode::INTERNAL_SERVER_ERROR, error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, format!("{:#}\n", self.1)).into_response()
    }
}

type Answered = Result<Response, Failure>;
type App = State<Arc<Store>>;

pub(crate) fn router(store: Arc<Store>) -> Router {
    Router::new()
        .route("/v3/resources", get(list).post(create))
        .route("/v3/resources/{id}", get(read).patch(update))
        .route("/v3/resources:import", post(import))
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(async || "ok\n"))
        .layer(DefaultBodyLimit::max(1024 * 1024))
        .with_state(store)
}

fn json(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn one(status: StatusCode, version: i64, document: &str) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json".to_owned()), (header::ETAG, format!("\"{version}\""))];
    (status, headers, format!(r#"{{"status":"success","data":{document}}}"#)).into_response()
}

fn parse_id(text: &str) -> Result<ResourceId, Failure> {
    ResourceId::parse(text).ok_or_else(|| Failure(StatusCode::NOT_FOUND, anyhow!("no such resource")))
}

async fn read(State(store): App, Path(id): Path<String>) -> Answered {
    let found = store.get(parse_id(&id)?)?;
    let (version, document) = found.ok_or_else(|| Failure(StatusCode::NOT_FOUND, anyhow!("no such resource")))?;
    Ok(one(StatusCode::OK, version, &document))
}

#[derive(Deserialize)]
struct ListParams {
    #[serde(rename = "type")]
    type_name: String,
    region: Option<String>,
    sort: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
    total: Option<bool>,
}

async fn list(State(store): App, Query(params): Query<ListParams>) -> Answered {
    let query = ListQuery {
        type_name: params.type_name,
        region: params.region,
        by_code: params.sort.as_deref() == Some("code"),
        after: params.cursor.as_deref().map(parse_id).transpose()?,
        limit: params.limit.unwrap_or(50).min(200),
        total: params.total.unwrap_or(true),
    };
    let page = store.list(&query)?;
    let length: usize = page.documents.iter().map(|document| document.len() + 1).sum();
    let mut body = String::with_capacity(length + 200);
    body.push_str(r#"{"status":"success","data":["#);
    for (i, document) in page.documents.iter().enumerate() {
        if i > 0 {
            body.push(',');
        }
        body.push_str(document);
    }
    let current = if params.cursor.is_none() { r#""current_page":1,"# } else { "" };
    let total = page.total.map_or("null".to_owned(), |total| total.to_string());
    let next = page.next.map_or("null".to_owned(), |id| format!("\"{id}\""));
    body.push_str(&format!(
        r#"],"pagination":{{{current}"per_page":{},"total_items":{total},"next_cursor":{next}}}}}"#,
        query.limit
    ));
    Ok(json(StatusCode::OK, body))
}

#[derive(Deserialize)]
struct NewResource {
    id: Option<ResourceId>,
    #[serde(rename = "type")]
    type_name: String,
    name: String,
    attributes: Attributes,
}

impl NewResource {
    fn complete(self) -> serde_json::Result<(Resource, String)> {
        let now = SystemClock.now();
        let resource = Resource {
            id: self.id.unwrap_or_else(|| ResourceId::new(&self.type_name, now, &SystemRandom)),
            type_name: self.type_name,
            name: self.name,
            status: "active".into(),
            attributes: self.attributes,
            labels: Labels::new(),
            parent: None,
            version: 1,
            created_at: now,
            updated_at: now,
            deleted_at: None,
        };
        let document = serde_json::to_string(&resource)?;
        Ok((resource, document))
    }
}

async fn create(State(store): App, body: Bytes) -> Answered {
    let (resource, document) = serde_json::from_slice::<NewResource>(&body)?.complete()?;
    let write = move |connection: &rusqlite::Connection| {
        store::insert(connection, &resource, &document)?;
        Ok(document)
    };
    let document = store.writer.write(write).await?;
    Ok(one(StatusCode::CREATED, 1, &document))
}

#[derive(Deserialize)]
struct Patch {
    #[serde(default)]
    attributes: Attributes,
}

async fn update(State(store): App, Path(id): Path<String>, headers: HeaderMap, body: Bytes) -> Answered {
    let id = parse_id(&id)?;
    let patch: Patch = serde_json::from_slice(&body)?;
    let wanted = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
    let wanted: Option<i64> = wanted.map(|text| text.trim_matches('"').parse()).transpose()?;
    let write = move |connection: &rusqlite::Connection| {
        let (version, document) = store::get(connection, id)?.context("no such resource")?;
        if wanted.is_some_and(|wanted| wanted != version) {
            return Ok(Err(version));
        }
        let mut resource: Resource = serde_json::from_str(&document)?;
        for (key, value) in patch.attributes {
            resource.attributes.insert(key, value);
        }
        (resource.version, resource.updated_at) = (version + 1, SystemClock.now());
        let document = serde_json::to_string(&resource)?;
        store::update(connection, &resource, &document)?;
        Ok(Ok((resource.version, document)))
    };
    match store.writer.write(write).await? {
        Ok((version, document)) => Ok(one(StatusCode::OK, version, &document)),
        Err(version) => Err(Failure(StatusCode::PRECONDITION_FAILED, anyhow!("the version is {version}"))),
    }
}

async fn import(State(store): App, body: Body) -> Answered {
    let (mut chunks, mut rest, mut rows, mut created) = (body.into_data_stream(), BytesMut::new(), vec![], 0);
    while let Some(chunk) = chunks.next().await {
        rest.extend_from_slice(&chunk?);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line = rest.split_to(end + 1);
            rows.push(serde_json::from_slice::<NewResource>(&line)?.complete()?);
            if rows.len() == BATCH {
                created += insert_all(&store, std::mem::take(&mut rows)).await?;
            }
        }
    }
    created += insert_all(&store, rows).await?;
    Ok(json(StatusCode::OK, format!(r#"{{"status":"success","data":{{"created":{created},"failed":0}}}}"#)))
}

async fn insert_all(store: &Store, rows: Vec<(Resource, String)>) -> anyhow::Result<usize> {
    let write = move |connection: &rusqlite::Connection| {
        for (resource, document) in &rows {
            store::insert(connection, resource, document)?;
        }
        Ok(rows.len())
    };
    store.writer.write(write).await
}
