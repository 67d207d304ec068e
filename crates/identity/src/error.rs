//! Errors as OAuth 2.0 names them (RFC 6749, sections 4.1.2.1 and 5.2).

use admin_types::Error;

/// A refusal with a code of a standard.
#[derive(Clone, Debug)]
pub struct OAuthError {
    /// The code, such as `invalid_grant`.
    pub code: &'static str,
    /// What to do next, for a developer.
    pub description: String,
    /// Ours, when it is not the client's fault; then the rest is for nobody to see.
    pub internal: Option<Box<Error>>,
}

impl OAuthError {
    /// A refusal. Descriptions are ASCII without quotes and backslashes, as the standard demands.
    pub fn new(code: &'static str, description: impl Into<String>) -> OAuthError {
        let allowed = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
        let description = description.into().chars().map(|c| if allowed(c) { c } else { '?' }).collect();
        OAuthError { code, description, internal: None }
    }

    /// `invalid_request`
    pub fn request(description: impl Into<String>) -> OAuthError {
        OAuthError::new("invalid_request", description)
    }

    /// `invalid_client`
    pub fn client(description: impl Into<String>) -> OAuthError {
        OAuthError::new("invalid_client", description)
    }

    /// `invalid_grant`
    pub fn grant(description: impl Into<String>) -> OAuthError {
        OAuthError::new("invalid_grant", description)
    }
}

impl From<Error> for OAuthError {
    fn from(error: Error) -> OAuthError {
        OAuthError { code: "server_error", description: error.detail.clone(), internal: Some(Box::new(error)) }
    }
}

/// What an OAuth endpoint answers.
pub type OAuthResult<T> = std::result::Result<T, OAuthError>;
