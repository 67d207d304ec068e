//! Where a person lets a device in that has no browser (RFC 8628, section 3.3).

use admin_identity::{DeviceRequest, Session};
use admin_types::{Error, Kind, Result};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use form_urlencoded::Serializer;
use minijinja::context;

use super::sessions::minute;
use super::told::another_site;
use super::{browser, is_own, page as print, see, sign_in, texts};
use crate::oauth::{self, Refusal};
use crate::{App, ClientAddress, problem};

type Answer = std::result::Result<Response, Refusal>;
type Address = Option<Extension<ClientAddress>>;

/// The form for the code; with a code in the address, the question at once. The code is shown there too, so that the
/// person compares it (section 3.3.1).
pub(super) async fn page(State(app): State<App>, address: Address, headers: HeaderMap, uri: Uri) -> Answer {
    let query = sign_in::query(&uri);
    let code = query.get("user_code");
    let Some(session) = super::account::session(&app, &headers).await? else { return Ok(to_sign_in(code)?) };
    match code {
        Some(code) => ask(&app, &headers, address, &session, code).await,
        None => Ok(enter(&headers, StatusCode::OK, "", None)?),
    }
}

/// To the sign-in page, and from there here again.
fn to_sign_in(code: Option<&str>) -> Result<Response> {
    let query = |code| Serializer::new(String::new()).append_pair("user_code", code).finish();
    let again = code.map(|code| format!("/device?{}", query(code)));
    let next = again.as_deref().unwrap_or("/device");
    see(&format!("/sign-in?{}", Serializer::new(String::new()).append_pair("next", next).finish()))
}

fn enter(headers: &HeaderMap, status: StatusCode, code: &str, error: Option<&str>) -> Result<Response> {
    let error = error.map(|key| &texts(headers)[key]);
    print(headers, status, "device.html", context! { code, error }, None)
}

async fn ask(app: &App, headers: &HeaderMap, address: Address, session: &Session, code: &str) -> Answer {
    match app.identity()?.device_request(session, &browser(headers, address), code).await {
        Ok(request) => Ok(confirm(headers, session, &request)?),
        Err(error) => again(headers, code, error),
    }
}

/// The form once more, after a code that is not one.
fn again(headers: &HeaderMap, code: &str, error: Error) -> Answer {
    let why = match error.kind {
        Kind::NotFound => "device_wrong",
        Kind::TooManyRequests => "device_tired",
        _ => return Err(error.into()),
    };
    Ok(enter(headers, problem::status(error.kind), code, Some(why))?)
}

fn confirm(headers: &HeaderMap, session: &Session, request: &DeviceRequest) -> Result<Response> {
    let texts = texts(headers);
    let wants: Vec<&String> = request.scope.split(' ').filter_map(|word| texts.get(&format!("scope_{word}"))).collect();
    let (client, name, code) = (&request.client.name, &session.name, &request.user_code);
    let (address, agent, asked_at) = (&request.address, &request.agent, minute(request.asked_at));
    let of = context! { client, name, code, wants, address, agent, asked_at };
    print(headers, StatusCode::OK, "device-confirm.html", of, None)
}

/// The code from the form, and with it the person's decision.
pub(super) async fn submit(State(app): State<App>, address: Address, headers: HeaderMap, body: Body) -> Answer {
    let sent = oauth::form(&headers, body).await?;
    if !is_own(&app, &headers) {
        return Ok(another_site(&headers)?);
    }
    let code = sent.get("user_code").unwrap_or_default();
    let Some(session) = super::account::session(&app, &headers).await? else { return Ok(to_sign_in(Some(code))?) };
    let Some(decision) = sent.get("decision") else { return ask(&app, &headers, address, &session, code).await };
    let identity = app.identity()?;
    let request = match identity.device_request(&session, &browser(&headers, address), code).await {
        Ok(request) => request,
        Err(error) => return again(&headers, code, error),
    };
    let allow = decision == "allow";
    if !identity.decide_device(&session, &request, allow).await? {
        return Ok(enter(&headers, StatusCode::NOT_FOUND, code, Some("device_wrong"))?);
    }
    let (texts, said) = (texts(&headers), if allow { "device_allowed" } else { "device_denied" });
    let (title, text) = (&texts[said], &texts[&format!("{said}_text")]);
    Ok(print(&headers, StatusCode::OK, "message.html", context! { title, text }, None)?)
}
