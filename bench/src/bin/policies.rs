//! What a decision costs: Admin's compiled rules beside Cedar's own authorizer, in one process, by the number of policies.
//!
//! ```text
//! policies [ROUNDS]
//! ```
//! Prints µs of CPU for each decision. *rule*: policies bound to a principal, from nothing kept; *decide*: a rule that is kept,
//! held against a resource; *Cedar*: `is_authorized` over the same policies and entities.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints")]

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use admin_policy::{Context, Directory, Facts, Policies, Schema, Source};
use admin_schema::{NoRelated, TypeDefinition};
use admin_types::{Resource, ResourceId, SystemRandom, Timestamp};
use serde_json::{Value, json};

/// Types of the org.
const TYPES: usize = 20;
/// Roles that policies are about.
const ROLES: usize = 20;

fn definition(name: &str, properties: Value, required: &[&str]) -> TypeDefinition {
    let schema = json!({"schema": {"type": "object", "properties": properties, "required": required}});
    TypeDefinition::compile(name, schema.as_object().expect("an object")).expect("a type")
}

fn resource(type_name: &str, attributes: Value) -> Resource {
    let now = Timestamp(1_700_000_000_000_000);
    Resource {
        id: ResourceId::new(type_name, now, &SystemRandom),
        type_name: type_name.into(),
        name: "one".into(),
        status: "active".into(),
        attributes: attributes.as_object().cloned().unwrap_or_default(),
        labels: BTreeMap::new(),
        parent: None,
        version: 1,
        created_at: now,
        updated_at: now,
        deleted_at: None,
    }
}

/// Policies as an org has them: each about a role and a type, one in ten about all types, one in ten a forbid.
fn source(n: usize) -> Source {
    let (role, of) = (n % ROLES, n / ROLES % TYPES);
    let cedar = match n % 10 {
        0 => format!(
            "permit (principal in role::\"r{role}\", action in Action::\"resource.read\", resource) when {{ resource.status == \"s{n}\" }};"
        ),
        1 => format!(
            "forbid (principal, action == Action::\"t{of}.delete\", resource) unless {{ principal in role::\"r{role}\" }};"
        ),
        _ => format!(
            "permit (principal in role::\"r{role}\", action in [Action::\"t{of}.read\", Action::\"t{of}.update\"], resource) \
             when {{ principal.facts has region && resource.attributes has region && resource.attributes.region == principal.facts.region && resource.attributes.level < {} }};",
            n % 7
        ),
    };
    Source { id: format!("pol_{n}"), name: format!("p{n}"), cedar }
}

/// µs for each call of `each`, the least of five runs.
fn measure(rounds: usize, mut each: impl FnMut()) -> f64 {
    let run = |each: &mut dyn FnMut()| {
        let started = Instant::now();
        for _ in 0..rounds {
            each();
        }
        started.elapsed().as_secs_f64() * 1e6 / rounds as f64
    };
    (0..5).map(|_| run(&mut each)).fold(f64::INFINITY, f64::min)
}

fn main() -> ExitCode {
    let rounds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(2_000);
    let region = json!({"type": "string"});
    let properties = json!({"region": region, "level": {"type": "integer"}});
    let mut types: Vec<TypeDefinition> =
        (0..TYPES).map(|n| definition(&format!("t{n}"), properties.clone(), &["level"])).collect();
    let facts = json!({"type": "object", "properties": {"region": region}});
    types.push(definition("user", json!({"facts": facts}), &[]));
    let schema = Arc::new(Schema::build(&types.iter().collect::<Vec<_>>()));
    let facts = Facts {
        principal: resource("user", json!({"facts": {"region": "eu"}})),
        roles: BTreeSet::from(["r2".to_owned(), "r5".to_owned()]),
        groups: BTreeSet::new(),
        scoped: BTreeMap::new(),
        directory: Arc::new(Directory::default()),
    };
    let context = Context {
        time: Timestamp(1_700_000_000_000_000),
        address: None,
        request_id: "req".into(),
        auth_method: "token".into(),
        auth_age_seconds: 1,
    };
    let one = resource("t0", json!({"region": "eu", "level": 3}));
    println!("| policies | rule µs | decide µs | Cedar µs | Cedar / (rule + decide) |");
    println!("| ---: | ---: | ---: | ---: | ---: |");
    for count in [10, 100, 200, 1_000, 5_000] {
        let sources: Vec<Source> = (0..count).map(source).collect();
        let policies = Policies::build(schema.clone(), &sources);
        let ask = || policies.rule(&facts, "read", "t0", &context);
        let kept = ask();
        let cedar = || policies.evaluate(&facts, "read", &one, &NoRelated, &context);
        if kept.rows.matches(&one, &NoRelated) != cedar().allowed {
            eprintln!("policies: with {count} policies the two disagree");
            return ExitCode::FAILURE;
        }
        let rule = measure(rounds, || drop(black_box(ask())));
        let decide = measure(rounds, || {
            black_box(kept.rows.matches(&one, &NoRelated));
        });
        let cedar = measure(rounds.div_ceil(20), || drop(black_box(cedar())));
        println!("| {count} | {rule:.2} | {decide:.3} | {cedar:.1} | {:.0} |", cedar / (rule + decide));
    }
    ExitCode::SUCCESS
}
