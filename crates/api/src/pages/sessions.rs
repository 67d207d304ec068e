//! Where one is signed in, and signing out there.

use admin_types::{Kind, SessionId, Timestamp};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use minijinja::context;

use super::signed_in::{Answer, own_form, session, sign_in_first};
use super::told::told;
use super::{message, page as print, see, set_cookie};
use crate::{App, ClientAddress};

const HERE: &str = "/account/sessions";

pub(super) async fn page(State(app): State<App>, headers: HeaderMap) -> Answer {
    let Some(session) = session(&app, &headers).await? else { return sign_in_first(HERE) };
    let (identity, mut sessions) = (app.identity()?, vec![]);
    let orgs = identity.orgs_of(session.account, (session.org, session.user)).await?;
    for one in identity.signed_in(&session).await? {
        let org = orgs.iter().find(|org| org.id == one.org).map(|org| org.name.clone());
        let agent = one.agent.as_deref().map(browser);
        let (since, seen, address) = (minute(one.since), minute(one.seen_at), one.address);
        sessions.push(context! { id => one.id.to_string(), agent, address, since, seen, org, current => one.current });
    }
    Ok(print(&headers, StatusCode::OK, "sessions.html", context! { sessions }, None)?)
}

/// Signs out one browser, or all.
pub(super) async fn end(
    State(app): State<App>,
    address: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let sent = match own_form(&app, &headers, body).await? {
        Ok(sent) => sent,
        Err(refused) => return Ok(refused),
    };
    let Some(session) = session(&app, &headers).await? else { return sign_in_first(HERE) };
    let browser = super::browser(&headers, address);
    if sent.get("everywhere").is_some() {
        app.identity()?.end_everywhere(&session, &browser).await?;
        let mut response = see("/sign-in")?;
        set_cookie(&mut response, "", 0)?;
        return Ok(response);
    }
    let ended = match sent.get("session").and_then(SessionId::parse) {
        Some(id) => app.identity()?.end_one(&session, id, &browser).await,
        None => Err(admin_types::Error::not_found("session")),
    };
    match ended {
        Ok(()) => Ok(see(HERE)?),
        Err(error) if error.kind == Kind::NotFound => {
            Ok(message(&headers, StatusCode::NOT_FOUND, &told(&headers, &error))?)
        }
        Err(error) => Err(error.into()),
    }
}

/// A time to the minute, in UTC.
pub(super) fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{} UTC", text.get(..16).unwrap_or(&text).replace('T', " "))
}

/// What a browser is, of what it calls itself: its name and its system, where they are among the known ones.
fn browser(agent: &str) -> String {
    // The first that fits: others name themselves beside those that they descend from.
    let names =
        [("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")];
    let systems = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |known: &[(&str, &str)]| {
        known.iter().find(|(part, _)| agent.contains(part)).map(|(_, name)| (*name).to_owned())
    };
    match (find(&names), find(&systems)) {
        (Some(name), Some(system)) => format!("{name}, {system}"),
        (Some(name), None) => name,
        (None, _) => agent.chars().take(60).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_called_what_people_call_them() {
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0";
        assert_eq!((browser(firefox), browser(edge)), ("Firefox, Linux".into(), "Edge, Windows".into()));
        assert_eq!(browser("curl/8.5.0"), "curl/8.5.0");
    }
}
