//! Clients that register themselves (RFC 7591), with the token of somebody who may create clients. What comes of it is a
//! client like every other: without roles, not of the first party, and for those who manage clients to change and remove.

use admin_core::{Op, check_place, create_resource, take_back};
use admin_types::{Error, Kind};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use crate::clients::DEVICE_CODE;
use crate::error::{OAuthError, OAuthResult};
use crate::{Identity, create_client_secret};

/// Metadata that become attributes of the same name, whose values the type of clients checks.
const KEPT: [&str; 10] = [
    "redirect_uris",
    "post_logout_redirect_uris",
    "grant_types",
    "token_endpoint_auth_method",
    "jwks",
    "id_token_signed_response_alg",
    "require_pushed_authorization_requests",
    "dpop_bound_access_tokens",
    "backchannel_logout_uri",
    "backchannel_logout_session_required",
];
/// Grants that a client may register for. To act for others is for somebody to allow.
const GRANTS: [&str; 4] = ["authorization_code", "refresh_token", "client_credentials", DEVICE_CODE];

/// Whether clients may register themselves.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Registration {
    /// Not at all.
    #[default]
    Off,
    /// With the token of somebody who may create clients.
    Token,
}

impl std::str::FromStr for Registration {
    type Err = ();

    fn from_str(text: &str) -> Result<Registration, ()> {
        match text {
            "off" => Ok(Registration::Off),
            "token" => Ok(Registration::Token),
            _ => Err(()),
        }
    }
}

impl Identity {
    /// The same, with another rule on clients that register themselves.
    #[must_use]
    pub fn with_registration(self, registration: Registration) -> Identity {
        Identity { registration, ..self }
    }

    /// Registers a client (section 3). What is not known is left out, and the answer says what was kept (section 2).
    pub async fn register_client(&self, op: Op, metadata: &Value) -> OAuthResult<Value> {
        if self.registration == Registration::Off {
            let detail = "Clients cannot register themselves here: `dynamic_registration` is off.";
            return Err(Error::new(Kind::NotFound, "unknown_path", detail).into());
        }
        let (name, attributes) = read(metadata)?;
        let document = json!({"name": name, "attributes": attributes});
        let written = create_resource(&self.core, op.clone(), Some("client".into()), document).await.map_err(told)?;
        let mut answer = attributes;
        answer.insert("client_id".into(), json!(written.id));
        answer.insert("client_id_issued_at".into(), json!(op.now.seconds()));
        answer.insert("client_name".into(), json!(name));
        answer.insert("response_types".into(), response_types(&answer));
        let by_secret = answer.get("token_endpoint_auth_method").and_then(Value::as_str);
        if by_secret.is_some_and(|method| method.starts_with("client_secret_")) {
            let made = create_client_secret(&self.core, op.clone(), written.id, None).await;
            let (_, secret) = match made {
                Ok(made) => made,
                // A client that nobody can be is of no use.
                Err(error) => {
                    take_back(&self.core, op, written.id).await?;
                    return Err(error.into());
                }
            };
            answer.insert("client_secret".into(), json!(secret.expose_secret()));
            answer.insert("client_secret_expires_at".into(), json!(0));
        }
        Ok(Value::Object(answer))
    }
}

/// The name and the attributes of the client that metadata describe.
fn read(metadata: &Value) -> OAuthResult<(String, Map<String, Value>)> {
    let wrong = |detail: String| OAuthError::new("invalid_client_metadata", detail);
    let metadata = metadata.as_object().ok_or_else(|| wrong("send the metadata as a JSON object".into()))?;
    if metadata.contains_key("software_statement") {
        return Err(OAuthError::new("invalid_software_statement", "software statements are not supported"));
    }
    if metadata.contains_key("jwks_uri") {
        return Err(wrong("jwks_uri is not supported: send jwks".into()));
    }
    let kept = KEPT.iter().filter_map(|name| Some(((*name).to_owned(), metadata.get(*name)?.clone())));
    let mut attributes: Map<String, Value> = kept.filter(|(_, value)| !value.is_null()).collect();
    attributes.entry("grant_types").or_insert_with(|| json!(["authorization_code"]));
    attributes.entry("token_endpoint_auth_method").or_insert_with(|| json!("client_secret_basic"));
    let list = |name: &str| match attributes.get(name) {
        None => Ok(vec![]),
        Some(Value::Array(values)) => Ok(values.clone()),
        Some(_) => Err(format!("{name} must be an array of texts")),
    };
    let places = |name: &str| list(name).map_err(|why| OAuthError::new("invalid_redirect_uri", why));
    let grants = list("grant_types").map_err(wrong)?;
    if let Some(other) = grants.iter().find(|grant| !grant.as_str().is_some_and(|grant| GRANTS.contains(&grant))) {
        return Err(wrong(format!("grant_types may have {}; not {other}", GRANTS.join(", "))));
    }
    let by_code = grants.contains(&json!("authorization_code"));
    let uris = places("redirect_uris")?;
    if by_code && uris.is_empty() {
        return Err(OAuthError::new("invalid_redirect_uri", "authorization_code needs redirect_uris"));
    }
    let public = attributes.get("token_endpoint_auth_method") == Some(&json!("none"));
    for (name, uris) in [("redirect_uris", uris), ("post_logout_redirect_uris", places("post_logout_redirect_uris")?)] {
        if let Some(why) = uris.iter().find_map(|uri| check_place(uri.as_str().unwrap_or_default(), public).err()) {
            return Err(OAuthError::new("invalid_redirect_uri", format!("{name} {why}")));
        }
    }
    let types = metadata.get("response_types").filter(|types| !types.is_null());
    if types.is_some_and(|types| *types != response_types(&attributes)) {
        return Err(wrong("response_types must be code with authorization_code, and none without it".into()));
    }
    let name = metadata.get("client_name").filter(|name| !name.is_null()).unwrap_or(&Value::Null);
    let name = match name {
        Value::Null => "A registered client",
        name => name.as_str().ok_or_else(|| wrong("client_name must be a text".into()))?,
    };
    Ok((name.to_owned(), attributes))
}

fn response_types(attributes: &Map<String, Value>) -> Value {
    let grants = attributes.get("grant_types").and_then(Value::as_array);
    let by_code = grants.is_some_and(|grants| grants.contains(&json!("authorization_code")));
    if by_code { json!(["code"]) } else { json!([]) }
}

/// What is wrong with the metadata, as the standard says it (section 3.2.2).
fn told(error: Error) -> OAuthError {
    if error.kind != Kind::Unprocessable {
        return error.into();
    }
    let places = error.errors.iter().map(|place| {
        format!("{} {}", place.pointer.trim_start_matches("/attributes").trim_start_matches('/'), place.detail)
    });
    let detail: Vec<String> = places.take(5).collect();
    OAuthError::new("invalid_client_metadata", if detail.is_empty() { error.detail } else { detail.join("; ") })
}
