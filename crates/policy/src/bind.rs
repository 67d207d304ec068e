//! Fills the holes of a compiled condition: from here on it is an ordinary filter.

use std::collections::BTreeSet;

use admin_schema::{Comparison, Filter, Literal, Path};
use admin_types::{ResourceId, Timestamp};
use cedar_policy_core::ast::{Literal as CedarLiteral, Value, ValueKind};

use crate::combine::{all, any, not, of};
use crate::known::{Known, as_entity, as_set};
use crate::node::{Hole, Leaf, Node, Scalar, Test};
use crate::schema::PRINCIPALS;
use crate::values::{Failed, datetime_millis};

/// The condition as a filter. What fails holds for no resource.
pub(crate) fn bind(node: &Node, known: &Known<'_>) -> Filter {
    match node {
        Node::Always => Filter::True,
        Node::Never => Filter::False,
        Node::All(parts) => {
            let mut bound = Vec::with_capacity(parts.len());
            for part in parts {
                match bind(part, known) {
                    Filter::False => return Filter::False,
                    filter => bound.push(filter),
                }
            }
            all(bound)
        }
        Node::Any(parts) => {
            let mut bound = Vec::with_capacity(parts.len());
            for part in parts {
                match bind(part, known) {
                    Filter::True => return Filter::True,
                    filter => bound.push(filter),
                }
            }
            any(bound)
        }
        Node::Known { expression, is } => match known.holds(expression) {
            Ok(holds) if holds == *is => Filter::True,
            _ => Filter::False,
        },
        Node::Role { names, is } => {
            let held = has_role(names, known).unwrap_or(Filter::False);
            if *is { held } else { not(held) }
        }
        Node::Leaf(leaf) => bind_leaf(leaf, known).unwrap_or(Filter::False),
    }
}

/// Where the principal has one of the roles.
fn has_role(names: &[String], known: &Known<'_>) -> Result<Filter, Failed> {
    let facts = known.facts()?;
    if names.iter().any(|name| facts.roles.contains(name)) {
        return Ok(Filter::True);
    }
    let scopes: BTreeSet<ResourceId> =
        names.iter().filter_map(|name| facts.scoped.get(name)).flatten().copied().collect();
    Ok(any(scopes.into_iter().map(|id| Filter::Below { id })))
}

fn bind_leaf(leaf: &Leaf, known: &Known<'_>) -> Result<Filter, Failed> {
    let test = bind_test(&leaf.test, known)?;
    let own = match (&leaf.guard, leaf.is) {
        (_, true) => match (test, &leaf.guard) {
            // A test without a hole may hold for what is not there at all; then the guard is what says so.
            (Filter::True, Some(path)) => Filter::Present { path: path.clone() },
            (test, _) => test,
        },
        (None, false) => negate(test),
        (Some(path), false) => match test {
            test @ Filter::Compare { .. } => negate(test),
            test => all([Filter::Present { path: path.clone() }, negate(test)]),
        },
    };
    Ok(leaf.hops.iter().rev().fold(own, |filter, hop| of(hop.path.clone(), hop.type_name.clone(), filter)))
}

/// The contrary where there is a value. A comparison turns into the contrary one, which is false where there is none; but the
/// set of the labels is there also where one label is not.
fn negate(filter: Filter) -> Filter {
    match filter {
        Filter::Compare { path, op, value } if !matches!(path, Path::Label(_)) => {
            let op = match op {
                Comparison::Eq => Comparison::Ne,
                Comparison::Ne => Comparison::Eq,
                Comparison::Lt => Comparison::Ge,
                Comparison::Le => Comparison::Gt,
                Comparison::Gt => Comparison::Le,
                Comparison::Ge => Comparison::Lt,
            };
            Filter::Compare { path, op, value }
        }
        other => not(other),
    }
}

fn bind_test(test: &Test, known: &Known<'_>) -> Result<Filter, Failed> {
    let value = |hole: &Hole| fill(hole, known);
    Ok(match test {
        Test::Fixed(filter) => filter.clone(),
        Test::Compare { path, op, value: hole, scalar } => match literal(scalar, &value(hole)?)? {
            Some(literal) => Filter::Compare { path: path.clone(), op: *op, value: literal },
            None => Filter::False,
        },
        Test::Time { path, op, value: hole } => time(path, *op, datetime_millis(&value(hole)?)?),
        Test::Element { path, value: hole, scalar } => element(path, scalar, &value(hole)?)?,
        Test::Elements { path, values, scalar, all: every } => {
            let values = value(values)?;
            let parts = as_set(&values)?.iter().map(|one| element(path, scalar, one)).collect::<Result<Vec<_>, _>>()?;
            match (parts.is_empty(), every) {
                // Nothing is asked of the array but that it is there.
                (true, true) => Filter::Present { path: path.clone() },
                (_, true) => all(parts),
                (_, false) => any(parts),
            }
        }
        Test::OneOf { path, values, scalar } => {
            let one = |value: &Value| match literal(scalar, value)? {
                Some(literal) => Ok(Filter::Compare { path: path.clone(), op: Comparison::Eq, value: literal }),
                None => Ok(Filter::False),
            };
            let values = value(values)?;
            match &values.value {
                ValueKind::Set(set) => any(set.iter().map(one).collect::<Result<Vec<_>, Failed>>()?),
                _ => one(&values)?,
            }
        }
        Test::Label { text } => label(&value(text)?)?,
        Test::Labels { texts, all: every } => {
            let texts = value(texts)?;
            let parts = as_set(&texts)?.iter().map(label).collect::<Result<Vec<_>, _>>()?;
            if *every { all(parts) } else { any(parts) }
        }
        Test::Member { names, roles, kind } => member(names, *roles, kind, None, known)?,
        Test::Bears { role } => bears(*role, known)?,
        Test::Below { nodes } => below(&value(nodes)?)?,
        Test::Through { hop, test } => {
            let inner = match &**test {
                Test::Member { names, roles, kind } => return through_member(names, *roles, kind, hop, known),
                other => bind_test(other, known)?,
            };
            of(hop.path.clone(), hop.type_name.clone(), inner)
        }
    })
}

fn fill(hole: &Hole, known: &Known<'_>) -> Result<Value, Failed> {
    match hole {
        Hole::Value(value) => Ok(value.clone()),
        Hole::Expression(expression) => known.eval(expression),
    }
}

/// The literal to compare with; `None` when nothing can be equal to the value.
fn literal(scalar: &Scalar, value: &Value) -> Result<Option<Literal>, Failed> {
    Ok(match (scalar, &value.value) {
        (Scalar::Text, ValueKind::Lit(CedarLiteral::String(text))) => Some(Literal::Text(text.to_string())),
        (Scalar::Integer, ValueKind::Lit(CedarLiteral::Long(integer))) => Some(Literal::Integer(*integer)),
        (Scalar::Boolean, ValueKind::Lit(CedarLiteral::Bool(boolean))) => Some(Literal::Bool(*boolean)),
        (Scalar::Reference | Scalar::Name, _) => {
            Some(Literal::Text(AsRef::<str>::as_ref(as_entity(value)?.eid()).to_owned()))
        }
        (Scalar::Id(_), _) => id(value)?.map(Literal::Id),
        _ => return Err(Failed),
    })
}

/// The id that an entity is named by; `None` when it is not the text of one.
fn id(value: &Value) -> Result<Option<ResourceId>, Failed> {
    Ok(ResourceId::parse(as_entity(value)?.eid().as_ref()))
}

/// Cedar sees the time cut to milliseconds, the filter compares microseconds.
fn time(path: &Path, op: Comparison, millis: i64) -> Filter {
    let from = i128::from(millis) * 1000;
    let at = |op: Comparison, micros: i128| match i64::try_from(micros) {
        Ok(micros) => Filter::Compare { path: path.clone(), op, value: Literal::Time(Timestamp(micros)) },
        // No instant of ours is so far away.
        Err(_) if (micros > 0) == (op == Comparison::Lt) => Filter::True,
        Err(_) => Filter::False,
    };
    match op {
        Comparison::Lt => at(Comparison::Lt, from),
        Comparison::Ge => at(Comparison::Ge, from),
        Comparison::Le => at(Comparison::Lt, from + 1000),
        Comparison::Gt => at(Comparison::Ge, from + 1000),
        Comparison::Eq => all([at(Comparison::Ge, from), at(Comparison::Lt, from + 1000)]),
        Comparison::Ne => any([at(Comparison::Lt, from), at(Comparison::Ge, from + 1000)]),
    }
}

fn element(path: &Path, scalar: &Scalar, value: &Value) -> Result<Filter, Failed> {
    Ok(match literal(scalar, value)? {
        Some(value) => Filter::Element { path: path.clone(), value },
        None => Filter::False,
    })
}

/// The labels contain `key=value`; where there are several `=`, each may be the one.
fn label(text: &Value) -> Result<Filter, Failed> {
    let ValueKind::Lit(CedarLiteral::String(text)) = &text.value else { return Err(Failed) };
    Ok(any(text.match_indices('=').map(|(at, _)| Filter::Compare {
        path: Path::Label(text[..at].to_owned()),
        op: Comparison::Eq,
        value: Literal::Text(text[at + 1..].to_owned()),
    })))
}

/// The resource is, or lies below, one of the nodes.
fn below(nodes: &Value) -> Result<Filter, Failed> {
    let one = |node: &Value| Ok(id(node)?.map_or(Filter::False, |id| Filter::Below { id }));
    match &nodes.value {
        ValueKind::Set(set) => Ok(any(set.iter().map(one).collect::<Result<Vec<_>, Failed>>()?)),
        _ => one(nodes),
    }
}

/// The user, client or group is in one of the groups, or has one of the roles. The principal itself has its roles also
/// where they are held for a part of the tree; `itself` is how to tell it.
fn member(
    names: &[String],
    roles: bool,
    kind: &str,
    itself: Option<Filter>,
    known: &Known<'_>,
) -> Result<Filter, Failed> {
    let facts = known.facts()?;
    let listed = |attribute: &str, name: &str| Filter::Element {
        path: Path::Attribute(vec![attribute.to_owned()]),
        value: Literal::Text(name.to_owned()),
    };
    let mut groups = BTreeSet::new();
    let mut parts = vec![];
    for name in names {
        if roles {
            groups.extend(facts.directory.groups_with(name));
            parts.push(listed("roles", name));
        } else {
            groups.extend(facts.directory.groups_within(name));
            groups.insert(name);
        }
    }
    // Its roles are what it says of itself, also where that is about to change.
    if kind == "group" && !roles {
        let own = |name: &str| Filter::Compare {
            path: Path::Name,
            op: Comparison::Eq,
            value: Literal::Text(name.to_owned()),
        };
        parts.extend(names.iter().map(|name| own(name)));
    }
    parts.extend(groups.iter().map(|name| listed("groups", name)));
    if roles && PRINCIPALS.contains(&kind) && kind == known.place.principal.name {
        let scoped = has_role(names, known)?;
        let itself = itself.unwrap_or(Filter::Compare {
            path: Path::Id,
            op: Comparison::Eq,
            value: Literal::Id(facts.principal.id),
        });
        parts.push(all([itself, scoped]));
    }
    Ok(any(parts))
}

/// The same for a user or client that the resource refers to. Its scoped roles are held for the resource, not for itself.
fn through_member(
    names: &[String],
    roles: bool,
    kind: &str,
    hop: &crate::node::Hop,
    known: &Known<'_>,
) -> Result<Filter, Failed> {
    let within = member(names, roles, kind, Some(Filter::False), known)?;
    let far = of(hop.path.clone(), hop.type_name.clone(), within);
    if !roles || kind != known.place.principal.name {
        return Ok(far);
    }
    let principal = &known.facts()?.principal;
    let value = match &hop.path {
        Path::Parent => Literal::Id(principal.id),
        _ => Literal::Text(principal.id.to_string()),
    };
    let itself = Filter::Compare { path: hop.path.clone(), op: Comparison::Eq, value };
    Ok(any([far, all([itself, has_role(names, known)?])]))
}

/// The principal is in the group, or has the role, that the resource is.
fn bears(role: bool, known: &Known<'_>) -> Result<Filter, Failed> {
    let facts = known.facts()?;
    let named =
        |name: &String| Filter::Compare { path: Path::Name, op: Comparison::Eq, value: Literal::Text(name.clone()) };
    if !role {
        return Ok(any(facts.groups.iter().map(named)));
    }
    let scoped = facts.scoped.keys().filter(|name| !facts.roles.contains(*name)).map(|name| {
        let held = has_role(std::slice::from_ref(name), known)?;
        Ok(all([named(name), held]))
    });
    let scoped = scoped.collect::<Result<Vec<_>, Failed>>()?;
    Ok(any(facts.roles.iter().map(named).chain(scoped)))
}
