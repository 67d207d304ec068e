//! Recorded decisions: every combination of conditions finds what it says, and what is forgotten is the oldest.

use admin_types::{Actor, DecisionId, OrgId, Prefix, ResourceId, SystemRandom, Timestamp};

use super::Both;
use crate::decisions::{self, DecisionQuery, DecisionRow};
use crate::{Db, LaneOptions, Tx, orgs};

const ORG: OrgId = OrgId([7; 16]);
const START: i64 = 1_736_497_800_000_000;
const ROWS: i64 = 96;

fn id(prefix: Prefix, n: i64) -> ResourceId {
    ResourceId { prefix, bytes: [n as u8; 16] }
}

/// Row `n`: many principals, resources and actions, each pair of neighbours within a millisecond.
fn row(n: i64) -> DecisionRow {
    let at = Timestamp(START + n * 400);
    let principal = id(if n % 3 == 0 { Prefix::Client } else { Prefix::User }, 1 + n % 4);
    let (action, resource) = match n % 5 {
        0 => ("user.read", Some(id(Prefix::User, 9 + n % 2))),
        1 => ("thing.create", None),
        2 => ("thing.update", Some(id(Prefix::Resource, 9))),
        _ => ("thing.read", Some(id(Prefix::Resource, 9 + n % 2))),
    };
    DecisionRow {
        id: DecisionId::new(at, &SystemRandom),
        at,
        principal: Actor { kind: principal.prefix.type_name().expect("a principal").into(), id: principal, via: None },
        action: action.into(),
        resource_type: action.split('.').next().expect("a type").into(),
        resource,
        allowed: n % 7 < 2,
        request_id: "req".into(),
    }
}

fn meets(query: &DecisionQuery, row: &DecisionRow) -> bool {
    query.principal.is_none_or(|principal| row.principal.id == principal)
        && query.resource.is_none_or(|resource| row.resource == Some(resource))
        && query.action.as_ref().is_none_or(|action| row.action == *action)
        && query.allowed.is_none_or(|allowed| row.allowed == allowed)
        && query.since.is_none_or(|since| row.at >= since)
        && query.until.is_none_or(|until| row.at < until)
}

/// Every combination of a few values of each condition.
fn queries() -> Vec<DecisionQuery> {
    fn grow<T: Clone>(
        queries: Vec<DecisionQuery>,
        values: &[T],
        set: impl Fn(&mut DecisionQuery, T),
    ) -> Vec<DecisionQuery> {
        let with = |query: &DecisionQuery, value: &T| {
            let mut query = query.clone();
            set(&mut query, value.clone());
            query
        };
        queries
            .iter()
            .flat_map(|query| std::iter::once(query.clone()).chain(values.iter().map(|value| with(query, value))))
            .collect()
    }
    let at = |n: i64| Timestamp(START + n * 400);
    let queries = vec![DecisionQuery::default()];
    let queries = grow(queries, &[id(Prefix::User, 1), id(Prefix::Client, 1)], |query, id| query.principal = Some(id));
    let things = [id(Prefix::Resource, 9), id(Prefix::User, 9), id(Prefix::Type, 9)];
    let queries = grow(queries, &things, |query, id| query.resource = Some(id));
    let queries = grow(queries, &["thing.read", "thing.create"], |query, text| query.action = Some(text.into()));
    let queries = grow(queries, &[true, false], |query, allowed| query.allowed = Some(allowed));
    let queries = grow(queries, &[at(31), Timestamp(0)], |query, at| query.since = Some(at));
    grow(queries, &[at(64), Timestamp(at(64).0 + 1), Timestamp(i64::MAX)], |query, at| query.until = Some(at))
}

async fn open(target: crate::Target, rows: &[DecisionRow]) -> Db {
    let db = Db::open(target, LaneOptions { postgres_lanes: 1 }).await.expect("it opens");
    let org = async move |tx: &mut Tx| orgs::insert(tx, ORG, "org", Timestamp(0)).await;
    db.write_global(org).await.expect("an org");
    let rows = rows.to_vec();
    let insert = async move |tx: &mut Tx| {
        for row in &rows {
            decisions::insert(tx, ORG, row).await?;
        }
        Ok(())
    };
    db.write(ORG, insert).await.expect("rows");
    db
}

#[tokio::test(flavor = "multi_thread")]
async fn every_combination_of_conditions_finds_what_it_says() {
    let (both, rows) = (Both::migrated().await, (0..ROWS).map(row).collect::<Vec<_>>());
    let mut newest_first = rows.clone();
    newest_first.sort_by_key(|row| std::cmp::Reverse(row.id));
    for target in both.targets() {
        let db = open(target.clone(), &rows).await;
        let mut conn = db.scan().await.expect("a connection");
        let mut found_some = 0;
        for query in queries() {
            let expected: Vec<_> = newest_first.iter().filter(|row| meets(&query, row)).cloned().collect();
            let total = decisions::count(&mut conn, ORG, &query).await.expect("a count");
            assert_eq!(total, expected.len() as u64, "{target:?} {query:?}");
            let (mut walked, mut before) = (vec![], None);
            loop {
                let page = decisions::newest(&mut conn, ORG, &query, before, 7).await.expect("a page");
                let Some(last) = page.last() else { break };
                before = Some(last.id);
                walked.extend(page);
            }
            assert_eq!(walked, expected, "{target:?} {query:?}");
            found_some += usize::from(!expected.is_empty());
        }
        assert!(found_some > 100, "{found_some} queries found something: the test says little");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_and_what_was_allowed_are_forgotten_each_by_themselves() {
    let (both, rows) = (Both::migrated().await, (0..ROWS).map(row).collect::<Vec<_>>());
    for target in both.targets() {
        let db = open(target.clone(), &rows).await;
        let forgotten = db.write(ORG, async |tx: &mut Tx| decisions::forget_old(tx, ORG, 10).await).await;
        assert_eq!(forgotten.expect("it forgets"), ROWS as u64 - 20, "{target:?}");
        let mut conn = db.scan().await.expect("a connection");
        for allowed in [true, false] {
            let query = DecisionQuery { allowed: Some(allowed), ..DecisionQuery::default() };
            let mut newest: Vec<_> = rows.iter().filter(|row| row.allowed == allowed).collect();
            newest.sort_by_key(|row| std::cmp::Reverse(row.id));
            let kept = decisions::newest(&mut conn, ORG, &query, None, 100).await.expect("a page");
            assert_eq!(kept.iter().collect::<Vec<_>>(), newest[..10], "{target:?}");
        }
    }
}
