//! People sign in: the one-time link, passwords, sessions, and the authorization code flow, as a browser without scripts
//! goes through them.

mod asked;
mod at_once;
mod attacks;
mod audited;
mod authenticator;
mod bound;
mod code_flow;
mod device;
mod factors;
mod floods;
mod isolation;
mod login;
mod mail;
mod orgs;
mod passkeys;
mod passwords;
mod people;
mod premade;
mod proxied;
mod sessions;
mod step_up;
mod told;
mod totp;

use std::collections::BTreeMap;
use std::sync::Mutex;

use admin_testkit::{Backend, Client, Method, Sandbox, story};
use form_urlencoded::Serializer;
use serde_json::{Value, json};

use crate::acts::*;

const PASSWORD: &str = "a long good password";
const BACK: &str = "http://localhost:9999/back?at=shop";
/// 43 characters, and the base64url of their SHA-256.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// An answer, as a browser sees it.
struct Seen {
    status: u16,
    location: String,
    headers: reqwest_headers::Headers,
    text: String,
}

/// The headers of an answer, by name.
mod reqwest_headers {
    pub(super) type Headers = std::collections::BTreeMap<String, Vec<String>>;
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|values| values.first()).map_or("", String::as_str)
    }

    /// A parameter of the place where it leads.
    fn param(&self, name: &str) -> Option<String> {
        let query = self.location.split_once('?')?.1;
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The hidden fields of its form.
    fn fields(&self) -> Vec<(String, String)> {
        let inputs = self.text.split("<input type=\"hidden\" name=\"").skip(1);
        let field = |text: &str| {
            let (name, rest) = text.split_once("\" value=\"")?;
            let value = rest.split_once('"')?.0;
            let value = value.replace("&#x2f;", "/").replace("&quot;", "\"").replace("&amp;", "&");
            Some((name.to_owned(), value))
        };
        inputs.filter_map(field).collect()
    }
}

/// A browser: it keeps cookies, and says where its forms come from.
struct Browser {
    client: Client,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl Browser {
    fn new(sandbox: &Sandbox) -> Browser {
        Browser { client: sandbox.anonymous(), cookies: Mutex::default() }
    }

    fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().expect("cookies").get(name).cloned()
    }

    fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.lock().expect("cookies").insert(name.to_owned(), value.to_owned());
    }

    async fn get(&self, path: &str) -> Seen {
        self.send(self.client.request(Method::GET, path)).await
    }

    async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let request = self.client.request(Method::POST, path).header("sec-fetch-site", "same-origin");
        self.send(with_form(request, fields)).await
    }

    async fn send(&self, request: admin_testkit::RequestBuilder) -> Seen {
        let cookies: Vec<String> =
            self.cookies.lock().expect("cookies").iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) };
        let seen = see(request).await;
        for cookie in seen.headers.get("set-cookie").into_iter().flatten() {
            let (name, rest) = cookie.split_once('=').expect("a cookie has a name");
            let value = rest.split(';').next().unwrap_or_default();
            let mut cookies = self.cookies.lock().expect("cookies");
            if value.is_empty() {
                cookies.remove(name)
            } else {
                cookies.insert(name.to_owned(), value.to_owned())
            };
        }
        seen
    }
}

fn with_form(request: admin_testkit::RequestBuilder, fields: &[(&str, &str)]) -> admin_testkit::RequestBuilder {
    let body = Serializer::new(String::new()).extend_pairs(fields).finish();
    request.header("content-type", "application/x-www-form-urlencoded").body(body)
}

async fn see(request: admin_testkit::RequestBuilder) -> Seen {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let mut headers = reqwest_headers::Headers::new();
    for (name, value) in response.headers() {
        let value = value.to_str().expect("text").to_owned();
        headers.entry(name.as_str().to_owned()).or_default().push(value);
    }
    let location = headers.get("location").and_then(|values| values.first()).cloned().unwrap_or_default();
    Seen { status, location, headers, text: response.text().await.expect("a text") }
}

/// A one-time link's token, for the owner.
fn one_time_token(sandbox: &Sandbox) -> String {
    set_up_link(sandbox).split_once("token=").expect("a token").1.to_owned()
}

/// A browser in which the owner has set up an account.
async fn owner(sandbox: &Sandbox) -> Browser {
    let browser = Browser::new(sandbox);
    let token = one_time_token(sandbox);
    let fields = [("token", token.as_str()), ("email", "Ada@example.org"), ("password", PASSWORD)];
    let seen = browser.submit("/set-up", &fields).await;
    assert_eq!((seen.status, seen.location.as_str()), (303, "/account"), "{}", seen.text);
    browser
}

/// A client with the token of a session's page.
async fn page_client(browser: &Browser) -> Client {
    let seen = browser.submit("/account/token", &[]).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    let body: Value = serde_json::from_str(&seen.text).expect("JSON");
    browser.client.with_token(body["data"]["access_token"].as_str().expect("a token"))
}

/// Makes an org by the token of a person; answers its id.
async fn new_org(person: &Client, name: &str) -> String {
    let (status, body) = person.post_json("/v3/orgs", &json!({"name": name})).await;
    assert_eq!(status, 201, "{body}");
    id(&body["data"])
}

/// A public client of the org's own.
async fn app(sandbox: &Client) -> String {
    let attributes = json!({"redirect_uris": [BACK], "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none", "first_party": true});
    add(sandbox, "client", "shop", attributes).await
}

/// The path that a client sends a browser to; `changes` replace parameters, empty ones remove them.
fn ask(client: &str, changes: &[(&str, &str)]) -> String {
    let mut params = BTreeMap::from([
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", BACK),
        ("scope", "openid profile email admin"),
        ("state", "a b&c"),
        ("nonce", "n-1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    params.extend(changes.iter().copied());
    params.retain(|_, value| !value.is_empty());
    format!("/oauth/authorize?{}", Serializer::new(String::new()).extend_pairs(params).finish())
}

/// A form to an OAuth endpoint, by nobody in particular.
async fn post(sandbox: &Sandbox, path: &str, fields: &[(&str, &str)]) -> (u16, Value) {
    admin_testkit::client::answer(with_form(sandbox.anonymous().request(Method::POST, path), fields)).await
}

/// Redeems a code.
async fn redeem(sandbox: &Sandbox, client: &str, code: &str) -> (u16, Value) {
    let fields = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", BACK)];
    let own = [("client_id", client), ("code_verifier", VERIFIER)];
    post(sandbox, "/oauth/token", &[&fields[..], &own[..]].concat()).await
}

async fn refresh(sandbox: &Sandbox, client: &str, token: &Value) -> (u16, Value) {
    let token = token.as_str().expect("a refresh token");
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", client)];
    post(sandbox, "/oauth/token", &fields).await
}

/// The status of a call of the API with a token.
async fn status_with(sandbox: &Sandbox, token: &Value) -> u16 {
    let client = sandbox.with_token(token.as_str().expect("a token"));
    client.get_json("/v3/users").await.0
}
