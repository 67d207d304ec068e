//! The authorization endpoint, as a browser sees it: it signs in, agrees, and goes back to the client.

use admin_identity::{AuthorizationRequest, Form, Next, OAuthError, Redirection, Refused, Session};
use admin_types::{Error, Result};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use form_urlencoded::Serializer;
use minijinja::context;

use super::told::another_site;
use super::{cookie, is_own, message, page, see, texts};
use crate::App;
use crate::oauth::{self, Refusal};
use crate::problem::MAX_URI;

type Answer = std::result::Result<Response, Refusal>;

pub(super) async fn by_query(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Answer {
    let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    match Form::new(pairs.map(|(name, value)| (name.into_owned(), value.into_owned()))) {
        Ok(form) => authorize(&app, &headers, &form).await,
        Err(error) => Ok(message(&headers, StatusCode::BAD_REQUEST, &error.description)?),
    }
}

pub(super) async fn by_form(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    let form = oauth::form(&headers, body).await?;
    authorize(&app, &headers, &form).await
}

async fn authorize(app: &App, headers: &HeaderMap, form: &Form) -> Answer {
    let request = match app.identity()?.authorization_request(form).await {
        Ok(request) => request,
        Err(refused) => return stop(headers, refused),
    };
    let session = session(app, headers).await?;
    let next = match request.wants_sign_in(session.as_ref()) {
        true => Next::SignIn,
        false => app.identity()?.next(&request, session.as_ref(), false).await?,
    };
    match (next, session) {
        (Next::SignIn, _) => sign_in(headers, form, &request),
        (Next::Consent, Some(session)) => Ok(ask(headers, form, &request, &session)?),
        (Next::SwitchOrg(org), Some(session)) => {
            Ok(super::orgs::ask(app, headers, form, &request, (session.org, org)).await?)
        }
        (Next::Consent | Next::SwitchOrg(_), None) => Err(Error::internal("nobody to ask for consent").into()),
        (Next::Back(redirection), _) => Ok(back(headers, redirection)?),
    }
}

async fn session(app: &App, headers: &HeaderMap) -> std::result::Result<Option<Session>, Refusal> {
    match cookie(headers) {
        Some(cookie) => Ok(app.identity()?.session(cookie).await?),
        None => Ok(None),
    }
}

fn stop(headers: &HeaderMap, refused: Refused) -> Answer {
    match refused {
        Refused::Back(redirection) => Ok(back(headers, redirection)?),
        Refused::Here(OAuthError { internal: Some(error), .. }) => Err((*error).into()),
        Refused::Here(error) => Ok(message(headers, StatusCode::BAD_REQUEST, &error.description)?),
    }
}

/// To the sign-in page, and from there here again.
fn sign_in(headers: &HeaderMap, form: &Form, request: &AuthorizationRequest) -> Answer {
    let mut query = Serializer::new(String::new());
    query.append_pair("next", &again(form));
    if let Some(hint) = &request.login_hint {
        query.append_pair("login_hint", hint);
    }
    let place = format!("/sign-in?{}", query.finish());
    // A browser would be sent where it is not let in.
    if place.len() > MAX_URI {
        return Ok(message(headers, StatusCode::BAD_REQUEST, &texts(headers)["request_too_long"])?);
    }
    Ok(see(&place)?)
}

/// Where the browser comes here again: without the wish to sign in, which is then fulfilled.
pub(super) fn again(form: &Form) -> String {
    let mut again = Serializer::new(String::new());
    for (name, value) in form.pairs() {
        let kept: Vec<&str> = value.split(' ').filter(|word| !matches!(*word, "login" | "select_account")).collect();
        match name {
            "prompt" if kept.is_empty() => {}
            "prompt" => drop(again.append_pair(name, &kept.join(" "))),
            _ => drop(again.append_pair(name, value)),
        }
    }
    format!("/oauth/authorize?{}", again.finish())
}

fn ask(headers: &HeaderMap, form: &Form, request: &AuthorizationRequest, session: &Session) -> Result<Response> {
    let texts = texts(headers);
    let wants: Vec<&String> = request.scope.split(' ').filter_map(|word| texts.get(&format!("scope_{word}"))).collect();
    let fields = pairs(form.pairs());
    let origin = oauth::origin(request.redirect_uri());
    let (client, name, host) = (&request.client.name, &session.name, origin.as_deref().unwrap_or_default());
    let of = context! { client, name, host, wants, fields };
    page(headers, StatusCode::OK, "consent.html", of, origin.as_deref())
}

/// Fields of a form, each a name and a value.
pub(super) fn pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Vec<String>> {
    pairs.map(|(name, value)| vec![name.to_owned(), value.to_owned()]).collect()
}

/// The person's decision.
pub(super) async fn consent(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    let form = oauth::form(&headers, body).await?;
    if !is_own(&app, &headers) {
        return Ok(another_site(&headers)?);
    }
    let request = match app.identity()?.authorization_request(&form).await {
        Ok(request) => request,
        Err(refused) => return stop(&headers, refused),
    };
    let Some(session) = session(&app, &headers).await? else { return sign_in(&headers, &form, &request) };
    if form.get("decision") != Some("allow") {
        return Ok(back(&headers, app.identity()?.denied(&request))?);
    }
    match app.identity()?.next(&request, Some(&session), true).await? {
        Next::Back(redirection) => Ok(back(&headers, redirection)?),
        Next::SwitchOrg(org) => Ok(super::orgs::ask(&app, &headers, &form, &request, (session.org, org)).await?),
        Next::SignIn | Next::Consent => sign_in(&headers, &form, &request),
    }
}

/// Back to the client, in the query or by a form that sends itself.
fn back(headers: &HeaderMap, redirection: Redirection) -> Result<Response> {
    let Redirection { redirect_uri, form_post, params } = redirection;
    if form_post {
        let fields = pairs(params.iter().map(|(name, value)| (*name, value.as_str())));
        let of = context! { action => &redirect_uri, fields };
        return page(headers, StatusCode::OK, "form-post.html", of, oauth::origin(&redirect_uri).as_deref());
    }
    let mut query = Serializer::new(String::new());
    query.extend_pairs(&params);
    let join = if redirect_uri.contains('?') { '&' } else { '?' };
    see(&format!("{redirect_uri}{join}{}", query.finish()))
}

/// What a client asks for at an address of the authorization endpoint, if it is a good one.
pub(super) async fn asked(app: &App, next: &str) -> Option<AuthorizationRequest> {
    let query = next.strip_prefix("/oauth/authorize?")?;
    let pairs = form_urlencoded::parse(query.as_bytes());
    let form = Form::new(pairs.map(|(name, value)| (name.into_owned(), value.into_owned()))).ok()?;
    app.identity().ok()?.authorization_request(&form).await.ok()
}
