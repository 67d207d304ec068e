//! What holds for every text, every filter and every resource.

use admin_types::Resource;
use proptest::prelude::*;

use super::*;

fn texts() -> impl Strategy<Value = String> {
    prop_oneof!["[ab]{0,2}", "[a-z_-]{0,4}", "[^\0]{0,6}", Just("AND".to_owned()), Just("null".to_owned())]
}

fn literals() -> impl Strategy<Value = Literal> {
    prop_oneof![
        any::<bool>().prop_map(Literal::Bool),
        prop_oneof![-2i64..3, any::<i64>()].prop_map(Literal::Integer),
        prop_oneof![Just(1.0), Just(-0.5), prop::num::f64::NORMAL | prop::num::f64::ZERO].prop_map(Literal::Number),
        texts().prop_map(Literal::Text),
    ]
}

fn comparisons() -> impl Strategy<Value = Comparison> {
    use Comparison::{Eq, Ge, Gt, Le, Lt, Ne};
    prop::sample::select(vec![Eq, Ne, Lt, Le, Gt, Ge])
}

fn attributes() -> impl Strategy<Value = Path> {
    let names = prop::collection::vec(prop_oneof!["[a-c]", texts()], 1..3);
    prop_oneof!["[a-c]".prop_map(|name| Path::Attribute(vec![name])), names.prop_map(Path::Attribute)]
}

/// A comparison as the parser makes them: a boolean and an id have no order.
fn ordered(path: Path, op: Comparison, value: Literal) -> Filter {
    let unordered = matches!(value, Literal::Bool(_) | Literal::Id(_)) || matches!(path, Path::Type | Path::Status);
    let op = if unordered && op != Comparison::Eq { Comparison::Ne } else { op };
    Filter::Compare { path, op, value }
}

fn conditions() -> impl Strategy<Value = Filter> {
    let id = any::<[u8; 16]>().prop_map(|bytes| Literal::Id(ResourceId::of_row("workspace", bytes)));
    let time = (-62_135_596_800_000_000i64..253_402_300_799_000_000).prop_map(|at| Literal::Time(Timestamp(at)));
    let label = || texts().prop_map(Path::Label);
    let text_path = prop_oneof![Just(Path::Name), Just(Path::Type), Just(Path::Status), label()];
    let time_path = prop::sample::select(vec![Path::CreatedAt, Path::UpdatedAt]);
    let id_path = prop::sample::select(vec![Path::Id, Path::Parent]);
    let has_text = prop_oneof![Just(Path::Name), label()];
    prop_oneof![
        4 => (attributes(), comparisons(), literals()).prop_map(|(path, op, value)| ordered(path, op, value)),
        2 => (attributes(), literals()).prop_map(|(path, value)| Filter::Has { path, value }),
        1 => attributes().prop_map(|path| Filter::Present { path }),
        1 => (text_path, comparisons(), texts()).prop_map(|(path, op, text)| ordered(path, op, Literal::Text(text))),
        1 => (has_text, texts()).prop_map(|(path, text)| Filter::Has { path, value: Literal::Text(text) }),
        1 => (id_path, comparisons(), id).prop_map(|(path, op, id)| ordered(path, op, id)),
        1 => (time_path, comparisons(), time).prop_map(|(path, op, time)| ordered(path, op, time)),
        1 => (comparisons(), any::<i64>()).prop_map(|(op, at)| ordered(Path::Version, op, Literal::Integer(at))),
        1 => prop::sample::select(vec![Filter::True, Filter::False, Filter::Present { path: Path::Parent }]),
    ]
}

fn filters() -> impl Strategy<Value = Filter> {
    conditions().prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::all),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::any),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

fn values() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![Just(Value::Null), literals().prop_map(|literal| literal.to_value())];
    scalar.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-c]", inner, 0..3).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn resources() -> impl Strategy<Value = Resource> {
    let attributes = prop::collection::btree_map("[a-c]", values(), 0..4);
    let labels = prop::collection::btree_map(texts(), texts(), 0..3);
    (attributes, labels, texts(), any::<Option<[u8; 16]>>(), 0i64..3).prop_map(
        |(attributes, labels, name, parent, version)| Resource {
            id: ResourceId::of_row("workspace", [7; 16]),
            type_name: "workspace".to_owned(),
            name,
            status: "active".to_owned(),
            attributes: attributes.into_iter().collect(),
            labels,
            parent: parent.map(|bytes| ResourceId::of_row("workspace", bytes)),
            version,
            created_at: Timestamp(0),
            updated_at: Timestamp(1),
            deleted_at: None,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_canonical_text_reads_back(filter in filters()) {
        let text = filter.canonical();
        prop_assert_eq!(Filter::parse(&text, None).map_err(|error| error.to_string()), Ok(filter), "{}", text);
    }

    #[test]
    fn white_space_and_parentheses_do_not_count(filter in filters(), space in "[ \n\t]{1,3}") {
        let text = filter.canonical();
        let wide = format!("{space}({space}({text}){space}){space}");
        prop_assert_eq!(parse(&wide).canonical(), text);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,80}") {
        let _ = Filter::parse(&text, None);
    }

    #[test]
    fn no_row_of_words_makes_the_parser_panic(words in prop::collection::vec(prop::sample::select(vec![
        "(", ")", "AND", "OR", "NOT", "-", "attributes", ".", "a", "labels", ":", "*", "=", "!=", "<", "1", "-1", "1.5",
        "'a'", "\"b", "`c`", "null", "true", "id", "created_at", "\\", "é", " ",
    ]), 0..24)) {
        let text = words.concat();
        if let Ok(filter) = Filter::parse(&text, None) {
            prop_assert_eq!(parse(&filter.canonical()), filter);
        }
        let _ = Filter::parse(&words.join(" "), Some(&definition()));
    }

    #[test]
    fn not_is_the_contrary(filter in filters(), resource in resources()) {
        prop_assert_eq!(Filter::Not(Box::new(filter.clone())).matches(&resource, &NoRelated), !filter.matches(&resource, &NoRelated));
    }

    #[test]
    fn de_morgan(a in filters(), b in filters(), resource in resources()) {
        let not = |filter: &Filter| Filter::Not(Box::new(filter.clone()));
        let neither = not(&Filter::Or(vec![a.clone(), b.clone()]));
        let not_both = not(&Filter::And(vec![a.clone(), b.clone()]));
        prop_assert_eq!(neither.matches(&resource, &NoRelated), Filter::And(vec![not(&a), not(&b)]).matches(&resource, &NoRelated));
        prop_assert_eq!(not_both.matches(&resource, &NoRelated), Filter::Or(vec![not(&a), not(&b)]).matches(&resource, &NoRelated));
    }

    #[test]
    fn joining_does_not_change_the_meaning(parts in prop::collection::vec(filters(), 0..4), resource in resources()) {
        prop_assert_eq!(Filter::all(parts.clone()).matches(&resource, &NoRelated), Filter::And(parts.clone()).matches(&resource, &NoRelated));
        prop_assert_eq!(Filter::any(parts.clone()).matches(&resource, &NoRelated), Filter::Or(parts).matches(&resource, &NoRelated));
    }

    #[test]
    fn at_most_one_of_smaller_equal_greater(path in attributes(), value in literals(), resource in resources()) {
        let holds = |op| Filter::Compare { path: path.clone(), op, value: value.clone() }.matches(&resource, &NoRelated);
        let present = Filter::Present { path: path.clone() }.matches(&resource, &NoRelated);
        prop_assert_eq!(holds(Comparison::Ne), present && !holds(Comparison::Eq));
        prop_assert!([Comparison::Lt, Comparison::Eq, Comparison::Gt].into_iter().filter(|op| holds(*op)).count() <= 1);
        if !matches!(value, Literal::Bool(_)) {
            prop_assert_eq!(holds(Comparison::Le), holds(Comparison::Lt) || holds(Comparison::Eq));
            prop_assert_eq!(holds(Comparison::Ge), holds(Comparison::Gt) || holds(Comparison::Eq));
        }
    }
}
