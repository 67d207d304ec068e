//! Conditions: what joins them, and the simplest ones.

use std::sync::Arc;

use admin_schema::{Comparison, Filter, Path, Piece};
use cedar_policy_core::ast::{BinaryOp, EntityType, ExprKind, Pattern, PatternElem, UnaryOp};
use cedar_policy_core::parser::Loc;
use cedar_policy_core::validator::types::{BoolType, Type};
use smol_str::SmolStr;

use super::path::{Found, Spot};
use super::truth::{Guards, TooLarge, Truth};
use crate::bounds::MAX_NODES;
use crate::known::{Known, Place, Typed};
use crate::node::{Hole, Hop, Node, Scalar, Test};
use crate::problem::Problem;

/// Compiles the expressions of one statement for one place.
pub(super) struct Compiler<'a> {
    pub(super) place: Place<'a>,
    pub(super) known: Known<'a>,
}

/// A condition, and what is surely there where it is true.
type Compiled = Result<(Truth, Guards), Problem>;

impl<'a> Compiler<'a> {
    pub(super) fn new(place: Place<'a>) -> Compiler<'a> {
        Compiler { place, known: Known::new(place, None) }
    }

    /// Compiles a condition that stands where `guards` hold.
    pub(super) fn condition(&self, expression: &Typed, guards: &Guards) -> Compiled {
        if !self.depends(expression) {
            return Ok((self.known_condition(expression)?, Guards::default()));
        }
        let loc = expression.source_loc();
        let truth = match expression.expr_kind() {
            ExprKind::And { .. } => return self.conjunction(expression, guards),
            ExprKind::Or { .. } => self.disjunction(expression, guards)?,
            ExprKind::UnaryApp { op: UnaryOp::Not, arg } => self.condition(arg, guards)?.0.not(),
            ExprKind::UnaryApp { op: UnaryOp::IsEmpty, .. } => {
                let detail = "`isEmpty` cannot be asked of the resource; ask whether the attribute is there by `has`, and \
                              leave it out instead of leaving it empty";
                return Err(Problem::new(loc, detail));
            }
            ExprKind::If { test_expr, then_expr, else_expr } => {
                self.choice(test_expr, then_expr, else_expr, guards, loc)?
            }
            ExprKind::HasAttr { expr, attr } => return self.has(expr, &[attr], guards),
            ExprKind::ExtHasAttr { expr, attrs } => return self.has(expr, &attrs.iter().collect::<Vec<_>>(), guards),
            ExprKind::Like { expr, pattern } => self.like(expr, pattern, guards)?,
            ExprKind::Is { expr, entity_type } => self.is(expr, entity_type, guards)?,
            ExprKind::BinaryApp { op, arg1, arg2 } => match op {
                BinaryOp::Eq | BinaryOp::Less | BinaryOp::LessEq => self.compare(*op, arg1, arg2, guards, loc)?,
                BinaryOp::In => self.membership(expression, (arg1, arg2), guards)?,
                BinaryOp::Contains => self.contains(arg1, arg2, guards, loc)?,
                BinaryOp::ContainsAll => self.contains_many(arg1, arg2, true, guards, loc)?,
                BinaryOp::ContainsAny => self.contains_many(arg1, arg2, false, guards, loc)?,
                _ => return Err(self.resolve(expression).err().unwrap_or_else(|| unsupported(loc))),
            },
            // A boolean attribute, or what is no condition at all.
            _ => self.boolean(expression, guards)?,
        };
        Ok((truth, Guards::default()))
    }

    /// A chain of `&&`. Joined from its end, it has a part for each link, not one for each pair of links.
    fn conjunction(&self, expression: &Typed, guards: &Guards) -> Compiled {
        let (mut truths, mut gained) = (vec![], Guards::default());
        for operand in operands(expression, |kind| match kind {
            ExprKind::And { left, right } => Some((left, right)),
            _ => None,
        }) {
            let (truth, more) = self.condition(operand, &guards.with(gained.clone()))?;
            gained.extend(more);
            let ends = truth.total && matches!(truth.yes, Node::Never);
            truths.push(truth);
            if ends {
                break;
            }
        }
        let loc = expression.source_loc();
        let joined = truths.into_iter().rev().try_fold(Truth::constant(true), |rest, truth| truth.and(rest));
        Ok((joined.map_err(|TooLarge| too_large(loc))?, gained))
    }

    /// A chain of `||`, joined likewise.
    fn disjunction(&self, expression: &Typed, guards: &Guards) -> Result<Truth, Problem> {
        let mut truths = vec![];
        for operand in operands(expression, |kind| match kind {
            ExprKind::Or { left, right } => Some((left, right)),
            _ => None,
        }) {
            let (truth, _) = self.condition(operand, guards)?;
            let ends = truth.total && matches!(truth.yes, Node::Always);
            truths.push(truth);
            if ends {
                break;
            }
        }
        let joined = truths.into_iter().rev().try_fold(Truth::constant(false), |rest, truth| truth.or(rest));
        joined.map_err(|TooLarge| too_large(expression.source_loc()))
    }

    fn choice(
        &self,
        test: &Typed,
        one: &Typed,
        other: &Typed,
        guards: &Guards,
        loc: Option<&Loc>,
    ) -> Result<Truth, Problem> {
        let fixed = test.data().clone();
        let (test, gained) = self.condition(test, guards)?;
        let joined = match fixed {
            // The branch that is never taken was not typed; Cedar put a copy of the other there.
            Some(Type::Bool(BoolType::True)) => test.and(self.condition(one, &guards.with(gained))?.0),
            Some(Type::Bool(BoolType::False)) => test.not().and(self.condition(other, guards)?.0),
            _ => test.choose(self.condition(one, &guards.with(gained))?.0, self.condition(other, guards)?.0),
        };
        joined.map_err(|TooLarge| too_large(loc))
    }

    /// `… has a.b.c`
    fn has(&self, expression: &Typed, names: &[&SmolStr], guards: &Guards) -> Compiled {
        let mut found = self.resolve(expression)?;
        let (mut truth, mut gained) = (Truth::constant(true), Guards::default());
        for name in names {
            let within = guards.with(gained.clone());
            let (one, more) = self.has_one(&found, name, &within);
            truth = truth.and(one).map_err(|TooLarge| too_large(expression.source_loc()))?;
            gained.extend(more);
            match self.step(found, name) {
                Some(next) => found = next,
                // There is no such attribute: the condition is false, and what follows is never looked at.
                None => return Ok((truth, Guards::default())),
            }
        }
        Ok((truth, gained))
    }

    fn has_one(&self, found: &Found<'a>, name: &str, guards: &Guards) -> (Truth, Guards) {
        let exists = self.step(found.clone(), name);
        match &found.spot {
            Spot::Resource => {
                let test = entity_has(exists.as_ref());
                let gained = gain(exists.as_ref(), &found.hops);
                (Truth::test(&found.hops, test, None, true), gained)
            }
            Spot::Reference { path, type_name } => {
                let guard = self.guard(&found.hops, path, guards);
                let hop = Hop { path: path.clone(), type_name: type_name.clone() };
                let gained = exists.as_ref().map_or_else(Guards::default, |next| gain(Some(next), &next.hops));
                let test = Test::Through { hop, test: Box::new(entity_has(exists.as_ref())) };
                (Truth::test(&found.hops, test, guard, true), gained)
            }
            Spot::Record { path, record, always } => {
                let at = Path::Attribute(path.clone());
                let guard = if *always { None } else { self.guard(&found.hops, &at, guards) };
                let member = record.members.get(name);
                let member_path = Path::Attribute(path.iter().cloned().chain([name.to_owned()]).collect());
                let test = match member {
                    None => Filter::False,
                    // What is required of a copy of facts was made optional where the facts may be missing.
                    Some(member) if member.required && guard.is_none() => Filter::True,
                    Some(_) => Filter::Present { path: member_path.clone() },
                };
                let gained = member.map_or_else(Guards::default, |_| Guards::one(&found.hops, member_path));
                (Truth::test(&found.hops, Test::Fixed(test), guard, true), gained)
            }
            _ => (Truth::failure(), Guards::default()),
        }
    }

    fn like(&self, expression: &Typed, pattern: &Pattern, guards: &Guards) -> Result<Truth, Problem> {
        let found = self.resolve(expression)?;
        let Spot::Scalar { path, .. } = found.spot else { return Err(unsupported(expression.source_loc())) };
        let guard = self.guard(&found.hops, &path, guards);
        let test = Test::Fixed(Filter::Like { path, pattern: pieces(pattern) });
        Ok(Truth::test(&found.hops, test, guard, true))
    }

    fn is(&self, expression: &Typed, entity: &EntityType, guards: &Guards) -> Result<Truth, Problem> {
        let found = self.resolve(expression)?;
        let (name, guard) = match &found.spot {
            Spot::Resource => (&self.place.resource.name, None),
            Spot::Reference { path, type_name } => (type_name, self.guard(&found.hops, path, guards)),
            _ => return Err(unsupported(expression.source_loc())),
        };
        let is = *name == entity.to_string();
        // Where the reference is missing, the condition fails, whatever its type.
        let test = match (&guard, is) {
            (Some(path), true) => Filter::Present { path: path.clone() },
            (_, true) => Filter::True,
            (_, false) => Filter::False,
        };
        Ok(Truth::test(&found.hops, Test::Fixed(test), guard, true))
    }

    fn boolean(&self, expression: &Typed, guards: &Guards) -> Result<Truth, Problem> {
        let found = self.resolve(expression)?;
        let Spot::Scalar { path, scalar: Scalar::Boolean } = found.spot else {
            return Err(unsupported(expression.source_loc()));
        };
        let guard = self.guard(&found.hops, &path, guards);
        let value = Hole::Value(true.into());
        let test = Test::Compare { path, op: Comparison::Eq, value, scalar: Scalar::Boolean };
        Ok(Truth::test(&found.hops, test, guard, true))
    }
}

/// The operands of a chain, in order. Chains are as long as texts allow, and so not gone through by recursion.
fn operands<'e>(
    expression: &'e Typed,
    split: impl Fn(&'e ExprKind<Option<Type>>) -> Option<(&'e Arc<Typed>, &'e Arc<Typed>)>,
) -> Vec<&'e Typed> {
    let (mut found, mut open) = (vec![], vec![expression]);
    while let Some(next) = open.pop() {
        match split(next.expr_kind()) {
            Some((left, right)) => open.extend([&**right, &**left]),
            None => found.push(next),
        }
    }
    found
}

/// Whether an entity has the attribute that `exists` says it may have.
fn entity_has(exists: Option<&Found<'_>>) -> Test {
    Test::Fixed(match exists {
        None => Filter::False,
        Some(Found { spot: Spot::Reference { path: Path::Parent, .. }, .. }) => Filter::Present { path: Path::Parent },
        Some(_) => Filter::True,
    })
}

/// What `has parent` says.
fn gain(exists: Option<&Found<'_>>, hops: &[Hop]) -> Guards {
    match exists {
        Some(Found { spot: Spot::Reference { path: Path::Parent, .. }, .. }) => Guards::one(hops, Path::Parent),
        _ => Guards::default(),
    }
}

fn pieces(pattern: &Pattern) -> Vec<Piece> {
    let mut pieces = vec![];
    for element in pattern.iter() {
        match (element, pieces.last_mut()) {
            (PatternElem::Char(c), Some(Piece::Text(text))) => text.push(*c),
            (PatternElem::Char(c), _) => pieces.push(Piece::Text(c.to_string())),
            (PatternElem::Wildcard, Some(Piece::Any)) => {}
            (PatternElem::Wildcard, _) => pieces.push(Piece::Any),
        }
    }
    pieces
}

pub(super) fn unsupported(loc: Option<&Loc>) -> Problem {
    let detail = "this looks at the resource in a way that a list cannot; compare an attribute with a value instead";
    Problem::new(loc, detail)
}

pub(super) fn too_large(loc: Option<&Loc>) -> Problem {
    let detail = format!(
        "this becomes a condition of more than {MAX_NODES} parts, since each side may fail; put conditions that may fail \
         last, or make several statements of it"
    );
    Problem::new(loc, detail)
}
