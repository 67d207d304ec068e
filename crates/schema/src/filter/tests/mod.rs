//! The language by example: what is read, what is refused and where, what matches, and the laws that always hold.

mod evaluation;
mod laws;
mod refused;

use serde_json::{Value, json};

use super::*;
use crate::TypeDefinition;

const ID: &str = "res_01jh8x5n9bfqv8xk3c6m7t2d4e";
const OTHER: &str = "res_01jh8x5n9bfqv8xk3c6m7t2d4f";

fn parse(text: &str) -> Filter {
    Filter::parse(text, None).expect(text)
}

fn canonical(text: &str) -> String {
    parse(text).canonical()
}

fn attribute(name: &str) -> Path {
    Path::Attribute(vec![name.to_owned()])
}

/// A type with a field of each kind.
fn definition() -> TypeDefinition {
    let attributes = json!({"schema": {"type": "object", "properties": {
        "region": {"type": "string"}, "seats": {"type": "integer"}, "price": {"type": "number"},
        "done": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}}, "key": {"type": "string", "x-secret": true},
        "mixed": {"type": ["string", "integer"]}, "free": {"type": "object"},
        "address": {"type": "object", "properties": {"city": {"type": "string"}}},
    }}});
    TypeDefinition::compile("thing", attributes.as_object().expect("an object")).expect("a type")
}

#[test]
fn a_condition_is_a_name_an_operator_and_a_value() {
    let compare = |path, op, value| Filter::Compare { path, op, value };
    let text = |text: &str| Literal::Text(text.to_owned());
    let id = Literal::Id(ResourceId::parse(ID).expect("an id"));
    let time = |text: &str| Literal::Time(Timestamp::parse(text).expect("a time"));
    for (given, expected) in [
        ("status = active", compare(Path::Status, Comparison::Eq, text("active"))),
        ("name!='it''s'".replace("''", "\\'").as_str(), compare(Path::Name, Comparison::Ne, text("it's"))),
        ("type=workspace", compare(Path::Type, Comparison::Eq, text("workspace"))),
        (&format!("id = {ID}"), compare(Path::Id, Comparison::Eq, id.clone())),
        (&format!("parent != \"{ID}\""), compare(Path::Parent, Comparison::Ne, id)),
        ("version >= 3", compare(Path::Version, Comparison::Ge, Literal::Integer(3))),
        (
            "created_at < \"2025-01-10T10:30:00+02:00\"",
            compare(Path::CreatedAt, Comparison::Lt, time("2025-01-10T08:30:00Z")),
        ),
        ("updated_at > '2025-01-10'", compare(Path::UpdatedAt, Comparison::Gt, time("2025-01-10T00:00:00Z"))),
        ("attributes.n <= -7", compare(attribute("n"), Comparison::Le, Literal::Integer(-7))),
        ("attributes.n = 1.50e1", compare(attribute("n"), Comparison::Eq, Literal::Number(15.0))),
        ("attributes.done = true", compare(attribute("done"), Comparison::Eq, Literal::Bool(true))),
        ("attributes.s = \"true\"", compare(attribute("s"), Comparison::Eq, text("true"))),
        ("labels.team = core-1", compare(Path::Label("team".to_owned()), Comparison::Eq, text("core-1"))),
        ("attributes.tags:red", Filter::Has { path: attribute("tags"), value: text("red") }),
        ("name:prod", Filter::Has { path: Path::Name, value: text("prod") }),
        ("status:active", compare(Path::Status, Comparison::Eq, text("active"))),
        ("version:3", compare(Path::Version, Comparison::Eq, Literal::Integer(3))),
        ("attributes.a:*", Filter::Present { path: attribute("a") }),
        ("labels:team", Filter::Present { path: Path::Label("team".to_owned()) }),
        ("labels:\"a b\"", Filter::Present { path: Path::Label("a b".to_owned()) }),
        ("attributes.a = null", Filter::Not(Box::new(Filter::Present { path: attribute("a") }))),
        ("parent != null", Filter::Present { path: Path::Parent }),
        ("", Filter::True),
        (" \n\t", Filter::True),
        ("false", Filter::False),
    ] {
        assert_eq!(parse(given), expected, "{given}");
    }
}

#[test]
fn names_may_be_quoted() {
    let expected = Path::Attribute(["a b", "2fa", "AND", "x.y", "`"].map(str::to_owned).into());
    for given in
        ["attributes.\"a b\".'2fa'.AND.`x.y`.\"`\":*", "attributes . `a b` . `2fa`.\"AND\".\"x\\u002ey\".'`' : *"]
    {
        assert_eq!(parse(given), Filter::Present { path: expected.clone() }, "{given}");
    }
    assert_eq!(canonical("attributes.\"a\".`b`=1"), "attributes.a.b = 1");
    assert_eq!(canonical("labels.`app.kubernetes.io/name`=x"), "labels.\"app.kubernetes.io/name\" = \"x\"");
}

#[test]
fn strings_have_escapes() {
    let text = |given: &str| match parse(&format!("name = {given}")) {
        Filter::Compare { value: Literal::Text(text), .. } => text,
        other => panic!("{other:?}"),
    };
    assert_eq!(text(r#""\"\\\n\t\u00e9'""#), "\"\\\n\té'");
    assert_eq!(text(r#"'\'"'"#), "'\"");
    assert_eq!(text(r#""\ud83d\ude00""#), "😀");
    assert_eq!(text("\"ünïcode\nline\""), "ünïcode\nline");
    assert_eq!(text(r#""""#), "");
}

#[test]
fn and_binds_tighter_than_or_and_not_tightest() {
    assert_eq!(parse("type=a OR type=b AND type=c"), parse("type=a OR (type=b AND type=c)"));
    assert_ne!(parse("type=a OR type=b AND type=c"), parse("(type=a OR type=b) AND type=c"));
    assert_eq!(parse("NOT type=a AND type=b"), parse("(NOT type=a) AND type=b"));
    assert_eq!(parse("-type=a AND -(type=b OR type=c)"), parse("NOT type=a AND NOT (type=b OR type=c)"));
    assert_eq!(parse("attributes.n=-1"), parse("attributes.n = -1"), "a minus before digits is a sign");
}

#[test]
fn one_text_for_what_differs_in_space_and_parentheses_alone() {
    let expected = "type = \"a\" OR name:\"b\" AND NOT (labels.c:* OR version = 1)";
    for given in [
        expected,
        "type=a OR(name:b AND -(labels:c OR version:1))",
        " ( ( type = 'a' ) ) OR ( name : 'b' AND NOT ( ( labels . c : * ) OR version = 1 ) ) ",
    ] {
        assert_eq!(canonical(given), expected, "{given}");
    }
    assert_eq!(canonical("type=a AND (type=b AND (type=c))"), "type = \"a\" AND type = \"b\" AND type = \"c\"");
    assert_eq!(canonical(""), "true");
}

#[test]
fn trees_made_by_hand_have_a_text_of_the_same_meaning() {
    let present = |name: &str| Filter::Present { path: attribute(name) };
    let odd = Filter::And(vec![
        Filter::Or(vec![]),
        Filter::And(vec![]),
        Filter::Or(vec![present("a")]),
        Filter::And(vec![present("b"), Filter::Or(vec![present("c"), present("d")])]),
    ]);
    assert_eq!(
        odd.canonical(),
        "false AND true AND attributes.a:* AND attributes.b:* AND (attributes.c:* OR attributes.d:*)"
    );
    assert_eq!(parse(&odd.canonical()), Filter::False);
}

#[test]
fn joining_simplifies() {
    let a = parse("type = a");
    let b = parse("type = b");
    assert_eq!(Filter::all([]), Filter::True);
    assert_eq!(Filter::any([]), Filter::False);
    assert_eq!(Filter::all([Filter::True, a.clone()]), a);
    assert_eq!(Filter::any([Filter::False, a.clone()]), a);
    assert_eq!(Filter::all([a.clone(), Filter::False]), Filter::False);
    assert_eq!(Filter::any([a.clone(), Filter::True]), Filter::True);
    assert_eq!(Filter::all([Filter::all([a.clone(), b.clone()]), a.clone()]), Filter::And(vec![a.clone(), b, a]));
}

#[test]
fn a_literal_is_json_too() {
    let value = |text: &str| match parse(text) {
        Filter::Compare { value, .. } => value.to_value(),
        other => panic!("{other:?}"),
    };
    assert_eq!(value("version = 3"), json!(3));
    assert_eq!(value("attributes.a = 1.5"), json!(1.5));
    assert_eq!(value(&format!("id = {ID}")), json!(ID));
    assert_eq!(value("created_at = '2025-01-10'"), Value::from("2025-01-10T00:00:00Z"));
}

#[test]
fn the_examples_of_the_documentation_are_filters() {
    let page = include_str!("../../../../../docs/filter.md");
    let examples = page.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block");
    assert!(examples.lines().count() > 5);
    examples.lines().for_each(|example| drop(parse(example)));
}
