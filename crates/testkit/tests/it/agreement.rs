//! What a list shows is what a check allows: on every surface, whatever the policies, as Cedar's own authorizer says.

mod judge;
mod surfaces;
mod world;

use admin_policy::arbitrary::Dice;
use admin_testkit::{Sandbox, story};
use admin_types::{Random, SystemRandom};

use self::judge::Judge;
use self::world::{Asker, World};

/// Sets of policies that are tried in a run.
const CASES: u64 = 60;
/// Of the decisions, this many in a hundred must at least be each way; else the test would say little.
const LEAST_SHARE: usize = 3;

/// `ADMIN_TEST_SEED`, or chance.
fn seed() -> u64 {
    std::env::var("ADMIN_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| {
        let mut bytes = [0; 8];
        SystemRandom.fill(&mut bytes);
        u64::from_be_bytes(bytes)
    })
}

/// How many decisions were made, and how many of them allowed.
#[derive(Default)]
struct Counts {
    decisions: usize,
    allowed: usize,
}

story!(what_is_listed_is_what_may_be_read, async |sandbox: &Sandbox| {
    let seed = seed();
    println!("ADMIN_TEST_SEED={seed}");
    let mut world = World::make(sandbox, seed).await;
    let (mut dice, mut counts) = (Dice::new(!seed), Counts::default());
    for case in 0..CASES {
        let texts = world.draw(&mut dice);
        let own_dice = Dice::new(seed ^ (case << 32));
        if let Err(difference) = try_policies(&mut world, &texts, &own_dice, &mut counts).await {
            let (texts, difference) = shrink(&mut world, texts, difference, &own_dice).await;
            panic!("ADMIN_TEST_SEED={seed}, case {case}\npolicies:\n{}\n{difference}", texts.join("\n---\n"));
        }
    }
    let Counts { decisions, allowed } = counts;
    let share = allowed * 100 / decisions.max(1);
    println!("{CASES} cases, {decisions} decisions, {allowed} of them allow");
    assert!((LEAST_SHARE..=100 - LEAST_SHARE).contains(&share), "{share} % of {decisions} decisions allow");
});

/// Puts the policies in force and asks for everything; then changes a few resources, and asks for what a change moves.
async fn try_policies(world: &mut World<'_>, texts: &[String], dice: &Dice, counts: &mut Counts) -> Result<(), String> {
    let mut dice = dice.clone();
    world.govern(texts).await?;
    let state = world.state().await;
    for asker in &world.askers {
        let judge = Judge::new(world, &state, asker)?;
        counts.decisions += state.live.len();
        counts.allowed += judge.readable(|_| true, false).len();
        let checked = judge.check_all(&mut dice).await;
        checked.map_err(|difference| format!("{}\n{difference}", told(asker, &judge)))?;
    }
    world.change(&mut dice).await?;
    let state = world.state().await;
    for asker in &world.askers {
        let judge = Judge::new(world, &state, asker)?;
        let checked = judge.check_totals().await;
        checked.map_err(|difference| format!("{}\nafter changes: {difference}", told(asker, &judge)))?;
    }
    Ok(())
}

fn told(asker: &Asker, judge: &Judge<'_>) -> String {
    format!("asked by {}: {:#?}\nin {:?}", asker.id, judge.facts, judge.context)
}

/// Leaves statements out one by one, as long as there is a difference. Each is a line.
async fn shrink(
    world: &mut World<'_>,
    mut texts: Vec<String>,
    mut difference: String,
    dice: &Dice,
) -> (Vec<String>, String) {
    let mut at = 0;
    while at < texts.iter().map(|text| text.lines().count()).sum() {
        let fewer = without_line(&texts, at);
        match try_policies(world, &fewer, dice, &mut Counts::default()).await {
            Err(still) => (texts, difference) = (fewer, still),
            Ok(()) => at += 1,
        }
    }
    (texts, difference)
}

fn without_line(texts: &[String], at: usize) -> Vec<String> {
    let mut number = 0..;
    let keep = |text: &String| {
        let lines: Vec<&str> = text.lines().filter(|_| number.next() != Some(at)).collect();
        lines.join("\n")
    };
    texts.iter().map(keep).filter(|text| !text.is_empty()).collect()
}
