//! Clients, as OAuth sees them: resources of the type `client`, whose attributes say what they may do here.

use admin_core::Core;
use admin_db::client_secrets;
use admin_types::{Error, OrgId, Resource, ResourceId, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::keys::Algorithm;

/// A client.
#[derive(Clone, Debug)]
pub struct Client {
    /// The org that it is of.
    pub org: OrgId,
    /// Its id.
    pub id: ResourceId,
    /// Its name, for people.
    pub name: String,
    /// What it may do.
    pub settings: Settings,
}

/// The attributes of a client that OAuth looks at (RFC 7591, section 2).
#[derive(Clone, Default, Debug, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Where answers may be sent: compared character by character.
    pub redirect_uris: Vec<String>,
    /// Where a browser may go after it signed out.
    pub post_logout_redirect_uris: Vec<String>,
    /// The grants that it may use; `client_credentials` alone if none is named.
    pub grant_types: Vec<String>,
    /// How it shows who it is: `client_secret_basic` if it says nothing.
    pub token_endpoint_auth_method: Option<String>,
    /// Its public keys, for `private_key_jwt`.
    pub jwks: Option<Value>,
    /// How its tokens are signed: `RS256` if it says nothing.
    pub id_token_signed_response_alg: Option<String>,
    /// It must push what it asks for (RFC 9126).
    pub require_pushed_authorization_requests: bool,
    /// One of the org's own programs: people are not asked for their consent.
    pub first_party: bool,
}

impl Client {
    /// How its tokens are signed.
    pub fn algorithm(&self) -> Algorithm {
        let named = self.settings.id_token_signed_response_alg.as_deref().and_then(Algorithm::named);
        named.unwrap_or(Algorithm::Rs256)
    }

    /// Whether it may use a grant.
    pub fn may_use(&self, grant_type: &str) -> bool {
        match self.settings.grant_types.as_slice() {
            [] => grant_type == "client_credentials",
            named => named.iter().any(|one| one == grant_type),
        }
    }

    /// How it shows who it is.
    pub fn auth_method(&self) -> &str {
        self.settings.token_endpoint_auth_method.as_deref().unwrap_or("client_secret_basic")
    }
}

/// The active client with this id.
pub async fn find_client(core: &Core, id: &str) -> Result<Option<Client>> {
    let Some(id) = ResourceId::parse(id).filter(|id| id.prefix.type_name() == Some("client")) else { return Ok(None) };
    let found = client_secrets::find_client(&mut *core.db().read().await?, id).await?;
    let Some((org, document)) = found else { return Ok(None) };
    let resource: Resource = serde_json::from_str(&document).map_err(Error::internal)?;
    if resource.status != "active" {
        return Ok(None);
    }
    let settings = serde_json::from_value(Value::Object(resource.attributes)).map_err(Error::internal)?;
    Ok(Some(Client { org, id, name: resource.name, settings }))
}
