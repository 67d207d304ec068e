//! Who may do what, and why.

use admin_core::{
    DecisionQuery, Draft, MAX_DRAFTS, MAX_RECORDED, Question, access_matrix as matrix, explain_access as explain,
    list_decisions as decisions, simulate_access as simulate,
};
use admin_types::{DecisionId, Error, FieldError, ResourceId, Result};
use axum::body::Body;
use axum::response::Response;
use serde_json::Value;
use utoipa::ToSchema;

use crate::call::Call;
use crate::params::Params;
use crate::problem::Problem;
use crate::{answer, body};

/// A question about one decision.
#[derive(ToSchema, serde::Serialize)]
pub(crate) struct ExplainQuestion {
    /// The user or client; whoever asks, if absent.
    #[schema(nullable = false)]
    principal: Option<String>,
    /// `<type>.<verb>`, or the verb alone.
    action: String,
    /// The resource's id.
    resource: String,
}

/// Explain a decision
///
/// What a principal may do to a resource, which statements decided, what those lack that could have decided otherwise, and
/// the nearest change that would turn it. About others may ask who may read policies.
#[utoipa::path(post, path = "/v3/access/explain", tag = "access", operation_id = "explain_access",
    request_body = ExplainQuestion, responses((status = 200, description = "The decision, and why", body = Object)))]
pub(crate) async fn explain_access(call: Call, body: Body) -> Result<Response, Problem> {
    call.params(&[])?;
    let (document, _) = body::read_json(&call.headers, body).await?;
    let question = question(&document)?;
    Ok(answer::data(&explain(&call.app.core, &call.op(false)?, question).await?)?)
}

fn question(document: &Value) -> Result<Question> {
    let object = document.as_object().ok_or_else(|| wrong("", "must be an object with `action` and `resource`"))?;
    if let Some(other) = object.keys().find(|key| !matches!(key.as_str(), "principal" | "action" | "resource")) {
        return Err(wrong(&format!("/{other}"), "is not known here; there are principal, action and resource"));
    }
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let id = |name: &str| {
        let id = text(name).and_then(ResourceId::parse);
        id.ok_or_else(|| wrong(&format!("/{name}"), "must be the id of a resource"))
    };
    let principal = object.contains_key("principal").then(|| id("principal")).transpose()?;
    let action = text("action").ok_or_else(|| wrong("/action", "must be an action, such as `workspace.update`"))?;
    Ok(Question { principal, action: action.to_owned(), resource: id("resource")? })
}

fn wrong(pointer: &str, detail: &str) -> Error {
    Error::validation(vec![FieldError::new(pointer, detail)])
}

/// A draft of policies.
#[derive(ToSchema, serde::Serialize)]
pub(crate) struct SimulateQuestion {
    /// Policies to try; one takes the place of the policy that has its name.
    policies: Option<Vec<DraftPolicy>>,
    /// Ids of policies to try without.
    without: Option<Vec<String>>,
    /// Ids of users and clients to compare; the oldest thousand if absent.
    principals: Option<Vec<String>>,
    /// Compare so many of the last recorded decisions, instead of all resources.
    #[schema(nullable = false, minimum = 1, maximum = 100_000)]
    recorded: Option<u32>,
}

/// A policy to try.
#[derive(ToSchema, serde::Serialize)]
pub(crate) struct DraftPolicy {
    name: String,
    cedar: String,
}

/// Try a draft of policies
///
/// Compares what is allowed now with what would be, for every resource, or for the last recorded decisions: who gains, who
/// loses, with examples. Nothing is written.
#[utoipa::path(post, path = "/v3/access/simulate", tag = "access", operation_id = "simulate_access",
    request_body = SimulateQuestion, responses((status = 200, description = "What would change", body = Object)))]
pub(crate) async fn simulate_access(call: Call, body: Body) -> Result<Response, Problem> {
    call.params(&[])?;
    let (document, _) = body::read_json(&call.headers, body).await?;
    let draft = draft(&document)?;
    Ok(answer::data(&simulate(&call.app.core, &call.op(false)?, draft).await?)?)
}

fn draft(document: &Value) -> Result<Draft> {
    let object = document.as_object().ok_or_else(|| wrong("", "must be an object with `policies`"))?;
    if let Some(other) =
        object.keys().find(|key| !matches!(key.as_str(), "policies" | "without" | "principals" | "recorded"))
    {
        return Err(wrong(
            &format!("/{other}"),
            "is not known here; there are policies, without, principals and recorded",
        ));
    }
    let list = |name: &str, most: usize| match object.get(name) {
        None => Ok(vec![]),
        Some(Value::Array(list)) if list.len() <= most => Ok(list.iter().collect()),
        Some(_) => Err(wrong(&format!("/{name}"), &format!("must be an array of at most {most}"))),
    };
    let ids = |name: &str| -> Result<Vec<ResourceId>> {
        let id = |(at, value): (usize, &Value)| {
            let id = value.as_str().and_then(ResourceId::parse);
            id.ok_or_else(|| wrong(&format!("/{name}/{at}"), "must be the id of a resource"))
        };
        list(name, 1000)?.into_iter().enumerate().map(id).collect()
    };
    let policy = |(at, value): (usize, &Value)| {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let both = text("name").zip(text("cedar"));
        both.ok_or_else(|| wrong(&format!("/policies/{at}"), "must be an object with `name` and `cedar`, both texts"))
    };
    let policies = list("policies", MAX_DRAFTS)?.into_iter().enumerate().map(policy).collect::<Result<_>>()?;
    let recorded = object.get("recorded").map(recorded).transpose()?;
    if recorded.is_some() && object.contains_key("principals") {
        return Err(wrong("/principals", "cannot be combined with `recorded`: who was recorded is compared"));
    }
    Ok(Draft { policies, without: ids("without")?, principals: ids("principals")?, recorded })
}

fn recorded(value: &Value) -> Result<u32> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    let number = number.filter(|number| (1..=MAX_RECORDED).contains(number));
    number.ok_or_else(|| wrong("/recorded", "must be a whole number from 1 to 100,000"))
}

/// Show what each role may do
///
/// Roles × types × actions: `all`, `some` or `none` of a type's resources, for somebody who has that role and nothing else.
#[utoipa::path(get, path = "/v3/access/matrix", tag = "access", operation_id = "access_matrix",
    responses((status = 200, description = "A row for each role", body = Object)))]
pub(crate) async fn access_matrix(call: Call) -> Result<Response, Problem> {
    call.params(&[])?;
    Ok(answer::data(&matrix(&call.app.core, &call.op(false)?).await?)?)
}

/// List recorded decisions
///
/// The newest first. All refusals are recorded, reads that were allowed where a type is sensitive or `decision_sample` says
/// so; changes that were allowed are events. The last 100,000 of each kind are kept.
#[utoipa::path(get, path = "/v3/access/decisions", tag = "access", operation_id = "list_decisions",
    params(("principal" = Option<String>, Query, description = "Only about this user or client"),
        ("resource" = Option<String>, Query, description = "Only about this resource"),
        ("action" = Option<String>, Query, description = "Only this action, such as `workspace.read`"),
        ("decision" = Option<String>, Query, description = "Only `allow`, or only `deny`"),
        ("since" = Option<String>, Query, description = "Not before this time, RFC 3339"),
        ("until" = Option<String>, Query, description = "Before this time, RFC 3339"),
        ("limit" = Option<u32>, Query, description = "Decisions of a page, 1 to 200; 50 if absent"),
        ("cursor" = Option<String>, Query, description = "Where an earlier page ended")),
    responses((status = 200, description = "A page of decisions", body = Object)))]
pub(crate) async fn list_decisions(call: Call) -> Result<Response, Problem> {
    let known = ["principal", "resource", "action", "decision", "since", "until", "limit", "cursor"];
    let mut params = call.params(&known)?;
    let query = decision_query(&mut params)?;
    let limit = params.number("limit")?;
    let before = params.text("cursor").map(|cursor| {
        DecisionId::parse(&cursor).ok_or_else(|| Error::parameter("cursor", "is not one that this list answered"))
    });
    let (items, pagination) = decisions(&call.app.core, &call.op(false)?, query, before.transpose()?, limit).await?;
    Ok(answer::page_of(&items, pagination)?)
}

fn decision_query(params: &mut Params) -> Result<DecisionQuery> {
    Ok(DecisionQuery {
        principal: params.id("principal")?,
        resource: params.id("resource")?,
        action: params.text("action").map(action).transpose()?,
        allowed: match params.text("decision").as_deref() {
            None => None,
            Some("allow") => Some(true),
            Some("deny") => Some(false),
            Some(_) => return Err(Error::parameter("decision", "must be allow or deny")),
        },
        since: params.time("since")?,
        until: params.time("until")?,
    })
}

/// `<type>.<verb>`. Decisions outlive types, so nobody asks whether there is such.
fn action(text: String) -> Result<String> {
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
    };
    match text.split_once('.') {
        Some((type_name, verb)) if is_word(type_name) && is_word(verb) => Ok(text),
        _ => Err(Error::parameter("action", "must be an action, such as `workspace.read`")),
    }
}
