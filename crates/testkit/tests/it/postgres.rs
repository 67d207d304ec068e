//! The kit's own promises about PostgreSQL.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use admin_testkit::{postgres, process};
use tokio_postgres::{Client, NoTls};

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("PostgreSQL answers");
    tokio::spawn(connection);
    client
}

async fn ask(client: &Client, question: &str) -> String {
    client.query_one(question, &[]).await.expect("an answer").get(0)
}

#[tokio::test]
async fn each_database_is_empty_and_sorts_bytewise() {
    let (one, other) = (postgres::database().await, postgres::database().await);
    assert_ne!(one.url, other.url);
    let client = connect(&one.url).await;
    client.batch_execute("CREATE TABLE word (text TEXT); INSERT INTO word VALUES ('b'), ('B'), ('ä')").await.unwrap();
    assert_eq!(ask(&client, "SELECT string_agg(text, ' ' ORDER BY text) FROM word").await, "B b ä");
    assert_eq!(ask(&client, "SHOW fsync").await, "on");
    let client = connect(&other.url).await;
    assert_eq!(ask(&client, "SELECT count(*)::TEXT FROM pg_tables WHERE schemaname = 'public'").await, "0");
}

#[tokio::test]
async fn a_database_is_dropped_with_its_value() {
    let keeper = postgres::database().await;
    let database = postgres::database().await;
    let (_, name) = database.url.rsplit_once('/').unwrap();
    let count = format!("SELECT count(*)::TEXT FROM pg_database WHERE datname = '{name}'");
    let witness = connect(&keeper.url).await;
    assert_eq!(ask(&witness, &count).await, "1");
    let _open = connect(&database.url).await;
    drop(database);
    assert_eq!(ask(&witness, &count).await, "0");
}

#[tokio::test]
async fn what_was_committed_survives_a_kill() {
    let mut server = postgres::Server::start().await;
    let database = server.database().await;
    let client = connect(&database.url).await;
    client.batch_execute("CREATE TABLE word (text TEXT); INSERT INTO word VALUES ('kept')").await.unwrap();
    client.batch_execute("BEGIN; INSERT INTO word VALUES ('lost')").await.unwrap();
    server.kill();
    assert!(client.query("SELECT 1", &[]).await.is_err(), "a killed server still answers");
    server.restart().await;
    let client = connect(&database.url).await;
    assert_eq!(ask(&client, "SELECT string_agg(text, ' ') FROM word").await, "kept");
    server.restart().await;
    assert_eq!(ask(&connect(&database.url).await, "SELECT text FROM word").await, "kept");
}

/// The other half of `a_server_ends_with_the_test_that_started_it`: holds a server until it is killed.
#[tokio::test]
#[ignore = "run by another test, in a process of its own"]
async fn holder() {
    let server = postgres::Server::start().await;
    let client = connect(&server.url()).await;
    println!("\nholds {} {}", server.id(), ask(&client, "SHOW data_directory").await);
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

#[test]
fn a_server_ends_with_the_test_that_started_it() {
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "postgres::holder"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    let line = lines.map_while(Result::ok).find(|line| line.starts_with("holds ")).expect("the holder has a server");
    let words: Vec<&str> = line.split(' ').collect();
    let (id, folder): (u32, _) = (words[1].parse().unwrap(), Path::new(words[2]).parent().unwrap());
    assert!(process::alive(id) && folder.exists());

    holder.kill().unwrap();
    holder.wait().unwrap();

    let killed = Instant::now();
    let gone = process::until(Duration::from_secs(60), || !process::alive(id) && !folder.exists());
    assert!(
        gone,
        "{:?} after its test was killed: alive {}, folder {}",
        killed.elapsed(),
        process::alive(id),
        folder.exists()
    );
}
