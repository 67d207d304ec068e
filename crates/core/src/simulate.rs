//! What a draft of policies would change: who gains, who loses, with examples. Rules are compared first; rows are looked at
//! only where two rules differ, once for all principals who have the same two. In place of all resources, what was really
//! asked may be looked at: [`recorded`].

mod recorded;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use admin_db::list::{self, Plan, Position, Scope, Selection};
use admin_db::{Conn, resources};
use admin_policy::{Policies, Source, check};
use admin_schema::Filter;
use admin_types::{Error, FieldError, OrgId, Principal, Resource, ResourceId, Result};
use serde::Serialize;

use crate::Core;
use crate::access::{Actor, Known, Verb, context};
use crate::op::Op;

/// The most principals that are compared.
const MAX_PRINCIPALS: usize = 1000;
/// The most policies of a draft.
pub const MAX_DRAFTS: usize = 100;
/// How long it may take.
const WITHIN: Duration = Duration::from_secs(60);
/// The most recorded decisions that are looked at.
pub const MAX_RECORDED: u32 = 100_000;
/// The most principals that are named as affected.
const MAX_AFFECTED: usize = 100;
/// Examples of each change.
const EXAMPLES: usize = 5;
/// Rows read in one statement.
const BATCH: u32 = 500;

/// A draft.
#[derive(Clone, Default, Debug)]
pub struct Draft {
    /// Policies by name and text; one whose name is that of a policy takes its place.
    pub policies: Vec<(String, String)>,
    /// Policies that would be taken out of force.
    pub without: Vec<ResourceId>,
    /// The users and clients to compare; the oldest thousand if empty.
    pub principals: Vec<ResourceId>,
    /// So many of the last recorded decisions are compared, instead of principals and resources.
    pub recorded: Option<u32>,
}

/// What a draft would change.
#[derive(Serialize, Default, Debug)]
pub struct Simulation {
    /// Principals compared.
    pub principals: usize,
    /// Decisions compared: principals × resources × verbs, or those recorded; also those of which the rules alone told that
    /// they stay.
    pub decisions: u64,
    /// Decisions that would be allowed, and are not.
    pub gains: u64,
    /// Decisions that are allowed, and would not be.
    pub losses: u64,
    /// By type and verb, where there are any.
    pub changes: Vec<Change>,
    /// False when there were more principals or time than the bounds allow: then the numbers are of a part.
    pub complete: bool,
    /// Of recorded decisions: those that could not be compared, since their principal or resource is not there any more, or
    /// never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<u64>,
    /// Of recorded decisions: whom they would turn for, the most affected first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affected: Option<Vec<Affected>>,
}

/// For whom recorded decisions would turn.
#[derive(Serialize, Debug)]
pub struct Affected {
    /// The user or client.
    pub principal: ResourceId,
    /// Decisions that would be allowed, and are not.
    pub gains: u64,
    /// Decisions that are allowed, and would not be.
    pub losses: u64,
}

/// What a draft would change for one verb of one type.
#[derive(Serialize, Debug)]
pub struct Change {
    /// `<type>.<verb>`.
    pub action: String,
    /// Decisions that would be allowed, and are not.
    pub gains: u64,
    /// Decisions that are allowed, and would not be.
    pub losses: u64,
    /// A few of them.
    pub examples: Vec<Example>,
}

impl Change {
    fn of(action: &str) -> Change {
        Change { action: action.to_owned(), gains: 0, losses: 0, examples: vec![] }
    }
}

/// One decision that would turn.
#[derive(Serialize, Debug)]
pub struct Example {
    /// The user or client.
    pub principal: ResourceId,
    /// The resource.
    pub resource: ResourceId,
    /// `allow` or `deny`: what the draft says.
    pub becomes: &'static str,
}

/// Those who have the same two rules for a verb of a type.
struct Group {
    now: Filter,
    then: Filter,
    principals: Vec<ResourceId>,
}

/// Compares the policies in force with a draft. A draft may ask for anything, so it is for those from whom nothing is
/// hidden, and for owners, who may change policies and with them what they see.
pub async fn simulate_access(core: &Core, op: &Op, draft: Draft) -> Result<Simulation> {
    let asker = core.actor(op).await?;
    if asker.may_never(op, Verb::Read, "policy") || !(asker.is_owner() || asker.sees_everything(op)) {
        let detail = "Only owners, and those who see policies and every resource whole, may try drafts of policies.";
        return Err(Error::forbidden(detail));
    }
    let drafted = drafted(&asker, &draft)?;
    if let Some(last) = draft.recorded {
        return recorded::replay(core, op, &asker, &drafted, last).await;
    }
    let (actors, all) = actors(core, op, &draft).await?;
    let mut simulation = Simulation { principals: actors.len(), complete: all, ..Simulation::default() };
    let deadline = Instant::now() + WITHIN;
    for entry in asker.catalogue().all() {
        let definition = &entry.definition;
        let verbs = ["read", "create", "update", "delete"].into_iter();
        for verb in verbs.chain(definition.actions.iter().map(String::as_str)) {
            let groups = groups(op, &actors, &drafted, verb, &definition.name);
            let comparison = Comparison { asker: &asker, op, type_name: &definition.name, groups };
            let (rows, change) = comparison.run(core, verb, deadline).await?;
            simulation.decisions += rows * actors.len() as u64;
            simulation.gains += change.gains;
            simulation.losses += change.losses;
            simulation.changes.extend((change.gains + change.losses > 0).then_some(change));
            if Instant::now() > deadline {
                simulation.complete = false;
                return Ok(simulation);
            }
        }
    }
    Ok(simulation)
}

/// The policies as they would be.
fn drafted(asker: &Actor, draft: &Draft) -> Result<Policies> {
    let schema = asker.access.schema.clone();
    let without: Vec<String> = draft.without.iter().map(ResourceId::to_string).collect();
    let named = |name: &str| draft.policies.iter().any(|(drafted, _)| drafted == name);
    let mut sources: Vec<Source> = asker.access.sources().to_vec();
    sources.retain(|source| !without.contains(&source.id) && !named(&source.name));
    for (at, (name, cedar)) in draft.policies.iter().enumerate() {
        check(&schema, cedar).map_err(|error| {
            let here = |one: FieldError| FieldError::new(format!("/policies/{at}/cedar"), one.detail);
            Error::validation(error.errors.into_iter().map(here).collect())
        })?;
        sources.push(Source { id: format!("draft {at}"), name: name.clone(), cedar: cedar.clone() });
    }
    Ok(Policies::build(schema, &sources))
}

/// The principals to compare, and whether these are all.
async fn actors(core: &Core, op: &Op, draft: &Draft) -> Result<(Vec<Arc<Actor>>, bool)> {
    let mut ids = draft.principals.clone();
    if ids.is_empty() {
        let mut conn = core.db.read().await?;
        for type_name in ["user", "client"] {
            let limit = MAX_PRINCIPALS as i64 + 1;
            let rows = resources::of_type(&mut conn, op.principal.org, type_name, &[], limit).await?;
            ids.extend(rows.into_iter().map(|(id, _)| ResourceId::of_row(type_name, id)));
        }
    }
    let all = ids.len() <= MAX_PRINCIPALS;
    let mut actors = vec![];
    for (at, id) in ids.into_iter().take(MAX_PRINCIPALS).enumerate() {
        let principal = Principal::new(op.principal.org, id);
        match core.actor_of(&principal).await {
            Ok(actor) => actors.push(actor),
            Err(error) if error.code == "bad_token" && !draft.principals.is_empty() => {
                let detail = "is no active user or client";
                return Err(Error::validation(vec![FieldError::new(format!("/principals/{at}"), detail)]));
            }
            // Disabled, or gone: it may do nothing now and then.
            Err(error) if error.code == "bad_token" => {}
            Err(error) => return Err(error),
        }
    }
    Ok((actors, all))
}

fn groups(op: &Op, actors: &[Arc<Actor>], drafted: &Policies, verb: &str, type_name: &str) -> Vec<Group> {
    let mut groups: HashMap<(String, String), Group> = HashMap::new();
    let context = context(op);
    for actor in actors {
        let now = actor.rule(op, verb, type_name).rows.clone();
        let then = drafted.rule(&actor.facts, verb, type_name, &context).rows;
        if now != then {
            let group = groups.entry((now.canonical(), then.canonical()));
            let group = group.or_insert_with(|| Group { now, then, principals: vec![] });
            group.principals.push(actor.facts.principal.id);
        }
    }
    groups.into_values().collect()
}

struct Comparison<'a> {
    asker: &'a Actor,
    op: &'a Op,
    type_name: &'a str,
    groups: Vec<Group>,
}

impl Comparison<'_> {
    /// The rows of the type, and what changes for them.
    async fn run(&self, core: &Core, verb: &str, deadline: Instant) -> Result<(u64, Change)> {
        let org = self.op.principal.org;
        let mut change = Change::of(&format!("{}.{verb}", self.type_name));
        let mut conn = core.db.scan().await?;
        if self.groups.is_empty() {
            return Ok((admin_db::counts::of_type(&mut conn, org, self.type_name).await?, change));
        }
        let (mut rows, mut after) = (0, None);
        loop {
            let batch = self.batch(&mut conn, org, after.as_ref()).await?;
            self.compare(&mut conn, &batch, &mut change).await?;
            rows += batch.len() as u64;
            match batch.last() {
                Some(last) if batch.len() == BATCH as usize && Instant::now() < deadline => {
                    after = Some(Position { key: vec![], id: last.id.bytes, seq: 0 });
                }
                _ => return Ok((rows, change)),
            }
        }
    }

    async fn batch(&self, conn: &mut Conn, org: OrgId, after: Option<&Position>) -> Result<Vec<Resource>> {
        let scope = Scope::Types(vec![self.type_name.to_owned()]);
        let selection = Selection { org, scope: &scope, trashed: false, filter: &Filter::True };
        let rows = list::page(conn, &selection, (&Plan::ById(None), false), after, 0, BATCH).await?;
        rows.iter().map(|row| serde_json::from_str(&row.document).map_err(Error::internal)).collect()
    }

    async fn compare(&self, conn: &mut Conn, batch: &[Resource], change: &mut Change) -> Result<()> {
        let org = self.op.principal.org;
        let seen = self.asker.rule(self.op, Verb::Read.as_str(), self.type_name);
        let mut known = Known::default();
        known.gather(conn, org, &seen.rows, batch).await?;
        for group in &self.groups {
            known.gather(conn, org, &group.now, batch).await?;
            known.gather(conn, org, &group.then, batch).await?;
            for resource in batch {
                let (now, then) = (group.now.matches(resource, &known), group.then.matches(resource, &known));
                if now == then {
                    continue;
                }
                let count = group.principals.len() as u64;
                let becomes = if then { "allow" } else { "deny" };
                if then {
                    change.gains += count
                } else {
                    change.losses += count
                }
                if change.examples.len() < EXAMPLES && seen.rows.matches(resource, &known) {
                    let principal = group.principals[0];
                    change.examples.push(Example { principal, resource: resource.id, becomes });
                }
            }
        }
        Ok(())
    }
}
