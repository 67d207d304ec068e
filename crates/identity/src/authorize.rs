//! The authorization endpoint (RFC 6749, section 4.1; OpenID Connect Core, section 3.1.2): a browser comes with what a
//! client wants, and goes back with a code or a refusal.

use std::collections::BTreeMap;

use admin_core::{Core, MULTI_FACTOR};
use admin_db::oauth;
use admin_types::{OrgId, ResourceId, Timestamp};
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::Identity;
use crate::assurance::{self, needs_second_factor};
use crate::clients::{Client, find_client};
use crate::dpop::is_thumbprint;
use crate::error::{OAuthError, OAuthResult};
use crate::form::Form;
use crate::grants::{self, Terms};
use crate::pushed;
use crate::sessions::Session;
use crate::token_endpoint::{SCOPES, scope};

/// How long ago somebody may have signed in to have done so just now, in seconds.
const JUST_NOW: i64 = 10;
/// The longest text of a client that is carried along, in bytes.
const MAX_TEXT: usize = 2048;

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    /// The client.
    pub client: Client,
    /// What it wants, in words with spaces between.
    pub scope: String,
    /// Whom it thinks will sign in.
    pub login_hint: Option<String>,
    back: Back,
    nonce: Option<String>,
    code_challenge: String,
    dpop_jkt: Option<String>,
    prompt: Vec<String>,
    max_age: Option<i64>,
    second_factor: bool,
    subject: Option<ResourceId>,
    pushed: Option<(String, Timestamp)>,
}

/// The way back to a client.
#[derive(Clone, Debug)]
struct Back {
    redirect_uri: String,
    form_post: bool,
    state: Option<String>,
}

/// Where a browser goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Redirection {
    /// One of the client's addresses.
    pub redirect_uri: String,
    /// By a form that sends itself, instead of in the query.
    pub form_post: bool,
    /// What to say there.
    pub params: BTreeMap<&'static str, String>,
}

/// Why a browser cannot go on.
#[derive(Clone, Debug)]
pub enum Refused {
    /// Nobody knows where it should go: it stays here.
    Here(OAuthError),
    /// The client is told.
    Back(Redirection),
}

impl From<OAuthError> for Refused {
    fn from(error: OAuthError) -> Refused {
        Refused::Here(error)
    }
}

/// What comes next.
#[derive(Clone, Debug)]
pub enum Next {
    /// Somebody must sign in, or sign in again.
    SignIn,
    /// The person acts in another org than the client's, and may switch.
    SwitchOrg(OrgId),
    /// The person must agree.
    Consent,
    /// Back to the client.
    Back(Redirection),
}

impl Identity {
    /// Understands what a client asks for.
    pub async fn authorization_request(&self, form: &Form) -> Result<AuthorizationRequest, Refused> {
        self.understand(form, false).await
    }

    /// The same; `pushing`: it is being pushed just now.
    pub(crate) async fn understand(&self, form: &Form, pushing: bool) -> Result<AuthorizationRequest, Refused> {
        let client = client(&self.core, form).await?;
        let pushed = form.get("request_uri").filter(|name| name.starts_with(pushed::PREFIX)).map(str::to_owned);
        let (pushed, read) = match pushed {
            Some(name) => {
                let (form, at) = pushed::pushed(&self.core, &client, &name).await?;
                (Some((name, at)), Some(form))
            }
            None => (None, None),
        };
        let form = read.as_ref().unwrap_or(form);
        let redirect_uri = redirect_uri(&client, form)?;
        // Without its state a client could not tell an answer from one that somebody else made up, so there is none.
        let state = text(form, "state")?;
        let form_post = form.get("response_mode") == Some("form_post");
        let back = Back { redirect_uri, form_post, state };
        let must_push = client.settings.require_pushed_authorization_requests && pushed.is_none() && !pushing;
        let read = match must_push {
            true => Err(OAuthError::request("the client must push its requests (RFC 9126)")),
            false => self.read(client, back.clone(), form, pushed),
        };
        match read {
            Ok(request) => Ok(request),
            Err(error) => Err(Refused::Back(self.refusal(&back, &error))),
        }
    }

    fn read(
        &self,
        client: Client,
        back: Back,
        form: &Form,
        pushed: Option<(String, Timestamp)>,
    ) -> OAuthResult<AuthorizationRequest> {
        if form.need("response_type")? != "code" {
            return Err(OAuthError::new("unsupported_response_type", "response_type must be code"));
        }
        if !client.may_use("authorization_code") {
            let detail = "the client may not use authorization_code; add it to its grant_types";
            return Err(OAuthError::new("unauthorized_client", detail));
        }
        if form.get("response_mode").is_some_and(|mode| !matches!(mode, "query" | "form_post")) {
            return Err(OAuthError::request("response_mode must be query or form_post"));
        }
        for unsupported in ["request", "request_uri", "registration"] {
            if form.get(unsupported).is_some() {
                let code = match unsupported {
                    "request" => "request_not_supported",
                    "request_uri" => "request_uri_not_supported",
                    _ => "registration_not_supported",
                };
                return Err(OAuthError::new(code, format!("{unsupported} is not supported")));
            }
        }
        self.check_resource(form)?;
        let code_challenge = form.need("code_challenge")?;
        let base64url = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        if form.get("code_challenge_method") != Some("S256") {
            return Err(OAuthError::request("code_challenge_method must be S256"));
        }
        if code_challenge.len() != 43 || !code_challenge.bytes().all(base64url) {
            return Err(OAuthError::request("code_challenge must be the base64url of a SHA-256, 43 characters"));
        }
        let dpop_jkt = form.get("dpop_jkt");
        if dpop_jkt.is_some_and(|jkt| !is_thumbprint(jkt)) {
            return Err(OAuthError::request("dpop_jkt must be the thumbprint of a key, 43 characters"));
        }
        let prompt: Vec<String> = form.get("prompt").unwrap_or_default().split(' ').map(str::to_owned).collect();
        let prompt: Vec<String> = prompt.into_iter().filter(|word| !word.is_empty()).collect();
        if let Some(other) =
            prompt.iter().find(|word| !["none", "login", "consent", "select_account"].contains(&word.as_str()))
        {
            return Err(OAuthError::request(format!("prompt {other} is not known")));
        }
        if prompt.iter().any(|word| word == "none") && prompt.len() > 1 {
            return Err(OAuthError::request("prompt none stands alone"));
        }
        let max_age = form.get("max_age").map(|text| text.parse::<i64>().ok().filter(|seconds| *seconds >= 0));
        let max_age = max_age.map(|seconds| seconds.ok_or_else(|| OAuthError::request("max_age must be seconds")));
        let text = |name: &str| text(form, name);
        Ok(AuthorizationRequest {
            scope: scope(form.get("scope").unwrap_or("admin"), &SCOPES)?,
            login_hint: text("login_hint")?,
            nonce: text("nonce")?,
            code_challenge: code_challenge.to_owned(),
            dpop_jkt: dpop_jkt.map(str::to_owned),
            max_age: max_age.transpose()?,
            subject: self.hinted(form)?,
            second_factor: needs_second_factor(text("acr_values")?.as_deref()),
            pushed,
            client,
            back,
            prompt,
        })
    }

    /// The user whom the `id_token_hint` is of.
    fn hinted(&self, form: &Form) -> OAuthResult<Option<ResourceId>> {
        let Some(token) = form.get("id_token_hint") else { return Ok(None) };
        let subject = self.hint(token)?.get("sub").and_then(Value::as_str).and_then(ResourceId::parse);
        subject.map(Some).ok_or_else(|| OAuthError::request("the id_token_hint names nobody"))
    }

    /// What comes next for whoever is signed in. `consented`: they agreed just now.
    pub async fn next(
        &self,
        request: &AuthorizationRequest,
        session: Option<&Session>,
        consented: bool,
    ) -> OAuthResult<Next> {
        let silent = request.prompt.iter().any(|word| word == "none");
        let refuse = |code, detail| Ok(Next::Back(self.refusal(&request.back, &OAuthError::new(code, detail))));
        let now = self.core.clock().now().seconds();
        let fresh = |session: &&Session| {
            let age = now - session.authenticated_at.seconds();
            request.max_age.is_none_or(|max_age| age <= max_age.saturating_add(JUST_NOW))
        };
        let Some(session) = session.filter(fresh) else {
            return if silent {
                refuse("login_required", "nobody is signed in, or too long ago")
            } else {
                Ok(Next::SignIn)
            };
        };
        if !self.is_meant(request, session).await? {
            let other = "somebody else is signed in than the id_token_hint is of";
            return if silent { refuse("login_required", other) } else { Ok(Next::SignIn) };
        }
        if request.second_factor && assurance::class(&session.methods) != MULTI_FACTOR {
            // RFC 9470, section 5: what signing in again cannot mend is told.
            if !self.second_factors(session.account).await?.any() {
                let detail = "the person has no second factor; one is added at /account/security";
                return refuse("unmet_authentication_requirements", detail);
            }
            return if silent { refuse("login_required", "a second factor is needed") } else { Ok(Next::SignIn) };
        }
        if let Some(org) = request.client.org.filter(|org| *org != session.org) {
            return match self.user_in(session.account, org).await? {
                None => refuse("access_denied", "the person is not in the client's org"),
                Some(_) if silent => refuse("interaction_required", "the person acts in another org just now"),
                Some(_) => Ok(Next::SwitchOrg(org)),
            };
        }
        let first_party = request.client.settings.first_party;
        let agreed = consented || (!first_party && self.agreed_before(request, session).await?);
        let must_agree = !first_party && !agreed;
        if must_agree || (request.prompt.iter().any(|word| word == "consent") && !consented) {
            return if silent { refuse("consent_required", "the person has to agree") } else { Ok(Next::Consent) };
        }
        let terms = Terms {
            scope: request.scope.clone(),
            redirect_uri: Some(request.back.redirect_uri.clone()),
            code_challenge: Some(request.code_challenge.clone()),
            nonce: request.nonce.clone(),
            jkt: request.dpop_jkt.clone(),
            auth_time: Some(session.authenticated_at.seconds()),
            amr: session.methods.clone(),
            agreed,
        };
        if let Some((name, _)) = &request.pushed
            && !pushed::take(&self.core, name).await?
        {
            return Ok(Next::Back(self.refusal(&request.back, &pushed::used())));
        }
        let code = grants::grant_code(&self.core, request.client.id, session, &terms).await?;
        let code = ("code", code.expose_secret().to_owned());
        Ok(Next::Back(self.redirection(&request.back, [code])))
    }

    /// Whether the person has agreed to as much in this session. Who cannot show that it is the client, as public ones cannot, is
    /// agreed to each time (RFC 8252, section 8.6).
    async fn agreed_before(&self, request: &AuthorizationRequest, session: &Session) -> OAuthResult<bool> {
        if request.client.settings.token_endpoint_auth_method.as_deref() == Some("none") {
            return Ok(false);
        }
        let (client, subject) = (request.client.id.row(), (session.org, session.user));
        let (mut conn, now) = (self.core.db().read().await?, self.core.clock().now());
        let granted = oauth::grants_to(&mut conn, session.id, client, subject, now).await?;
        let covers = |terms: &String| {
            let terms: Terms = serde_json::from_str(terms).unwrap_or_default();
            terms.agreed && request.scope.split(' ').all(|word| terms.has(word))
        };
        Ok(granted.iter().any(covers))
    }

    /// Whether whoever is signed in is, in the client's org, the user whom the client asks for (OpenID Connect Core, section
    /// 3.1.2.2).
    async fn is_meant(&self, request: &AuthorizationRequest, session: &Session) -> OAuthResult<bool> {
        let Some(subject) = request.subject else { return Ok(true) };
        Ok(match request.client.org.filter(|org| *org != session.org) {
            Some(org) => self.user_in(session.account, org).await?.is_some_and(|user| user == subject),
            None => session.user == subject,
        })
    }

    /// The way back for a person who does not agree.
    pub fn denied(&self, request: &AuthorizationRequest) -> Redirection {
        self.refusal(&request.back, &OAuthError::new("access_denied", "the person did not agree"))
    }

    fn refusal(&self, back: &Back, error: &OAuthError) -> Redirection {
        let described = ("error_description", error.description.clone());
        self.redirection(back, [("error", error.code.to_owned()), described])
    }

    /// Every answer says who gives it (RFC 9207).
    fn redirection<const N: usize>(&self, back: &Back, params: [(&'static str, String); N]) -> Redirection {
        let mut params = BTreeMap::from(params);
        params.insert("iss", self.issuer.clone());
        params.extend(back.state.clone().map(|state| ("state", state)));
        Redirection { redirect_uri: back.redirect_uri.clone(), form_post: back.form_post, params }
    }
}

impl AuthorizationRequest {
    /// Whether the client wants the person to sign in again, though they are signed in. For what was pushed, they have done so
    /// if that was after it was pushed; otherwise the wish is left out where the browser comes here again.
    pub fn wants_sign_in(&self, session: Option<&Session>) -> bool {
        let since = |at: Timestamp| session.is_some_and(|session| session.authenticated_at >= at);
        let done = self.pushed.as_ref().is_some_and(|(_, at)| since(*at));
        !done && self.prompt.iter().any(|word| matches!(word.as_str(), "login" | "select_account"))
    }

    /// Where the browser will go back to.
    pub fn redirect_uri(&self) -> &str {
        &self.back.redirect_uri
    }
}

/// A text that is carried along.
fn text(form: &Form, name: &str) -> OAuthResult<Option<String>> {
    match form.get(name) {
        Some(text) if text.len() > MAX_TEXT => {
            Err(OAuthError::request(format!("{name} must have at most {MAX_TEXT} bytes; it has {}", text.len())))
        }
        text => Ok(text.map(str::to_owned)),
    }
}

/// The client that the request names.
async fn client(core: &Core, form: &Form) -> OAuthResult<Client> {
    let client = find_client(core, form.need("client_id")?).await?;
    client.ok_or_else(|| OAuthError::request("there is no active client with this client_id"))
}

/// The one of the client's addresses that the request names, to the letter.
fn redirect_uri(client: &Client, form: &Form) -> OAuthResult<String> {
    let registered = &client.settings.redirect_uris;
    let named = form.get("redirect_uri").and_then(|uri| registered.iter().find(|known| *known == uri));
    let wrong = || OAuthError::request("redirect_uri is not one of the client's redirect_uris, to the letter");
    named.cloned().ok_or_else(wrong)
}
