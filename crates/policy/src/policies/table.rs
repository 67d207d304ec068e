//! The statements that may apply to one verb of one type, compiled, and found by whom they are for.

use std::collections::{BTreeSet, HashMap};

use super::Policies;
use crate::compile::{Compiled, Conjunct, compile};
use crate::facts::Facts;
use crate::fields;
use crate::known::Place;
use crate::schema::PRINCIPALS;
use crate::statement::{Effect, Fields};

/// The verbs that field rules are about.
const FIELD_VERBS: [&str; 3] = ["read", "create", "update"];

/// What is compiled for one verb of one type, and one type of principal.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) entries: Vec<Entry>,
    /// A statement that forbids is no longer valid here: nothing is allowed.
    pub(crate) locked: bool,
    /// The statements that permit and are no longer valid here, as indices into the statements of the policies.
    pub(crate) broken: Vec<usize>,
    /// Entries whose scope names no holder.
    general: Vec<usize>,
    roles: HashMap<String, Vec<usize>>,
    groups: HashMap<String, Vec<usize>>,
    /// By id.
    principals: HashMap<String, Vec<usize>>,
}

/// One statement, compiled.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its index among the statements of the policies.
    pub(crate) statement: usize,
    pub(crate) effect: Effect,
    /// For a field rule: those fields that the type has.
    pub(crate) fields: Option<Fields>,
    pub(crate) conjuncts: Vec<Conjunct>,
}

impl Table {
    pub(crate) fn compile(policies: &Policies, place: Place<'_>) -> Table {
        let mut table = Table {
            entries: vec![],
            locked: policies.locked,
            broken: vec![],
            general: vec![],
            roles: HashMap::new(),
            groups: HashMap::new(),
            principals: HashMap::new(),
        };
        for (at, numbered) in policies.statements.iter().enumerate() {
            table.add(at, numbered, place);
        }
        table
    }

    fn add(&mut self, at: usize, numbered: &super::Numbered, place: Place<'_>) {
        let statement = &numbered.statement;
        if !statement.may_apply(place) {
            return;
        }
        let fields = match &statement.fields {
            None => None,
            Some(fields) => {
                let paths = fields::of_kind(fields, place.resource);
                if paths.is_empty() || !FIELD_VERBS.contains(&place.verb) {
                    return;
                }
                Some(Fields { paths, show: fields.show })
            }
        };
        let compiled = match statement.unknown_names(place.schema).is_empty() {
            true => compile(statement.template(), place),
            false => Compiled::Wrong(vec![]),
        };
        match compiled {
            Compiled::Never => {}
            Compiled::Wrong(_) if statement.effect == Effect::Forbid => self.locked = true,
            Compiled::Wrong(_) => self.broken.push(at),
            Compiled::Conditions(conjuncts) => {
                let index = self.entries.len();
                self.entries.push(Entry { statement: at, effect: statement.effect, fields, conjuncts });
                let list = match statement.holder() {
                    Some((kind, name)) if kind == "role" => self.roles.entry(name).or_default(),
                    Some((kind, name)) if kind == "group" => self.groups.entry(name).or_default(),
                    Some((kind, id)) if PRINCIPALS.contains(&kind.as_str()) => self.principals.entry(id).or_default(),
                    _ => &mut self.general,
                };
                list.push(index);
            }
        }
    }

    /// The entries whose scope may mean the principal, in the order of the policies.
    pub(crate) fn concerning(&self, facts: &Facts) -> Vec<&Entry> {
        let mut found: BTreeSet<usize> = self.general.iter().copied().collect();
        if !self.roles.is_empty() {
            let roles = facts.roles.iter().chain(facts.scoped.keys());
            found.extend(roles.filter_map(|name| self.roles.get(name)).flatten());
        }
        if !self.groups.is_empty() {
            found.extend(facts.groups.iter().filter_map(|name| self.groups.get(name)).flatten());
        }
        if !self.principals.is_empty() {
            found.extend(self.principals.get(&facts.principal.id.to_string()).into_iter().flatten());
        }
        found.into_iter().map(|index| &self.entries[index]).collect()
    }
}
