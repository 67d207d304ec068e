//! What is not a filter: at which column, and what would be right.

use std::time::{Duration, Instant};

use super::*;

fn refusal(text: &str, definition: Option<&TypeDefinition>) -> String {
    let error = Filter::parse(text, definition).expect_err(text);
    assert_eq!(error.code, "invalid_parameter");
    assert_eq!(error.errors[0].pointer, "filter");
    error.errors[0].detail.clone()
}

fn expect(text: &str, column: usize, reason: &str) {
    let detail = refusal(text, None);
    assert!(detail.starts_with(&format!("column {column}: ")), "{text}: {detail}");
    assert!(detail.contains(reason), "{text}: {detail}");
}

#[test]
fn mistakes_of_grammar() {
    expect("status", 7, "expected one of = != < <= > >= :");
    expect("status =", 9, "expected a value, but the filter ends");
    expect("status = )", 10, "expected a value");
    expect("= active", 1, "expected a condition");
    expect("(status = active", 1, "never closed");
    expect("status = active)", 16, "closes nothing");
    expect("status = active name = a", 17, "need AND between");
    expect("status = active (name = a)", 17, "need AND between");
    expect("status = active 'a'", 17, "expected AND, OR or the end");
    expect("status = active AND", 20, "expected a condition, but the filter ends");
    expect("AND status = active", 1, "expected a condition before `AND`");
    expect("status = a and name = b", 12, "upper case: AND");
    expect("(status = a or name = b)", 13, "upper case: OR");
    expect("not status = a", 1, "upper case: NOT");
    expect("name = AND", 8, "must stand in quotes");
    expect("status = a AND NOT", 19, "the filter ends here");
    expect("colour = red", 1, "`colour` is not a name here");
    expect("attributes = 1", 1, "attributes.<name>");
    expect("attributes. = 1", 13, "expected a name after the dot");
    expect("attributes:a", 1, "attributes.<name>");
    expect("labels = a", 8, "labels.team = core");
    expect("labels:*", 8, "a label's name");
    expect("labels.a.b = c", 1, "labels.\"a.b\"");
    expect("name.a = c", 5, "has nothing below it");
    expect("name:", 6, "the filter ends");
}

#[test]
fn words_of_other_languages() {
    expect("status == active", 8, "write =");
    expect("status <> active", 8, "write !=");
    expect("status = a && name = b", 12, "write AND");
    expect("status = a || name = b", 12, "write OR");
    expect("!(status = a)", 1, "write NOT");
    expect("status = a; drop", 11, "cannot stand here");
    expect("name = ünï", 8, "texts stand in quotes");
    expect("ümlaut ünd name = \u{0}", 1, "cannot stand here");
}

#[test]
fn columns_count_characters() {
    expect("name = \"ümläut 😀\" AND nope = 1", 23, "`nope` is not a name");
}

#[test]
fn numbers_and_strings() {
    for number in ["007", "1.", "1e", "1e+", "1.e5", "12a", "2025-01-10", "1_000", "-01"] {
        expect(&format!("attributes.a = {number}"), 16, "is not a number");
    }
    expect("attributes.a = 9223372036854775808", 16, "does not fit into 64 bits");
    expect("attributes.a = 1e999", 16, "beyond the range");
    expect("attributes.2fa = 1", 12, "must stand in quotes");
    expect("name = \"a", 8, "no closing \"");
    expect("name = 'a\\'", 8, "no closing '");
    expect("attributes.`a = 1", 12, "no closing `");
    expect(r#"name = "a\x""#, 10, "unknown escape");
    expect(r#"name = "\u12g4""#, 9, "four hexadecimal digits");
    expect(r#"name = "\ud800""#, 9, "surrogate");
    expect(r#"name = "\udc00""#, 9, "surrogate");
    expect(r#"name = "\ud800\u0041""#, 9, "surrogate");
    expect(r#"name = "\u0000""#, 8, "U+0000");
    expect("name = \"\0\"", 8, "U+0000");
    expect(&format!("name = '{}'", "x".repeat(1001)), 8, "at most 1,000 bytes");
    parse(&format!("name = '{}'", "x".repeat(1000)));
}

#[test]
fn values_that_do_not_suit_the_name() {
    expect("id = 5", 6, "is compared with an id");
    expect("parent = res_1", 10, "is compared with an id");
    expect(&format!("id < {ID}"), 1, "= and != alone");
    expect("type < a", 1, "= and != alone");
    expect("status >= a", 1, "= and != alone");
    expect("name = 5", 8, "write the value in quotes");
    expect("labels.a = true", 12, "write the value in quotes");
    expect("version = 1.0", 11, "whole number");
    expect("version = 'one'", 11, "whole number");
    expect("created_at > 5", 14, "a time in quotes");
    expect("created_at > yesterday", 14, "a time in quotes");
    expect("created_at > '2025-02-30'", 14, "a time in quotes");
    expect("attributes.a < true", 16, "= and != alone");
    expect("attributes.a < null", 16, "= and != alone");
    expect("attributes.a:null", 14, "= and != alone");
}

#[test]
fn attributes_that_the_type_does_not_have() {
    let definition = definition();
    for (text, column, reason) in [
        ("region = eu", 1, "did you mean attributes.region"),
        ("attributes.regoin = eu", 1, "no `attributes.regoin`; at this place it has address, done, free"),
        ("type = a AND attributes.regoin:*", 14, "no `attributes.regoin`"),
        ("attributes.regoin = null", 1, "no `attributes.regoin`"),
        ("attributes.region.a = eu", 1, "`attributes.region` has nothing below it"),
        ("attributes.tags.a = eu", 1, "`attributes.tags` has nothing below it"),
        ("attributes.address.town = Oslo", 1, "it has city"),
        ("attributes.key = a", 1, "is secret"),
        ("attributes.key:*", 1, "is secret"),
        ("attributes.key != null", 1, "is secret"),
        ("attributes.region = 5", 21, "holds texts"),
        ("attributes.region = true", 21, "holds texts"),
        ("attributes.seats = '5'", 20, "holds integers"),
        ("attributes.price > high", 20, "holds numbers"),
        ("attributes.done = 'true'", 19, "holds true and false"),
        ("attributes.tags = red", 1, "write attributes.tags:value"),
        ("attributes.tags != red", 1, "write attributes.tags:value"),
        ("attributes.tags:5", 17, "holds texts"),
    ] {
        let detail = refusal(text, Some(&definition));
        assert!(detail.starts_with(&format!("column {column}: ")) && detail.contains(reason), "{text}: {detail}");
    }
    for text in [
        "attributes.seats > 1.5",
        "attributes.price = 1",
        "attributes.tags:red",
        "attributes.tags = null",
        "attributes.mixed = 1 OR attributes.mixed = a",
        "attributes.address.city = Oslo",
        "attributes.address:*",
        "attributes.free.any.thing = 1",
    ] {
        Filter::parse(text, Some(&definition)).expect(text);
    }
}

#[test]
fn a_type_without_declared_properties_has_any() {
    let attributes = json!({"schema": {"type": "object"}});
    let open = TypeDefinition::compile("thing", attributes.as_object().expect("an object")).expect("a type");
    Filter::parse("attributes.any.thing = 1", Some(&open)).expect("any attribute");
}

#[test]
fn hostile_texts_are_refused_at_once() {
    let before = Instant::now();
    expect(&"a".repeat(100_000), 1, "at most 8,192");
    expect(&"(".repeat(1000), 34, "more than 32 levels");
    expect(&"NOT ".repeat(1000), 4 * 33 + 1, "more than 32 levels");
    expect(&"-".repeat(8192), 34, "more than 32 levels");
    let deep = |levels: usize| format!("{}type = a{}", "(".repeat(levels), ")".repeat(levels));
    parse(&deep(32));
    expect(&deep(33), 34, "more than 32 levels");
    let many = |count: usize| vec!["version = 1"; count].join(" AND ");
    parse(&many(200));
    expect(&many(201), 200 * 16 + 1, "at most 200 conditions");
    let names = |count: usize| format!("attributes{}:*", ".a".repeat(count));
    parse(&names(32));
    expect(&names(33), 1, "at most 32 names");
    assert!(before.elapsed() < Duration::from_secs(5));
}
