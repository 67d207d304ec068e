//! What a path names: `/v3/resources`, or the resources of one type at `/v3/{plural}`.

use admin_types::{Error, ResourceId, Result};

use crate::call::Call;

/// The type that a path names; `None` for `/v3/resources`.
pub(crate) async fn type_of(call: &Call, plural: Option<&str>) -> Result<Option<String>> {
    let Some(plural) = plural else { return Ok(None) };
    call.app.core.type_at(call.principal.org, plural).await.map(Some)
}

/// The id in a path. What is no id at all cannot be found.
pub(crate) fn id(text: &str) -> Result<ResourceId> {
    ResourceId::parse(text).ok_or_else(|| {
        Error::invalid("invalid_id", "The path must name a resource by its id, such as res_01h455vb4pex5vsknk084sn02q.")
            .at("id", "is not an id")
    })
}
