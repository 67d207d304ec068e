//! More people at the door than can be let in, and what a stopwatch tells about who has an account.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use admin_testkit::process;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// Sign-ins at once: as many as there may be connections.
const FLOOD: usize = 10_000;
/// The most memory that the server may have had, in bytes. Ten thousand comparisons at once would take 190 GB.
const MEMORY: u64 = 512 * 1024 * 1024;
/// Within which the last of them is answered.
const ANSWERED: Duration = Duration::from_secs(120);

fn request(sandbox: &Sandbox, email: &str, password: &str) -> Vec<u8> {
    let form = Serializer::new(String::new()).extend_pairs([("email", email), ("password", password)]).finish();
    let host = sandbox.base_url.trim_start_matches("http://");
    let head = format!("POST /sign-in HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}", form.len());
    format!("{head}\r\ncontent-type: application/x-www-form-urlencoded\r\n\r\n{form}").into_bytes()
}

/// One sign-in over a connection of its own; the status, and whether it says when to come again. The kernel drops
/// connections that come faster than they are taken: whoever is dropped tries again, as browsers do.
async fn arrive(address: String, request: Arc<Vec<u8>>) -> (u16, bool) {
    loop {
        if let Ok(answer) = exchange(&address, &request).await
            && let Some(status) = answer.split(' ').nth(1).and_then(|status| status.parse().ok())
        {
            return (status, answer.to_lowercase().contains("\r\nretry-after: "));
        }
    }
}

async fn exchange(address: &str, request: &[u8]) -> std::io::Result<String> {
    let (mut stream, mut answer) = (TcpStream::connect(address).await?, String::new());
    stream.write_all(request).await?;
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// A line of `/proc/PID/status` in bytes.
fn memory(sandbox: &Sandbox, key: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", sandbox.id())).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("a size");
    line.split_whitespace().find_map(|word| word.parse::<u64>().ok()).expect("kilobytes") * 1024
}

/// The CPU that the server has used by now, in hundredths of a second.
fn cpu(sandbox: &Sandbox) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", sandbox.id())).expect("a process");
    let words: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    words[11..13].iter().map(|word| word.parse::<u64>().expect("ticks")).sum()
}

// What the database does under a flood is not what this looks at, so it is told once.
#[test]
fn ten_thousand_sign_ins_at_once_are_bounded() {
    process::allow_open_files(2 * FLOOD as u64);
    story::tell(Backend::Sqlite, async |sandbox: &Sandbox| {
        owner(sandbox).await;
        let address = sandbox.base_url.trim_start_matches("http://").to_owned();
        // The right password, so that it is not the bound on failures that answers.
        let request = Arc::new(request(sandbox, "ada@example.org", PASSWORD));
        let flood: Vec<_> = (0..FLOOD).map(|_| tokio::spawn(arrive(address.clone(), request.clone()))).collect();
        let (mut let_in, mut sent_away) = (0, 0);
        tokio::time::timeout(ANSWERED, async {
            for one in flood {
                match one.await.expect("an answer") {
                    (303, _) => let_in += 1,
                    (503 | 429, true) => sent_away += 1,
                    other => panic!("an answer that is neither: {other:?}"),
                }
            }
        })
        .await
        .expect("all are answered in time");
        assert!(let_in > 0 && sent_away > 0, "{let_in} were let in, {sent_away} sent away");
        let peak = memory(sandbox, "VmHWM:");
        assert!(peak < MEMORY, "{peak} bytes of memory, with {let_in} let in and {sent_away} sent away");

        assert_eq!(sandbox.get_json("/v3/users").await.0, 200, "it is well after that");
        let browser = Browser::new(sandbox);
        let seen = browser.submit("/sign-in", &[("email", "ada@example.org"), ("password", PASSWORD)]).await;
        assert_eq!((seen.status, seen.location.as_str()), (303, "/account"), "{}", seen.text);
    });
}

story!(an_unknown_account_costs_what_a_known_one_costs, async |sandbox: &Sandbox| {
    owner(sandbox).await;
    let browser = Browser::new(sandbox);
    let (mut known, mut unknown) = (0, 0);
    // CPU instead of time: it is the comparison of passwords that takes long, whatever else the machine does. Fewer than
    // ten failures of an account, and than a hundred in all.
    for round in 0..4 {
        let guess = async |email: &str| {
            let before = cpu(sandbox);
            for n in 0..9 {
                let seen =
                    browser.submit("/sign-in", &[("email", email), ("password", &format!("a guess, {n}"))]).await;
                assert_eq!(seen.status, 401);
            }
            cpu(sandbox) - before
        };
        known += guess("ada@example.org").await;
        unknown += guess(&format!("nobody-{round}@example.org")).await;
        let again = Browser::new(sandbox);
        let seen = again.submit("/sign-in", &[("email", "ada@example.org"), ("password", PASSWORD)]).await;
        assert_eq!(seen.status, 303, "which forgets the failures");
    }
    assert!(known > 10, "a comparison costs something: {known}");
    assert!(known < 2 * unknown && unknown < 2 * known, "known {known}, unknown {unknown} hundredths of a second");
});
