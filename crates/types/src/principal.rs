//! Who acts.

use serde::{Deserialize, Serialize};

use crate::{Actor, OrgId, ResourceId};

/// A built-in role.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May read.
    Viewer,
    /// May read, and write resources of the org's own types.
    Editor,
    /// May do all.
    Owner,
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Role, String> {
        match text {
            "viewer" => Ok(Role::Viewer),
            "editor" => Ok(Role::Editor),
            "owner" => Ok(Role::Owner),
            other => Err(format!("`{other}` is not a role; the roles are owner, editor and viewer")),
        }
    }
}

/// Who acts, in which org, with which roles.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Principal {
    /// The org in which it acts.
    pub org: OrgId,
    /// The resource that it is.
    pub id: ResourceId,
    /// The roles that it holds.
    pub roles: Vec<Role>,
}

impl Principal {
    /// How the principal stands in an event.
    pub fn actor(&self) -> Actor {
        Actor { kind: "user".into(), id: self.id }
    }
}
