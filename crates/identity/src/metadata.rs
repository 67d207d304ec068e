//! What others must know to use this authorization server: its metadata (RFC 8414, OpenID Connect Discovery) and its
//! public keys.

use serde_json::{Value, json};

use crate::Identity;
use crate::assurance::CLASSES;
use crate::jws::ALGORITHMS;
use crate::keys::Algorithm;
use crate::registration::Registration;
use crate::token_endpoint::{GRANT_TYPES, SCOPES};

impl Identity {
    /// The public keys, as a JWK set.
    pub fn jwks(&self) -> Value {
        self.keys.jwks(self.core.clock().now())
    }

    /// The metadata.
    pub fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        let algorithms = Algorithm::ALL.map(Algorithm::as_str);
        let methods = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
        let confidential = &methods[..3];
        let assertions = ALGORITHMS;
        let mut metadata = json!({
            "issuer": self.issuer,
            "authorization_endpoint": at("/oauth/authorize"),
            "token_endpoint": at("/oauth/token"),
            "jwks_uri": at("/oauth/jwks"),
            "userinfo_endpoint": at("/oauth/userinfo"),
            "introspection_endpoint": at("/oauth/introspect"),
            "revocation_endpoint": at("/oauth/revoke"),
            "pushed_authorization_request_endpoint": at("/oauth/par"),
            "device_authorization_endpoint": at("/oauth/device_authorization"),
            "end_session_endpoint": at("/oauth/logout"),
            "backchannel_logout_supported": true,
            "backchannel_logout_session_supported": true,
            "acr_values_supported": CLASSES,
            "scopes_supported": SCOPES,
            "response_types_supported": ["code"],
            "response_modes_supported": ["query", "form_post"],
            "grant_types_supported": GRANT_TYPES,
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": algorithms,
            "token_endpoint_auth_methods_supported": methods,
            "token_endpoint_auth_signing_alg_values_supported": assertions,
            "introspection_endpoint_auth_methods_supported": confidential,
            "introspection_endpoint_auth_signing_alg_values_supported": assertions,
            "revocation_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_signing_alg_values_supported": assertions,
            "dpop_signing_alg_values_supported": assertions,
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
            "claims_supported": ["sub", "org", "name", "email", "updated_at", "auth_time", "acr", "amr", "nonce", "sid"],
            // What is absent counts as true (OpenID Connect Discovery, section 3).
            "request_uri_parameter_supported": false,
            "ui_locales_supported": ["en", "de"],
        });
        if self.registration != Registration::Off {
            metadata["registration_endpoint"] = json!(at("/oauth/register"));
        }
        metadata
    }
}
