//! Web Authentication, Level 3: what a browser brings from an authenticator, verified (sections 7.1 and 7.2). Attestation
//! is not asked for, so nothing that an authenticator says about itself is believed.

mod cbor;
mod cose;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use self::cbor::Value;
pub(crate) use self::cose::ALGORITHMS;
use self::cose::PublicKey;

/// The longest id of a credential, in bytes (section 5.8.3 of the specification).
const MAX_ID: usize = 1023;
/// Flags of authenticator data (section 6.1).
const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const HAS_CREDENTIAL: u8 = 1 << 6;
const HAS_EXTENSIONS: u8 = 1 << 7;

/// For whom passkeys are made: this installation, by the name of its host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RelyingParty {
    /// The host.
    pub id: String,
    /// Where its pages are.
    pub origin: String,
}

impl RelyingParty {
    /// That of an address. `None`: a browser makes no passkeys there, since it has no host name, or no TLS. Pages of this
    /// machine are at `localhost`, under whichever address it listens.
    pub(crate) fn of(address: &str) -> Option<RelyingParty> {
        let (scheme, rest) = address.split_once("://")?;
        let authority = rest.split('/').next()?;
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, format!(":{port}")),
            _ => (authority, String::new()),
        };
        let address: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
        let id = match address {
            Some(address) if address.is_loopback() => "localhost".to_owned(),
            Some(_) => return None,
            None => host.to_ascii_lowercase(),
        };
        let local = id == "localhost" || id.ends_with(".localhost");
        (scheme == "https" || local).then(|| RelyingParty { origin: format!("{scheme}://{id}{port}"), id })
    }
}

/// What a browser signs for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ceremony {
    /// A new credential.
    Create,
    /// One that there is.
    Get,
}

/// What the browser says of the call (section 5.8.1).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

/// What an authenticator says of itself and the person, signed by the credential.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Said {
    /// The person was recognised, by a finger, a face or a PIN.
    pub user_verified: bool,
    /// The credential may be on several devices.
    pub synced: bool,
    /// How often it has signed; 0 if it does not count.
    pub sign_count: u32,
}

/// A new credential.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Created {
    pub id: Vec<u8>,
    /// The public key, as the authenticator wrote it.
    pub public_key: Vec<u8>,
    pub said: Said,
}

/// What a browser hands over for a new credential.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Creation {
    #[serde(rename = "clientDataJSON")]
    pub client_data: String,
    pub attestation_object: String,
}

/// What a browser hands over for a credential that there is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Assertion {
    #[serde(rename = "clientDataJSON")]
    pub client_data: String,
    pub authenticator_data: String,
    pub signature: String,
    #[serde(default)]
    pub user_handle: Option<String>,
}

/// Reads base64url, with or without padding.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

/// A new credential, if it was made for this challenge, here.
pub(crate) fn created(rp: &RelyingParty, challenge: &[u8], creation: &Creation) -> Option<Created> {
    check_client_data(rp, Ceremony::Create, challenge, &decode(&creation.client_data)?)?;
    let object = decode(&creation.attestation_object)?;
    let (object, rest) = cbor::read(&object)?;
    let data = object.get(&Value::Text("authData"))?.bytes().filter(|_| rest.is_empty())?;
    let (said, rest) = authenticator_data(rp, data, true)?;
    let (_aaguid, rest) = rest.split_at_checked(16)?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (id, key) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    let (map, behind) = cbor::read(key)?;
    PublicKey::of(&map)?;
    check_extensions(data[32], behind)?;
    let public_key = key[..key.len() - behind.len()].to_vec();
    (1..=MAX_ID).contains(&id.len()).then(|| Created { id: id.to_vec(), public_key, said })
}

/// What the authenticator says, if it has signed this challenge by the credential with this public key, here.
pub(crate) fn asserted(rp: &RelyingParty, challenge: &[u8], assertion: &Assertion, public_key: &[u8]) -> Option<Said> {
    let client_data = decode(&assertion.client_data)?;
    check_client_data(rp, Ceremony::Get, challenge, &client_data)?;
    let data = decode(&assertion.authenticator_data)?;
    let (said, rest) = authenticator_data(rp, &data, false)?;
    check_extensions(data[32], rest)?;
    let key = PublicKey::of(&cbor::read(public_key)?.0)?;
    let message = [&data[..], digest(&SHA256, &client_data).as_ref()].concat();
    key.verifies(&message, &decode(&assertion.signature)?).then_some(said)
}

fn check_client_data(rp: &RelyingParty, ceremony: Ceremony, challenge: &[u8], json: &[u8]) -> Option<()> {
    let data: ClientData = serde_json::from_slice(json).ok()?;
    let wanted = match ceremony {
        Ceremony::Create => "webauthn.create",
        Ceremony::Get => "webauthn.get",
    };
    let same = decode(&data.challenge)? == challenge;
    (data.r#type == wanted && same && data.origin == rp.origin && !data.cross_origin).then_some(())
}

/// Reads what every authenticator data begins with; answers what comes behind it.
fn authenticator_data<'a>(rp: &RelyingParty, data: &'a [u8], creation: bool) -> Option<(Said, &'a [u8])> {
    let (head, rest) = data.split_first_chunk::<37>()?;
    let flags = head[32];
    let has = |flag: u8| flags & flag != 0;
    let here = digest(&SHA256, rp.id.as_bytes()).as_ref() == &head[..32];
    // What is backed up could be (section 6.1.3).
    let sane = has(USER_PRESENT) && has(HAS_CREDENTIAL) == creation && (has(BACKUP_ELIGIBLE) || !has(BACKED_UP));
    let sign_count = u32::from_be_bytes(head[33..].try_into().ok()?);
    let said = Said { user_verified: has(USER_VERIFIED), synced: has(BACKUP_ELIGIBLE), sign_count };
    (here && sane).then_some((said, rest))
}

/// Behind the rest there is a map of extensions if the flags say so, and nothing else.
fn check_extensions(flags: u8, rest: &[u8]) -> Option<()> {
    if flags & HAS_EXTENSIONS == 0 {
        return rest.is_empty().then_some(());
    }
    let (extensions, rest) = cbor::read(rest)?;
    (matches!(extensions, Value::Map(_)) && rest.is_empty()).then_some(())
}
