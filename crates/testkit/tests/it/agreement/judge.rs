//! What somebody may read: as Cedar's own authorizer says, and as the rule's filter says in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use admin_policy::{Context, Directory, Facts, Policies, Rule};
use admin_schema::Filter;
use admin_types::{Clock, Resource, ResourceId, SystemClock};

use super::world::{ASKED, Asker, State, World};

/// Knows for one who asks what may be read.
pub(super) struct Judge<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) state: &'a State,
    pub(super) asker: &'a Asker,
    pub(super) facts: Facts,
    pub(super) context: Context,
    pub(super) policies: Policies,
    rules: BTreeMap<&'static str, Rule>,
    /// Of [`ASKED`], the live ones and those in the trash that may be read.
    allowed: BTreeSet<ResourceId>,
}

impl<'a> Judge<'a> {
    /// Decides about everything there is.
    ///
    /// Errors: where Cedar and the filter differ.
    pub(super) fn new(world: &'a World<'a>, state: &'a State, asker: &'a Asker) -> Result<Judge<'a>, String> {
        let policies = Policies::build(world.schema.clone(), &state.sources());
        let facts = facts(state, asker.id);
        let context = Context {
            time: SystemClock.now(),
            address: Some([127, 0, 0, 1].into()),
            request_id: "req_1".to_owned(),
            auth_method: "token".to_owned(),
            auth_age_seconds: 60,
        };
        let rule = |name: &'static str| (name, policies.rule(&facts, "read", name, &context));
        let rules = ASKED.into_iter().map(rule).collect();
        let mut judge = Judge { world, state, asker, facts, context, policies, rules, allowed: BTreeSet::new() };
        for resource in judge.asked() {
            let listed = judge.lists(resource);
            // What is in the trash refers to nothing, which Cedar cannot be told.
            let checked = if resource.deleted_at.is_some() { listed } else { judge.checks(resource) };
            if listed != checked {
                return Err(judge.describe("the filter in memory", &[(resource.id, listed)]));
            }
            if listed {
                judge.allowed.insert(resource.id);
            }
        }
        Ok(judge)
    }

    /// The resources that policies are about, also those in the trash.
    fn asked(&self) -> impl Iterator<Item = &'a Resource> + use<'a> {
        let all = self.state.live.values().chain(self.state.trash.values());
        all.filter(|one| ASKED.contains(&one.type_name.as_str()))
    }

    /// What the rule's filter says of a state, also of a past one.
    pub(super) fn lists(&self, resource: &Resource) -> bool {
        let rows = &self.rules[resource.type_name.as_str()].rows;
        let blind = resource.deleted_at.is_some() && follows_references(rows);
        !blind && rows.matches(resource, self.state)
    }

    /// What Cedar says.
    pub(super) fn checks(&self, resource: &Resource) -> bool {
        self.policies.evaluate(&self.facts, "read", resource, self.state, &self.context).allowed
    }

    /// What may be read of the live resources, or of those in the trash, in the order of their ids.
    pub(super) fn readable(&self, which: impl Fn(&Resource) -> bool, trashed: bool) -> Vec<ResourceId> {
        let all = self.asked().filter(|one| one.deleted_at.is_some() == trashed && self.allowed.contains(&one.id));
        let mut ids: Vec<ResourceId> = all.filter(|one| which(one)).map(|one| one.id).collect();
        ids.sort_by_key(|id| id.bytes);
        ids
    }

    /// An error unless a surface showed what may be read.
    pub(super) fn compare(&self, surface: &str, shown: &[ResourceId], expected: &[ResourceId]) -> Result<(), String> {
        if shown == expected {
            return Ok(());
        }
        let missing = expected.iter().filter(|id| !shown.contains(id)).map(|id| (*id, false));
        let extra = shown.iter().filter(|id| !expected.contains(id)).map(|id| (*id, true));
        let different: Vec<_> = missing.chain(extra).collect();
        match different.is_empty() {
            true => Err(format!("{surface}: another order, or twice: {shown:?} instead of {expected:?}")),
            false => Err(self.describe(surface, &different)),
        }
    }

    /// The same for a total.
    pub(super) fn compare_total(&self, surface: &str, total: Option<u64>, expected: usize) -> Result<(), String> {
        match total == Some(expected as u64) {
            true => Ok(()),
            false => Err(format!("{surface}: the total is {total:?} instead of {expected}")),
        }
    }

    fn describe(&self, surface: &str, different: &[(ResourceId, bool)]) -> String {
        let mut text = format!("{surface} differs in {} resources", different.len());
        for (id, shown) in different.iter().take(3) {
            let Some(resource) = admin_schema::Related::get(self.state, *id) else {
                text.push_str(&format!("\n{id}, which is not there"));
                continue;
            };
            let decision = self.policies.evaluate(&self.facts, "read", resource, self.state, &self.context);
            let rows = self.rules.get(resource.type_name.as_str()).map(|rule| rule.rows.canonical());
            text.push_str(&format!("\nshown: {shown}; Cedar: {decision:?}\n{resource:#?}\nrows {rows:?}"));
        }
        text
    }
}

fn follows_references(filter: &Filter) -> bool {
    match filter {
        Filter::Of { .. } => true,
        Filter::And(parts) | Filter::Or(parts) => parts.iter().any(follows_references),
        Filter::Not(inner) => follows_references(inner),
        _ => false,
    }
}

/// What is known of a principal: its roles and groups, by what the directory's resources say.
fn facts(state: &State, id: ResourceId) -> Facts {
    let principal = state.live[&id].clone();
    let names = |one: &Resource, field: &str| -> Vec<String> {
        let list = one.attributes.get(field).and_then(|value| value.as_array());
        list.into_iter().flatten().filter_map(|name| name.as_str()).map(str::to_owned).collect()
    };
    let active =
        |of: &'static str| state.live.values().filter(move |one| one.type_name == of && one.status == "active");
    let groups = active("group").map(|one| (one.name.clone(), names(one, "groups"), names(one, "roles")));
    let directory = Arc::new(Directory::new(groups));
    let groups = directory.close(names(&principal, "groups").iter().map(String::as_str));
    let mut roles: BTreeSet<String> = names(&principal, "roles").into_iter().collect();
    roles.extend(groups.iter().flat_map(|group| directory.roles_of(group)).cloned());
    let mut scoped: BTreeMap<String, BTreeSet<ResourceId>> = BTreeMap::new();
    let own = (principal.type_name.clone(), id.to_string());
    for binding in active("role_binding") {
        let text = |field: &str| binding.attributes.get(field).and_then(|value| value.as_str());
        let in_group = text("group").is_some_and(|group| groups.contains(group));
        if !in_group && text(&own.0) != Some(&own.1) {
            continue;
        }
        let role = text("role").expect("a role").to_owned();
        match binding.parent {
            None => drop(roles.insert(role)),
            Some(scope) => drop(scoped.entry(role).or_default().insert(scope)),
        }
    }
    Facts { principal, roles, groups, scoped, directory }
}
