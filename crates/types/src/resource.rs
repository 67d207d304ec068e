//! The wire shape of a resource.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ResourceId, Timestamp};

/// The attributes of a resource: a JSON object that its type's schema describes.
pub type Attributes = serde_json::Map<String, serde_json::Value>;
/// Labels: short names with short values, free of any schema.
pub type Labels = BTreeMap<String, String>;

/// A resource as the API shows it. `x-secret` attributes are never in it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Resource {
    /// Its id, for ever.
    pub id: ResourceId,
    /// The name of its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Its name, 1 to 200 characters.
    pub name: String,
    /// One of the type's statuses.
    pub status: String,
    /// What the type's schema describes.
    pub attributes: Attributes,
    /// Free names and values.
    pub labels: Labels,
    /// The resource that it belongs to.
    pub parent: Option<ResourceId>,
    /// 1 when created, one more with every change.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it was moved to the trash; absent when it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}
