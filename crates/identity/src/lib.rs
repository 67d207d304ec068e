//! Who somebody is: an OAuth 2.0 authorization server and OpenID provider. Keys, tokens, clients, accounts, sessions.
//! Nothing here knows HTTP or SQL.

mod accounts;
mod address_change;
mod api_keys;
mod assurance;
mod attempts;
mod authorize;
mod client_auth;
mod client_secrets;
mod clients;
mod device;
mod dpop;
mod email;
mod error;
mod exchange;
mod factors;
mod form;
mod grants;
mod guesses;
mod introspection;
mod jws;
mod keys;
mod living_clients;
mod logout;
mod logout_notices;
mod mail;
mod metadata;
mod orgs;
mod passkeys;
mod passwords;
mod pushed;
mod recovery;
mod registration;
mod reset;
mod revocations;
mod second_step;
mod sessions;
mod sign_in;
mod signed_in;
mod token_endpoint;
mod tokens;
mod told;
mod totp;
mod webauthn;

use std::time::Duration;

use admin_core::Core;
use admin_types::{OrgId, ResourceId, Result, Timestamp};
use secrecy::SecretString;

pub use accounts::{Browser, Invitation};
pub use api_keys::{KEY_SECONDS, KeyShown, NewKey, OVERLAP_SECONDS};
pub use authorize::{AuthorizationRequest, Next, Redirection, Refused};
pub use client_auth::{Basic, authenticate_client};
pub use client_secrets::{SecretShown, create_client_secret, delete_client_secret, list_client_secrets};
pub use clients::{ADMIN_CLI, Client, ClientId, Settings, find_client};
pub use device::DeviceRequest;
pub use dpop::{Confirmation, Proven};
pub use error::{OAuthError, OAuthResult};
pub use factors::{Enrolment, FRESH_SECONDS, Factors};
pub use form::Form;
pub use keys::{Algorithm, PUBLISHED_AHEAD, PUBLISHED_AT_ONCE, check_master_key, rotate_keys};
pub use logout::SignedOut;
pub use logout_notices::LogoutNotice;
pub use mail::{Language, Notice, Smtp};
pub use orgs::{Asker, OrgCreation, OrgOfAccount};
pub use passkeys::{CEREMONY_SECONDS, Call, Passkey};
pub use registration::Registration;
pub use reset::RESET_SECONDS;
pub use second_step::{HALF_SECONDS, Proof, SecondFactors, SignIn};
pub use sessions::{SESSION_SECONDS, Session};
pub use sign_in::{SIGN_IN_SECONDS, create_sign_in_token, invite_user};
pub use signed_in::SignedIn;
pub use token_endpoint::{GRANT_TYPES, SCOPES};
pub use tokens::{Claims, TOKEN_SECONDS, Verified};
pub use webauthn::RelyingParty;

use crate::api_keys::KnownKeys;
use crate::attempts::Attempts;
use crate::dpop::SeenProofs;
use crate::guesses::Guesses;
use crate::keys::Keys;
use crate::living_clients::LivingClients;
use crate::mail::Outbox;
use crate::passwords::Passwords;
use crate::revocations::Revocations;
use crate::tokens::Tokens;

/// How often each process looks for what others have revoked, and for their keys.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often keys are looked after, in looks.
const MAINTAIN_EVERY: u64 = 600;

/// The authorization server.
pub struct Identity {
    pub(crate) core: Core,
    pub(crate) issuer: String,
    pub(crate) keys: Keys,
    pub(crate) revocations: Revocations,
    pub(crate) tokens: Tokens,
    pub(crate) passwords: Passwords,
    pub(crate) attempts: Attempts,
    pub(crate) known_keys: KnownKeys,
    pub(crate) guesses: Guesses,
    pub(crate) org_creation: OrgCreation,
    pub(crate) outbox: Outbox,
    pub(crate) seen_proofs: SeenProofs,
    pub(crate) living_clients: LivingClients,
    pub(crate) registration: Registration,
    pub(crate) relying_party: Option<RelyingParty>,
}

impl Identity {
    /// Reads the keys, or makes the first ones. `issuer`: the address at which others reach this installation, without a
    /// slash at its end.
    pub async fn open(core: &Core, issuer: &str) -> Result<Identity> {
        let (keys, revocations) = (Keys::open(core).await?, Revocations::default());
        revocations.refresh(core).await?;
        let tokens = Tokens::new(issuer, keys.clone(), revocations.clone());
        let passwords = Passwords::new(core.random())?;
        let (core, issuer, attempts) = (core.clone(), issuer.to_owned(), Attempts::default());
        let (known_keys, guesses) = (KnownKeys::default(), Guesses::default());
        let relying_party = RelyingParty::of(&issuer);
        let (org_creation, outbox) = (OrgCreation::default(), Outbox::new(None));
        Ok(Identity {
            core,
            issuer,
            keys,
            revocations,
            tokens,
            passwords,
            attempts,
            known_keys,
            guesses,
            seen_proofs: SeenProofs::default(),
            living_clients: LivingClients::default(),
            registration: Registration::default(),
            org_creation,
            outbox,
            relying_party,
        })
    }

    /// The same, with another rule on who may make orgs.
    #[must_use]
    pub fn with_org_creation(self, org_creation: OrgCreation) -> Identity {
        Identity { org_creation, ..self }
    }

    /// The issuer of its tokens.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Who an access token speaks for.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Verified> {
        self.tokens.verify(token, now)
    }

    /// A token of this installation for a user or client of an org, good for `seconds`. With `role` it acts with that alone.
    pub fn local_token(
        &self,
        org: OrgId,
        principal: ResourceId,
        role: Option<&str>,
        seconds: i64,
    ) -> Result<SecretString> {
        self.tokens.local(&self.core, org, principal, role, seconds)
    }

    /// Follows what other processes revoke and which keys they make, until `stop` is done.
    pub async fn follow(&self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut looks = 0_u64;
        loop {
            if let Err(error) = self.look(looks).await {
                tracing::warn!(%error, "cannot look for what was revoked; trying again");
            }
            looks += 1;
            tokio::select! {
                () = &mut stop => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn look(&self, looks: u64) -> Result<()> {
        self.revocations.refresh(&self.core).await?;
        self.end_departed().await?;
        self.note_used_keys().await?;
        self.attempts.share(&self.core).await?;
        if !self.keys.are_known(&self.core).await? {
            self.keys.refresh(&self.core).await?;
        }
        if looks.is_multiple_of(MAINTAIN_EVERY) {
            self.keys.maintain(&self.core).await?;
        }
        Ok(())
    }
}
