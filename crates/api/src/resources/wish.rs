//! How a change is wished for: whether it is only tried, and whether its receipt is wanted with it.

use admin_core::Written;
use admin_core::audit::receipt_of_change;
use admin_types::{Kind, Result};
use axum::response::Response;

use crate::answer;
use crate::call::Call;
use crate::params::Params;

/// The parameters that every change takes.
pub(super) const PARAMS: &[&str] = &["dry_run", "receipt"];

/// How a change is wished for.
#[derive(Clone, Copy)]
pub(super) struct Wish {
    pub(super) dry_run: bool,
    receipt: bool,
}

impl Wish {
    /// Of a change that takes no other parameters.
    pub(super) fn read(call: &Call) -> Result<Wish> {
        Wish::of(&mut call.params(PARAMS)?)
    }

    pub(super) fn of(params: &mut Params) -> Result<Wish> {
        Ok(Wish { dry_run: params.flag("dry_run")?, receipt: params.flag("receipt")? })
    }

    /// The answer to a creation.
    pub(super) async fn created(self, call: &Call, written: &Written) -> Result<Response> {
        answer::created(written, self.dry_run, self.receipt_of(call, written).await?.as_deref())
    }

    /// The answer to another change.
    pub(super) async fn changed(self, call: &Call, written: &Written) -> Result<Response> {
        answer::changed(written, self.dry_run, self.receipt_of(call, written).await?.as_deref())
    }

    /// The member of the answer with the receipt, if it is wanted. The change is made: if there is no receipt in time, or whoever made
    /// it may not see all of it, it is null.
    async fn receipt_of(self, call: &Call, written: &Written) -> Result<Option<String>> {
        if !self.receipt || self.dry_run {
            return Ok(None);
        }
        let made = (written.id, written.version);
        let text = match receipt_of_change(&call.app.core, &call.op(false)?, made).await {
            Ok(receipt) => serde_json::Value::from(receipt.text),
            Err(error) if matches!(error.kind, Kind::Unavailable | Kind::NotFound | Kind::Forbidden) => {
                serde_json::Value::Null
            }
            Err(error) => return Err(error),
        };
        Ok(Some(text.to_string()))
    }
}
