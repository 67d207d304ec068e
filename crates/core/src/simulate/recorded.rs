//! A draft tried on what was really asked: the last recorded decisions, each decided anew under the policies in force and
//! under the draft. They share work: equal ones are decided once, a rule is made once for all that a principal asked of an
//! action, and resources are read many at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use admin_db::decisions::{self, DecisionQuery};
use admin_db::{Conn, resources};
use admin_policy::Policies;
use admin_schema::Filter;
use admin_types::{Error, Principal, Resource, ResourceId, Result};

use super::{Affected, BATCH, Change, EXAMPLES, Example, MAX_AFFECTED, Simulation, WITHIN};
use crate::Core;
use crate::access::{Actor, Known, Verb, context};
use crate::op::Op;

/// Recorded decisions read in one statement.
const READ: u32 = 5000;

/// What was asked, as far as the answer depends on it. In this order, what shares a rule stands together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Question {
    principal: ResourceId,
    /// `<type>.<verb>`.
    action: String,
    resource: ResourceId,
}

/// What is allowed of an action, now and under the draft.
struct Rules {
    type_name: String,
    now: Filter,
    then: Filter,
}

/// Decides the last `last` recorded decisions anew.
pub(super) async fn replay(core: &Core, op: &Op, asker: &Actor, drafted: &Policies, last: u32) -> Result<Simulation> {
    let deadline = Instant::now() + WITHIN;
    let (asked, without_resource) = asked(core, op, last).await?;
    let asked: Vec<(Question, u64)> = asked.into_iter().collect();
    let simulation = Simulation { complete: true, ..Simulation::default() };
    let mut replay = Replay {
        core,
        op,
        asker,
        drafted,
        current: None,
        compared: None,
        skipped: without_resource,
        simulation,
        changes: BTreeMap::new(),
        affected: HashMap::new(),
    };
    for batch in asked.chunks(BATCH as usize) {
        if Instant::now() > deadline {
            replay.simulation.complete = false;
            break;
        }
        replay.batch(batch).await?;
        // Others get their turn, also where no statement waits.
        tokio::task::yield_now().await;
    }
    Ok(replay.finish())
}

/// The last recorded questions, each with how often it was asked, and how many were about no resource that is there.
async fn asked(core: &Core, op: &Op, last: u32) -> Result<(BTreeMap<Question, u64>, u64)> {
    let (query, mut conn) = (DecisionQuery::default(), core.db.scan().await?);
    let (mut asked, mut without, mut left, mut before) = (BTreeMap::new(), 0, last, None);
    while left > 0 {
        let limit = left.min(READ);
        let rows = decisions::newest(&mut conn, op.principal.org, &query, before, limit).await?;
        left = if rows.len() < limit as usize { 0 } else { left - limit };
        before = rows.last().map(|row| row.id);
        for row in rows {
            match row.resource {
                Some(resource) => {
                    let question = Question { principal: row.principal.id, action: row.action, resource };
                    *asked.entry(question).or_default() += 1;
                }
                None => without += 1,
            }
        }
    }
    Ok((asked, without))
}

/// The principal in question.
struct Current {
    id: ResourceId,
    /// None when it is gone, or disabled.
    actor: Option<Arc<Actor>>,
    /// By action.
    rules: HashMap<String, Arc<Rules>>,
}

struct Replay<'a> {
    core: &'a Core,
    op: &'a Op,
    asker: &'a Actor,
    drafted: &'a Policies,
    current: Option<Current>,
    /// The last principal of whom something was compared.
    compared: Option<ResourceId>,
    skipped: u64,
    simulation: Simulation,
    changes: BTreeMap<String, Change>,
    /// Gains and losses.
    affected: HashMap<ResourceId, (u64, u64)>,
}

/// Questions of one principal about one action, and by which rules they are decided, if the principal still acts.
type Group<'q> = (&'q [(Question, u64)], Option<Arc<Rules>>);

impl Replay<'_> {
    async fn batch(&mut self, batch: &[(Question, u64)]) -> Result<()> {
        let same =
            |(a, _): &(Question, u64), (b, _): &(Question, u64)| (a.principal, &a.action) == (b.principal, &b.action);
        let mut groups: Vec<Group<'_>> = vec![];
        for group in batch.chunk_by(same) {
            let Some((first, _)) = group.first() else { continue };
            groups.push((group, self.rules(first).await?));
        }
        let mut conn = self.core.db.scan().await?;
        let found = self.read(&mut conn, batch).await?;
        let mut known = Known::default();
        for (group, rules) in groups {
            let there = group.iter().filter(|(question, _)| rules.is_some() && found.contains_key(&question.resource));
            let count: u64 = there.clone().map(|(_, times)| times).sum();
            self.simulation.decisions += count;
            let principal = Some(group[0].0.principal);
            if count > 0 && self.compared != principal {
                self.compared = principal;
                self.simulation.principals += 1;
            }
            self.skipped += group.iter().map(|(_, times)| times).sum::<u64>() - count;
            if let Some(rules) = rules.as_ref().filter(|rules| rules.now != rules.then) {
                let there: Vec<(Resource, u64)> =
                    there.map(|(question, times)| (found[&question.resource].clone(), *times)).collect();
                self.compare(&mut conn, &mut known, &group[0].0, rules, there).await?;
            }
        }
        Ok(())
    }

    /// The rules that a question is decided by; `None` when its principal is gone, or disabled.
    async fn rules(&mut self, question: &Question) -> Result<Option<Arc<Rules>>> {
        if self.current.as_ref().is_none_or(|current| current.id != question.principal) {
            let principal = Principal::new(self.op.principal.org, question.principal);
            let actor = match self.core.actor_of(&principal).await {
                Ok(actor) => Some(actor),
                Err(error) if error.code == "bad_token" => None,
                Err(error) => return Err(error),
            };
            self.current = Some(Current { id: question.principal, actor, rules: HashMap::new() });
        }
        let Some(Current { actor: Some(actor), rules, .. }) = &mut self.current else { return Ok(None) };
        if let Some(rules) = rules.get(&question.action) {
            return Ok(Some(rules.clone()));
        }
        let (type_name, verb) = question.action.split_once('.').unwrap_or((&question.action, ""));
        let made = Arc::new(Rules {
            type_name: type_name.to_owned(),
            now: actor.rule(self.op, verb, type_name).rows.clone(),
            then: self.drafted.rule(&actor.facts, verb, type_name, &context(self.op)).rows,
        });
        rules.insert(question.action.clone(), made.clone());
        Ok(Some(made))
    }

    /// The resources of a batch that are there, in one statement.
    async fn read(&self, conn: &mut Conn, batch: &[(Question, u64)]) -> Result<HashMap<ResourceId, Resource>> {
        let ids: BTreeSet<[u8; 16]> = batch.iter().map(|(question, _)| question.resource.bytes).collect();
        let rows = resources::many(conn, self.op.principal.org, &ids).await?;
        let live = rows.into_iter().filter(|row| !row.deleted);
        let parsed = live.map(|row| {
            let resource: Resource = serde_json::from_str(&row.document).map_err(Error::internal)?;
            Ok((resource.id, resource))
        });
        parsed.collect()
    }

    /// Counts what turns among the resources that a principal asked about.
    async fn compare(
        &mut self,
        conn: &mut Conn,
        known: &mut Known,
        question: &Question,
        rules: &Rules,
        there: Vec<(Resource, u64)>,
    ) -> Result<()> {
        let org = self.op.principal.org;
        let (resources, times): (Vec<Resource>, Vec<u64>) = there.into_iter().unzip();
        known.gather(conn, org, &rules.now, &resources).await?;
        known.gather(conn, org, &rules.then, &resources).await?;
        let turned = resources.into_iter().zip(times).filter_map(|(resource, times)| {
            let (now, then) = (rules.now.matches(&resource, known), rules.then.matches(&resource, known));
            (now != then).then_some((resource, times, then))
        });
        let turned: Vec<(Resource, u64, bool)> = turned.collect();
        if turned.is_empty() {
            return Ok(());
        }
        let change = self.changes.entry(question.action.clone()).or_insert_with(|| Change::of(&question.action));
        let (gains, losses) = self.affected.entry(question.principal).or_default();
        for (_, times, then) in &turned {
            let (of_action, of_principal) =
                if *then { (&mut change.gains, &mut *gains) } else { (&mut change.losses, &mut *losses) };
            *of_action += times;
            *of_principal += times;
        }
        // Examples are shown of what whoever asks may read.
        let seen = self.asker.rule(self.op, Verb::Read.as_str(), &rules.type_name);
        for (resource, _, then) in turned {
            if change.examples.len() >= EXAMPLES {
                break;
            }
            if known.matches(conn, org, &seen.rows, &resource).await? {
                let becomes = if then { "allow" } else { "deny" };
                change.examples.push(Example { principal: question.principal, resource: resource.id, becomes });
            }
        }
        Ok(())
    }

    fn finish(self) -> Simulation {
        let mut affected: Vec<Affected> = self
            .affected
            .into_iter()
            .map(|(principal, (gains, losses))| Affected { principal, gains, losses })
            .collect();
        affected.sort_by_key(|one| (std::cmp::Reverse(one.gains + one.losses), one.principal));
        affected.truncate(MAX_AFFECTED);
        let changes: Vec<Change> = self.changes.into_values().collect();
        Simulation {
            gains: changes.iter().map(|change| change.gains).sum(),
            losses: changes.iter().map(|change| change.losses).sum(),
            changes,
            skipped: Some(self.skipped),
            affected: Some(affected),
            ..self.simulation
        }
    }
}
