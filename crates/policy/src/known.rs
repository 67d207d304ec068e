//! Evaluates the parts of a statement that do not depend on the resource, as Cedar's own evaluator would.

use std::cell::OnceCell;

use cedar_policy_core::ast::{BinaryOp, EntityUID, Expr, ExprKind, Literal, Set, Value, ValueKind, Var};
use cedar_policy_core::evaluator::{binary_arith, binary_relation, unary_app};
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::validator::types::{BoolType, Type};
use smol_str::SmolStr;

use crate::facts::{Context, Facts};
use crate::schema::{Kind, Schema};
use crate::values::{self, Failed, Reader, call_named};

/// An expression as Cedar's typechecker returns it.
pub(crate) type Typed = Expr<Option<Type>>;

/// The expression and all within it. Of an `if` whose condition is always the same, the typechecker makes both branches the
/// one that is taken; gone through twice at each level, they would be gone through forever.
pub(crate) fn parts(expression: &Typed) -> impl Iterator<Item = &Typed> {
    let mut open = vec![expression];
    std::iter::from_fn(move || {
        let next = open.pop()?;
        match next.expr_kind() {
            ExprKind::If { test_expr, then_expr, else_expr } => {
                open.extend([&**test_expr, &**then_expr]);
                if !matches!(test_expr.data(), Some(Type::Bool(BoolType::True | BoolType::False))) {
                    open.push(else_expr);
                }
            }
            ExprKind::And { left, right } | ExprKind::Or { left, right } => open.extend([&**left, &**right]),
            ExprKind::BinaryApp { arg1, arg2, .. } => open.extend([&**arg1, &**arg2]),
            ExprKind::UnaryApp { arg: expr, .. }
            | ExprKind::GetAttr { expr, .. }
            | ExprKind::HasAttr { expr, .. }
            | ExprKind::ExtHasAttr { expr, .. }
            | ExprKind::Like { expr, .. }
            | ExprKind::Is { expr, .. } => open.push(expr),
            ExprKind::ExtensionFunctionApp { args: items, .. } | ExprKind::Set(items) => open.extend(items.iter()),
            ExprKind::Record(members) => open.extend(members.values()),
            ExprKind::Lit(_) | ExprKind::Var(_) | ExprKind::Slot(_) | ExprKind::Unknown(_) => {}
        }
        Some(next)
    })
}

/// Which rule is meant: what is known of a request before anybody makes it.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) schema: &'a Schema,
    /// The type of the principal.
    pub(crate) principal: &'a Kind,
    /// The type of the resource.
    pub(crate) resource: &'a Kind,
    pub(crate) verb: &'a str,
    /// `Action::"<type>.<verb>"`
    pub(crate) action: &'a EntityUID,
    /// `Action::"resource.<verb>"`
    pub(crate) group: &'a EntityUID,
}

/// What is known of one request.
pub(crate) struct Known<'a> {
    pub(crate) place: Place<'a>,
    /// `None` while a statement is compiled: then what depends on it fails.
    pub(crate) asked: Option<(&'a Facts, &'a Context)>,
    context: OnceCell<Value>,
    principal: OnceCell<EntityUID>,
}

impl<'a> Known<'a> {
    pub(crate) fn new(place: Place<'a>, asked: Option<(&'a Facts, &'a Context)>) -> Known<'a> {
        Known { place, asked, context: OnceCell::new(), principal: OnceCell::new() }
    }

    pub(crate) fn facts(&self) -> Result<&'a Facts, Failed> {
        self.asked.map(|(facts, _)| facts).ok_or(Failed)
    }

    fn reader(&self) -> Result<Reader<'a>, Failed> {
        let Place { schema, principal, .. } = self.place;
        Ok(Reader { schema, kind: principal, resource: &self.facts()?.principal, unbounded: false })
    }

    fn principal(&self) -> Result<&EntityUID, Failed> {
        let reader = self.reader()?;
        Ok(self.principal.get_or_init(|| reader.uid()))
    }

    fn context(&self) -> Result<&Value, Failed> {
        let (_, context) = self.asked.ok_or(Failed)?;
        Ok(self.context.get_or_init(|| Value::record(values::context(context), None)))
    }

    /// Whether a known condition holds.
    pub(crate) fn holds(&self, expression: &Typed) -> Result<bool, Failed> {
        as_bool(&self.eval(expression)?)
    }

    /// The value of an expression that does not depend on the resource.
    pub(crate) fn eval(&self, expression: &Typed) -> Result<Value, Failed> {
        Ok(match expression.expr_kind() {
            ExprKind::Lit(literal) => literal.clone().into(),
            ExprKind::Var(Var::Principal) => self.principal()?.clone().into(),
            ExprKind::Var(Var::Action) => self.place.action.clone().into(),
            ExprKind::Var(Var::Context) => self.context()?.clone(),
            ExprKind::If { test_expr, then_expr, else_expr } => {
                self.eval(if self.holds(test_expr)? { then_expr } else { else_expr })?
            }
            ExprKind::And { left, right } => (self.holds(left)? && self.holds(right)?).into(),
            ExprKind::Or { left, right } => (self.holds(left)? || self.holds(right)?).into(),
            ExprKind::UnaryApp { op, arg } => unary_app(*op, self.eval(arg)?, None).map_err(|_| Failed)?,
            ExprKind::BinaryApp { op, arg1, arg2 } => self.binary(*op, self.eval(arg1)?, self.eval(arg2)?)?,
            ExprKind::ExtensionFunctionApp { fn_name, args } => {
                let arguments: Vec<Value> = args.iter().map(|arg| self.eval(arg)).collect::<Result<_, _>>()?;
                call_named(fn_name, &arguments)?
            }
            ExprKind::GetAttr { expr, attr } => self.get(expr, attr)?.ok_or(Failed)?,
            ExprKind::HasAttr { expr, attr } => self.get(expr, attr)?.is_some().into(),
            ExprKind::ExtHasAttr { expr, attrs } => self.has_all(expr, attrs.iter())?.into(),
            ExprKind::Like { expr, pattern } => match self.eval(expr)?.value {
                ValueKind::Lit(Literal::String(text)) => pattern.wildcard_match(&text).into(),
                _ => return Err(Failed),
            },
            ExprKind::Is { expr, entity_type } => (as_entity(&self.eval(expr)?)?.entity_type() == entity_type).into(),
            ExprKind::Set(items) => {
                let items: Vec<Value> = items.iter().map(|item| self.eval(item)).collect::<Result<_, _>>()?;
                Value::set(items, None)
            }
            ExprKind::Record(members) => {
                let read = members.iter().map(|(name, member)| Ok((name.clone(), self.eval(member)?)));
                Value::record(read.collect::<Result<Vec<_>, Failed>>()?, None)
            }
            ExprKind::Var(Var::Resource) | ExprKind::Slot(_) | ExprKind::Unknown(_) => return Err(Failed),
        })
    }

    /// The member `name` of what `expression` is; `None` when it has none.
    fn get(&self, expression: &Typed, name: &str) -> Result<Option<Value>, Failed> {
        // The principal's attributes are read where they are, not by way of whole records.
        if let Some(mut path) = principal_path(expression) {
            path.push(name);
            return Ok(self.reader()?.at(&path));
        }
        match self.eval(expression)?.value {
            ValueKind::Record(record) => Ok(record.get(name).cloned()),
            _ => Err(Failed),
        }
    }

    fn has_all<'n>(&self, expression: &'n Typed, names: impl Iterator<Item = &'n SmolStr>) -> Result<bool, Failed> {
        if let Some(mut path) = principal_path(expression) {
            path.extend(names.map(SmolStr::as_str));
            return Ok(self.reader()?.at(&path).is_some());
        }
        let mut value = self.eval(expression)?;
        for name in names {
            let ValueKind::Record(record) = &value.value else { return Err(Failed) };
            let Some(next) = record.get(name).cloned() else { return Ok(false) };
            value = next;
        }
        Ok(true)
    }

    fn binary(&self, op: BinaryOp, left: Value, right: Value) -> Result<Value, Failed> {
        match op {
            BinaryOp::Eq | BinaryOp::Less | BinaryOp::LessEq => {
                binary_relation(op, &left, &right, Extensions::all_available()).map_err(|_| Failed)
            }
            BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul => binary_arith(op, left, right, None).map_err(|_| Failed),
            BinaryOp::Contains => Ok(as_set(&left)?.contains(&right).into()),
            BinaryOp::ContainsAll => Ok(as_set(&right)?.is_subset(as_set(&left)?).into()),
            BinaryOp::ContainsAny => Ok((!as_set(&left)?.is_disjoint(as_set(&right)?)).into()),
            BinaryOp::In => {
                let entity = as_entity(&left)?;
                match &right.value {
                    ValueKind::Set(set) => {
                        let targets: Vec<&EntityUID> = set.iter().map(as_entity).collect::<Result<_, _>>()?;
                        targets.into_iter().try_fold(false, |found, one| Ok(found || self.is_in(entity, one)?))
                    }
                    _ => self.is_in(entity, as_entity(&right)?),
                }
                .map(Value::from)
            }
            BinaryOp::GetTag | BinaryOp::HasTag => Err(Failed),
        }
    }

    /// Whether an entity of which all is known, as [`crate::compile`] saw to, is in another.
    fn is_in(&self, entity: &EntityUID, other: &EntityUID) -> Result<bool, Failed> {
        if entity == other {
            return Ok(true);
        }
        if entity == self.place.action {
            return Ok(other == self.place.group);
        }
        let other_type = other.entity_type().to_string();
        let name: &str = other.eid().as_ref();
        if entity.entity_type() == &self.place.principal.entity {
            return Ok(other_type == "group" && entity == self.principal()? && self.facts()?.groups.contains(name));
        }
        if entity.entity_type().to_string() != "group" {
            return Ok(false);
        }
        let (directory, group): (_, &str) = (&self.facts()?.directory, entity.eid().as_ref());
        Ok(match other_type.as_str() {
            "group" => directory.groups_of(group).contains(name),
            "role" => directory.roles_of(group).contains(name),
            _ => false,
        })
    }
}

/// The names on the way from the principal to what the expression is; `None` when it is nothing of the principal's.
fn principal_path(expression: &Typed) -> Option<Vec<&str>> {
    match expression.expr_kind() {
        ExprKind::Var(Var::Principal) => Some(vec![]),
        ExprKind::GetAttr { expr, attr } => {
            let mut path = principal_path(expr)?;
            path.push(attr);
            Some(path)
        }
        _ => None,
    }
}

fn as_bool(value: &Value) -> Result<bool, Failed> {
    match value.value {
        ValueKind::Lit(Literal::Bool(value)) => Ok(value),
        _ => Err(Failed),
    }
}

pub(crate) fn as_entity(value: &Value) -> Result<&EntityUID, Failed> {
    match &value.value {
        ValueKind::Lit(Literal::EntityUID(uid)) => Ok(uid),
        _ => Err(Failed),
    }
}

pub(crate) fn as_set(value: &Value) -> Result<&Set, Failed> {
    match &value.value {
        ValueKind::Set(set) => Ok(set),
        _ => Err(Failed),
    }
}
