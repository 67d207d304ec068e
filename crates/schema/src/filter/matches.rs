//! The evaluator in memory. It is the truth that the compilers to SQL are tested against.

use std::cmp::Ordering;

use admin_types::{Resource, ResourceId, Timestamp};
use serde_json::Value;

use super::related::{is_below, target};
use super::{Comparison, Filter, Literal, Path, Piece, Related};
use crate::field::lookup;
use crate::key::NumberOrder;

pub(super) fn matches(filter: &Filter, resource: &Resource, related: &dyn Related) -> bool {
    match filter {
        Filter::True => true,
        Filter::False => false,
        Filter::And(parts) => parts.iter().all(|part| matches(part, resource, related)),
        Filter::Or(parts) => parts.iter().any(|part| matches(part, resource, related)),
        Filter::Not(inner) => !matches(inner, resource, related),
        Filter::Compare { path, op, value } => find(path, resource).is_some_and(|found| compare(found, *op, value)),
        Filter::Has { path, value } => find(path, resource).is_some_and(|found| has(found, path, value)),
        Filter::Present { path } => find(path, resource).is_some(),
        Filter::Like { path, pattern } => match find(path, resource) {
            Some(Found::Text(text)) => is_like(text, pattern),
            Some(Found::Json(Value::String(text))) => is_like(text, pattern),
            _ => false,
        },
        Filter::Element { path, value } => match find(path, resource) {
            Some(Found::Json(Value::Array(items))) => contains(items, value),
            _ => false,
        },
        Filter::Below { id } => is_below(resource, *id, related),
        Filter::Of { path, type_name, filter } => {
            let other = target(resource, path).and_then(|id| related.get(id));
            let other = other.filter(|other| other.deleted_at.is_none() && other.type_name == *type_name);
            other.is_some_and(|other| matches(filter, other, related))
        }
    }
}

/// Whether `text` is the pieces of `pattern`, one after the other. Linear in the length of both for each `Any`: a text
/// between two is found at its first place, which leaves most for what follows.
fn is_like(text: &str, pattern: &[Piece]) -> bool {
    let (mut rest, mut floating) = (text, false);
    for (at, piece) in pattern.iter().enumerate() {
        let Piece::Text(piece) = piece else {
            floating = true;
            continue;
        };
        rest = match (floating, at + 1 == pattern.len()) {
            (true, true) => return rest.ends_with(piece.as_str()),
            (true, false) => match rest.find(piece.as_str()) {
                Some(place) => &rest[place + piece.len()..],
                None => return false,
            },
            (false, _) => match rest.strip_prefix(piece.as_str()) {
                Some(behind) => behind,
                None => return false,
            },
        };
        floating = false;
    }
    floating || rest.is_empty()
}

fn contains(items: &[Value], literal: &Literal) -> bool {
    items.iter().any(|item| compare(Found::Json(item), Comparison::Eq, literal))
}

/// What a path leads to.
#[derive(Clone, Copy)]
enum Found<'a> {
    Json(&'a Value),
    Text(&'a str),
    Integer(i64),
    Time(Timestamp),
    Id(ResourceId),
}

fn find<'a>(path: &Path, resource: &'a Resource) -> Option<Found<'a>> {
    Some(match path {
        Path::Id => Found::Id(resource.id),
        Path::Type => Found::Text(&resource.type_name),
        Path::Name => Found::Text(&resource.name),
        Path::Status => Found::Text(&resource.status),
        Path::Parent => Found::Id(resource.parent?),
        Path::Version => Found::Integer(resource.version),
        Path::CreatedAt => Found::Time(resource.created_at),
        Path::UpdatedAt => Found::Time(resource.updated_at),
        Path::Attribute(names) => Found::Json(lookup(&resource.attributes, names)?),
        Path::Label(name) => Found::Text(resource.labels.get(name)?),
    })
}

fn compare(found: Found<'_>, op: Comparison, literal: &Literal) -> bool {
    let order = order(found, literal);
    match op {
        Comparison::Eq => order == Some(Ordering::Equal),
        Comparison::Ne => order != Some(Ordering::Equal),
        // Booleans and ids are equal or not, and have no order.
        _ if matches!(literal, Literal::Bool(_) | Literal::Id(_)) => false,
        Comparison::Lt => order == Some(Ordering::Less),
        Comparison::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Comparison::Gt => order == Some(Ordering::Greater),
        Comparison::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    }
}

fn has(found: Found<'_>, path: &Path, literal: &Literal) -> bool {
    match (found, literal) {
        (Found::Json(Value::Array(items)), _) => contains(items, literal),
        (Found::Json(Value::String(text)), Literal::Text(part)) => text.contains(part.as_str()),
        (Found::Text(text), Literal::Text(part)) if matches!(path, Path::Name | Path::Label(_)) => {
            text.contains(part.as_str())
        }
        _ => compare(found, Comparison::Eq, literal),
    }
}

/// The order of two values of one kind; `None` for values of different kinds.
fn order(found: Found<'_>, literal: &Literal) -> Option<Ordering> {
    match (found, literal) {
        (Found::Json(Value::Bool(a)), Literal::Bool(b)) => Some(a.cmp(b)),
        (Found::Json(Value::Number(a)), b) => Some(NumberOrder::of(a).cmp(&number(b)?)),
        (Found::Integer(a), b) => Some(NumberOrder::of_integer(a).cmp(&number(b)?)),
        (Found::Json(Value::String(a)), Literal::Text(b)) => Some(a.as_str().cmp(b)),
        (Found::Text(a), Literal::Text(b)) => Some(a.cmp(b)),
        (Found::Time(a), Literal::Time(b)) => Some(a.cmp(b)),
        (Found::Id(a), Literal::Id(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

fn number(literal: &Literal) -> Option<NumberOrder> {
    match literal {
        Literal::Integer(integer) => Some(NumberOrder::of_integer(*integer)),
        Literal::Number(double) => Some(NumberOrder::of_double(*double)),
        _ => None,
    }
}
