//! The routes of `/v3` with their documentation, and the OpenAPI document: that of the handlers, and for every type of
//! the org its own paths and schema.

mod bounds;
pub(crate) mod types;

use std::sync::LazyLock;

use admin_core::Catalogue;
use admin_types::Error;
use axum::Router;
use axum::extract::FromRef;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::call::Call;
use crate::oauth::{invitations, secrets};
use crate::problem::Problem;
use crate::resources::{create, delete, export, get as read, import, list, replace, restore, update};
use crate::{access, api_keys, asyncapi, audit, authzen, events, index_builds, orgs, webhooks};

/// What a resource is created from.
#[derive(ToSchema, Serialize)]
pub(crate) struct NewResource {
    /// The name of its type; the path may say it instead.
    #[serde(rename = "type")]
    #[schema(nullable = false)]
    type_name: Option<String>,
    /// Chosen by the client if it wants to.
    #[schema(pattern = "^(res|typ|usr)_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    id: Option<String>,
    /// 1 to 200 characters, none of them a control character, not only blanks.
    #[schema(min_length = 1, max_length = 200, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$")]
    name: String,
    /// One of the type's; the first if absent.
    #[schema(nullable = false)]
    status: Option<String>,
    /// What the type's schema describes.
    #[schema(value_type = Object, required = false)]
    attributes: Option<Value>,
    /// Up to 64 short names and values.
    #[schema(value_type = Object, required = false)]
    labels: Option<Value>,
    /// The resource that it belongs to.
    #[schema(pattern = "^(res|typ|usr)_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    parent: Option<String>,
}

/// A merge patch of a resource: what is in it is set, null removes.
#[derive(ToSchema, Serialize)]
pub(crate) struct ResourcePatch {
    /// 1 to 200 characters, none of them a control character, not only blanks.
    #[schema(nullable = false, min_length = 1, max_length = 200, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$")]
    name: Option<String>,
    /// One of the type's; null for the first.
    status: Option<String>,
    #[schema(value_type = Option<Object>)]
    attributes: Option<Value>,
    #[schema(value_type = Option<Object>)]
    labels: Option<Value>,
    #[schema(pattern = "^(res|typ|usr)_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    parent: Option<String>,
}

/// One operation of a JSON Patch (RFC 6902).
#[derive(ToSchema, Serialize)]
pub(crate) struct PatchOperation {
    op: PatchVerb,
    /// A JSON Pointer.
    #[schema(pattern = "^(/.*)?$")]
    path: String,
    /// Where from, for move and copy.
    #[schema(nullable = false, pattern = "^(/.*)?$")]
    from: Option<String>,
    /// The value, for add, replace and test.
    #[schema(value_type = Value, required = false)]
    value: Option<Value>,
}

/// What an operation of a JSON Patch does.
#[derive(ToSchema, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(dead_code, reason = "a description")]
pub(crate) enum PatchVerb {
    Add,
    Remove,
    Replace,
    Move,
    Copy,
    Test,
}

/// A resource.
#[derive(ToSchema, Serialize)]
pub(crate) struct Resource {
    id: String,
    #[serde(rename = "type")]
    type_name: String,
    name: String,
    status: String,
    #[schema(value_type = Object)]
    attributes: Value,
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    labels: Value,
    #[schema(required)]
    parent: Option<String>,
    version: i64,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    #[schema(format = DateTime, nullable = false)]
    deleted_at: Option<String>,
}

/// Where a page stands.
#[derive(ToSchema, Serialize)]
pub(crate) struct Pagination {
    #[schema(nullable = false)]
    current_page: Option<u64>,
    per_page: u32,
    total_items: u64,
    #[schema(required)]
    next_cursor: Option<String>,
}

/// One resource.
#[derive(ToSchema, Serialize)]
pub(crate) struct ResourceAnswer {
    /// `success`.
    status: String,
    data: Resource,
}

/// A page of resources.
#[derive(ToSchema, Serialize)]
pub(crate) struct ResourcePage {
    /// `success`.
    status: String,
    #[schema(value_type = Vec<Object>)]
    data: Vec<Value>,
    pagination: Pagination,
}

/// An event.
#[derive(ToSchema, Serialize)]
pub(crate) struct EventAnswer {
    /// `success`.
    status: String,
    #[schema(value_type = Object)]
    data: Value,
}

/// A page of events.
#[derive(ToSchema, Serialize)]
pub(crate) struct EventPage {
    /// `success`.
    status: String,
    #[schema(value_type = Vec<Object>)]
    data: Vec<Value>,
    pagination: Pagination,
}

/// A page of deliveries.
#[derive(ToSchema, Serialize)]
pub(crate) struct DeliveryPage {
    /// `success`.
    status: String,
    #[schema(value_type = Vec<Object>)]
    data: Vec<Value>,
    pagination: Pagination,
}

/// What became of an import.
#[derive(ToSchema, Serialize)]
pub(crate) struct ImportAnswer {
    /// `success`.
    status: String,
    #[schema(value_type = Object)]
    data: Value,
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Admin", description = "Describe resource types; get a governed API."),
    components(schemas(Resource))
)]
struct Base;

fn documented() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Base::openapi())
        .routes(routes!(list::list_resources, create::create_resource))
        .routes(routes!(import::import_resources))
        .routes(routes!(export::export_resources))
        .routes(routes!(
            read::get_resource,
            update::update_resource,
            replace::replace_resource,
            delete::delete_resource
        ))
        .routes(routes!(restore::restore_resource))
        .routes(routes!(events::list_events))
        .routes(routes!(events::watch_events_live))
        .routes(routes!(events::list_event_readers))
        .routes(routes!(events::retry_event_reader))
        .routes(routes!(events::get_event))
        .routes(routes!(audit::search_audit))
        .routes(routes!(audit::export_audit))
        .routes(routes!(audit::get_audit_log))
        .routes(routes!(audit::get_audit_checkpoint))
        .routes(routes!(audit::get_audit_key))
        .routes(routes!(audit::get_audit_tile))
        .routes(routes!(audit::get_receipt))
        .routes(routes!(audit::hold_audit_log, audit::release_audit_log))
        .routes(routes!(index_builds::list_index_builds))
        .routes(routes!(secrets::create_client_secret, secrets::list_client_secrets))
        .routes(routes!(secrets::delete_client_secret))
        .routes(routes!(webhooks::secrets::list_webhook_secrets, webhooks::secrets::create_webhook_secret))
        .routes(routes!(webhooks::secrets::delete_webhook_secret))
        .routes(routes!(webhooks::deliveries::list_webhook_deliveries))
        .routes(routes!(webhooks::deliveries::get_webhook_delivery))
        .routes(routes!(webhooks::deliveries::get_webhook_health))
        .routes(routes!(webhooks::sending::replay_webhook))
        .routes(routes!(webhooks::sending::test_webhook))
        .routes(routes!(api_keys::create_api_key, api_keys::list_api_keys))
        .routes(routes!(api_keys::delete_api_key))
        .routes(routes!(api_keys::rotate_api_key))
        .routes(routes!(invitations::invite_user))
        .routes(routes!(orgs::list_orgs, orgs::create_org))
        .routes(routes!(access::explain_access))
        .routes(routes!(access::simulate_access))
        .routes(routes!(access::access_matrix))
        .routes(routes!(access::list_decisions))
        .routes(routes!(authzen::evaluation))
        .routes(routes!(authzen::evaluations))
        .routes(routes!(authzen::search_subject))
        .routes(routes!(authzen::search_resource))
        .routes(routes!(authzen::search_action))
}

/// The routes under `/v3`.
pub(crate) fn routes() -> Router<App>
where
    App: FromRef<App>,
{
    let (router, _) = documented().split_for_parts();
    router
        .route("/v3/openapi.json", get(openapi))
        .route("/v3/asyncapi.json", get(asyncapi::asyncapi))
        .route("/v3/{plural}", get(list::of_type).post(create::of_type))
        .route(
            "/v3/{plural}/{id}",
            get(read::of_type).patch(update::of_type).put(replace::of_type).delete(delete::of_type),
        )
        .route("/v3/{plural}/{id}/restore", post(restore::of_type))
}

/// The document of the handlers, as JSON.
pub fn document() -> Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
        let (_, document) = documented().split_for_parts();
        let mut document = serde_json::to_value(document).unwrap_or_default();
        document["components"]["securitySchemes"] =
            json!({"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}});
        document["components"]["schemas"]["Problem"] = problem_schema();
        document["security"] = json!([{"bearer": []}]);
        // A parameter that goes on to the end of the path; OpenAPI knows no such.
        if let Some(paths) = document["paths"].as_object_mut()
            && let Some(tile) = paths.remove("/v3/audit/tile/{*path}")
        {
            paths.insert("/v3/audit/tile/{path}".to_owned(), tile);
        }
        let schemas = &mut document["components"]["schemas"];
        for name in ["NewResource", "ResourcePatch"] {
            bounds::labels(&mut schemas[name]["properties"]["labels"]);
            schemas[name]["additionalProperties"] = json!(false);
        }
        for name in ["NewOrg", "HowToInvite"] {
            schemas[name]["additionalProperties"] = json!(false);
        }
        schemas["Replacement"] = bounds::with_stamps(&schemas["NewResource"]);
        schemas["ResourcePatch"] = bounds::with_stamps(&schemas["ResourcePatch"]);
        schemas["Event"] = asyncapi::event();
        schemas["EventAnswer"]["properties"]["data"] = json!({"$ref": "#/components/schemas/Event"});
        schemas["EventPage"]["properties"]["data"]["items"] = json!({"$ref": "#/components/schemas/Event"});
        document["paths"]["/v3/resources/{id}"]["put"]["requestBody"]["content"]["application/json"]["schema"] =
            json!({"$ref": "#/components/schemas/Replacement"});
        for operation in operations(&mut document) {
            bounds::parameters(operation);
            complete(operation);
        }
        document
    });
    DOCUMENT.clone()
}

fn operations(document: &mut Value) -> Vec<&mut Value> {
    let paths = document["paths"].as_object_mut();
    paths
        .into_iter()
        .flat_map(|paths| paths.values_mut())
        .filter_map(Value::as_object_mut)
        .flat_map(|path| path.values_mut())
        .collect()
}

/// Every operation may answer with the problems that all share, and every error is a problem.
fn complete(operation: &mut Value) {
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    let shared = [
        ("400", "The request is not valid"),
        ("401", "No token, or a bad one"),
        ("403", "The principal may not do this"),
        ("404", "Nothing there that the principal may see"),
        ("408", "It took too long"),
        ("409", "The present state does not allow it"),
        ("410", "The cursor has expired"),
        ("412", "Another version is current"),
        ("413", "The body is too large"),
        ("415", "The media type is not one that this endpoint takes"),
        ("422", "The document is not valid"),
        ("503", "A backend is away or overloaded"),
    ];
    for (status, description) in shared {
        let response = responses.entry(status).or_insert_with(|| json!({"description": description}));
        response["content"] = json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
    }
    // Far beyond the bound the connection answers, which knows nothing of problems.
    let too_long = "The path and query are too long; a problem, or nothing above 65,534 bytes";
    responses.insert("414".to_owned(), json!({"description": too_long}));
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "description": "RFC 9457. `type` leads to a page about the code.",
        "required": ["type", "title", "status", "code", "detail", "request_id"],
        "properties": {
            "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
            "code": {"type": "string"}, "detail": {"type": "string"}, "request_id": {"type": "string"},
            "errors": {"type": "array", "items": {"type": "object", "properties": {
                "pointer": {"type": "string"}, "detail": {"type": "string"}, "line": {"type": "integer"}}}}
        }
    })
}

/// `GET /v3/openapi.json`: with the org's own types.
async fn openapi(call: Call) -> Result<Response, Problem> {
    call.params(&[])?;
    admin_core::check_caller(&call.app.core, &call.principal).await?;
    let catalogue = call.app.core.catalogue(call.principal.org).await?;
    let text = serde_json::to_string(&with_types(&catalogue)).map_err(Error::internal)?;
    let headers = [(axum::http::header::CONTENT_TYPE, "application/json")];
    Ok(axum::response::IntoResponse::into_response((headers, text)))
}

fn with_types(catalogue: &Catalogue) -> Value {
    let mut document = document();
    let generic = document["paths"].clone();
    for entry in catalogue.all() {
        types::add(&mut document, &generic, entry);
    }
    document
}
