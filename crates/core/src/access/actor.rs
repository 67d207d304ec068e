//! A principal, and what it may do.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use admin_db::{Conn, resources};
use admin_policy::{Context, Facts, Rule};
use admin_schema::{Comparison, Filter, Literal, Path};
use admin_types::{Error, Kind, Resource, ResourceId, Result};
use serde_json::json;

use super::{Access, Known};
use crate::catalogue::Catalogue;
use crate::op::Op;

/// What can be done to every resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verb {
    Read,
    Create,
    Update,
    Delete,
}

impl Verb {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Verb::Read => "read",
            Verb::Create => "create",
            Verb::Update => "update",
            Verb::Delete => "delete",
        }
    }
}

/// A principal as the org's policies know it.
pub(crate) struct Actor {
    pub(crate) access: Arc<Access>,
    pub(crate) facts: Facts,
    /// The actions that its credential is limited to.
    actions: Option<Arc<[String]>>,
    /// By type, then by verb. Rules that look at the context of a call are kept too, to tell that they do.
    rules: RwLock<HashMap<String, HashMap<String, Arc<Rule>>>>,
    /// What it may read of the org's own types, all together, unless that depends on the context of a call.
    own: OnceLock<Readable>,
}

/// What a principal may give to others.
#[derive(Clone, Copy)]
pub(crate) struct Given<'a> {
    /// Roles in the whole org.
    pub(crate) roles: &'a BTreeSet<String>,
    /// Groups.
    pub(crate) groups: &'a BTreeSet<String>,
    /// Roles within scopes.
    pub(crate) scoped: &'a BTreeMap<String, BTreeSet<ResourceId>>,
}

/// What may be read of some types.
#[derive(Clone, Debug)]
pub(crate) struct Readable {
    /// The rows.
    pub(crate) rows: Filter,
    /// Whether each is shown whole.
    pub(crate) whole: bool,
}

impl Actor {
    pub(super) fn new(access: Arc<Access>, facts: Facts, actions: Option<Arc<[String]>>) -> Actor {
        Actor { access, facts, actions, rules: RwLock::default(), own: OnceLock::new() }
    }

    /// The types that the decisions are about.
    pub(crate) fn catalogue(&self) -> &Arc<Catalogue> {
        &self.access.catalogue
    }

    /// Whether it may change policies, and with them what it may.
    pub(crate) fn is_owner(&self) -> bool {
        self.has_role("owner")
    }

    /// Whether it may read all resources of all types, whole.
    pub(crate) fn sees_everything(&self, op: &Op) -> bool {
        self.catalogue().all().into_iter().all(|entry| {
            let rule = self.rule(op, Verb::Read.as_str(), &entry.definition.name);
            rule.rows == Filter::True && rule.fields.is_empty()
        })
    }

    /// Whether the principal has a role in the whole org, to give.
    pub(crate) fn has_role(&self, role: &str) -> bool {
        self.gives().roles.contains(role)
    }

    /// What it may give to others: what it has; nothing, if its credential is limited to some actions, since those to
    /// whom it gave would not be.
    pub(crate) fn gives(&self) -> Given<'_> {
        const NOTHING: Given<'static> =
            Given { roles: &BTreeSet::new(), groups: &BTreeSet::new(), scoped: &BTreeMap::new() };
        let Facts { roles, groups, scoped, .. } = &self.facts;
        if self.is_limited() { NOTHING } else { Given { roles, groups, scoped } }
    }

    /// Whether its credential is limited to some actions.
    pub(crate) fn is_limited(&self) -> bool {
        self.actions.is_some()
    }

    /// Whether its credential is for an action.
    fn is_for(&self, verb: &str, type_name: &str) -> bool {
        let same = |action: &String| {
            action.split_once('.').is_some_and(|(of, one)| one == verb && (of == type_name || of == "resource"))
        };
        self.actions.as_ref().is_none_or(|actions| actions.iter().any(same))
    }

    /// On which resources of a type it may do `verb`, and to which of their fields.
    pub(crate) fn rule(&self, op: &Op, verb: &str, type_name: &str) -> Arc<Rule> {
        let known = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        let kept = known.get(type_name).and_then(|rules| rules.get(verb)).filter(|rule| !rule.volatile).cloned();
        drop(known);
        kept.unwrap_or_else(|| {
            let rule = match self.is_for(verb, type_name) {
                true => self.access.policies.rule(&self.facts, verb, type_name, &context(op)),
                false => Rule { rows: Filter::False, fields: vec![], volatile: false },
            };
            let rule = Arc::new(rule);
            let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
            rules.entry(type_name.to_owned()).or_default().insert(verb.to_owned(), rule.clone());
            rule
        })
    }

    /// What it may read of the types named, or of all of the org's own if none is. There may be thousands of these, so what
    /// is found out about them is kept.
    pub(crate) fn readable_rows(&self, op: &Op, types: &[String], trashed: bool) -> Readable {
        if let Some(own) = self.own.get().filter(|_| types.is_empty() && !trashed) {
            return own.clone();
        }
        let all = self.catalogue().all().into_iter();
        let own = all.filter(|entry| !entry.builtin).map(|entry| entry.definition.name.as_str());
        let rules: Vec<(&str, Arc<Rule>)> = match types.is_empty() {
            true => own.map(|name| (name, self.rule(op, Verb::Read.as_str(), name))).collect(),
            false => types.iter().map(|name| (name.as_str(), self.rule(op, Verb::Read.as_str(), name))).collect(),
        };
        let whole = rules.iter().all(|(_, rule)| rule.fields.is_empty());
        let readable = Readable { rows: any_of(&rules, trashed), whole };
        if types.is_empty() && !trashed && !rules.iter().any(|(_, rule)| rule.volatile) {
            let _ = self.own.set(readable.clone());
        }
        readable
    }

    /// Whether it may do `verb` to a resource in this state.
    pub(crate) async fn may(
        &self,
        conn: &mut Conn,
        op: &Op,
        known: &mut Known,
        verb: Verb,
        resource: &Resource,
    ) -> Result<bool> {
        self.may_do(conn, op, known, verb.as_str(), resource).await
    }

    /// The same for any verb that the type has.
    pub(crate) async fn may_do(
        &self,
        conn: &mut Conn,
        op: &Op,
        known: &mut Known,
        verb: &str,
        resource: &Resource,
    ) -> Result<bool> {
        let rule = self.rule(op, verb, &resource.type_name);
        match rows(&rule, resource.deleted_at.is_some()) {
            Filter::True => Ok(true),
            Filter::False => Ok(false),
            rows => known.matches(conn, op.principal.org, &rows, resource).await,
        }
    }

    /// A live resource, if it is there and may be read.
    pub(crate) async fn readable(
        &self,
        conn: &mut Conn,
        op: &Op,
        known: &mut Known,
        id: ResourceId,
    ) -> Result<Option<Resource>> {
        let row = resources::get(conn, op.principal.org, id).await?;
        let Some(row) = row.filter(|row| !row.deleted) else { return Ok(None) };
        let resource: Resource = serde_json::from_str(&row.document).map_err(Error::internal)?;
        Ok(self.may(conn, op, known, Verb::Read, &resource).await?.then_some(resource))
    }

    /// Whether it may do `verb` to nothing of the type, whatever its state.
    pub(crate) fn may_never(&self, op: &Op, verb: Verb, type_name: &str) -> bool {
        self.rule(op, verb.as_str(), type_name).rows == Filter::False
    }
}

/// The rows of several types by their rules, as one condition.
fn any_of(rules: &[(&str, Arc<Rule>)], trashed: bool) -> Filter {
    let mut by_rows: Vec<(Filter, Vec<&str>)> = vec![];
    for (name, rule) in rules {
        let rows = rows(rule, trashed);
        match by_rows.iter_mut().find(|(known, _)| *known == rows) {
            Some((_, names)) => names.push(name),
            None => by_rows.push((rows, vec![name])),
        }
    }
    match by_rows.as_slice() {
        [] => return Filter::True,
        [(rows, _)] => return rows.clone(),
        _ => {}
    }
    let is =
        |name: &str| Filter::Compare { path: Path::Type, op: Comparison::Eq, value: Literal::Text(name.to_owned()) };
    Filter::any(by_rows.into_iter().map(|(rows, names)| Filter::all([Filter::any(names.into_iter().map(is)), rows])))
}

/// The rows of a rule. What is in the trash refers to nothing any more, so no condition on what it refers to can be
/// judged: where a rule has one, nothing in the trash is allowed.
fn rows(rule: &Rule, trashed: bool) -> Filter {
    if trashed && follows_references(&rule.rows) { Filter::False } else { rule.rows.clone() }
}

fn follows_references(filter: &Filter) -> bool {
    match filter {
        Filter::Of { .. } => true,
        Filter::And(parts) | Filter::Or(parts) => parts.iter().any(follows_references),
        Filter::Not(inner) => follows_references(inner),
        _ => false,
    }
}

/// What policies may know of a call.
pub(crate) fn context(op: &Op) -> Context {
    let age = (op.now.0 - op.origin.authenticated_at.0).max(0) / 1_000_000;
    Context {
        time: op.now,
        address: op.origin.address,
        request_id: op.request_id.as_str().to_owned(),
        auth_method: op.origin.method.to_string(),
        auth_age_seconds: age,
    }
}

/// The refusal of something that may be seen but not done; `resource` is none when it is not there yet.
pub(crate) fn refuse(verb: Verb, type_name: &str, resource: Option<ResourceId>, what: &str) -> Error {
    let action = format!("{type_name}.{}", verb.as_str());
    let detail = format!("`{action}` is not allowed for you {what}. POST /v3/access/explain tells why.");
    Error::new(Kind::Forbidden, "forbidden", detail)
        .with(json!({"action": action, "resource": resource, "explain": "/v3/access/explain"}))
        .denying(verb.as_str(), type_name, resource)
}

/// What is there but may not be seen answers as if it were not there.
pub(crate) fn hidden(type_name: &str, id: ResourceId) -> Error {
    Error::not_found("resource").denying(Verb::Read.as_str(), type_name, Some(id))
}
