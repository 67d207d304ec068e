//! The key that signs the checkpoints of all logs of an installation: made when it is first needed, sealed in the database.

use admin_db::audit::{self, SealedSeed};
use admin_db::{Conn, Tx};
use admin_tlog::{Policy, Signer, Verifier};
use admin_types::{Error, OrgId, Result};
use aws_lc_rs::digest::{SHA256, digest};

use crate::Core;

/// The name of an org's log, and of the key that signs for it.
#[must_use]
pub fn origin(org: OrgId) -> String {
    format!("admin/{org}")
}

fn context(id: &str) -> String {
    format!("audit key {id}")
}

impl Core {
    /// Signs for the log of an org.
    ///
    /// # Errors
    /// The database is away, or its key cannot be opened with this master key.
    pub async fn audit_signer(&self, org: OrgId) -> Result<Signer> {
        Signer::of_seed(&origin(org), &self.audit_seed().await?).map_err(Error::internal)
    }

    /// Verifies what was signed for the log of an org.
    ///
    /// # Errors
    /// As of [`audit_signer`](Core::audit_signer).
    pub async fn audit_verifier(&self, org: OrgId) -> Result<Verifier> {
        Ok(self.audit_signer(org).await?.verifier().clone())
    }

    /// Trusts the log of an org, as this installation signs it.
    ///
    /// # Errors
    /// As of [`audit_signer`](Core::audit_signer).
    pub async fn audit_policy(&self, org: OrgId) -> Result<Policy> {
        Policy::new(vec![self.audit_verifier(org).await?]).map_err(Error::internal)
    }

    /// As [`audit_policy`](Core::audit_policy), but makes no key where there is none.
    ///
    /// # Errors
    /// As of [`audit_signer`](Core::audit_signer).
    pub async fn audit_policy_that_is(&self, org: OrgId) -> Result<Option<Policy>> {
        if self.inner.audit_seed.get().is_none() && audit::key(&mut *self.db().read().await?).await?.is_none() {
            return Ok(None);
        }
        self.audit_policy(org).await.map(Some)
    }

    async fn audit_seed(&self) -> Result<[u8; 32]> {
        if let Some(seed) = self.inner.audit_seed.get() {
            return Ok(*seed);
        }
        let known = audit::key(&mut *self.db().read().await?).await?;
        let sealed = match known {
            Some(sealed) => sealed,
            None => self.make_audit_key().await?,
        };
        let seed = self.cipher().open(&context(&sealed.id), &sealed.sealed)?;
        let seed = seed.try_into().map_err(|_| Error::internal("the key of the audit log is not 32 bytes"))?;
        Ok(*self.inner.audit_seed.get_or_init(|| seed))
    }

    /// Makes the key, unless another process was faster.
    async fn make_audit_key(&self) -> Result<SealedSeed> {
        let mut seed = [0; 32];
        self.random().fill(&mut seed);
        let id: String = digest(&SHA256, &seed).as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let made = SealedSeed { sealed: self.cipher().seal(&context(&id), &seed)?, id };
        let now = self.clock().now();
        let job = async move |tx: &mut Tx| match first(tx).await? {
            Some(there) => Ok(there),
            None => audit::insert_key(tx, &made, now).await.map(|()| made.clone()),
        };
        self.db().write_global(job).await
    }
}

async fn first(conn: &mut Conn) -> Result<Option<SealedSeed>> {
    audit::key(conn).await
}
