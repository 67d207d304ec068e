//! Whether a policy may be saved.

use std::collections::BTreeSet;

use admin_types::Error;
use cedar_policy_core::ast::{EntityUID, ExprKind, Var};

use crate::compile::{Compiled, compile, outline};
use crate::fields;
use crate::known::Place;
use crate::problem::{Problem, error};
use crate::schema::{Kind, PRINCIPALS, Schema, action};
use crate::statement::{Statement, parse};

/// Checks a policy's text: whether Cedar reads it, whether it is valid against the org's types, strictly, and whether each
/// statement can become a condition on rows. The time grows with the length of the text times the types it applies to.
///
/// Errors: `validation_failed` at `/attributes/cedar`, each problem as `line L, column C: what; what to do instead`.
pub fn check(schema: &Schema, text: &str) -> Result<(), Error> {
    let statements = parse(text).map_err(|problems| error(text, problems))?;
    let problems: Vec<Problem> = statements.iter().flat_map(|statement| problems(schema, statement)).collect();
    if problems.is_empty() { Ok(()) } else { Err(error(text, problems)) }
}

/// Checks that a policy says under `new` types what it says under the `old` ones, where a field is gone: `has` is then false
/// for all resources, also for those that still hold a value there.
///
/// Errors: as [`check`].
pub fn check_meaning(old: &Schema, new: &Schema, text: &str) -> Result<(), Error> {
    let statements = parse(text).map_err(|problems| error(text, problems))?;
    let changed = statements.iter().find(|statement| !says_the_same(old, new, statement));
    changed.map_or(Ok(()), |statement| {
        let detail = "would mean something else, since it asks for a field that would be gone".to_owned();
        Err(error(text, vec![Problem { at: statement.at(), detail }]))
    })
}

fn says_the_same(old: &Schema, new: &Schema, statement: &Statement) -> bool {
    let mut seen = Seen::new(statement);
    for (kind, verb) in old.kinds.values().flat_map(|kind| kind.verbs.iter().map(move |verb| (kind, verb))) {
        let (action, group) = (action(&format!("{}.{verb}", kind.name)), action(&format!("resource.{verb}")));
        for name in PRINCIPALS {
            let place = |schema| place(schema, [name, &kind.name], verb, [&action, &group]);
            let (Some(before), Some(after)) = (place(old), place(new)) else { continue };
            if statement.is_plain() || !statement.may_apply(before) || !seen.is_new(before) {
                continue;
            }
            if outline(statement.template(), before) != outline(statement.template(), after) {
                return false;
            }
        }
    }
    true
}

/// Principals of one type, and a verb of resources of another, if the schema has both.
fn place<'a>(
    schema: &'a Schema,
    [principal, resource]: [&str; 2],
    verb: &'a str,
    [action, group]: [&'a EntityUID; 2],
) -> Option<Place<'a>> {
    Some(Place { schema, principal: schema.kind(principal)?, resource: schema.kind(resource)?, verb, action, group })
}

fn problems(schema: &Schema, statement: &Statement) -> Vec<Problem> {
    let unknown = statement.unknown_names(schema);
    if !unknown.is_empty() {
        return unknown;
    }
    if let Some(detail) = statement.equals_group() {
        return vec![Problem { at: statement.at(), detail }];
    }
    let (mut kinds, mut has_fields): (Vec<&Kind>, bool) = (vec![], false);
    let mut seen = Seen::new(statement);
    for (kind, verb) in schema.kinds.values().flat_map(|kind| kind.verbs.iter().map(move |verb| (kind, verb))) {
        let (action, group) = (action(&format!("{}.{verb}", kind.name)), action(&format!("resource.{verb}")));
        for principal in PRINCIPALS.iter().filter_map(|name| schema.kind(name)) {
            let place = Place { schema, principal, resource: kind, verb, action: &action, group: &group };
            if !statement.may_apply(place) {
                continue;
            }
            if let Some(path) = statement.fields.as_ref().and_then(|fields| fields::demanded(fields, place)) {
                let detail = format!(
                    "no {} can be made without `{}`, so writing it cannot be forbidden; leave `create` out of the actions",
                    kind.name,
                    path.join(".")
                );
                return vec![Problem { at: statement.at(), detail }];
            }
            has_fields |= fields::VERBS.contains(&verb.as_str());
            // The verb matters to nothing but conditions that name it.
            if !seen.is_new(place) {
                continue;
            }
            match compile(statement.template(), place) {
                // One place is enough to tell what is wrong, and to bound what telling costs.
                Compiled::Wrong(problems) => return problems,
                // Without conditions and fields, there is nothing that could differ from place to place.
                Compiled::Conditions(_) if statement.is_plain() => return vec![],
                Compiled::Conditions(_) => kinds.push(kind),
                Compiled::Never => {}
            }
        }
    }
    if statement.fields.is_some() && !kinds.is_empty() && !has_fields {
        let detail = "only `read`, `create` and `update` are of fields; name one of these, or leave `@fields` out";
        return vec![Problem { at: statement.at(), detail: detail.to_owned() }];
    }
    // What is about all types may be about one that is still to come.
    if kinds.is_empty() && !statement.is_about_all_types() {
        let detail = "never applies: no principal, action and resource that there may be satisfy it; compare the actions with \
                      the types that its scope and conditions ask for";
        return vec![Problem { at: statement.at(), detail: detail.to_owned() }];
    }
    if kinds.is_empty() { vec![] } else { missing_fields(statement, &kinds) }
}

/// Fields that no type has to which the statement applies.
fn missing_fields(statement: &Statement, kinds: &[&Kind]) -> Vec<Problem> {
    let paths = statement.fields.iter().flat_map(|fields| &fields.paths);
    let missing = paths.filter(|path| !kinds.iter().any(|kind| fields::has(kind, path)));
    let tell = |path: &Vec<String>| Problem {
        at: statement.at(),
        detail: format!(
            "no type to which it applies has the field `{}`; name a property that the type's schema declares",
            path.join(".")
        ),
    };
    missing.map(tell).collect()
}

/// The places at which a statement was looked at already; those that differ only in the verb are alike.
struct Seen {
    /// Unless a condition names the action.
    names_action: bool,
    places: BTreeSet<(String, String)>,
}

impl Seen {
    fn new(statement: &Statement) -> Seen {
        let parts = statement.template().non_scope_constraints().into_iter().flat_map(|one| one.subexpressions());
        let names_action = parts.into_iter().any(|part| matches!(part.expr_kind(), ExprKind::Var(Var::Action)));
        Seen { names_action, places: BTreeSet::new() }
    }

    fn is_new(&mut self, place: Place<'_>) -> bool {
        self.names_action || self.places.insert((place.resource.name.clone(), place.principal.name.clone()))
    }
}
