//! Which resources a filter matches.

use admin_types::{Resource, ResourceId};

use super::*;

fn resource() -> Resource {
    serde_json::from_value(json!({
        "id": ID, "type": "workspace", "name": "Production Environment", "status": "active",
        "attributes": {
            "region": "eu", "empty": "", "nothing": null, "done": true, "seats": 9007199254740993_i64, "price": 1.5,
            "small": 2, "zero": -0.0, "tags": ["red", "blue", null, 7, true, ["deep"]],
            "address": {"city": "Oslo", "zip": null}, "when": "2025-01-10T10:30:00+02:00",
        },
        "labels": {"team": "core", "a b": ""}, "parent": null, "version": 3,
        "created_at": "2025-01-10T08:30:00Z", "updated_at": "2025-01-11T00:00:00Z",
    }))
    .expect("a resource")
}

fn check(expected: bool, filters: &[&str]) {
    let resource = resource();
    for text in filters {
        let filter = parse(text);
        assert_eq!(filter.matches(&resource, &NoRelated), expected, "{text}");
        assert_eq!(Filter::Not(Box::new(filter)).matches(&resource, &NoRelated), !expected, "NOT ({text})");
    }
}

#[test]
fn fixed_names() {
    check(
        true,
        &[
            "",
            "true",
            "type = workspace",
            "status = active",
            "status:active",
            "name = 'Production Environment'",
            "name:Env",
            "name:''",
            "name > Prod",
            "name < Q",
            "version = 3",
            "version < 4",
            "version >= 3",
            "id:*",
            "NOT parent:*",
            "parent = null",
            "created_at = '2025-01-10T10:30:00+02:00'",
            "created_at > '2025-01-10'",
            "updated_at <= '2025-01-11'",
            "updated_at:'2025-01-11'",
            "labels.team = core",
            "labels:team",
            "labels.team:or",
            "labels.\"a b\" = ''",
            "labels.`a b`:*",
            &format!("id = {ID}"),
            &format!("id != {OTHER}"),
        ],
    );
    check(
        false,
        &[
            "false",
            "type = Workspace",
            "name = production",
            "name:env",
            "status:activ",
            "type:work",
            "version > 3",
            "parent:*",
            "created_at > '2025-01-10T08:30:00Z'",
            "labels:other",
            "labels.other = ''",
            "labels.team:Core",
            &format!("id = {OTHER}"),
            &format!("parent = {ID}"),
            &format!("parent != {ID}"),
        ],
    );
}

#[test]
fn what_is_missing_or_null_matches_nothing_but_its_absence() {
    for name in ["none", "nothing", "address.zip", "address.none", "region.deeper", "tags.0", "labels.none"] {
        let path = if name.starts_with("labels") {
            name.to_owned()
        } else {
            format!("attributes.{}", name.replace(".0", ".`0`"))
        };
        for rest in ["= a", "!= a", "< a", "<= a", "> a", ">= a", ":a", ":*", "!= null"] {
            check(false, &[&format!("{path} {rest}")]);
        }
        check(true, &[&format!("{path} = null"), &format!("-{path}:*")]);
    }
    check(true, &["attributes.empty:*", "attributes.empty != null", "attributes.empty = ''", "attributes.address:*"]);
}

#[test]
fn values_of_different_kinds_differ_and_have_no_order() {
    for (path, other) in
        [("region", "1"), ("region", "true"), ("small", "'2'"), ("small", "true"), ("done", "1"), ("done", "'true'")]
    {
        check(true, &[&format!("attributes.{path} != {other}")]);
        check(false, &[&format!("attributes.{path} = {other}"), &format!("attributes.{path}:{other}")]);
    }
    check(
        false,
        &["attributes.region < 1", "attributes.region >= 1", "attributes.small < '3'", "attributes.small > '1'"],
    );
    check(true, &["attributes.done = true", "attributes.done != false", "attributes.done:true"]);
}

#[test]
fn numbers_compare_exactly() {
    check(
        true,
        &[
            "attributes.seats = 9007199254740993",
            "attributes.seats > 9007199254740992.0",
            "attributes.seats != 9007199254740992.0",
            "attributes.seats < 9007199254740994",
            "attributes.small = 2.0",
            "attributes.small:2.0",
            "attributes.small < 2.5",
            "attributes.small < 1e300",
            "attributes.price > 1",
            "attributes.price < 2",
            "attributes.zero = 0",
            "attributes.zero >= 0",
        ],
    );
    check(false, &["attributes.seats = 9007199254740992.0", "attributes.zero < 0", "attributes.small = 3"]);
}

#[test]
fn texts_compare_bytewise_and_never_as_times() {
    check(
        true,
        &[
            "attributes.region > EU",
            "attributes.region < f",
            "attributes.region:u",
            "attributes.region >= eu",
            "attributes.when != '2025-01-10T08:30:00Z'",
            "attributes.when > '2025-01-10'",
        ],
    );
    check(false, &["attributes.region = EU", "attributes.region:U", "attributes.when = '2025-01-10T08:30:00Z'"]);
}

#[test]
fn arrays_are_looked_into_by_has_alone() {
    check(
        true,
        &[
            "attributes.tags:red",
            "attributes.tags:7",
            "attributes.tags:7.0",
            "attributes.tags:true",
            "attributes.tags:*",
            "attributes.tags != red",
            "attributes.tags != x",
            "attributes.address != x",
        ],
    );
    check(
        false,
        &[
            "attributes.tags = red",
            "attributes.tags:re",
            "attributes.tags:deep",
            "attributes.tags > a",
            "attributes.tags < z",
            "attributes.tags:'7'",
            "attributes.address = Oslo",
            "attributes.address:Oslo",
            "attributes.address:city",
        ],
    );
}

#[test]
fn trees_made_by_hand_have_a_meaning_too() {
    let resource = resource();
    let compare = |path, op, value| Filter::Compare { path, op, value }.matches(&resource, &NoRelated);
    assert!(!compare(Path::Name, Comparison::Eq, Literal::Integer(1)));
    assert!(compare(Path::Name, Comparison::Ne, Literal::Integer(1)));
    assert!(!compare(Path::Parent, Comparison::Ne, Literal::Text("a".to_owned())));
    assert!(compare(Path::Version, Comparison::Lt, Literal::Number(3.5)));
    assert!(!compare(attribute("done"), Comparison::Le, Literal::Bool(true)));
    assert!(!compare(Path::Id, Comparison::Le, Literal::Id(resource.id)));
    assert!(
        Filter::Has { path: Path::Status, value: Literal::Text("active".to_owned()) }.matches(&resource, &NoRelated)
    );
    assert!(
        !Filter::Has { path: Path::Status, value: Literal::Text("activ".to_owned()) }.matches(&resource, &NoRelated)
    );
    assert!(Filter::And(vec![]).matches(&resource, &NoRelated) && !Filter::Or(vec![]).matches(&resource, &NoRelated));
}

#[test]
fn a_reference_to_itself_leads_to_the_state_in_question() {
    /// What is there now, while the state in question is another.
    struct Now(Resource);
    impl Related for Now {
        fn get(&self, id: ResourceId) -> Option<&Resource> {
            (id == self.0.id).then_some(&self.0)
        }
    }
    let mut past = resource();
    past.attributes.insert("self".to_owned(), json!(ID));
    let now = Now(Resource { name: "Another".to_owned(), ..past.clone() });
    let name_is = |name: &str| Filter::Of {
        path: Path::Attribute(vec!["self".to_owned()]),
        type_name: "workspace".to_owned(),
        filter: Box::new(Filter::Compare {
            path: Path::Name,
            op: Comparison::Eq,
            value: Literal::Text(name.to_owned()),
        }),
    };
    assert!(name_is("Production Environment").matches(&past, &now));
    assert!(!name_is("Another").matches(&past, &now));
    assert!(name_is("Production Environment").matches(&past, &NoRelated), "nothing else is asked for");
}
