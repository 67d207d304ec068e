//! Field rules: `@fields("attributes.salary")` on a `forbid` keeps fields from being read or written, not rows.

use cedar_policy_core::ast::{AnyId, Effect, Policy};

use crate::known::Place;
use crate::problem::Problem;
use crate::schema::Kind;
use crate::statement::{Fields, Show};

/// What field rules are about.
pub(crate) const VERBS: [&str; 3] = ["read", "create", "update"];
/// The most fields that one statement may name.
const MAX_FIELDS: usize = 50;

/// What `@fields` and `@show` say; `None` for a statement about rows.
pub(crate) fn read(policy: &Policy) -> Result<Option<Fields>, Problem> {
    let annotation = |name: &str| policy.annotations().find(|(key, _)| is(key, name)).map(|(_, found)| found);
    let refuse =
        |loc: Option<&cedar_policy_core::parser::Loc>, detail: &str| Err(Problem::new(loc.or(policy.loc()), detail));
    let show = match annotation("show") {
        None => Show::Hidden,
        Some(show) => match show.val.as_str() {
            "hidden" => Show::Hidden,
            "null" => Show::Null,
            "masked" => Show::Masked,
            _ => return refuse(show.loc.as_ref(), "`@show` must be \"hidden\", \"null\" or \"masked\""),
        },
    };
    // Mistyped, it would forbid whole resources.
    if let Some(typo) = annotation("field") {
        return refuse(typo.loc.as_ref(), "`@field` is not known; write `@fields`, also for one");
    }
    let Some(fields) = annotation("fields") else {
        return match annotation("show") {
            None => Ok(None),
            Some(show) => refuse(show.loc.as_ref(), "`@show` says nothing without `@fields`; name the fields"),
        };
    };
    let loc = fields.loc.as_ref();
    if policy.effect() == Effect::Permit {
        let detail = "`@fields` may stand only on a `forbid`; all fields are there unless a statement forbids them";
        return refuse(loc, detail);
    }
    let names: Vec<&str> = fields.val.split(',').map(str::trim).collect();
    if names.len() > MAX_FIELDS {
        return refuse(loc, "names more than 50 fields; make several statements of it");
    }
    let mut paths = vec![];
    for name in names {
        let path: Vec<String> = name.split('.').map(str::to_owned).collect();
        let attribute = path.len() > 1 && path[0] == "attributes" && path.iter().all(|part| !part.is_empty());
        if !attribute && path != ["labels"] {
            let detail = format!("`{name}` is no field that can be forbidden; write `attributes.…` or `labels`");
            return refuse(loc, &detail);
        }
        paths.push(path);
    }
    Ok(Some(Fields { paths, show }))
}

fn is(key: &AnyId, name: &str) -> bool {
    AsRef::<str>::as_ref(key) == name
}

/// The fields that resources of the type may have: those that the type declares, and where it is open, all.
pub(crate) fn of_kind(fields: &Fields, kind: &Kind) -> Vec<Vec<String>> {
    fields.paths.iter().filter(|path| has(kind, path) || kind.is_open).cloned().collect()
}

/// Whether the type has the field; all have labels.
pub(crate) fn has(kind: &Kind, path: &[String]) -> bool {
    path.len() == 1 || kind.fields.contains(&path[1..])
}

/// The field, if any, without which no resource could be made, though nobody could write it.
pub(crate) fn demanded<'f>(fields: &'f Fields, place: Place<'_>) -> Option<&'f Vec<String>> {
    let demanded = &place.resource.attributes.demanded;
    fields.paths.iter().find(|path| place.verb == "create" && path.len() > 1 && demanded.contains(&path[1..]))
}
