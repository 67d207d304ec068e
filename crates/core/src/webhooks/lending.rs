//! Whose view a webhook shows, and who lets it: whoever said last what it sends where. It is sent as long as they could act
//! as the one whose view it is, so what that one gets to see later does not go to who may not see it.

use std::collections::HashMap;

use admin_schema::TypeDefinition;
use admin_types::{Attributes, Error, Kind, OrgId, Principal, Resource, ResourceId, Result};

use super::WEBHOOK;
use crate::Core;
use crate::credentials::still_lets_act;
use crate::op::Op;

/// The attributes that say whose view it is, and who lets it be sent.
const ACTS_AS: &str = "acts_as";
const GRANTED_BY: &str = "granted_by";

/// Writes down whose view a new webhook shows: that of whoever makes it, unless it says another. And who makes it.
pub(crate) fn complete(op: &Op, definition: &TypeDefinition, attributes: &mut Attributes) {
    if definition.name == WEBHOOK {
        let own = || op.principal.id.to_string().into();
        attributes.entry(ACTS_AS).or_insert_with(own);
        attributes.insert(GRANTED_BY.into(), own());
    }
}

/// Writes down who changes what a webhook sends. To be written down without another change, they name themselves.
pub(crate) fn renew(op: &Op, definition: &TypeDefinition, before: &Attributes, after: &mut Attributes) {
    if definition.name != WEBHOOK {
        return;
    }
    let own = op.principal.id.to_string();
    let named = after.remove(GRANTED_BY).is_some_and(|named| named == *own);
    let others = |attributes: &Attributes| {
        let mut others = attributes.clone();
        others.remove(GRANTED_BY);
        others
    };
    let by = match named || others(before) != *after {
        true => Some(own.into()),
        false => before.get(GRANTED_BY).cloned(),
    };
    after.extend(by.map(|by| (GRANTED_BY.into(), by)));
}

/// Whose view it shows.
pub(super) fn acts_as(org: OrgId, webhook: &Resource) -> Option<Principal> {
    Some(Principal::new(org, named(webhook, ACTS_AS)?))
}

fn named(webhook: &Resource, attribute: &str) -> Option<ResourceId> {
    webhook.attributes.get(attribute).and_then(serde_json::Value::as_str).and_then(ResourceId::parse)
}

/// Refuses a webhook that shows a view which whoever let it may not show any more. `known`: what is known already of who
/// lets whose view be shown.
pub(super) async fn check(
    core: &Core,
    org: OrgId,
    webhook: &Resource,
    known: &mut HashMap<(ResourceId, ResourceId), bool>,
) -> Result<()> {
    let (Some(by), Some(principal)) = (named(webhook, GRANTED_BY), named(webhook, ACTS_AS)) else { return Ok(()) };
    let lets = match known.get(&(by, principal)) {
        _ if by == principal => true,
        Some(lets) => *lets,
        None => still_lets_act(core, org, (by, principal)).await?,
    };
    known.insert((by, principal), lets);
    match lets {
        true => Ok(()),
        false => {
            let detail = format!(
                "{by}, who let it show what {principal} may see, may not act as {principal} any more. Somebody who may must set `granted_by` to themselves."
            );
            Err(Error::new(Kind::Forbidden, "not_yours_to_give", detail))
        }
    }
}
