//! Who acts.

use std::net::IpAddr;
use std::sync::Arc;

use crate::{Actor, OrgId, ResourceId, Timestamp};

/// Who acts, and in which org. What it may do is for the org's policies to say.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Principal {
    /// The org in which it acts.
    pub org: OrgId,
    /// The user or client that it is.
    pub id: ResourceId,
    /// The names of the roles that its token grants, instead of those that the user or client has.
    pub granted: Option<Arc<[String]>>,
    /// The actions that its credential is for, such as `workspace.read`, or `resource.read` for every type's: of what it may
    /// do, it does no others. All if absent.
    pub actions: Option<Arc<[String]>>,
    /// The client that acts for it, by a token that it exchanged. It decides nothing; events and decisions name it.
    pub via: Option<ResourceId>,
}

impl Principal {
    /// A user or client of an org, with all that it has.
    pub fn new(org: OrgId, id: ResourceId) -> Principal {
        Principal { org, id, granted: None, actions: None, via: None }
    }

    /// Whether it acts with less than all that the user or client has.
    pub fn is_limited(&self) -> bool {
        self.granted.is_some() || self.actions.is_some()
    }

    /// How the principal stands in an event.
    pub fn actor(&self) -> Actor {
        Actor { kind: self.id.prefix.type_name().unwrap_or("user").into(), id: self.id, via: self.via }
    }
}

/// Where a call comes from, and how whoever makes it proved who they are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The client's address; `None` for what comes from inside.
    pub address: Option<IpAddr>,
    /// How, such as `token`.
    pub method: &'static str,
    /// When.
    pub authenticated_at: Timestamp,
}
