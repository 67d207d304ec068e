//! Every statement can be prepared on both databases.

use tokio_postgres::types::Type;

use super::Both;
use crate::{
    account_links, accounts, api_keys, attempts, audit, client_secrets, counts, decisions, deliveries, device_codes,
    event_readers, events, half_sign_in, idempotency, index_builds, indexes, leases, logout_notices, mail, migrate,
    oauth, orgs, passkeys, recovery_codes, references, resources, revocations, secrets, sessions, sign_in,
    signing_keys, totp, uniques, webhooks,
};

/// All of them, by module. A module that is missing here has an unused constant, which is a warning.
const ALL: &[(&str, &[&str])] = &[
    ("account_links", account_links::STATEMENTS),
    ("accounts", accounts::STATEMENTS),
    ("api_keys", api_keys::STATEMENTS),
    ("attempts", attempts::STATEMENTS),
    ("audit", audit::STATEMENTS),
    ("mail", mail::STATEMENTS),
    ("client_secrets", client_secrets::STATEMENTS),
    ("half_sign_in", half_sign_in::STATEMENTS),
    ("totp", totp::STATEMENTS),
    ("recovery_codes", recovery_codes::STATEMENTS),
    ("passkeys", passkeys::STATEMENTS),
    ("device_codes", device_codes::STATEMENTS),
    ("logout_notices", logout_notices::STATEMENTS),
    ("oauth", oauth::STATEMENTS),
    ("revocations", revocations::STATEMENTS),
    ("sessions", sessions::STATEMENTS),
    ("counts", counts::STATEMENTS),
    ("decisions", decisions::STATEMENTS),
    ("events", events::STATEMENTS),
    ("event_readers", event_readers::STATEMENTS),
    ("leases", leases::STATEMENTS),
    ("idempotency", idempotency::STATEMENTS),
    ("index_builds", index_builds::STATEMENTS),
    ("indexes", indexes::STATEMENTS),
    ("migrate", migrate::STATEMENTS),
    ("orgs", orgs::STATEMENTS),
    ("references", references::STATEMENTS),
    ("resources", resources::STATEMENTS),
    ("secrets", secrets::STATEMENTS),
    ("sign_in", sign_in::STATEMENTS),
    ("signing_keys", signing_keys::STATEMENTS),
    ("uniques", uniques::STATEMENTS),
    ("deliveries", deliveries::STATEMENTS),
    ("webhooks", webhooks::STATEMENTS),
];

fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    ALL.iter().flat_map(|(module, statements)| statements.iter().map(move |sql| (*module, *sql)))
}

/// The numbers of the parameters, each where it first stands.
fn parameters(sql: &str) -> Vec<usize> {
    let mut numbers: Vec<usize> = vec![];
    for part in sql.split('$').skip(1) {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        let number = digits.parse().expect("a parameter has a number");
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    numbers
}

#[test]
fn parameters_stand_in_ascending_order() {
    // SQLite numbers them by their first use, and they are bound by number.
    for (module, sql) in all() {
        let numbers = parameters(sql);
        assert_eq!(numbers, (1..=numbers.len()).collect::<Vec<_>>(), "{module}: {sql}");
    }
}

#[tokio::test]
async fn sqlite_prepares_every_statement() {
    let both = Both::migrated().await;
    let connection = both.sqlite();
    for (module, sql) in all() {
        let statement = connection.prepare(sql).unwrap_or_else(|error| panic!("{module}: {error}: {sql}"));
        assert_eq!(statement.parameter_count(), parameters(sql).len(), "{module}: {sql}");
    }
}

#[tokio::test]
async fn postgres_prepares_every_statement_with_types_that_arguments_have() {
    let both = Both::migrated().await;
    let client = both.postgres().await;
    let types = [Type::INT8, Type::FLOAT8, Type::TEXT, Type::BYTEA];
    for (module, sql) in all() {
        let statement = client.prepare(sql).await.unwrap_or_else(|error| panic!("{module}: {error}: {sql}"));
        assert_eq!(statement.params().len(), parameters(sql).len(), "{module}: {sql}");
        for parameter in statement.params() {
            assert!(types.contains(parameter), "{module}: a parameter is {parameter}: {sql}");
        }
        for column in statement.columns() {
            assert!(types.contains(column.type_()), "{module}: {} is {}: {sql}", column.name(), column.type_());
        }
    }
}
