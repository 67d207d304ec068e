//! Who stands in the way of a change of a type: how many, and the first of them with the reason.

use admin_types::{Error, Resource, Result};
use serde_json::json;

/// The most offenders that an error names.
pub(super) const NAMED: usize = 10;

/// Resources that do not meet a new definition.
#[derive(Default)]
pub(super) struct Offenders {
    count: u64,
    /// How many of them lie in the trash.
    trashed: u64,
    first: Vec<serde_json::Value>,
}

impl Offenders {
    /// So many, of whom none is named yet.
    pub(super) fn of(count: u64, trashed: u64) -> Offenders {
        Offenders { count, trashed, first: vec![] }
    }

    /// Counts one, and names it while there is room.
    pub(super) fn add(&mut self, resource: &Resource, error: Error) {
        self.count += 1;
        self.trashed += u64::from(resource.deleted_at.is_some());
        self.name(resource, error);
    }

    /// Names one, while there is room.
    pub(super) fn name(&mut self, resource: &Resource, error: Error) {
        if self.first.len() < NAMED {
            self.first.push(json!({"id": resource.id, "name": resource.name, "errors": error.errors}));
        }
    }

    /// Refuses the change if there is any.
    pub(super) fn refuse(self) -> Result<()> {
        let live = match self.count - self.trashed {
            0 if self.trashed == 0 => return Ok(()),
            0 => None,
            1 => Some("1 resource does not meet the new definition: change it first".to_owned()),
            n => Some(format!("{n} resources do not meet the new definition: change them first")),
        };
        let trashed = match self.trashed {
            0 => None,
            1 => Some("1 resource in the trash does not meet the new definition: purge it, or restore it and remove the value".into()),
            n => Some(format!(
                "{n} resources in the trash do not meet the new definition: purge them, or restore them and remove the values"
            )),
        };
        let parts: Vec<String> = live.into_iter().chain(trashed).collect();
        let detail = format!("{}. `offenders` names the first.", parts.join("; "));
        Err(Error::conflict("incompatible_type", detail).with(json!({"count": self.count, "offenders": self.first})))
    }
}
