//! What the filter of a rule allows is what Cedar's own authorizer allows.

use std::cell::Cell;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use super::*;
use crate::arbitrary::Org;

/// How many orgs are made up; `FUZZ_CASES` says otherwise, and `ADMIN_TEST_SEED` says which.
const CASES: u32 = 2000;
/// How many of them share their types.
const ROUNDS: u32 = 8;

/// What came of all cases: were most policies refused, or most decisions alike, the law would say little.
#[derive(Default)]
struct Counts {
    policies: Cell<usize>,
    valid: Cell<usize>,
    decisions: Cell<usize>,
    allowed: Cell<usize>,
}

#[test]
fn a_list_shows_what_a_check_allows() {
    let cases = std::env::var("FUZZ_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES);
    let config = Config { cases: cases.div_ceil(ROUNDS), failure_persistence: None, ..Config::default() };
    // Seeds have no small ones among them.
    let config = Config { max_shrink_iters: 0, ..config };
    let counts = Counts::default();
    let run = runner(config).run(&proptest::num::u64::ANY, |seed| {
        let mut org = Org::new(seed);
        let schema = Arc::new(Schema::build(&org.types.iter().collect::<Vec<_>>()));
        for round in 0..ROUNDS {
            if let Err(error) = agree(&org, &schema, &counts) {
                return Err(error_at(seed, round, smallest(org, &schema, error)));
            }
            org = org.again(seed.wrapping_add(u64::from(round) + 1));
        }
        Ok(())
    });
    run.expect("lists and checks agree");
    let Counts { policies, valid, decisions, allowed } = &counts;
    assert!(valid.get() * 2 >= policies.get(), "{} of {} policies are valid", valid.get(), policies.get());
    let share = allowed.get() * 100 / decisions.get();
    assert!((5..95).contains(&share), "{share} % of the decisions allow");
}

fn runner(config: Config) -> TestRunner {
    let seed = std::env::var("ADMIN_TEST_SEED").ok().and_then(|text| text.parse::<u64>().ok());
    match seed.map(|seed| TestRng::from_seed(RngAlgorithm::ChaCha, &[seed.to_be_bytes(); 4].concat())) {
        Some(rng) => TestRunner::new_with_rng(config, rng),
        None => TestRunner::new(config),
    }
}

fn error_at(seed: u64, round: u32, error: TestCaseError) -> TestCaseError {
    TestCaseError::fail(format!("seed {seed}, round {round}: {error}"))
}

/// The difference, with as few policies as show it.
fn smallest(mut org: Org, schema: &Arc<Schema>, mut error: TestCaseError) -> TestCaseError {
    let mut at = 0;
    while at < org.policies.len() {
        let mut fewer = org.clone();
        fewer.policies.remove(at);
        match agree(&fewer, schema, &Counts::default()) {
            Err(still) => (org, error) = (fewer, still),
            Ok(()) => at += 1,
        }
    }
    error
}

/// For every resource the filter and Cedar agree.
fn agree(org: &Org, schema: &Arc<Schema>, counts: &Counts) -> Result<(), TestCaseError> {
    let count = |cell: &Cell<usize>, by: usize| cell.set(cell.get() + by);
    let valid: Vec<&String> = org.policies.iter().filter(|text| check(schema, text).is_ok()).collect();
    let source =
        |(at, text): (usize, &&String)| Source { id: format!("pol_{at}"), name: String::new(), cedar: (*text).clone() };
    let policies = Policies::build(schema.clone(), &valid.iter().enumerate().map(source).collect::<Vec<_>>());
    count(&counts.policies, org.policies.len());
    count(&counts.valid, valid.len());
    for definition in &org.types {
        let rule = policies.rule(&org.facts, "read", &definition.name, &org.context);
        for resource in org.resources.values().filter(|one| one.type_name == definition.name) {
            if resource.deleted_at.is_some() && refers_to_present(resource, org) {
                continue;
            }
            let listed = rule.rows.matches(resource, org);
            let decision = policies.evaluate(&org.facts, "read", resource, org, &org.context);
            count(&counts.decisions, 1);
            count(&counts.allowed, usize::from(listed));
            proptest::prop_assert_eq!(
                listed,
                decision.allowed,
                "{:?}\nfor {:#?}\nby {:#?}\nin {:#?}\nrows {}\npolicies {:#?}",
                decision,
                resource,
                org.facts,
                org.context,
                rule.rows.canonical(),
                valid
            );
        }
    }
    Ok(())
}

/// What is in the trash refers to nothing, for a filter. Cedar's entities cannot say so of a reference to the principal or to
/// the resource itself, which are there in any case.
fn refers_to_present(resource: &Resource, org: &Org) -> bool {
    let text = serde_json::to_string(resource).expect("JSON").replacen(&resource.id.to_string(), "", 1);
    [resource.id, org.facts.principal.id].iter().any(|id| text.contains(&id.to_string()))
}
