//! Why something is not allowed: what each statement that might have applied still lacks.

use admin_schema::Related;
use admin_types::Resource;

use crate::bind::bind;
use crate::facts::{Context, Facts};
use crate::known::Known;
use crate::node::Node;
use crate::policies::Policies;
use crate::problem::position;
use crate::statement::Effect;

/// A statement that could apply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// The id of the policy.
    pub policy: String,
    /// The number of the statement there, from 1.
    pub statement: usize,
    /// What it does where it is satisfied.
    pub effect: Effect,
    /// What does not hold; nothing, when it is satisfied.
    pub failing: Vec<Condition>,
}

/// A condition of a statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Condition {
    /// As it stands in the policy's text.
    pub text: String,
    /// The line there, from 1.
    pub line: usize,
    /// The roles of which the principal would need one, where this is all that the condition asks for.
    pub roles: Vec<String>,
}

impl Policies {
    /// The statements about rows that could apply to the verb and the resource's type, each with the conditions of its scope
    /// and its clauses that do not hold; those that lack the fewest first.
    pub fn reasons(
        &self,
        facts: &Facts,
        verb: &str,
        resource: &Resource,
        related: &dyn Related,
        context: &Context,
    ) -> Vec<Candidate> {
        let Some((place, table)) = self.table(facts, verb, &resource.type_name) else { return vec![] };
        let known = Known::new(place, Some((facts, context)));
        let mut candidates = vec![];
        for entry in table.entries.iter().filter(|entry| entry.fields.is_none()) {
            let numbered = &self.statements[entry.statement];
            let source = &self.sources[numbered.source];
            let failing = entry.conjuncts.iter().filter(|one| !bind(&one.node, &known).matches(resource, related));
            let failing = failing.map(|one| Condition {
                text: one.text.clone(),
                line: position(&source.cedar, one.at).0,
                roles: match &one.node {
                    Node::Role { names, is: true } => names.clone(),
                    _ => vec![],
                },
            });
            candidates.push(Candidate {
                policy: source.id.clone(),
                statement: numbered.statement.number + 1,
                effect: entry.effect,
                failing: failing.collect(),
            });
        }
        candidates.sort_by_key(|candidate| candidate.failing.len());
        candidates
    }
}
