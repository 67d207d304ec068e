//! The conditions that policies have and clients cannot write mean the same in SQL as in memory, on both databases.

use std::collections::BTreeMap;

use admin_schema::filter::{Comparison, Filter, Literal, Path, Piece};
use admin_schema::{NoRelated, Related};
use admin_types::{Labels, OrgId, Prefix, Resource, ResourceId, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::Both;
use crate::list::{self, Plan, Position, Scope, Selection};
use crate::place::{self, Driver, Fields};
use crate::{Db, LaneOptions, Tx, orgs, references, resources};

const ORG: OrgId = OrgId([7; 16]);
const CASES: u32 = 300;
const ROWS: usize = 40;
const TEXTS: &[&str] = &["", "a", "A", "ab", "aab", "ba", "a*b", "a?b", "[a]", "a%b", "a_b", "a\\b", "ä", "😀", "a\nb"];

/// Resources by id.
#[derive(Debug)]
struct World(BTreeMap<ResourceId, Resource>);

impl Related for World {
    fn get(&self, id: ResourceId) -> Option<&Resource> {
        self.0.get(&id)
    }
}

fn id(n: usize) -> ResourceId {
    let mut bytes = [0; 16];
    bytes[15] = n as u8;
    ResourceId { prefix: if n.is_multiple_of(7) { Prefix::User } else { Prefix::Resource }, bytes }
}

/// A forest of things and users: row `n` may hang below an earlier one, and refer to any.
fn world() -> impl Strategy<Value = World> {
    let row = (any::<usize>(), any::<usize>(), select(TEXTS), 0..4u8, prop::collection::vec(select(TEXTS), 0..3));
    prop::collection::vec(row, ROWS).prop_map(|rows| {
        let resource = |(n, (parent, owner, text, kind, tags)): (usize, (usize, usize, &str, u8, Vec<&str>))| {
            let mut attributes = json!({"text": text, "tags": tags, "n": kind});
            match kind {
                0 => attributes["text"] = json!(n),
                1 => attributes["tags"] = json!("a"),
                _ => attributes["owner"] = json!(id(owner % ROWS)),
            }
            let Value::Object(attributes) = attributes else { unreachable!() };
            let type_name = if id(n).prefix == Prefix::User { "user" } else { "thing" };
            let parent = (n > 0 && kind != 3).then(|| id(parent % n.max(1)));
            let deleted_at = (owner % 11 == 0).then_some(Timestamp(5));
            let (created_at, updated_at) = (Timestamp(1), Timestamp(2));
            Resource {
                id: id(n),
                type_name: type_name.into(),
                name: text.chars().chain(['x']).collect(),
                status: "active".into(),
                attributes,
                labels: Labels::new(),
                parent,
                version: 1,
                created_at,
                updated_at,
                deleted_at,
            }
        };
        World(rows.into_iter().enumerate().map(resource).map(|resource| (resource.id, resource)).collect())
    })
}

/// A pattern whose texts are as long as they can be.
fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    pieces.into_iter().fold(vec![], |mut all, piece| {
        match (all.last_mut(), piece) {
            (Some(Piece::Text(text)), Piece::Text(more)) => text.push_str(&more),
            (_, piece) => all.push(piece),
        }
        all
    })
}

fn leaves() -> impl Strategy<Value = Filter> {
    let attribute = |name: &'static str| Path::Attribute(vec![name.to_owned()]);
    let piece = prop_oneof![Just(Piece::Any), select(TEXTS).prop_map(|text| Piece::Text(text.to_owned()))];
    let pattern = prop::collection::vec(piece, 0..5).prop_map(joined);
    let text = select(TEXTS).prop_map(|text| Literal::Text(text.to_owned()));
    let place = select(vec![Path::Name, attribute("text"), attribute("tags"), Path::Status]);
    let number = (0..4i64).prop_map(Literal::Integer);
    prop_oneof![
        2 => (place, pattern).prop_map(|(path, pattern)| Filter::Like { path, pattern }),
        2 => (select(vec![attribute("tags"), attribute("text")]), text)
            .prop_map(|(path, value)| Filter::Element { path, value }),
        2 => (0..ROWS + 2).prop_map(|n| Filter::Below { id: id(n) }),
        // The same bytes under another prefix are another id.
        1 => (0..ROWS, select(vec![Prefix::Resource, Prefix::User, Prefix::Type]))
            .prop_map(|(n, prefix)| Filter::Below { id: ResourceId { prefix, ..id(n) } }),
        2 => (0..ROWS).prop_map(move |n| Filter::Compare {
            path: attribute("owner"),
            op: Comparison::Eq,
            value: Literal::Text(id(n).to_string()),
        }),
        1 => (0..ROWS).prop_map(|n| Filter::Compare { path: Path::Parent, op: Comparison::Eq, value: Literal::Id(id(n)) }),
        1 => number.prop_map(move |value| Filter::Compare { path: attribute("n"), op: Comparison::Eq, value }),
    ]
}

fn filters() -> impl Strategy<Value = Filter> {
    leaves().prop_recursive(4, 24, 4, |inner| {
        let path = select(vec![Path::Parent, Path::Attribute(vec!["owner".to_owned()])]);
        prop_oneof![
            2 => (path, select(vec!["thing", "user"]), inner.clone()).prop_map(|(path, type_name, filter)| Filter::Of {
                path,
                type_name: type_name.to_owned(),
                filter: Box::new(filter),
            }),
            1 => prop::collection::vec(inner.clone(), 0..5).prop_map(Filter::And),
            1 => prop::collection::vec(inner.clone(), 0..5).prop_map(Filter::Or),
            1 => inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

/// Writes the world as the application does: what is in the trash refers to nothing.
async fn write(db: &Db, world: &World) {
    let rows: Vec<Resource> = world.0.values().cloned().collect();
    db.write_global(async |tx: &mut Tx| orgs::insert(tx, ORG, "org", Timestamp(0)).await).await.expect("an org");
    db.write(ORG, async move |tx: &mut Tx| {
        for row in &rows {
            resources::insert(tx, ORG, row, true, &json!(row).to_string()).await?;
            let owner = row.attributes.get("owner").and_then(Value::as_str).and_then(ResourceId::parse);
            if let (Some(target), None) = (owner, row.deleted_at) {
                let link = references::Link { field: "owner", target, on_delete: "restrict" };
                references::insert(tx, ORG, &row.type_name, row.id, &[link]).await?;
            }
        }
        Ok(())
    })
    .await
    .expect("rows");
}

/// Lists of one type and of two, each by a look at all rows and, if the filter has one, out of a place.
async fn agree(db: &Db, world: &World, filter: &Filter) -> Result<(), String> {
    let types = [vec!["thing".to_owned()], vec!["thing".to_owned(), "user".to_owned()]];
    for (types, trashed) in types.into_iter().flat_map(|types| [(types.clone(), false), (types, true)]) {
        let here = world.0.values().filter(|row| row.deleted_at.is_some() == trashed && types.contains(&row.type_name));
        let mut expected: Vec<[u8; 16]> =
            here.filter(|row| filter.matches(row, world)).map(|row| row.id.bytes).collect();
        expected.sort_unstable();
        let refers_to = |key: &str| (types.len() == 1 && key == "owner").then_some(("thing", false));
        let driver = place::driver(filter, &Fields { is_indexed: &|_| false, refers_to: &refers_to });
        let scope = Scope::Types(types.clone());
        let selection = Selection { org: ORG, scope: &scope, trashed, filter };
        let drivers = std::iter::once(None).chain(driver.filter(|_| !trashed).map(Some));
        for driver in drivers {
            let seen = read(db, &selection, driver.as_ref()).await.map_err(|error| error.to_string())?;
            if seen != expected {
                let asked = format!("trashed: {trashed}, types: {types:?}, {driver:?}\n{}", filter.canonical());
                return Err(format!("{asked}\nSQL {seen:?}\nmemory {expected:?}"));
            }
        }
    }
    Ok(())
}

/// All ids of a selection, in two pages; as many as are counted, and as are gathered.
async fn read(db: &Db, selection: &Selection<'_>, driver: Option<&Driver>) -> admin_types::Result<Vec<[u8; 16]>> {
    let mut conn = db.read().await?;
    let plan = Plan::ById(driver.cloned());
    let mut rows = list::page(&mut conn, selection, (&plan, false), None, 0, 3).await?;
    let after = rows.last().map(|row| Position { key: vec![], id: row.id, seq: 0 });
    if let Some(after) = after {
        rows.extend(list::page(&mut conn, selection, (&plan, false), Some(&after), 0, 1000).await?);
    }
    let seen: Vec<[u8; 16]> = rows.iter().map(|row| row.id).collect();
    assert_eq!(list::count(&mut conn, selection, driver).await?.1, seen.len() as u64, "{driver:?}");
    if let Some(driver) = driver {
        let gathered = list::gather(&mut conn, selection, driver, 1000).await?;
        let gathered: std::collections::BTreeSet<[u8; 16]> = gathered.iter().map(|row| row.id).collect();
        assert_eq!(gathered, seen.iter().copied().collect(), "{driver:?}");
    }
    Ok(seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_of_policies_mean_the_same_in_sql() {
    let both = Both::migrated().await;
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let world = world().new_tree(&mut runner).expect("a world").current();
    for target in both.targets() {
        let db = Db::open(target.clone(), LaneOptions { postgres_lanes: 1 }).await.expect("it opens");
        write(&db, &world).await;
        let case = |filter: Filter| {
            let agree = agree(&db, &world, &filter);
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(agree))
                .map_err(TestCaseError::fail)
        };
        runner.run(&filters(), case).unwrap_or_else(|error| panic!("{target:?}: {error}"));
    }
}

/// Related resources as they come, one after the other.
#[derive(Debug)]
struct Known<'a>(&'a World, std::collections::BTreeSet<ResourceId>);

impl Related for Known<'_> {
    fn get(&self, id: ResourceId) -> Option<&Resource> {
        self.1.contains(&id).then(|| self.0.get(id)).flatten()
    }
}

proptest! {
    #[test]
    fn what_is_missing_is_all_that_a_filter_needs(world in world(), filter in filters()) {
        for resource in world.0.values() {
            let mut known = Known(&world, [].into());
            loop {
                let missing = filter.missing(resource, &known);
                let before = known.1.len();
                known.1.extend(missing);
                if known.1.len() == before {
                    break;
                }
            }
            prop_assert_eq!(filter.matches(resource, &known), filter.matches(resource, &world));
            if !filter.looks_beyond() {
                prop_assert_eq!(filter.matches(resource, &NoRelated), filter.matches(resource, &world));
            }
        }
    }
}
