//! Joins filters and leaves out what the rest implies.

use admin_schema::{Filter, Path};

/// Past this many parts, equal ones are not looked for.
const MAX_COMPARED: usize = 32;

/// All of the filters. Conditions on what one reference leads to become one; that something is there is left out where
/// another condition says more of it.
pub(crate) fn all(parts: impl IntoIterator<Item = Filter>) -> Filter {
    match Filter::all(parts) {
        Filter::And(mut parts) => {
            merge(&mut parts, all);
            drop_equal(&mut parts);
            drop_implied(&mut parts);
            Filter::all(parts)
        }
        other => other,
    }
}

/// At least one of the filters. Conditions on what one reference leads to become one.
pub(crate) fn any(parts: impl IntoIterator<Item = Filter>) -> Filter {
    match Filter::any(parts) {
        Filter::Or(mut parts) => {
            merge(&mut parts, any);
            drop_equal(&mut parts);
            Filter::any(parts)
        }
        other => other,
    }
}

/// Not the filter.
pub(crate) fn not(filter: Filter) -> Filter {
    match filter {
        Filter::True => Filter::False,
        Filter::False => Filter::True,
        Filter::Not(inner) => *inner,
        other => Filter::Not(Box::new(other)),
    }
}

/// What the resource that the reference leads to must meet.
pub(crate) fn of(path: Path, type_name: String, filter: Filter) -> Filter {
    match filter {
        Filter::False => Filter::False,
        filter => Filter::Of { path, type_name, filter: Box::new(filter) },
    }
}

/// A reference leads to one resource, so what is asked of it twice is asked once, in both ways.
fn merge(parts: &mut Vec<Filter>, join: impl Fn(Vec<Filter>) -> Filter) {
    if parts.iter().filter(|part| matches!(part, Filter::Of { .. })).count() < 2 {
        return;
    }
    let mut merged: Vec<(Path, String, Vec<Filter>)> = vec![];
    let mut rest = vec![];
    for part in parts.drain(..) {
        match part {
            Filter::Of { path, type_name, filter } => {
                match merged.iter_mut().find(|(known, name, _)| *known == path && *name == type_name) {
                    Some((.., filters)) => filters.push(*filter),
                    None => merged.push((path, type_name, vec![*filter])),
                }
            }
            other => rest.push(other),
        }
    }
    parts.extend(rest);
    parts.extend(merged.into_iter().map(|(path, type_name, filters)| of(path, type_name, join(filters))));
}

fn drop_equal(parts: &mut Vec<Filter>) {
    if parts.len() > MAX_COMPARED {
        return;
    }
    let mut at = 1;
    while at < parts.len() {
        if parts[..at].contains(&parts[at]) {
            parts.remove(at);
        } else {
            at += 1;
        }
    }
}

fn drop_implied(parts: &mut Vec<Filter>) {
    let mut at = 0;
    while at < parts.len() {
        let implied = matches!(&parts[at], Filter::Present { path }
            if parts.iter().enumerate().any(|(other, part)| other != at && implies(part, path)));
        if implied {
            parts.remove(at);
        } else {
            at += 1;
        }
    }
}

/// Whether the filter can only be met where something is at `path`.
fn implies(filter: &Filter, path: &Path) -> bool {
    match filter {
        Filter::Compare { path: own, .. }
        | Filter::Has { path: own, .. }
        | Filter::Present { path: own }
        | Filter::Like { path: own, .. }
        | Filter::Element { path: own, .. }
        | Filter::Of { path: own, .. } => leads_through(own, path),
        Filter::And(parts) => parts.iter().any(|part| implies(part, path)),
        Filter::Or(parts) => !parts.is_empty() && parts.iter().all(|part| implies(part, path)),
        _ => false,
    }
}

/// Whether the way to `path` leads through `above`.
fn leads_through(path: &Path, above: &Path) -> bool {
    match (path, above) {
        (Path::Attribute(path), Path::Attribute(above)) => path.starts_with(above),
        (path, above) => path == above,
    }
}

#[cfg(test)]
mod tests {
    use admin_schema::{Comparison, Literal};

    use super::*;

    fn attribute(name: &str) -> Path {
        Path::Attribute(name.split('.').map(str::to_owned).collect())
    }

    fn is(name: &str, value: i64) -> Filter {
        Filter::Compare { path: attribute(name), op: Comparison::Eq, value: Literal::Integer(value) }
    }

    #[test]
    fn what_is_implied_falls_out() {
        let present = Filter::Present { path: attribute("a") };
        assert_eq!(all([present.clone(), is("a.b", 1)]), is("a.b", 1));
        assert_eq!(all([present.clone(), is("b", 1)]).canonical(), "attributes.a:* AND attributes.b = 1");
        let one = any([is("a", 1), is("a", 2)]);
        assert_eq!(all([one.clone(), present.clone()]), one);
        assert_eq!(all([present.clone(), present.clone()]), present);
    }

    #[test]
    fn conditions_on_one_reference_are_joined() {
        let owner = |filter| of(attribute("owner"), "user".to_owned(), filter);
        assert_eq!(all([owner(is("a", 1)), owner(is("b", 2))]), owner(all([is("a", 1), is("b", 2)])));
        assert_eq!(any([owner(is("a", 1)), owner(is("b", 2))]), owner(any([is("a", 1), is("b", 2)])));
        assert_eq!(owner(Filter::False), Filter::False);
        assert_eq!(not(not(is("a", 1))), is("a", 1));
    }
}
