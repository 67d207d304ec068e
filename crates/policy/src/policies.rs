//! All policies of an org, and the rule that they make for a principal, a verb and a type.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use admin_schema::Filter;
use cedar_policy_core::ast::{EntityUID, PolicyID, PolicySet};

pub(crate) use self::table::{Entry, Table};
use crate::bind::bind;
use crate::combine::{all, any, not};
use crate::facts::{Context, Facts};
use crate::known::{Known, Place};
use crate::schema::{PRINCIPALS, Schema, action};
use crate::statement::{Effect, Show, Statement, parse};

/// A policy, as its resource has it.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its id, such as `pol_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The text of its statements.
    pub cedar: String,
}

/// The policies of an org, ready to be asked. What concerns a type and a verb is compiled when it is first asked for.
///
/// A policy whose text is no longer valid, since a type changed under it, errs on the safe side: its permits permit nothing,
/// and its forbids, also those that cannot be read any more, forbid everything that their scope may mean.
#[derive(Debug)]
pub struct Policies {
    pub(crate) schema: Arc<Schema>,
    pub(crate) sources: Vec<Source>,
    pub(crate) statements: Vec<Numbered>,
    /// What Cedar's own authorizer decides by: all statements about rows.
    pub(crate) set: PolicySet,
    /// A text that holds a `forbid` cannot be read.
    pub(crate) locked: bool,
    places: BTreeMap<String, BTreeMap<String, Slot>>,
}

/// A statement, and the policy that it is of.
#[derive(Debug)]
pub(crate) struct Numbered {
    /// The index of the policy.
    pub(crate) source: usize,
    pub(crate) statement: Statement,
}

/// What is compiled for a verb of a type.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) verb: String,
    pub(crate) action: EntityUID,
    pub(crate) group: EntityUID,
    /// For each of [`PRINCIPALS`].
    tables: [OnceLock<Table>; 2],
}

/// What a principal may do with the resources of a type, by one verb.
#[derive(Clone, PartialEq, Debug)]
pub struct Rule {
    /// The resources for which it is allowed. Equal policies and facts give equal filters.
    pub rows: Filter,
    /// The fields that are kept back.
    pub fields: Vec<FieldRule>,
    /// Whether a statement looked at the context, so that the rule holds for this request only.
    pub volatile: bool,
}

/// Fields that may not be read, or written, in some of the resources.
#[derive(Clone, PartialEq, Debug)]
pub struct FieldRule {
    /// From the resource's root, such as `["attributes", "salary"]` or `["labels"]`.
    pub fields: Vec<Vec<String>>,
    /// What is shown instead, when the verb is `read`.
    pub show: Show,
    /// In which resources.
    pub rows: Filter,
}

impl Rule {
    fn nothing() -> Rule {
        Rule { rows: Filter::False, fields: vec![], volatile: false }
    }
}

impl Policies {
    /// The policies, in any order.
    pub fn build(schema: Arc<Schema>, sources: &[Source]) -> Policies {
        let mut sources = sources.to_vec();
        sources.sort_by(|a, b| a.id.cmp(&b.id));
        let mut policies = Policies {
            places: places(&schema),
            schema,
            sources,
            statements: vec![],
            set: PolicySet::new(),
            locked: false,
        };
        for source in 0..policies.sources.len() {
            policies.read(source);
        }
        policies
    }

    fn read(&mut self, source: usize) {
        let text = &self.sources[source].cedar;
        let statements = match parse(text) {
            Ok(statements) => statements,
            Err(_) => {
                self.locked |= text.contains("forbid");
                return;
            }
        };
        for statement in statements {
            if statement.fields.is_none() {
                // The name says which statement it is, when Cedar tells what decided.
                let name = PolicyID::from_string(format!("{source}.{}", statement.number));
                let added = self.set.add(statement.policy.new_id(name));
                self.locked |= added.is_err() && statement.effect == Effect::Forbid;
            }
            self.statements.push(Numbered { source, statement });
        }
    }

    /// What the principal may do with the resources of the type. Nothing, when there is no such type or verb, and when the
    /// principal is neither a user nor a client.
    pub fn rule(&self, facts: &Facts, verb: &str, type_name: &str, context: &Context) -> Rule {
        let Some((place, table)) = self.table(facts, verb, type_name) else { return Rule::nothing() };
        if table.locked {
            return Rule::nothing();
        }
        let known = Known::new(place, Some((facts, context)));
        let mut volatile = false;
        let (mut permits, mut forbids, mut fields) = (vec![], vec![], vec![]);
        for entry in table.concerning(facts) {
            volatile |= entry.conjuncts.iter().any(|one| one.volatile);
            let rows = entry_rows(entry, &known);
            match (&entry.fields, entry.effect) {
                _ if rows == Filter::False => {}
                (Some(of), _) => fields.push(FieldRule { fields: of.paths.clone(), show: of.show, rows }),
                (None, Effect::Permit) => permits.push(rows),
                (None, Effect::Forbid) => forbids.push(rows),
            }
        }
        Rule { rows: all([any(permits), not(any(forbids))]), fields, volatile }
    }

    /// What is compiled for the place; compiles it when it is asked for first.
    pub(crate) fn table(&self, facts: &Facts, verb: &str, type_name: &str) -> Option<(Place<'_>, &Table)> {
        let which = PRINCIPALS.iter().position(|name| *name == facts.principal.type_name)?;
        let slot = self.places.get(type_name)?.get(verb)?;
        let schema = &*self.schema;
        let (principal, resource) = (schema.kind(PRINCIPALS[which])?, schema.kind(type_name)?);
        let Slot { verb, action, group, tables } = slot;
        let place = Place { schema, principal, resource, verb, action, group };
        Some((place, tables[which].get_or_init(|| Table::compile(self, place))))
    }
}

/// Where all conditions of a statement hold.
pub(crate) fn entry_rows(entry: &Entry, known: &Known<'_>) -> Filter {
    let mut parts = Vec::with_capacity(entry.conjuncts.len());
    for conjunct in &entry.conjuncts {
        match bind(&conjunct.node, known) {
            Filter::False => return Filter::False,
            filter => parts.push(filter),
        }
    }
    all(parts)
}

fn places(schema: &Schema) -> BTreeMap<String, BTreeMap<String, Slot>> {
    let slot = |kind: &str, verb: &String| Slot {
        verb: verb.clone(),
        action: action(&format!("{kind}.{verb}")),
        group: action(&format!("resource.{verb}")),
        tables: [OnceLock::new(), OnceLock::new()],
    };
    let slots = |kind: &crate::schema::Kind| -> BTreeMap<String, Slot> {
        let verbs: &BTreeSet<String> = &kind.verbs;
        verbs.iter().map(|verb| (verb.clone(), slot(&kind.name, verb))).collect()
    };
    schema.kinds.values().map(|kind| (kind.name.clone(), slots(kind))).collect()
}
