//! The pages on which people sign in: plain HTML that works without scripts, in the reader's language.

mod account;
mod authorize;
mod device;
mod email;
mod orgs;
mod passkeys;
mod password;
mod second_step;
mod security;
mod sessions;
mod sign_in;
mod signed_in;
mod told;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use admin_identity::Browser;
use admin_types::{Error, RequestId, Result};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use minijinja::{Environment, Value, context, escape_formatter};

use crate::observe::REQUEST_ID;
use crate::{App, ClientAddress};

pub(crate) use signed_in::language;

/// The cookie of a session. `__Host-`: of this host alone, over TLS or on this machine.
const COOKIE: &str = "__Host-admin-session";
/// The cookie of a sign-in whose first step is done.
const HALF_COOKIE: &str = "__Host-admin-sign-in";
/// The cookie of a call of an authenticator.
const PASSKEY_COOKIE: &str = "__Host-admin-passkey";

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    // What is not known is left out, not written as `None`.
    environment
        .set_formatter(|out, state, value| if value.is_none() { Ok(()) } else { escape_formatter(out, state, value) });
    for (name, text) in [
        ("base.html", include_str!("../../assets/pages/base.html")),
        ("sign-in.html", include_str!("../../assets/pages/sign-in.html")),
        ("set-up.html", include_str!("../../assets/pages/set-up.html")),
        ("consent.html", include_str!("../../assets/pages/consent.html")),
        ("account.html", include_str!("../../assets/pages/account.html")),
        ("orgs.html", include_str!("../../assets/pages/orgs.html")),
        ("switch-org.html", include_str!("../../assets/pages/switch-org.html")),
        ("sessions.html", include_str!("../../assets/pages/sessions.html")),
        ("password.html", include_str!("../../assets/pages/password.html")),
        ("new-password.html", include_str!("../../assets/pages/new-password.html")),
        ("forgotten.html", include_str!("../../assets/pages/forgotten.html")),
        ("email.html", include_str!("../../assets/pages/email.html")),
        ("confirm-email.html", include_str!("../../assets/pages/confirm-email.html")),
        ("done.html", include_str!("../../assets/pages/done.html")),
        ("sign-out.html", include_str!("../../assets/pages/sign-out.html")),
        ("device.html", include_str!("../../assets/pages/device.html")),
        ("device-confirm.html", include_str!("../../assets/pages/device-confirm.html")),
        ("message.html", include_str!("../../assets/pages/message.html")),
        ("second-step.html", include_str!("../../assets/pages/second-step.html")),
        ("security.html", include_str!("../../assets/pages/security.html")),
        ("totp.html", include_str!("../../assets/pages/totp.html")),
        ("recovery-codes.html", include_str!("../../assets/pages/recovery-codes.html")),
        ("form-post.html", include_str!("../../assets/pages/form-post.html")),
    ] {
        environment.add_template(name, text).expect("the templates are right");
    }
    environment
});

type Texts = BTreeMap<String, String>;

static TEXTS: LazyLock<[Texts; 2]> = LazyLock::new(|| {
    [include_str!("../../assets/pages/en.json"), include_str!("../../assets/pages/de.json")]
        .map(|text| serde_json::from_str(text).expect("the catalogues are right"))
});

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/sign-in", get(sign_in::page).post(sign_in::submit))
        .route("/sign-in/second", get(second_step::page).post(second_step::submit))
        .route("/sign-out", post(account::sign_out))
        .route("/set-up", get(sign_in::set_up_page).post(sign_in::set_up))
        .route("/account", get(account::page))
        .route("/account/token", post(account::token))
        .route("/device", get(device::page).post(device::submit))
        .route("/account/orgs", get(orgs::page).post(orgs::switch))
        .route("/account/sessions", get(sessions::page).post(sessions::end))
        .route("/account/password", get(password::page).post(password::change))
        .route("/account/email", get(email::page).post(email::wish))
        .route("/account/email/confirm", get(email::confirm_page).post(email::confirm))
        .route("/reset-password", get(password::reset_page).post(password::reset))
        .merge(security::routes())
        .merge(passkeys::routes())
        .route("/oauth/authorize", get(authorize::by_query).post(authorize::by_form))
        .route("/oauth/consent", post(authorize::consent))
        .route("/oauth/logout", get(account::logout_by_query).post(account::logout_by_form))
        .route("/pages/style.css", get(|| asset("text/css", include_str!("../../assets/pages/style.css"))))
        .route("/pages/icon.svg", get(|| asset("image/svg+xml", include_str!("../../assets/pages/icon.svg"))))
        .route("/pages/passkeys.js", get(|| asset("text/javascript", include_str!("../../assets/pages/passkeys.js"))))
        .route("/pages/form-post.js", get(|| asset("text/javascript", include_str!("../../assets/pages/form-post.js"))))
}

async fn asset(media_type: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "public, max-age=3600")], text).into_response()
}

/// The texts in the language that the reader's browser asks for first, of those that there are.
fn texts(headers: &HeaderMap) -> &'static Texts {
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut wanted: Vec<(f32, &str)> = wanted.split(',').take(20).map(weighed).collect();
    wanted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let of = |language: &str| TEXTS.iter().find(|texts| texts["lang"] == language);
    wanted.into_iter().find_map(|(_, language)| of(language)).unwrap_or(&TEXTS[0])
}

/// A language without its region, and how much it is wanted.
fn weighed(part: &str) -> (f32, &str) {
    let (tag, weight) = part.split_once(";q=").unwrap_or((part, "1"));
    let language = tag.trim().split('-').next().unwrap_or_default();
    (weight.trim().parse().unwrap_or(0.0), language)
}

/// A page. `to`: an origin besides our own to which its forms may lead.
fn page(headers: &HeaderMap, status: StatusCode, name: &str, of: Value, to: Option<&str>) -> Result<Response> {
    let template = TEMPLATES.get_template(name).map_err(Error::internal)?;
    let texts = texts(headers);
    let html = template.render(context! { t => texts, ..of }).map_err(Error::internal)?;
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' {}",
        to.unwrap_or_default()
    );
    let mut response = (status, Html(html)).into_response();
    let own = response.headers_mut();
    own.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_str(policy.trim()).map_err(Error::internal)?);
    own.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    own.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    own.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    own.insert(header::CONTENT_LANGUAGE, HeaderValue::from_str(&texts["lang"]).map_err(Error::internal)?);
    if let Some(after) = crate::problem::retry_after(status) {
        own.insert(header::RETRY_AFTER, after);
    }
    Ok(response)
}

/// A page that says one thing.
fn message(headers: &HeaderMap, status: StatusCode, text: &str) -> Result<Response> {
    let title = &texts(headers)["cannot_go_on"];
    page(headers, status, "message.html", context! { title, text, error => true }, None)
}

/// The cookie of our session.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    named_cookie(headers, COOKIE)
}

/// The value of a cookie.
fn named_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// Sets the cookie of our session for as many seconds; 0 removes it.
fn set_cookie(response: &mut Response, value: &str, seconds: i64) -> Result<()> {
    set_named_cookie(response, COOKIE, value, seconds)
}

/// Sets a cookie, whose name begins with `__Host-`, for as many seconds; 0 removes it.
fn set_named_cookie(response: &mut Response, name: &str, value: &str, seconds: i64) -> Result<()> {
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
    response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_str(&text).map_err(Error::internal)?);
    Ok(())
}

/// Where a request comes from.
pub(crate) fn browser(headers: &HeaderMap, address: Option<Extension<ClientAddress>>) -> Browser {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let cookie = cookie(headers).map(secrecy::SecretString::from);
    // Where the request is taken in, it gets an id if it has none.
    let request_id = headers.get(&REQUEST_ID).and_then(|id| RequestId::accept(id.to_str().ok()?));
    Browser { address: address.map(|Extension(ClientAddress(address))| address), agent, cookie, request_id }
}

/// Whether a form was sent from one of our own pages. Every browser says so, in one of two headers; what says nothing
/// is no browser, and has no cookies that somebody else could use.
fn is_own(app: &App, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin == &*app.public_url,
        (None, None) => true,
    }
}

/// A redirection that turns a form into a page.
fn see(place: &str) -> Result<Response> {
    let place = HeaderValue::from_str(place).map_err(Error::internal)?;
    let headers = [(header::LOCATION, place), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

/// Where a browser may go after it signed in: a page of ours alone.
fn next(text: Option<&str>) -> &str {
    let here = ["/oauth/authorize?", "/device?", "/account/"];
    let page =
        |text: &str| matches!(text, "/reference" | "/device") || here.iter().any(|place| text.starts_with(place));
    let own = |text: &&str| page(text) && text.bytes().all(|b| b.is_ascii_graphic());
    text.filter(own).unwrap_or("/account")
}
