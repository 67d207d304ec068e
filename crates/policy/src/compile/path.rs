//! What an expression that begins with `resource` leads to.

use admin_schema::Path;
use cedar_policy_core::ast::{BinaryOp, ExprKind, UnaryOp, Var};

use super::condition::Compiler;
use super::truth::Guards;
use crate::bounds::MAX_HOPS;
use crate::known::Typed;
use crate::node::{Hop, Scalar};
use crate::problem::Problem;
use crate::schema::Kind;
use crate::shape::{Record, Shape};

/// What an expression leads to, and by which references.
#[derive(Clone, Debug)]
pub(super) struct Found<'a> {
    pub(super) hops: Vec<Hop>,
    pub(super) spot: Spot<'a>,
}

/// What there is.
#[derive(Clone, Debug)]
pub(super) enum Spot<'a> {
    /// The resource itself.
    Resource,
    /// A reference: what it leads to is not looked at yet.
    Reference { path: Path, type_name: String },
    /// An object; the path is empty for `attributes` itself. `always` if it is there whatever the attributes say.
    Record { path: Vec<String>, record: &'a Record, always: bool },
    /// A text, an integer or a boolean.
    Scalar { path: Path, scalar: Scalar },
    /// `created_at` or `updated_at`
    Time { path: Path },
    /// An array.
    Set { path: Path, scalar: Scalar, type_name: Option<String> },
    /// The labels, as texts `key=value`.
    Labels,
}

impl<'a> Compiler<'a> {
    /// Where a path leads.
    pub(super) fn resolve(&self, expression: &Typed) -> Result<Found<'a>, Problem> {
        let loc = expression.source_loc();
        let detail = match expression.expr_kind() {
            ExprKind::Var(Var::Resource) => return Ok(Found { hops: vec![], spot: Spot::Resource }),
            ExprKind::GetAttr { expr, attr } => {
                let from = self.resolve(expr)?;
                let detail = "this cannot be decided for a list; look at one attribute of the resource at a time";
                let found = self.step(from, attr).ok_or_else(|| Problem::new(loc, detail))?;
                if found.hops.len() > MAX_HOPS {
                    let detail = format!(
                        "follows more than {MAX_HOPS} references, one after the other; copy what you need into an \
                         attribute of the resource"
                    );
                    return Err(Problem::new(loc, detail));
                }
                return Ok(found);
            }
            ExprKind::BinaryApp { op: BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul, .. }
            | ExprKind::UnaryApp { op: UnaryOp::Neg, .. } => {
                "this calculates with an attribute of the resource, which a list cannot; bring the resource's \
                 attribute alone to one side, such as `resource.version > principal.facts.limit - 1`"
            }
            ExprKind::ExtensionFunctionApp { .. } => {
                "this calculates with an attribute of the resource, which a list cannot; compare the attribute itself, \
                 such as `resource.created_at > context.time.offset(duration(\"-1d\"))`"
            }
            ExprKind::If { .. } => {
                "an `if` that looks at the resource may only choose between conditions; write \
                 `if c then a == 1 else b == 1` instead of `(if c then a else b) == 1`"
            }
            ExprKind::Set(_) | ExprKind::Record(_) => {
                "a set or a record may not hold attributes of the resource here; compare them one by one, joined by \
                 `||`"
            }
            _ => "this looks at the resource in a way that a list cannot; compare an attribute with a value instead",
        };
        Err(Problem::new(loc, detail))
    }

    /// One attribute further.
    pub(super) fn step(&self, from: Found<'a>, name: &str) -> Option<Found<'a>> {
        let Found { mut hops, spot } = from;
        let spot = match spot {
            Spot::Resource => entity_step(self.place.resource, name)?,
            Spot::Reference { path, type_name } => {
                let kind = self.place.schema.kind(&type_name)?;
                hops.push(Hop { path, type_name });
                entity_step(kind, name)?
            }
            Spot::Record { mut path, record, .. } => {
                let shape = &record.members.get(name)?.shape;
                path.push(name.to_owned());
                member(path, shape)
            }
            _ => return None,
        };
        Some(Found { hops, spot })
    }

    /// The type that the last of the references leads to.
    pub(super) fn last_kind(&self, hops: &[Hop]) -> Option<&'a Kind> {
        match hops.last() {
            None => Some(self.place.resource),
            Some(hop) => self.place.schema.kind(&hop.type_name),
        }
    }

    /// What must be checked to be there: `None` when the schema or a `has` says that it is.
    pub(super) fn guard(&self, hops: &[Hop], path: &Path, guards: &Guards) -> Option<Path> {
        let sure = match path {
            Path::Attribute(names) => {
                let record = self.last_kind(hops).map(|kind| &kind.attributes.record);
                record.is_some_and(|record| is_sure(record, hops, names, guards))
            }
            Path::Parent => guards.hold(hops, path),
            _ => true,
        };
        (!sure).then(|| path.clone())
    }
}

/// Whether each object on the way, and what is at its end, is required or known from a `has`.
fn is_sure(record: &Record, hops: &[Hop], names: &[String], guards: &Guards) -> bool {
    let mut record = Some(record);
    for end in 1..=names.len() {
        let member = record.and_then(|record| record.members.get(&names[end - 1]));
        let required = member.is_some_and(|member| member.required);
        if !required && !guards.hold(hops, &Path::Attribute(names[..end].to_vec())) {
            return false;
        }
        record = member.and_then(|member| match &member.shape {
            Shape::Record(record) => Some(record),
            _ => None,
        });
    }
    true
}

/// An attribute of an entity.
fn entity_step<'a>(kind: &'a Kind, name: &str) -> Option<Spot<'a>> {
    let text = |path| Spot::Scalar { path, scalar: Scalar::Text };
    Some(match name {
        "name" => text(Path::Name),
        "status" => text(Path::Status),
        "version" => Spot::Scalar { path: Path::Version, scalar: Scalar::Integer },
        "created_at" => Spot::Time { path: Path::CreatedAt },
        "updated_at" => Spot::Time { path: Path::UpdatedAt },
        "labels" => Spot::Labels,
        "attributes" => Spot::Record { path: vec![], record: &kind.attributes.record, always: true },
        "facts" => Spot::Record { path: vec!["facts".to_owned()], record: kind.facts.as_ref()?, always: true },
        "parent" => Spot::Reference { path: Path::Parent, type_name: kind.parent.clone()? },
        _ => return None,
    })
}

fn member(path: Vec<String>, shape: &Shape) -> Spot<'_> {
    match shape {
        Shape::Text => Spot::Scalar { path: Path::Attribute(path), scalar: Scalar::Text },
        Shape::Integer => Spot::Scalar { path: Path::Attribute(path), scalar: Scalar::Integer },
        Shape::Boolean => Spot::Scalar { path: Path::Attribute(path), scalar: Scalar::Boolean },
        Shape::Reference(name) => Spot::Reference { path: Path::Attribute(path), type_name: name.clone() },
        Shape::Record(record) => Spot::Record { path, record, always: false },
        Shape::Set(element) => {
            let (scalar, type_name) = match &**element {
                Shape::Integer => (Scalar::Integer, None),
                Shape::Boolean => (Scalar::Boolean, None),
                Shape::Reference(name) => (Scalar::Reference, Some(name.clone())),
                _ => (Scalar::Text, None),
            };
            Spot::Set { path: Path::Attribute(path), scalar, type_name }
        }
    }
}
