//! Clients that are there and active: a token ends with the client that it was issued to, and with the one that acts by it.

use std::time::Duration;

use admin_types::{Error, Result};
use moka::sync::Cache;

use crate::clients::find_client;
use crate::tokens::refuse;
use crate::{Identity, Verified};

/// How long an answer is kept; so late a client that was disabled may still be let in.
const FRESH: Duration = Duration::from_millis(500);
/// Clients of which an answer is kept.
const KEPT: u64 = 10_000;

/// Whether clients are active, as it was a moment ago.
pub(crate) struct LivingClients(Cache<String, bool>);

impl Default for LivingClients {
    fn default() -> LivingClients {
        LivingClients(Cache::builder().max_capacity(KEPT).time_to_live(FRESH).build())
    }
}

impl Identity {
    /// Refuses a token whose client is gone or disabled.
    pub async fn check_clients(&self, verified: &Verified) -> Result<()> {
        let issued_to =
            verified.claims.client_id.filter(|client| !client.is_admin_cli()).map(|client| client.to_string());
        let acting = verified.claims.act.as_ref().map(|act| act.sub.to_string());
        for client in issued_to.into_iter().chain(acting) {
            if !self.is_living(&client).await? {
                return Err(refuse("The client of the token is disabled, or not there any more."));
            }
        }
        Ok(())
    }

    async fn is_living(&self, client: &str) -> Result<bool, Error> {
        if let Some(known) = self.living_clients.0.get(client) {
            return Ok(known);
        }
        let living = find_client(&self.core, client).await?.is_some();
        self.living_clients.0.insert(client.to_owned(), living);
        Ok(living)
    }
}
