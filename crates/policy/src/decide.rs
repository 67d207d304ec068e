//! One decision by Cedar's own authorizer, over full entities: what decided, and what failed. For explaining, and as the
//! oracle that filters are tested against.

use admin_schema::Related;
use admin_types::Resource;
use cedar_policy_core::ast::{Context as CedarContext, EntityUIDEntry, PolicyID, PolicySet, Request};
use cedar_policy_core::authorizer::{Authorizer, Decision as CedarDecision};
use std::sync::Arc;

use crate::entities::Builder;
use crate::facts::{Context, Facts};
use crate::policies::{Policies, Table};
use crate::values::{context as context_record, uid};

/// What was decided, and by what.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Decision {
    /// Whether it is allowed.
    pub allowed: bool,
    /// The statements that decided: the ids of their policies, and their numbers there, from 1.
    pub determining: Vec<(String, usize)>,
    /// The statements that failed, and so did not count.
    pub errors: Vec<String>,
}

impl Policies {
    /// Decides about one resource by Cedar's own authorizer. `related` must know what it refers to, up to
    /// [`MAX_HOPS`](crate::MAX_HOPS) references away and one more, and what lies above all of these. What this allows is what the filter of [`Policies::rule`] allows, at a hundred times the cost.
    pub fn evaluate(
        &self,
        facts: &Facts,
        verb: &str,
        resource: &Resource,
        related: &dyn Related,
        context: &Context,
    ) -> Decision {
        let Some((place, table)) = self.table(facts, verb, &resource.type_name) else { return Decision::default() };
        if table.locked {
            let error = "a policy that forbids is no longer valid; nothing is allowed until it is corrected";
            return Decision { errors: vec![error.to_owned()], ..Decision::default() };
        }
        let Some(entities) = (Builder { place, facts, resource, related }).build() else {
            let error = "the resources that this depends on contradict each other";
            return Decision { errors: vec![error.to_owned()], ..Decision::default() };
        };
        let entry = |uid| EntityUIDEntry::known(uid, None);
        let request = Request::new_unchecked(
            entry(uid(place.principal, &facts.principal)),
            entry(place.action.clone()),
            entry(uid(place.resource, resource)),
            Some(CedarContext::Value(Arc::new(context_record(context)))),
        );
        let response = match self.without_broken(table) {
            Some(set) => Authorizer::new().is_authorized(request, &set, &entities),
            None => Authorizer::new().is_authorized(request, &self.set, &entities),
        };
        let mut determining: Vec<_> = response.diagnostics.reason.iter().filter_map(|id| self.named(id)).collect();
        determining.sort();
        Decision {
            allowed: response.decision == CedarDecision::Allow,
            determining,
            errors: response.diagnostics.errors.iter().map(|error| self.tell(&error.to_string())).collect(),
        }
    }

    /// The statements without those that are no longer valid, where there are such.
    fn without_broken(&self, table: &Table) -> Option<PolicySet> {
        if table.broken.is_empty() {
            return None;
        }
        let mut set = PolicySet::new();
        for (at, numbered) in self.statements.iter().enumerate() {
            if !table.broken.contains(&at) && numbered.statement.fields.is_none() {
                let name = PolicyID::from_string(format!("{}.{}", numbered.source, numbered.statement.number));
                // Names differ, and all were added before.
                let _ = set.add(numbered.statement.policy.new_id(name));
            }
        }
        Some(set)
    }

    /// The policy's id and the statement's number there, from 1.
    fn named(&self, id: &PolicyID) -> Option<(String, usize)> {
        let (source, number) = id.as_ref().split_once('.')?;
        let source = self.sources.get(source.parse::<usize>().ok()?)?;
        Some((source.id.clone(), number.parse::<usize>().ok()? + 1))
    }

    /// Cedar's words, with the policy's name instead of the one that it has for Cedar.
    fn tell(&self, error: &str) -> String {
        let quoted = error.split('`').nth(1).map(PolicyID::from_string);
        let Some((id, (policy, number))) = quoted.and_then(|id| Some((id.clone(), self.named(&id)?))) else {
            return error.to_owned();
        };
        error.replacen(&format!("`{id}`"), &format!("{policy}, statement {number}"), 1)
    }
}
