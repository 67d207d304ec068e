//! Filters, sorts and pages agree with their definition in memory, whatever the resources and whatever is asked.

mod arbitrary;

use admin_schema::{Filter, NoRelated, TypeDefinition, key};
use admin_testkit::{Method, Sandbox, story};
use admin_types::{Random, Resource, SystemRandom};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use self::arbitrary::{FIELDS, Kind, Pool};

const RESOURCES: usize = 300;
const CASES: u32 = 300;

/// Fields that a list may be sorted by; `None` for those that have many values, or no index.
fn sorts() -> Vec<String> {
    let core = ["id", "name", "status", "created_at", "updated_at"].map(str::to_owned);
    let indexed = FIELDS.iter().filter(|field| field.index && !matches!(field.kind, Kind::Texts | Kind::Numbers));
    let fields = core.into_iter().chain(indexed.map(|field| format!("attributes.{}", field.path.join("."))));
    fields.flat_map(|field| [format!("-{field}"), field]).collect()
}

/// The type `thing`: every field may be missing or null.
fn thing() -> Value {
    let leaf = |field: &arbitrary::Field| {
        let (kind, items) = match field.kind {
            Kind::Text => ("string", None),
            Kind::Integer => ("integer", None),
            Kind::Number => ("number", None),
            Kind::Boolean => ("boolean", None),
            Kind::Texts => ("array", Some("string")),
            Kind::Numbers => ("array", Some("number")),
            Kind::Any => return json!({}),
        };
        let mut schema = json!({"type": [kind, "null"]});
        if let Some(items) = items {
            schema["items"] = json!({"type": items});
        }
        if field.index {
            schema["x-index"] = json!(true);
        }
        schema
    };
    let mut schema = json!({"type": "object", "additionalProperties": false, "properties": {}});
    for field in FIELDS {
        let mut at = &mut schema;
        for name in field.path {
            at["type"] = at.get("type").cloned().unwrap_or(json!("object"));
            at = &mut at["properties"][*name];
        }
        *at = leaf(field);
    }
    json!({"plural": "things", "statuses": ["active", "paused", "archived"], "schema": schema})
}

/// A runner with a seed of its own, which `ADMIN_TEST_SEED` sets.
fn runner() -> (TestRunner, String) {
    let seed = std::env::var("ADMIN_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| {
        let mut bytes = [0; 8];
        SystemRandom.fill(&mut bytes);
        u64::from_be_bytes(bytes)
    });
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed.to_be_bytes(); 4].concat());
    let config = Config { cases: CASES, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    (TestRunner::new_with_rng(config, rng), format!("ADMIN_TEST_SEED={seed}"))
}

async fn import(sandbox: &Sandbox, plural: &str, rows: &[Value]) {
    let body: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let request = sandbox.request(Method::POST, &format!("/v3/{plural}:import"));
    let request = request.header("content-type", "application/x-ndjson").body(body);
    let (status, report) = admin_testkit::client::answer(request).await;
    assert_eq!((status, &report["data"]["failed"]), (200, &json!(0)), "{report}");
}

async fn export(sandbox: &Sandbox, query: &str) -> Vec<Resource> {
    let response =
        sandbox.request(Method::GET, &format!("/v3/resources:export{query}")).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    response.text().await.expect("a body").lines().map(|line| serde_json::from_str(line).expect("a resource")).collect()
}

/// The world of one test: things and gadgets, some of them changed, some in the trash.
struct World {
    live: Vec<Resource>,
    trash: Vec<Resource>,
}

impl World {
    async fn make(sandbox: &Sandbox, runner: &mut TestRunner) -> World {
        for (name, attributes) in [
            ("thing", thing()),
            (
                "gadget",
                json!({"plural": "gadgets", "statuses": ["active", "paused", "archived"],
            "schema": {"type": "object"}}),
            ),
        ] {
            let (status, answer) = sandbox
                .post_json("/v3/resources", &json!({"type": "type", "name": name, "attributes": attributes}))
                .await;
            assert_eq!(status, 201, "{answer}");
        }
        let mut draw = |parents: &[String], count: usize| -> Vec<Value> {
            let strategy = arbitrary::resources(parents.to_vec());
            (0..count).map(|_| strategy.new_tree(runner).expect("a resource").current()).collect()
        };
        import(sandbox, "things", &draw(&[], 10)).await;
        let parents: Vec<String> = export(sandbox, "").await.iter().map(|parent| parent.id.to_string()).collect();
        // Several requests, so that the times differ.
        for _ in 0..10 {
            import(sandbox, "things", &draw(&parents, (RESOURCES - 10) / 10)).await;
        }
        import(sandbox, "gadgets", &draw(&parents, 30)).await;
        let changed: Vec<Value> = export(sandbox, "?type=thing").await[..90].iter().map(|old| json!(old)).collect();
        for (old, new) in changed.chunks(30).zip(draw(&parents, 90).chunks(30)) {
            let with_id = |(old, new): (&Value, &Value)| {
                let mut new = new.clone();
                (new["id"], new["parent"]) = (old["id"].clone(), old["parent"].clone());
                new
            };
            import(sandbox, "things", &old.iter().zip(new).map(with_id).collect::<Vec<_>>()).await;
        }
        let mut trash = vec![];
        for thing in export(sandbox, "?type=thing").await.iter().rev().take(20) {
            let (status, answer) = sandbox.delete_json(&format!("/v3/things/{}", thing.id)).await;
            assert_eq!(status, 200, "{answer}");
            trash.push(serde_json::from_value(answer["data"].clone()).expect("a resource"));
        }
        trash.sort_by_key(|resource: &Resource| resource.id.bytes);
        World { live: export(sandbox, "").await, trash }
    }

    /// Which resources a list holds, in its order, by definition.
    fn expected(&self, list: &List, filter: &Filter) -> Vec<String> {
        let all = if list.trashed { &self.trash } else { &self.live };
        let mut held: Vec<&Resource> = all.iter().filter(|resource| filter.matches(resource, &NoRelated)).collect();
        held.retain(|resource| list.of_all_types || resource.type_name == "thing");
        let (descending, field) =
            list.sort.strip_prefix('-').map_or((false, list.sort.as_str()), |field| (true, field));
        held.sort_by_cached_key(|resource| (sort_key(resource, field), resource.id.bytes));
        if descending {
            held.reverse();
        }
        held.into_iter().map(|resource| resource.id.to_string()).collect()
    }
}

fn sort_key(resource: &Resource, field: &str) -> Vec<u8> {
    let value = match field {
        "id" => return vec![],
        "name" => json!(resource.name),
        "status" => json!(resource.status),
        "created_at" => json!(resource.created_at.0),
        "updated_at" => json!(resource.updated_at.0),
        _ => {
            let path = FIELDS.iter().map(|field| field.path).find(|path| field[11..] == path.join("."));
            let attributes = Value::Object(resource.attributes.clone());
            let find = |at: &Value, name: &&str| at.get(*name).cloned().unwrap_or_default();
            path.expect("a field").iter().fold(attributes, |at, name| find(&at, name))
        }
    };
    key::encode(&value).unwrap_or_else(|| key::MISSING.to_vec())
}

/// What is asked.
#[derive(Clone, Debug)]
struct List {
    filter: Filter,
    sort: String,
    limit: usize,
    of_all_types: bool,
    trashed: bool,
}

fn lists(pool: &Pool) -> impl Strategy<Value = List> + use<> {
    let limit = prop::sample::select(vec![200usize, 97]);
    let list = |filter, sort, limit, of_all_types, trashed| List { filter, sort, limit, of_all_types, trashed };
    let typed = (arbitrary::filters(pool), prop::sample::select(sorts()), limit.clone());
    let by_id = || (prop::sample::select(vec!["id".to_owned(), "-id".to_owned()]), limit.clone());
    prop_oneof![
        5 => typed.prop_map(move |(filter, sort, limit)| list(filter, sort, limit, false, false)),
        3 => (arbitrary::untyped_filters(pool), by_id())
            .prop_map(move |(filter, (sort, limit))| list(filter, sort, limit, true, false)),
        1 => (arbitrary::filters(pool), by_id())
            .prop_map(move |(filter, (sort, limit))| list(filter, sort, limit, false, true)),
    ]
}

impl List {
    /// One page of it.
    async fn page(&self, sandbox: &Sandbox, step: (&str, &str)) -> Result<Value, String> {
        let (filter, limit) = (self.filter.canonical(), self.limit.to_string());
        let path = if self.of_all_types { "/v3/resources" } else { "/v3/things" };
        let mut query = vec![("filter", filter.as_str()), ("sort", self.sort.as_str()), ("limit", limit.as_str())];
        if self.of_all_types {
            query.push(("type", "thing,gadget"));
        }
        if self.trashed {
            query.push(("trashed", "true"));
        }
        if !step.1.is_empty() {
            query.push(step);
        }
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        let (status, page) = sandbox.get_json(&format!("{path}?{query}")).await;
        if status == 200 { Ok(page) } else { Err(format!("{self:?}\n{filter}\n{status}: {page}")) }
    }

    /// All of it by cursor: the ids, and the totals that the pages told.
    async fn walk(&self, sandbox: &Sandbox) -> Result<(Vec<String>, Vec<u64>), String> {
        let (mut seen, mut totals, mut cursor) = (vec![], vec![], String::new());
        loop {
            let page = self.page(sandbox, ("cursor", &cursor)).await?;
            seen.extend(ids(&page));
            totals.push(page["pagination"]["total_items"].as_u64().expect("a total"));
            match page["pagination"]["next_cursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => return Ok((seen, totals)),
            }
        }
    }
}

fn ids(page: &Value) -> Vec<String> {
    let rows = page["data"].as_array().expect("a list");
    rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
}

fn definition() -> TypeDefinition {
    TypeDefinition::compile("thing", thing().as_object().expect("an object")).expect("a type")
}

/// The list holds what the filter's definition says, in its order, and its total is exact.
async fn agrees(sandbox: &Sandbox, world: &World, definition: &TypeDefinition, list: &List) -> Result<(), String> {
    let text = list.filter.canonical();
    let definition = (!list.of_all_types).then_some(definition);
    let filter = Filter::parse(&text, definition).map_err(|error| format!("{text}: {error}"))?;
    let expected = world.expected(list, &filter);
    let (seen, totals) = list.walk(sandbox).await?;
    if seen == expected && totals.iter().all(|total| *total == expected.len() as u64) {
        return Ok(());
    }
    let other = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|id| !those.contains(id)).take(3).cloned().collect()
    };
    let describe = |ids: Vec<String>| -> String {
        let all = world.live.iter().chain(&world.trash);
        all.filter(|resource| ids.contains(&resource.id.to_string()))
            .map(|resource| format!("\n  {}", json!(resource)))
            .collect()
    };
    let (missing, extra) = (other(&expected, &seen), other(&seen, &expected));
    Err(format!(
        "{text}\nsort {}: {} rows expected, {} seen, totals {totals:?}\nmissing:{}\ntoo many:{}",
        list.sort,
        expected.len(),
        seen.len(),
        describe(missing),
        describe(extra),
    ))
}

story!(every_list_holds_what_its_filter_says, async |sandbox: &Sandbox| {
    let (mut runner, seed) = runner();
    let (world, definition) = (World::make(sandbox, &mut runner).await, definition());
    let pool = Pool::of(&world.live);
    let case = |list: List| {
        let agrees = agrees(sandbox, &world, &definition, &list);
        block_in_place(|| Handle::current().block_on(agrees)).map_err(TestCaseError::fail)
    };
    match runner.run(&lists(&pool), case) {
        Ok(()) => {}
        Err(TestError::Fail(reason, _)) => panic!("{seed}: {}", reason.message()),
        Err(error) => panic!("{seed}: {error}"),
    }
});

story!(every_order_is_that_of_the_keys_and_pages_add_up_to_it, async |sandbox: &Sandbox| {
    let (mut runner, seed) = runner();
    let world = World::make(sandbox, &mut runner).await;
    for sort in sorts() {
        let list = List { filter: Filter::True, sort, limit: 70, of_all_types: false, trashed: false };
        let expected = world.expected(&list, &Filter::True);
        let (walked, _) = list.walk(sandbox).await.expect("a walk");
        assert_eq!(walked, expected, "{seed} sort={} by cursor", list.sort);
        let mut paged = vec![];
        for page in 1..=5 {
            paged.extend(ids(&list.page(sandbox, ("page", &page.to_string())).await.expect("a page")));
        }
        assert_eq!(paged, expected, "{seed} sort={} by page", list.sort);
    }
});
