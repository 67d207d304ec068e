//! The statements of a policy, read from its text.

use std::sync::Arc;

use cedar_policy_core::ast::{
    ActionConstraint, EntityReference, EntityUID, ExprKind, Literal, PatternElem, Policy,
    PrincipalOrResourceConstraint as Constraint, Template,
};
use cedar_policy_core::parser::{Loc, parse_policyset};

use crate::bounds::{self, MAX_ELEMENTS, MAX_STATEMENTS, MAX_WILDCARDS};
use crate::known::Place;
use crate::problem::Problem;
use crate::schema::{PRINCIPALS, Schema};

/// What a statement does where it is satisfied.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Effect {
    /// It allows, unless another forbids.
    Permit,
    /// It forbids, whatever the others say.
    Forbid,
}

/// What is shown instead of a field that may not be read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Show {
    /// Nothing, as if it were not there.
    Hidden,
    /// null
    Null,
    /// A part of the value, or asterisks.
    Masked,
}

/// The fields that a field rule is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fields {
    /// From the resource's root, such as `["attributes", "salary"]`.
    pub(crate) paths: Vec<Vec<String>>,
    pub(crate) show: Show,
}

/// One `permit` or `forbid`.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    /// From 0, in the order of the text.
    pub(crate) number: usize,
    pub(crate) effect: Effect,
    /// For a field rule.
    pub(crate) fields: Option<Fields>,
    pub(crate) policy: Arc<Policy>,
}

/// Reads a text. Bounds come first: what they refuse, Cedar never sees.
pub(crate) fn parse(text: &str) -> Result<Vec<Statement>, Vec<Problem>> {
    bounds::check(text).map_err(|(at, detail)| vec![Problem { at, detail }])?;
    let set = parse_policyset(text)
        .map_err(|errors| errors.iter().map(|error| Problem::of_cedar(error, 0)).collect::<Vec<_>>())?;
    let mut problems: Vec<Problem> = set
        .templates()
        .map(|template| Problem::new(template.loc(), "slots such as `?principal` are not supported; name the entity"))
        .collect();
    let mut policies: Vec<&Policy> = set.static_policies().collect();
    policies.sort_by_key(|policy| policy.loc().map_or(0, Loc::start));
    if policies.len() > MAX_STATEMENTS {
        let detail =
            format!("has {} statements; at most {MAX_STATEMENTS} are allowed: make two policies", policies.len());
        return Err(vec![Problem { at: 0, detail }]);
    }
    if policies.is_empty() && problems.is_empty() {
        let detail = "has no statement; write one, such as `permit (principal in role::\"editor\", action, resource);`";
        return Err(vec![Problem { at: 0, detail: detail.to_owned() }]);
    }
    let mut statements = vec![];
    for (number, policy) in policies.into_iter().enumerate() {
        problems.extend(too_much(policy.template()));
        match crate::fields::read(policy) {
            Ok(fields) => {
                let effect = match policy.effect() {
                    cedar_policy_core::ast::Effect::Permit => Effect::Permit,
                    cedar_policy_core::ast::Effect::Forbid => Effect::Forbid,
                };
                statements.push(Statement { number, effect, fields, policy: Arc::new(policy.clone()) });
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(statements) } else { Err(problems) }
}

/// Sets and patterns beyond their bounds.
fn too_much(template: &Template) -> Vec<Problem> {
    let mut problems = vec![];
    if template.action_constraint().iter_euids().count() > MAX_ELEMENTS {
        let detail = format!("names more than {MAX_ELEMENTS} actions; make several statements of it");
        problems.push(Problem::new(template.loc(), detail));
    }
    for part in template.non_scope_constraints().into_iter().flat_map(|condition| condition.subexpressions()) {
        let detail = match part.expr_kind() {
            ExprKind::Set(items) if items.len() > MAX_ELEMENTS => {
                format!("a set of {} elements; at most {MAX_ELEMENTS} are allowed: use a group, or facts", items.len())
            }
            ExprKind::Like { pattern, .. } => {
                let wildcards = pattern.iter().filter(|element| matches!(element, PatternElem::Wildcard)).count();
                if wildcards <= MAX_WILDCARDS {
                    continue;
                }
                format!("a pattern with {wildcards} wildcards; at most {MAX_WILDCARDS} are allowed: make it shorter")
            }
            _ => continue,
        };
        problems.push(Problem::new(part.source_loc(), detail));
    }
    problems
}

impl Statement {
    pub(crate) fn template(&self) -> &Template {
        self.policy.template()
    }

    /// Where it begins in the text.
    pub(crate) fn at(&self) -> usize {
        self.policy.loc().map_or(0, Loc::start)
    }

    /// Entity types and actions that it names and that are not there. Cedar would look for similar names, which costs
    /// too much where there are many of both.
    pub(crate) fn unknown_names(&self, schema: &Schema) -> Vec<Problem> {
        let condition = self.template().condition();
        let mut problems = vec![];
        let mut check = |name: String, uid: Option<&EntityUID>, loc: Option<&Loc>| {
            let at = loc.map_or(self.at(), Loc::start);
            let detail = match uid.map(|uid| AsRef::<str>::as_ref(uid.eid())) {
                Some(action) if name == "Action" && !schema.actions.contains(action) => format!(
                    "there is no action `{action}`; an action is a type and a verb, such as `workspace.read`, or \
                     `resource.read` for all types"
                ),
                _ if name != "Action" && name != "Resource" && !schema.kinds.contains_key(&name) => {
                    format!(
                        "there is no type `{name}`; write the name of one of the org's types, `user`, `role` or `Resource`"
                    )
                }
                _ => return,
            };
            problems.push(Problem { at, detail });
        };
        for part in condition.subexpressions() {
            let loc = part.source_loc();
            match part.expr_kind() {
                ExprKind::Lit(Literal::EntityUID(uid)) => {
                    check(uid.entity_type().to_string(), Some(uid), uid.loc().or(loc));
                }
                ExprKind::Is { entity_type, .. } => check(entity_type.to_string(), None, entity_type.loc().or(loc)),
                _ => {}
            }
        }
        problems
    }

    /// What is wrong with a scope that asks for an action which equals the verb of all types: that is a group of actions.
    pub(crate) fn equals_group(&self) -> Option<String> {
        let ActionConstraint::Eq(uid) = self.template().action_constraint() else { return None };
        let name: &str = uid.eid().as_ref();
        let verb = name.strip_prefix("resource.")?;
        Some(format!(
            "no action equals `{name}`, which is `{verb}` of every type; write `action in Action::\"{name}\"`"
        ))
    }

    /// Whether it is its scope alone.
    pub(crate) fn is_plain(&self) -> bool {
        self.fields.is_none() && self.template().non_scope_constraints().is_none()
    }

    /// Whether its scope may hold for the place. What this does not see, the typechecker does.
    pub(crate) fn may_apply(&self, place: Place<'_>) -> bool {
        let template = self.template();
        let action = match template.action_constraint() {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(uid) => **uid == *place.action,
            ActionConstraint::In(uids) => uids.iter().any(|uid| **uid == *place.action || **uid == *place.group),
        };
        action
            && may_be(template.principal_constraint().as_inner(), &place.principal.name)
            && may_be(template.resource_constraint().as_inner(), &place.resource.name)
    }

    /// Whether neither the action nor the resource of its scope names a type.
    pub(crate) fn is_about_all_types(&self) -> bool {
        let template = self.template();
        let group = |uid: &EntityUID| AsRef::<str>::as_ref(uid.eid()).starts_with("resource.");
        let actions = match template.action_constraint() {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(_) => false,
            ActionConstraint::In(uids) => uids.iter().any(|uid| group(uid)),
        };
        actions && matches!(template.resource_constraint().as_inner(), Constraint::Any)
    }

    /// The one role, group or user that the principal must be in or be, if the scope names one.
    pub(crate) fn holder(&self) -> Option<(String, String)> {
        let uid = match self.template().principal_constraint().as_inner() {
            Constraint::Eq(EntityReference::EUID(uid))
            | Constraint::In(EntityReference::EUID(uid))
            | Constraint::IsIn(_, EntityReference::EUID(uid)) => uid,
            _ => return None,
        };
        let name = uid.entity_type().to_string();
        let known = name == "role" || name == "group" || PRINCIPALS.contains(&name.as_str());
        known.then(|| (name, AsRef::<str>::as_ref(uid.eid()).to_owned()))
    }
}

/// Whether an entity of the type may meet the constraint.
fn may_be(constraint: &Constraint, name: &str) -> bool {
    match constraint {
        Constraint::Any | Constraint::In(_) => true,
        Constraint::Is(entity) | Constraint::IsIn(entity, _) => entity.to_string() == name,
        Constraint::Eq(EntityReference::EUID(uid)) => uid.entity_type().to_string() == name,
        Constraint::Eq(_) => true,
    }
}
