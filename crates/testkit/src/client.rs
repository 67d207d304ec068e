//! A small HTTP client for stories: a base address, a token, JSON in and out.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use serde_json::Value;

/// A caller of the API. Cloning is cheap; the connections are shared.
#[derive(Clone, Debug)]
pub struct Client {
    /// Where the server is: `http://127.0.0.1:PORT`.
    pub base_url: String,
    /// What it sends as bearer; `None` for nobody.
    pub token: Option<String>,
    http: reqwest::Client,
}

impl Client {
    /// A caller of the server at `base_url`.
    ///
    /// # Panics
    /// The HTTP client cannot be built.
    #[must_use]
    pub fn new(base_url: &str, token: Option<&str>) -> Client {
        // A proxy of the machine's settings is not meant for loopback; a redirect is something to see.
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(120))
            // A server that is busy may leave unread what it is sent.
            .tcp_user_timeout(None)
            .build()
            .expect("the settings of the HTTP client are constants");
        Client { base_url: base_url.to_owned(), token: token.map(str::to_owned), http }
    }

    /// The same server, called by the owner of another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Client {
        Client { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same server, called by nobody.
    #[must_use]
    pub fn anonymous(&self) -> Client {
        Client { token: None, ..self.clone() }
    }

    /// A request to `path`, with the token, to be completed and sent.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base_url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// `GET`: the status and the body.
    pub async fn get_json(&self, path: &str) -> (u16, Value) {
        answer(self.request(Method::GET, path)).await
    }

    /// `POST` of a JSON body: the status and the body.
    pub async fn post_json(&self, path: &str, body: &impl Serialize) -> (u16, Value) {
        answer(self.request(Method::POST, path).json(body)).await
    }

    /// `PUT` of a JSON body: the status and the body.
    pub async fn put_json(&self, path: &str, body: &impl Serialize) -> (u16, Value) {
        answer(self.request(Method::PUT, path).json(body)).await
    }

    /// `PATCH` with a JSON Merge Patch (RFC 7396): the status and the body.
    pub async fn patch_json(&self, path: &str, body: &impl Serialize) -> (u16, Value) {
        let request = self.request(Method::PATCH, path).json(body);
        answer(request.header("content-type", "application/merge-patch+json")).await
    }

    /// `DELETE`: the status and the body.
    pub async fn delete_json(&self, path: &str) -> (u16, Value) {
        answer(self.request(Method::DELETE, path)).await
    }
}

/// Sends the request: the status, and the body as JSON, or null if there is none.
///
/// # Panics
/// No answer comes, or its body is not JSON.
pub async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap_or_else(|error| panic!("no answer: {error:?}"));
    let status = response.status().as_u16();
    let body = response.text().await.unwrap_or_else(|error| panic!("half an answer: {error:?}"));
    if body.is_empty() {
        return (status, Value::Null);
    }
    let json = serde_json::from_str(&body);
    (status, json.unwrap_or_else(|error| panic!("an answer ({status}) that is not JSON ({error}): {body}")))
}
