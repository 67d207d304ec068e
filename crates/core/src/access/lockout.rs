//! Whoever changes a policy must be able to change it back: policies that nobody may change any more could be mended by
//! nobody.

use admin_db::Tx;
use admin_policy::{Policies, Source};
use admin_schema::Filter;
use admin_types::{Error, Resource, Result};

use super::facts::{ACTIVE, source};
use super::{Actor, Known, Verb, context};
use crate::op::Op;

/// What is needed to change a policy back.
const NEEDED: [Verb; 2] = [Verb::Read, Verb::Update];

/// Refuses a change of a policy after which the actor could not read and update it. The states are live, or absent.
pub(super) async fn check(
    tx: &mut Tx,
    op: &Op,
    actor: &Actor,
    before: Option<&Resource>,
    after: Option<&Resource>,
) -> Result<()> {
    let Some(policy) = after.or(before) else { return Ok(()) };
    let in_force = |state: Option<&Resource>| state.filter(|state| state.status == ACTIVE).map(source);
    let (was, is) = (in_force(before), in_force(after));
    let same = was.as_ref().map(|was| &was.cedar) == is.as_ref().map(|is| &is.cedar);
    if same || !(was.is_some_and(|was| permits(actor, op, was)) || is.clone().is_some_and(|is| forbids(actor, op, is)))
    {
        return Ok(());
    }
    let sources = actor.access.sources_in_tx(tx, op.principal.org).await?;
    let others = sources.iter().filter(|other| other.id != policy.id.to_string()).cloned();
    let then = Policies::build(actor.access.schema.clone(), &others.chain(is).collect::<Vec<_>>());
    for rows in rows(&then, actor, op) {
        if !Known::default().matches(tx, op.principal.org, &rows, policy).await? {
            let detail = "After this change you could not read and update this policy any more, so it could not be undone. \
                          Leave somebody who may: yourself.";
            return Err(Error::conflict("locked_out", detail));
        }
    }
    Ok(())
}

/// Whether the policy by itself lets the actor do something of what is needed.
fn permits(actor: &Actor, op: &Op, policy: Source) -> bool {
    let alone = Policies::build(actor.access.schema.clone(), &[policy]);
    rows(&alone, actor, op).any(|rows| rows != Filter::False)
}

/// Whether the policy by itself keeps the actor from something of what is needed.
fn forbids(actor: &Actor, op: &Op, policy: Source) -> bool {
    let cedar = "permit (principal, action, resource);".to_owned();
    let all = Source { id: String::new(), name: String::new(), cedar };
    let both = Policies::build(actor.access.schema.clone(), &[all, policy]);
    rows(&both, actor, op).any(|rows| rows != Filter::True)
}

/// The policies to which the actor may do what is needed.
fn rows(policies: &Policies, actor: &Actor, op: &Op) -> impl Iterator<Item = Filter> {
    let context = context(op);
    NEEDED.into_iter().map(move |verb| policies.rule(&actor.facts, verb.as_str(), "policy", &context).rows)
}
