//! Why: what a principal may do to a resource, what decided, and the nearest change that would turn it.

use admin_policy::{Candidate, Condition, Effect};
use admin_types::{Attributes, Error, FieldError, Principal, Resource, ResourceId, Result};
use serde::Serialize;

use crate::Core;
use crate::access::{Actor, Known, Verb, context};
use crate::builtin::{POLICIES, ROLES_BY_RIGHTS};
use crate::op::Op;

/// The most statements that are told of.
const MAX_MISSING: usize = 20;

/// A question about one decision.
#[derive(Clone, Debug)]
pub struct Question {
    /// The user or client; whoever asks, if absent.
    pub principal: Option<ResourceId>,
    /// `<type>.<verb>`, or the verb alone.
    pub action: String,
    /// The resource.
    pub resource: ResourceId,
}

/// The answer to a [`Question`].
#[derive(Serialize, Debug)]
pub struct Explanation {
    /// `allow` or `deny`.
    pub decision: &'static str,
    /// The user or client.
    pub principal: ResourceId,
    /// `<type>.<verb>`.
    pub action: String,
    /// The resource.
    pub resource: ResourceId,
    /// What the principal is known to be.
    pub facts: FactsShown,
    /// The statements that decided. Absent for those who may not see policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub determining: Option<Vec<StatementShown>>,
    /// Statements that could have decided otherwise, with what they lack: the fewest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Vec<StatementShown>>,
    /// The nearest change that would turn the decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
    /// Statements that failed and so did not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

/// What policies decide by.
#[derive(Serialize, Debug)]
pub struct FactsShown {
    /// Roles in the whole org.
    pub roles: Vec<String>,
    /// Groups, also those that its groups are in.
    pub groups: Vec<String>,
    /// Roles within resources: by role, the ids.
    pub scoped: std::collections::BTreeMap<String, Vec<ResourceId>>,
    /// The principal's `attributes.facts`.
    pub facts: serde_json::Value,
}

/// A statement of a policy.
#[derive(Serialize, Debug)]
pub struct StatementShown {
    /// The policy's id.
    pub policy: String,
    /// The policy's name.
    pub name: String,
    /// The number of the statement there, from 1.
    pub statement: usize,
    /// `permit` or `forbid`.
    pub effect: &'static str,
    /// What does not hold, as it stands in the policy, with its line.
    pub failing: Vec<ConditionShown>,
}

/// A condition of a statement.
#[derive(Serialize, Debug)]
pub struct ConditionShown {
    /// As it stands in the policy.
    pub text: String,
    /// The line, from 1.
    pub line: usize,
}

impl ConditionShown {
    fn of(condition: &Condition) -> ConditionShown {
        ConditionShown { text: condition.text.clone(), line: condition.line }
    }
}

/// Explains one decision. About others may ask who may read policies and the principal in question.
pub async fn explain_access(core: &Core, op: &Op, question: Question) -> Result<Explanation> {
    let asker = core.actor(op).await?;
    let sees_policies = !asker.may_never(op, Verb::Read, "policy");
    if asker.is_limited() {
        let detail = "A key that is limited to some actions cannot ask why: policies know nothing of its limits.";
        return Err(Error::forbidden(detail));
    }
    let (mut conn, mut known) = (core.db.read().await?, Known::default());
    let subject = question.principal.unwrap_or(op.principal.id);
    if subject != op.principal.id {
        if !sees_policies {
            let detail =
                "Only those who may read policies may ask about others. Leave `principal` out to ask about yourself.";
            return Err(Error::forbidden(detail));
        }
        asker.readable(&mut conn, op, &mut known, subject).await?.ok_or_else(|| at("/principal", subject))?;
    }
    let actor = match subject == op.principal.id {
        true => asker.clone(),
        false => {
            let principal = Principal::new(op.principal.org, subject);
            let known = core.actor_of(&principal).await;
            known.map_err(|error| match error.code {
                "bad_token" => Error::validation(vec![FieldError::new("/principal", "is no active user or client")]),
                _ => error,
            })?
        }
    };
    let resource = asker.readable(&mut conn, op, &mut known, question.resource).await?;
    let resource = resource.ok_or_else(|| at("/resource", question.resource))?;
    let verb = verb_of(&question.action, &resource, &asker)?;
    let mut explanation = explain(&mut conn, op, &mut known, (&actor, verb, &resource), sees_policies).await?;
    let shown = asker.shown(&mut conn, op, &mut known, actor.facts.principal.clone()).await?;
    explanation.facts.keep(&actor.facts.principal.attributes, &shown.attributes);
    Ok(explanation)
}

fn at(pointer: &str, id: ResourceId) -> Error {
    Error::validation(vec![FieldError::new(pointer, format!("there is no resource {id}, or you may not see it"))])
}

/// The verb of an action, which must be one of the resource's type.
fn verb_of<'q>(action: &'q str, resource: &Resource, asker: &Actor) -> Result<&'q str> {
    let verb = match action.split_once('.') {
        Some((name, verb)) if name == resource.type_name || name == "resource" => verb,
        Some(_) => "",
        None => action,
    };
    let entry = asker.catalogue().named(&resource.type_name);
    let own = entry.is_some_and(|entry| entry.definition.actions.iter().any(|action| action == verb));
    if own || matches!(verb, "read" | "create" | "update" | "delete") {
        return Ok(verb);
    }
    let detail = format!("is no action of the type `{}`, such as `{0}.read`", resource.type_name);
    Err(Error::validation(vec![FieldError::new("/action", detail)]))
}

async fn explain(
    conn: &mut admin_db::Conn,
    op: &Op,
    known: &mut Known,
    (actor, verb, resource): (&Actor, &str, &Resource),
    sees_policies: bool,
) -> Result<Explanation> {
    let org = op.principal.org;
    let allowed = actor.may_do(conn, op, known, verb, resource).await?;
    known.surround(conn, org, actor.catalogue(), [resource, &actor.facts.principal]).await?;
    let (policies, context) = (&actor.access.policies, context(op));
    let decided = policies.evaluate(&actor.facts, verb, resource, known, &context);
    let candidates = policies.reasons(&actor.facts, verb, resource, known, &context);
    let effect_of = |candidate: &Candidate| word(candidate.effect);
    let determining = candidates.iter().filter(|candidate| {
        candidate.failing.is_empty() && decided.determining.contains(&(candidate.policy.clone(), candidate.statement))
    });
    let turning = if allowed { "forbid" } else { "permit" };
    let missing = candidates.iter().filter(|one| !one.failing.is_empty() && effect_of(one) == turning);
    let mut missing: Vec<&Candidate> = missing.collect();
    missing.sort_by_key(|candidate| effort(candidate, actor.access.name_of(&candidate.policy)));
    missing.truncate(MAX_MISSING);
    let blocking = candidates.iter().find(|candidate| candidate.failing.is_empty() && effect_of(candidate) == "forbid");
    let nearest = nearest(actor, allowed, blocking, missing.first().copied());
    let show = |candidate: &Candidate| StatementShown {
        policy: candidate.policy.clone(),
        name: actor.access.name_of(&candidate.policy).to_owned(),
        statement: candidate.statement,
        effect: word(candidate.effect),
        failing: candidate.failing.iter().map(ConditionShown::of).collect(),
    };
    Ok(Explanation {
        decision: if allowed { "allow" } else { "deny" },
        principal: actor.facts.principal.id,
        action: format!("{}.{verb}", resource.type_name),
        resource: resource.id,
        facts: facts(actor),
        determining: sees_policies.then(|| determining.map(show).collect()),
        missing: sees_policies.then(|| missing.iter().map(|candidate| show(candidate)).collect()),
        nearest: nearest.filter(|_| sees_policies),
        errors: if sees_policies { decided.errors } else { vec![] },
    })
}

/// How far a statement is from applying, and how much a person would give away to make it apply: the fewest conditions; a
/// policy of the org's own before the built-in ones; of these the role that may do the least.
fn effort(candidate: &Candidate, name: &str) -> (usize, usize) {
    let built_in = POLICIES.iter().any(|(built_in, ..)| *built_in == name);
    let rank = match ROLES_BY_RIGHTS.iter().position(|role| *role == name) {
        Some(rights) => 1 + rights,
        // That everybody may read who they are is nothing that could be changed.
        None if built_in => 1 + ROLES_BY_RIGHTS.len(),
        None => 0,
    };
    (candidate.failing.len(), rank)
}

/// The nearest change, in words.
fn nearest(actor: &Actor, allowed: bool, blocking: Option<&Candidate>, missing: Option<&Candidate>) -> Option<String> {
    let statement = |candidate: &Candidate| {
        let (name, id) = (actor.access.name_of(&candidate.policy), &candidate.policy);
        format!("statement {} of the policy `{name}` ({id})", candidate.statement)
    };
    match (allowed, blocking, missing) {
        (false, Some(forbid), _) => {
            Some(format!("{} forbids it: one of its conditions would have to fail", statement(forbid)))
        }
        (false, None, Some(permit)) => Some(format!("{} would permit it if {}", statement(permit), lacking(permit))),
        (false, None, None) => Some("no statement permits this action on resources of this type".into()),
        (true, _, Some(forbid)) => Some(format!("{} would forbid it if {}", statement(forbid), lacking(forbid))),
        (true, _, None) => None,
    }
}

/// What would have to be so for a statement to apply: roles in plain words, other conditions as they stand.
fn lacking(candidate: &Candidate) -> String {
    let (roles, others): (Vec<&Condition>, Vec<_>) = candidate.failing.iter().partition(|one| !one.roles.is_empty());
    let role = |condition: &&Condition| {
        let names: Vec<String> = condition.roles.iter().map(|name| format!("`{name}`")).collect();
        format!("the principal had the role {}", names.join(" or "))
    };
    let mut parts: Vec<String> = roles.iter().map(role).collect();
    if !others.is_empty() {
        let texts: Vec<String> = others.iter().map(|one| format!("`{}`", one.text)).collect();
        parts.push(format!("{} held", texts.join(" and ")));
    }
    parts.join(" and ")
}

impl FactsShown {
    /// Leaves out what whoever asks is not shown of the principal.
    fn keep(&mut self, all: &Attributes, shown: &Attributes) {
        self.facts = shown.get("facts").cloned().unwrap_or(serde_json::json!({}));
        if ["roles", "groups"].into_iter().any(|name| all.get(name) != shown.get(name)) {
            (self.roles, self.groups) = (vec![], vec![]);
            self.scoped.clear();
        }
    }
}

fn facts(actor: &Actor) -> FactsShown {
    let facts = &actor.facts;
    FactsShown {
        roles: facts.roles.iter().cloned().collect(),
        groups: facts.groups.iter().cloned().collect(),
        scoped: facts.scoped.iter().map(|(role, ids)| (role.clone(), ids.iter().copied().collect())).collect(),
        facts: facts.principal.attributes.get("facts").cloned().unwrap_or(serde_json::json!({})),
    }
}

fn word(effect: Effect) -> &'static str {
    match effect {
        Effect::Permit => "permit",
        Effect::Forbid => "forbid",
    }
}
