//! Clients, as OAuth sees them: resources of the type `client`, whose attributes say what they may do here, and the one
//! that comes with Admin.

use std::borrow::Cow;
use std::fmt;

use admin_core::Core;
use admin_db::client_secrets;
use admin_types::{Error, OrgId, Resource, ResourceId, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::keys::Algorithm;

/// The id of the client that comes with Admin: its own command line, of every org and of none.
pub const ADMIN_CLI: &str = "admin-cli";
/// What stands for it where ids have 16 bytes. No resource has it: what is imported under it is no client here.
const ADMIN_CLI_BYTES: [u8; 16] = *b"admin-cli\0\0\0\0\0\0\0";
/// The grant of RFC 8628.
pub(crate) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// The grant of RFC 8693.
pub(crate) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// The id of a client: that of its resource, or [`ADMIN_CLI`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ClientId(ResourceId);

impl ClientId {
    /// Of a resource of the type `client`, or what stands for [`ADMIN_CLI`] in the database.
    pub(crate) fn of(id: ResourceId) -> ClientId {
        ClientId(id)
    }

    /// The client that comes with Admin.
    pub(crate) fn admin_cli() -> ClientId {
        ClientId(ResourceId::of_row("client", ADMIN_CLI_BYTES))
    }

    fn parse(text: &str) -> Option<ClientId> {
        if text == ADMIN_CLI {
            return Some(ClientId::admin_cli());
        }
        let id = ResourceId::parse(text).filter(|id| id.prefix.type_name() == Some("client"));
        id.map(ClientId).filter(|id| !id.is_admin_cli())
    }

    /// Whether it is the one that comes with Admin.
    pub fn is_admin_cli(self) -> bool {
        self.0.bytes == ADMIN_CLI_BYTES
    }

    /// As the database knows it.
    pub(crate) fn row(self) -> ResourceId {
        self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_admin_cli() { f.write_str(ADMIN_CLI) } else { self.0.fmt(f) }
    }
}

impl Serialize for ClientId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ClientId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ClientId, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        ClientId::parse(&text).ok_or_else(|| serde::de::Error::custom("not a client's id"))
    }
}

/// A client.
#[derive(Clone, Debug)]
pub struct Client {
    /// The org that it is of; none for the one that comes with Admin, which is there for all.
    pub org: Option<OrgId>,
    /// Its id.
    pub id: ClientId,
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
    /// Where it hears that a session ended.
    pub backchannel_logout_uri: Option<String>,
    /// It must push what it asks for (RFC 9126).
    pub require_pushed_authorization_requests: bool,
    /// It gets no tokens but those that are bound to a key (RFC 9449, section 5.2).
    pub dpop_bound_access_tokens: bool,
    /// One of the org's own programs: people are not asked for their consent.
    pub first_party: bool,
}

impl Client {
    /// Admin's own command line: public, and let in by a person at another device.
    fn admin_cli() -> Client {
        let settings = Settings {
            grant_types: vec![DEVICE_CODE.into(), "refresh_token".into()],
            token_endpoint_auth_method: Some("none".into()),
            first_party: true,
            ..Settings::default()
        };
        Client { org: None, id: ClientId::admin_cli(), name: "Admin CLI".into(), settings }
    }

    /// Whether people of an org may use it.
    pub fn serves(&self, org: OrgId) -> bool {
        self.org.is_none_or(|own| own == org)
    }

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
    let Some(id) = ClientId::parse(id) else { return Ok(None) };
    if id.is_admin_cli() {
        return Ok(Some(Client::admin_cli()));
    }
    let found = client_secrets::find_client(&mut *core.db().read().await?, id.row()).await?;
    let Some((org, document)) = found else { return Ok(None) };
    let resource: Resource = serde_json::from_str(&document).map_err(Error::internal)?;
    if resource.status != "active" {
        return Ok(None);
    }
    let settings = serde_json::from_value(Value::Object(resource.attributes)).map_err(Error::internal)?;
    Ok(Some(Client { org: Some(org), id, name: resource.name, settings }))
}
