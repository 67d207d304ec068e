//! The AuthZEN Authorization API 1.0: other programs ask Admin who may do what to resources of the org's types. What it
//! demands, and the test of each demand, is in `docs/authzen.md`.

mod question;

use admin_core::{Asking, Walk};
use admin_types::{Error, Kind, Result};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};

use self::question::{Question, Semantic, Wanted, bad};
use crate::call::Call;
use crate::problem::Problem;
use crate::{App, body};

/// How long the configuration may be kept, in seconds.
const CONFIGURATION_AGE: &str = "max-age=3600";

/// The body, and whoever asks. The standard has no status for a wrong media type but 400.
async fn read(call: &Call, body: Body) -> Result<(Value, Asking)> {
    let (document, _) = body::read_json(&call.headers, body).await.map_err(|error| match error.kind {
        Kind::UnsupportedMediaType => bad(error.detail),
        _ => error,
    })?;
    Ok((document, Asking::begin(&call.app.core, &call.op(false)?).await?))
}

/// Whether a subject may do an action to a resource
#[utoipa::path(post, path = "/access/v1/evaluation", tag = "authzen", operation_id = "evaluate_access",
    request_body(content = Object), responses((status = 200, description = "`{\"decision\": true}` or false", body = Object)))]
pub(crate) async fn evaluation(call: Call, body: Body) -> Result<Response, Problem> {
    let (document, asking) = read(&call, body).await?;
    let decision = evaluate(&asking, &Question::read(&document)?).await?;
    Ok(Json(json!({"decision": decision})).into_response())
}

async fn evaluate(asking: &Asking, question: &Question) -> Result<bool> {
    let (subject, action, resource) = (question.subject()?, question.action()?, question.resource()?);
    asking.evaluate(&subject, action, &resource).await
}

/// Many questions at once
///
/// `subject`, `action`, `resource` and `context` beside `evaluations` are defaults. A question that cannot be answered is
/// denied, and its `context.error` says why.
#[utoipa::path(post, path = "/access/v1/evaluations", tag = "authzen", operation_id = "evaluate_access_many",
    request_body(content = Object), responses((status = 200, description = "A decision for each, in order", body = Object)))]
pub(crate) async fn evaluations(call: Call, body: Body) -> Result<Response, Problem> {
    let (document, asking) = read(&call, body).await?;
    let defaults = Question::read(&document)?;
    let Some((each, semantic)) = question::many(&document)? else {
        return Ok(Json(json!({"decision": evaluate(&asking, &defaults).await?})).into_response());
    };
    let mut decisions = vec![];
    for one in each {
        let decided = match Question::read(one) {
            Ok(question) => evaluate(&asking, &question.or(&defaults)).await,
            Err(error) => Err(error),
        };
        let decision = *decided.as_ref().unwrap_or(&false);
        decisions.push(match decided {
            Ok(decision) => json!({"decision": decision}),
            Err(error) => failed(error)?,
        });
        match semantic {
            Semantic::DenyOnFirstDeny if !decision => break,
            Semantic::PermitOnFirstPermit if decision => break,
            _ => {}
        }
    }
    Ok(Json(json!({"evaluations": decisions})).into_response())
}

/// What is wrong with one question denies that one. What is wrong with Admin fails the whole request.
fn failed(error: Error) -> Result<Value> {
    match error.kind {
        Kind::Invalid | Kind::Forbidden => {
            let status = crate::problem::status(error.kind).as_u16();
            Ok(json!({"decision": false, "context": {"error": {"status": status, "message": error.detail}}}))
        }
        _ => Err(error),
    }
}

/// A search, read: the question, and which page.
fn search(asking: &Asking, document: &Value, wanted: Wanted) -> Result<(Question, Walk)> {
    let (question, page) = (Question::read(document)?, question::page(document)?);
    let walk = asking.walk(&question.canonical(wanted, &page), page.token.as_deref(), page.limit)?;
    Ok((question, walk))
}

fn results(results: Vec<Value>, next_token: &str) -> Response {
    Json(json!({"page": {"next_token": next_token, "count": results.len()}, "results": results})).into_response()
}

/// Who may do an action to a resource
///
/// A page may have fewer results than its limit, or none, and not be the last: `page.next_token` is empty at the end.
#[utoipa::path(post, path = "/access/v1/search/subject", tag = "authzen", operation_id = "search_subjects",
    request_body(content = Object), responses((status = 200, description = "Users or clients", body = Object)))]
pub(crate) async fn search_subject(call: Call, body: Body) -> Result<Response, Problem> {
    let (document, asking) = read(&call, body).await?;
    let (question, walk) = search(&asking, &document, Wanted::Subjects)?;
    let (type_name, action, resource) = (question.subject_type()?, question.action()?, question.resource()?);
    let found = asking.subjects(type_name, action, &resource, &walk).await?;
    let subjects = found.results.iter().map(|id| json!({"type": type_name, "id": id})).collect();
    Ok(results(subjects, &found.next_token))
}

/// To which resources a subject may do an action
#[utoipa::path(post, path = "/access/v1/search/resource", tag = "authzen", operation_id = "search_resources",
    request_body(content = Object), responses((status = 200, description = "Resources of the type", body = Object)))]
pub(crate) async fn search_resource(call: Call, body: Body) -> Result<Response, Problem> {
    let (document, asking) = read(&call, body).await?;
    let (question, walk) = search(&asking, &document, Wanted::Resources)?;
    let (subject, action, type_name) = (question.subject()?, question.action()?, question.resource_type()?);
    let found = asking.resources(&subject, action, type_name, &walk).await?;
    let resources = found.results.iter().map(|id| json!({"type": type_name, "id": id})).collect();
    Ok(results(resources, &found.next_token))
}

/// Which actions a subject may do to a resource
#[utoipa::path(post, path = "/access/v1/search/action", tag = "authzen", operation_id = "search_actions",
    request_body(content = Object), responses((status = 200, description = "Actions of the resource's type", body = Object)))]
pub(crate) async fn search_action(call: Call, body: Body) -> Result<Response, Problem> {
    let (document, asking) = read(&call, body).await?;
    let (question, walk) = search(&asking, &document, Wanted::Actions)?;
    let found = asking.actions(&question.subject()?, &question.resource()?, &walk).await?;
    let actions = found.results.iter().map(|name| json!({"name": name})).collect();
    Ok(results(actions, &found.next_token))
}

/// `GET /.well-known/authzen-configuration`: where the endpoints are.
pub(crate) async fn configuration(State(app): State<App>) -> Response {
    let base = &app.public_url;
    let configuration = json!({
        "policy_decision_point": base,
        "access_evaluation_endpoint": format!("{base}/access/v1/evaluation"),
        "access_evaluations_endpoint": format!("{base}/access/v1/evaluations"),
        "search_subject_endpoint": format!("{base}/access/v1/search/subject"),
        "search_resource_endpoint": format!("{base}/access/v1/search/resource"),
        "search_action_endpoint": format!("{base}/access/v1/search/action"),
    });
    let mut response = Json(configuration).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(CONFIGURATION_AGE));
    response
}
