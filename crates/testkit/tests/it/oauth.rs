//! OAuth 2.0 over HTTP: programs that get tokens, use them, and lose them.

mod assertions;
mod attacks;
mod clients;
mod credentials;
pub(crate) mod dpop;
mod ended;
mod exchange;
pub(crate) mod forged;
mod interop;
mod keys;
mod registration;
mod secrets;
pub(crate) mod signer;

use std::time::{Duration, Instant};

use admin_testkit::{Client, Method, Sandbox, postgres, story};
use serde_json::{Value, json};

use crate::acts::*;

/// A master key that a test knows, and that two processes share.
const MASTER_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
/// Where two processes say that they are reached: a token of one is one of the other.
const PUBLIC_URL: &str = "https://admin.example.org";
/// How long a test waits for another process to hear of something: it looks twice a second; the rest is for a busy machine.
const HEARD_WITHIN: Duration = Duration::from_secs(30);

/// The client's id and secret in the header, if they are there.
type Basic<'a> = Option<(&'a str, &'a str)>;
/// The parameters of a form.
type Pairs<'a> = &'a [(&'a str, &'a str)];

/// A client with a secret.
pub(crate) struct Program {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Program {
    pub(crate) fn basic(&self) -> Basic<'_> {
        Some((&self.id, &self.secret))
    }
}

/// A client that shows who it is by a secret, with these attributes.
pub(crate) async fn program(owner: &Client, name: &str, attributes: Value) -> Program {
    let id = add(owner, "client", name, attributes).await;
    let secret = secret(owner, &id).await.1;
    Program { id, secret }
}

/// Makes a secret of a client: its id, and the secret.
async fn secret(caller: &Client, client: &str) -> (String, String) {
    let (status, body) = caller.post_json(&secrets_of(client), &json!({})).await;
    assert_eq!(status, 201, "{body}");
    (id(&body["data"]), body["data"]["secret"].as_str().expect("a secret").to_owned())
}

fn secrets_of(client: &str) -> String {
    format!("/v3/clients/{client}/secrets")
}

/// Posts a form, with the pair in the header if there is one.
pub(crate) async fn form(server: &Client, path: &str, basic: Basic<'_>, pairs: Pairs<'_>) -> Reply {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let mut request = server.anonymous().request(Method::POST, path);
    if let Some((id, secret)) = basic {
        request = request.basic_auth(id, Some(secret));
    }
    reply(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
}

/// Asks for a token by client credentials.
pub(crate) async fn ask(server: &Client, basic: Basic<'_>, more: Pairs<'_>) -> Reply {
    let pairs: Vec<_> = [("grant_type", "client_credentials")].into_iter().chain(more.iter().copied()).collect();
    form(server, "/oauth/token", basic, &pairs).await
}

/// A token of a program; it must get one.
pub(crate) async fn token(server: &Client, program: &Program) -> String {
    token_of(&ask(server, program.basic(), &[]).await)
}

/// The token in an answer of the token endpoint, which must be as RFC 6749, section 5.1, says.
#[track_caller]
pub(crate) fn token_of(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!((reply.header("cache-control"), reply.header("pragma")), ("no-store", "no-cache"));
    assert_eq!((&reply.body["token_type"], &reply.body["expires_in"]), (&json!("Bearer"), &json!(600)));
    reply.body["access_token"].as_str().expect("a token").to_owned()
}

/// Asserts a refusal as RFC 6749, section 5.2, says it.
#[track_caller]
pub(crate) fn oauth_error(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status, reply.body["error"].as_str()), (status, Some(code)), "{}", reply.body);
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(reply.header("content-type"), "application/json");
    assert!(reply.body["error_description"].as_str().is_some_and(|text| !text.is_empty()), "{}", reply.body);
    let challenge = reply.header("www-authenticate");
    assert_eq!(challenge.starts_with("Basic "), code == "invalid_client", "{challenge:?}");
}

/// The status of a read with a token, and the code of its problem.
pub(crate) async fn using(server: &Client, token: &str) -> (u16, String) {
    let (status, body) = server.with_token(token).get_json("/v3/resources?limit=1").await;
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

/// Whether an API call with a token is let in; if not, it must be for the token.
async fn works(server: &Client, token: &str) -> bool {
    match using(server, token).await {
        (200, _) => true,
        (401, code) if code == "bad_token" => false,
        other => panic!("{other:?}"),
    }
}

/// Waits until something is heard of, but no longer than another process may take.
pub(crate) async fn heard(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + HEARD_WITHIN;
    while !ask().await {
        assert!(Instant::now() < deadline, "{what} was not heard of within {HEARD_WITHIN:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Two processes on one PostgreSQL.
pub(crate) async fn two_processes() -> (postgres::Database, Sandbox, Sandbox) {
    let database = postgres::database().await;
    let settings =
        [("ADMIN_DATABASE", &*database.url), ("ADMIN_MASTER_KEY", MASTER_KEY), ("ADMIN_PUBLIC_URL", PUBLIC_URL)];
    let first = Sandbox::start_with(admin_testkit::Backend::Sqlite, &settings).await;
    let second = Sandbox::start_with(admin_testkit::Backend::Sqlite, &settings).await;
    (database, first, second)
}

/// The issuer that a server says it is.
async fn issuer(server: &Client) -> String {
    let metadata = get(&server.anonymous(), "/.well-known/openid-configuration").await;
    metadata["issuer"].as_str().expect("an issuer").to_owned()
}
