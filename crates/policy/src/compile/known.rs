//! The parts of a statement that do not look at the resource.

use cedar_policy_core::ast::{BinaryOp, ExprKind, Literal, Var};
use cedar_policy_core::validator::types::{EntityKind, Type};

use super::condition::Compiler;
use super::mentions;
use super::truth::Truth;
use crate::known::{Typed, parts};
use crate::node::{Hole, Node};
use crate::problem::Problem;
use crate::schema::PRINCIPALS;
use crate::values::Failed;

/// Whether an expression looks at the resource: a role may be held for a part of the tree only.
fn depends(expression: &Typed) -> bool {
    parts(expression).any(|part| match part.expr_kind() {
        ExprKind::Var(Var::Resource) => true,
        ExprKind::BinaryApp { op: BinaryOp::In, arg1, arg2 } => {
            matches!(arg1.expr_kind(), ExprKind::Var(Var::Principal)) && entity_of(arg2).as_deref() == Some("role")
        }
        _ => false,
    })
}

/// The name of the type of an entity, or of the entities in a set.
pub(super) fn entity_of(expression: &Typed) -> Option<String> {
    match expression.data().as_ref()? {
        Type::Entity(kind) => single(kind),
        Type::Set { element_type: Some(element) } => match &**element {
            Type::Entity(kind) => single(kind),
            _ => None,
        },
        _ => None,
    }
}

fn single(kind: &EntityKind) -> Option<String> {
    match kind {
        EntityKind::Entity(lub) => lub.get_single_entity().map(ToString::to_string),
        EntityKind::AnyEntity => None,
    }
}

/// The names of the entities that stand there as literals; `None` when something else stands there.
pub(super) fn literals(expression: &Typed) -> Option<Vec<String>> {
    match expression.expr_kind() {
        ExprKind::Lit(Literal::EntityUID(uid)) => Some(vec![AsRef::<str>::as_ref(uid.eid()).to_owned()]),
        ExprKind::Set(items) => items.iter().map(|item| literals(item)?.pop()).collect(),
        _ => None,
    }
}

/// Whether evaluating it, for a valid principal, never fails.
pub(super) fn is_infallible(expression: &Typed) -> bool {
    parts(expression).all(|part| match part.expr_kind() {
        ExprKind::ExtensionFunctionApp { .. } | ExprKind::UnaryApp { .. } => false,
        ExprKind::BinaryApp { op, .. } => !matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul),
        _ => true,
    })
}

/// Whether it asks what a group is in.
fn is_of_group(part: &Typed) -> bool {
    matches!(part.expr_kind(), ExprKind::BinaryApp { op: BinaryOp::In, arg1, .. }
        if entity_of(arg1).as_deref() == Some("group"))
}

impl Compiler<'_> {
    /// Whether an expression depends on the resource. Where that is a group, a group that is named may be that one.
    pub(super) fn depends(&self, expression: &Typed) -> bool {
        depends(expression) || self.place.resource.name == "group" && parts(expression).any(is_of_group)
    }

    /// A condition that does not depend on the resource.
    pub(super) fn known_condition(&self, expression: &Typed) -> Result<Truth, Problem> {
        check(expression)?;
        if !is_constant(expression) {
            let part = |is| Node::Known { expression: expression.clone(), is };
            return Ok(Truth::pair(part(true), part(false), false));
        }
        Ok(match self.known.holds(expression) {
            Ok(is) => Truth::constant(is),
            Err(Failed) => Truth::failure(),
        })
    }

    /// A value that does not depend on the resource; `None` when it is sure to fail.
    pub(super) fn hole(&self, expression: &Typed) -> Result<Option<Hole>, Problem> {
        check(expression)?;
        if !is_constant(expression) {
            return Ok(Some(Hole::Expression(expression.clone())));
        }
        Ok(self.known.eval(expression).ok().map(Hole::Value))
    }
}

/// Whether it is known before anybody asks.
fn is_constant(expression: &Typed) -> bool {
    !mentions(expression, Var::Principal) && !mentions(expression, Var::Context) && !parts(expression).any(is_of_group)
}

/// Refuses what would need entities besides the principal.
fn check(expression: &Typed) -> Result<(), Problem> {
    parts(expression).try_for_each(|part| match part.expr_kind() {
        ExprKind::GetAttr { expr, .. } | ExprKind::HasAttr { expr, .. } | ExprKind::ExtHasAttr { expr, .. } => {
            let is_principal = matches!(expr.expr_kind(), ExprKind::Var(Var::Principal));
            if is_principal || entity_of(expr).is_none() {
                return Ok(());
            }
            let detail = "only the principal's own attributes are known here, not those of what it refers to; copy what \
                          you need into the principal's facts";
            Err(Problem::new(part.source_loc(), detail))
        }
        ExprKind::BinaryApp { op: BinaryOp::In, arg1, arg2 } => check_in(part, arg1, arg2),
        _ => Ok(()),
    })
}

fn check_in(part: &Typed, left: &Typed, right: &Typed) -> Result<(), Problem> {
    let (Some(from), Some(to)) = (entity_of(left), entity_of(right)) else { return Ok(()) };
    let is_principal = matches!(left.expr_kind(), ExprKind::Var(Var::Principal));
    let detail = match to.as_str() {
        "Resource" if from != "Action" => {
            "where this lies in the tree is not known here; ask `resource in …`, or put the principal into a group"
        }
        "group" | "role" if PRINCIPALS.contains(&from.as_str()) && !is_principal => {
            "the groups and roles of the principal alone are known here; ask `principal in …`"
        }
        _ => return Ok(()),
    };
    Err(Problem::new(part.source_loc(), detail))
}
