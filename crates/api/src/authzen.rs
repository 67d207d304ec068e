//! The AuthZEN Authorization API 1.0: other programs ask Admin who may do what to resources of the org's types.

use admin_core::{Asking, Found, MAX_RESULTS, Named};
use admin_types::{Error, ResourceId, Result};
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Json, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::Call;
use crate::problem::Problem;
use crate::{App, body};

/// The most questions of one request.
const MAX_EVALUATIONS: usize = 1000;

/// A subject or a resource. What it is like is for Admin to know: `properties` are not looked at.
#[derive(Deserialize, Clone)]
struct Entity {
    #[serde(rename = "type")]
    type_name: String,
    id: Option<String>,
}

#[derive(Deserialize, Clone)]
struct Action {
    name: String,
}

#[derive(Deserialize, Clone)]
struct Question {
    subject: Option<Entity>,
    action: Option<Action>,
    resource: Option<Entity>,
    evaluations: Option<Vec<Question>>,
    #[serde(default)]
    options: Options,
    #[serde(default)]
    page: Page,
}

#[derive(Deserialize, Clone, Default)]
struct Options {
    #[serde(default)]
    evaluations_semantic: Semantic,
}

/// When to stop asking.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "snake_case")]
enum Semantic {
    #[default]
    ExecuteAll,
    DenyOnFirstDeny,
    PermitOnFirstPermit,
}

#[derive(Deserialize, Clone, Default)]
struct Page {
    token: Option<String>,
    limit: Option<u32>,
}

impl Page {
    fn after(&self) -> Result<Option<ResourceId>> {
        let token = self.token.as_deref().filter(|token| !token.is_empty());
        token
            .map(|token| ResourceId::parse(token).ok_or_else(|| bad("`page.token` is not one that a search answered")))
            .transpose()
    }

    fn limit(&self) -> Result<u32> {
        match self.limit.unwrap_or(50) {
            limit @ 1..=MAX_RESULTS => Ok(limit),
            _ => Err(bad(format!("`page.limit` must be 1 to {MAX_RESULTS}"))),
        }
    }
}

fn bad(detail: impl Into<String>) -> Error {
    Error::invalid("bad_question", detail)
}

async fn read(call: &Call, body: Body) -> Result<(Question, Asking)> {
    let (document, _) = body::read_json(&call.headers, body).await?;
    let question =
        serde_json::from_value(document).map_err(|error| bad(format!("The question is not one: {error}.")))?;
    Ok((question, Asking::begin(&call.app.core, &call.op(false)?).await?))
}

fn named(entity: Option<&Entity>, what: &str) -> Result<Named> {
    let entity = entity.ok_or_else(|| bad(format!("`{what}` is missing")))?;
    let id = entity.id.clone().ok_or_else(|| bad(format!("`{what}.id` is missing")))?;
    Ok(Named { type_name: entity.type_name.clone(), id })
}

fn type_of<'e>(entity: Option<&'e Entity>, what: &str) -> Result<&'e str> {
    entity.map(|entity| entity.type_name.as_str()).ok_or_else(|| bad(format!("`{what}` is missing")))
}

fn action(question: &Question) -> Result<&str> {
    question.action.as_ref().map(|action| action.name.as_str()).ok_or_else(|| bad("`action` is missing"))
}

/// The answer, with the request's id where the standard wants it.
fn answer(headers: &HeaderMap, body: Value) -> Response {
    let mut response = Json(body).into_response();
    if let Some(id) = headers.get("x-request-id") {
        response.headers_mut().insert("x-request-id", id.clone());
    }
    response
}

/// Whether a subject may do an action to a resource
#[utoipa::path(post, path = "/access/v1/evaluation", tag = "authzen", operation_id = "evaluate_access",
    request_body(content = Object), responses((status = 200, description = "`{\"decision\": true}` or false", body = Object)))]
pub(crate) async fn evaluation(call: Call, body: Body) -> Result<Response, Problem> {
    let (question, asking) = read(&call, body).await?;
    Ok(answer(&call.headers, json!({"decision": evaluate(&asking, &question).await?})))
}

async fn evaluate(asking: &Asking, question: &Question) -> Result<bool> {
    let subject = named(question.subject.as_ref(), "subject")?;
    let resource = named(question.resource.as_ref(), "resource")?;
    asking.evaluate(&subject, action(question)?, &resource).await
}

/// Many questions at once
#[utoipa::path(post, path = "/access/v1/evaluations", tag = "authzen", operation_id = "evaluate_access_many",
    request_body(content = Object), responses((status = 200, description = "A decision for each, in order", body = Object)))]
pub(crate) async fn evaluations(call: Call, body: Body) -> Result<Response, Problem> {
    let (question, asking) = read(&call, body).await?;
    let Some(each) = question.evaluations.clone().filter(|each| !each.is_empty()) else {
        return Ok(answer(&call.headers, json!({"decision": evaluate(&asking, &question).await?})));
    };
    if each.len() > MAX_EVALUATIONS {
        return Err(bad(format!("there are more than {MAX_EVALUATIONS} evaluations")).into());
    }
    let semantic = question.options.evaluations_semantic;
    let mut decisions = vec![];
    for mut one in each {
        one.subject = one.subject.or_else(|| question.subject.clone());
        one.action = one.action.or_else(|| question.action.clone());
        one.resource = one.resource.or_else(|| question.resource.clone());
        let decision = evaluate(&asking, &one).await?;
        decisions.push(json!({"decision": decision}));
        match semantic {
            Semantic::DenyOnFirstDeny if !decision => break,
            Semantic::PermitOnFirstPermit if decision => break,
            _ => {}
        }
    }
    Ok(answer(&call.headers, json!({"evaluations": decisions})))
}

fn results(found: Found, type_name: &str) -> Value {
    let results: Vec<Value> = found.ids.iter().map(|id| json!({"type": type_name, "id": id})).collect();
    let next = found.next.map(|id| id.to_string()).unwrap_or_default();
    json!({"page": {"next_token": next, "count": results.len()}, "results": results})
}

/// Who may do an action to a resource
#[utoipa::path(post, path = "/access/v1/search/subject", tag = "authzen", operation_id = "search_subjects",
    request_body(content = Object), responses((status = 200, description = "Users or clients", body = Object)))]
pub(crate) async fn search_subject(call: Call, body: Body) -> Result<Response, Problem> {
    let (question, asking) = read(&call, body).await?;
    let type_name = type_of(question.subject.as_ref(), "subject")?;
    let resource = named(question.resource.as_ref(), "resource")?;
    let (after, limit) = (question.page.after()?, question.page.limit()?);
    let found = asking.subjects(type_name, action(&question)?, &resource, after, limit).await?;
    Ok(answer(&call.headers, results(found, type_name)))
}

/// To which resources a subject may do an action
#[utoipa::path(post, path = "/access/v1/search/resource", tag = "authzen", operation_id = "search_resources",
    request_body(content = Object), responses((status = 200, description = "Resources of the type", body = Object)))]
pub(crate) async fn search_resource(call: Call, body: Body) -> Result<Response, Problem> {
    let (question, asking) = read(&call, body).await?;
    let subject = named(question.subject.as_ref(), "subject")?;
    let type_name = type_of(question.resource.as_ref(), "resource")?;
    let (after, limit) = (question.page.after()?, question.page.limit()?);
    let found = asking.resources(&subject, action(&question)?, type_name, after, limit).await?;
    Ok(answer(&call.headers, results(found, type_name)))
}

/// Which actions a subject may do to a resource
#[utoipa::path(post, path = "/access/v1/search/action", tag = "authzen", operation_id = "search_actions",
    request_body(content = Object), responses((status = 200, description = "Actions of the resource's type", body = Object)))]
pub(crate) async fn search_action(call: Call, body: Body) -> Result<Response, Problem> {
    let (question, asking) = read(&call, body).await?;
    let (subject, resource) =
        (named(question.subject.as_ref(), "subject")?, named(question.resource.as_ref(), "resource")?);
    let actions = asking.actions(&subject, &resource).await?;
    let results: Vec<Value> = actions.iter().map(|name| json!({"name": name})).collect();
    Ok(answer(&call.headers, json!({"page": {"next_token": "", "count": results.len()}, "results": results})))
}

/// `GET /.well-known/authzen-configuration`: where the endpoints are.
pub(crate) async fn configuration(State(_): State<App>, headers: HeaderMap) -> Response {
    let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let scheme = headers.get("x-forwarded-proto").and_then(|scheme| scheme.to_str().ok()).unwrap_or("http");
    let base = format!("{scheme}://{host}");
    let configuration = json!({
        "policy_decision_point": base,
        "access_evaluation_endpoint": format!("{base}/access/v1/evaluation"),
        "access_evaluations_endpoint": format!("{base}/access/v1/evaluations"),
        "search_subject_endpoint": format!("{base}/access/v1/search/subject"),
        "search_resource_endpoint": format!("{base}/access/v1/search/resource"),
        "search_action_endpoint": format!("{base}/access/v1/search/action"),
    });
    Json(configuration).into_response()
}
