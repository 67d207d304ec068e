//! The orgs of an account: which there are, and in which of them the session acts.

use admin_identity::{AuthorizationRequest, Form};
use admin_types::{Kind, OrgId, ResourceId, Result};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use minijinja::{Value, context};

use super::signed_in::{Answer, own_form, session, sign_in_first};
use super::told::told;
use super::{message, next, page as print, see};
use crate::App;
use crate::oauth;

const HERE: &str = "/account/orgs";

pub(super) async fn page(State(app): State<App>, headers: HeaderMap, _: Uri) -> Answer {
    let Some(session) = session(&app, &headers).await? else { return sign_in_first(HERE) };
    let orgs = app.identity()?.orgs_of(session.account, (session.org, session.user)).await?;
    let shown = orgs.into_iter().map(|org| {
        let (id, user, roles) = (org.id.to_string(), org.user.to_string(), org.roles.join(", "));
        context! { id, user, name => org.name, user_name => org.user_name, roles, active => org.active, current => org.current }
    });
    Ok(print(&headers, StatusCode::OK, "orgs.html", context! { orgs => shown.collect::<Vec<_>>() }, None)?)
}

/// Switches the org of the session.
pub(super) async fn switch(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    let sent = match own_form(&app, &headers, body).await? {
        Ok(sent) => sent,
        Err(refused) => return Ok(refused),
    };
    let Some(session) = session(&app, &headers).await? else { return sign_in_first(HERE) };
    let place = sent.get("next").map_or(HERE, |place| next(Some(place)));
    let org = sent.get("org").and_then(OrgId::parse);
    let user = sent.get("user").map(ResourceId::parse);
    let switched = match (org, user) {
        (Some(org), None) => app.identity()?.switch_org(&session, org, None).await,
        (Some(org), Some(Some(user))) => app.identity()?.switch_org(&session, org, Some(user)).await,
        _ => Err(admin_types::Error::not_found("org")),
    };
    match switched {
        Ok(()) => Ok(see(place)?),
        Err(error) if error.kind == Kind::NotFound => {
            Ok(message(&headers, StatusCode::NOT_FOUND, &told(&headers, &error))?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Asks whether to leave the org that is active, and to go on in that of the client.
pub(super) async fn ask(
    app: &App,
    headers: &HeaderMap,
    form: &Form,
    request: &AuthorizationRequest,
    (now, wanted): (OrgId, OrgId),
) -> Result<Response> {
    let (identity, org) = (app.identity()?, wanted.to_string());
    let (now, wanted) = (identity.org_name(now).await?, identity.org_name(wanted).await?);
    let client = &request.client.name;
    let next = super::authorize::again(form);
    let fields = super::authorize::pairs(form.pairs());
    let of = context! { now, wanted, org, client, next, fields };
    page_of(headers, of, request)
}

fn page_of(headers: &HeaderMap, of: Value, request: &AuthorizationRequest) -> Result<Response> {
    let to = oauth::origin(request.redirect_uri());
    print(headers, StatusCode::OK, "switch-org.html", of, to.as_deref())
}
