//! Kill -9, again and again, in the middle of everything; and what Admin needs is away for a while.

use admin_testkit::faulty::Fault;

use super::*;

const KILLS: usize = 8;
/// How long a broker is away.
const AWAY: Duration = Duration::from_secs(60);
/// What Admin may take up beside what it had, while events wait for the broker: in kilobytes.
const MOST_MORE_KB: u64 = 64 * 1_024;

/// Kills Admin while it writes, publishes, delivers and seals: each time at another place.
async fn killed_again_and_again(world: &World) {
    for round in 0..KILLS {
        let writers = world.write();
        world.until_more(5 + round * 7).await;
        // Not at once after an answer, where nothing but the answer has just happened.
        tokio::time::sleep(Duration::from_millis(u64::try_from(round * 37 % 150).expect("a small number"))).await;
        if let Some(servers) = &world.servers {
            // The store does what it was asked, and the answer is lost, or refuses for a moment.
            let fault = if round % 2 == 0 { Fault::CutAnswer } else { Fault::Unavailable };
            servers.store.plan(&[fault, Fault::None, fault], Fault::None);
        }
        world.sandbox.kill();
        writers.stop().await;
        world.sandbox.start().await;
        if round % 4 == 3 {
            world.is_whole().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_alone() {
    killed_again_and_again(&World::alone(&[]).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_over_servers() {
    killed_again_and_again(&World::over_servers(&[]).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_away_for_a_minute_under_load_delays_and_loses_nothing() {
    let mut world = World::over_servers(&[]).await;
    let writers = world.write_with_pauses(Duration::from_millis(50));
    world.until_more(50).await;
    let (before, memory) = (world.count(), resident_kb(&world.sandbox));
    world.servers.as_mut().expect("servers").broker.kill();
    tokio::time::sleep(AWAY).await;
    let (more, grown) = (world.count() - before, resident_kb(&world.sandbox).saturating_sub(memory));
    assert!(more > 500, "writes go on without the broker: {more}");
    assert!(grown < MOST_MORE_KB, "{grown} kB more with {more} events waiting");
    writers.stop().await;
    world.servers.as_mut().expect("servers").broker.restart().await;
    world.is_whole().await;
}

/// What a process takes up, in kilobytes.
fn resident_kb(sandbox: &Sandbox) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", sandbox.id())).expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse().expect("kilobytes")
}
