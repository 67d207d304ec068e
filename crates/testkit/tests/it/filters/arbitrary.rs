//! Random resources, and random filters that have something to find among them.

use admin_schema::{Comparison, Filter, Literal, Path};
use admin_types::{Resource, ResourceId, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// What a field holds, and so what it may be compared with.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Kind {
    Text,
    Integer,
    Number,
    Boolean,
    Texts,
    Numbers,
    Any,
}

/// A field of the type `thing`: where it is, what it holds, whether it has an index.
pub(super) struct Field {
    pub(super) path: &'static [&'static str],
    pub(super) kind: Kind,
    pub(super) index: bool,
}

const fn field(path: &'static [&'static str], kind: Kind, index: bool) -> Field {
    Field { path, kind, index }
}

/// One of each kind, with an index and without.
pub(super) const FIELDS: &[Field] = &[
    field(&["text"], Kind::Text, true),
    field(&["note"], Kind::Text, false),
    field(&["count"], Kind::Integer, true),
    field(&["size"], Kind::Integer, false),
    field(&["price"], Kind::Number, true),
    field(&["weight"], Kind::Number, false),
    field(&["done"], Kind::Boolean, true),
    field(&["open"], Kind::Boolean, false),
    field(&["tags"], Kind::Texts, true),
    field(&["colours"], Kind::Texts, false),
    field(&["scores"], Kind::Numbers, true),
    field(&["marks"], Kind::Numbers, false),
    field(&["address", "city"], Kind::Text, true),
    field(&["address", "zip"], Kind::Integer, false),
    field(&["address", "geo", "height"], Kind::Number, true),
    field(&["ünï cödé"], Kind::Number, true),
    field(&["it's.a \"name\\"], Kind::Text, false),
    field(&["mixed"], Kind::Any, false),
];

const TEXTS: &[&str] = &[
    "",
    " ",
    "a",
    "A",
    "b",
    "ab",
    "B",
    "ä",
    "a\u{308}",
    "😀",
    "\u{FFFF}",
    "\u{10FFFF}",
    "\"",
    "'",
    "\\",
    "%",
    "_",
    "?",
    "$1",
    "a\nb",
    "\t",
    "\u{1}",
    "\u{7f}",
    "1",
    "10",
    "9",
    "true",
    "null",
    "AND",
    "res_01h455vb4pex5vsknk084sn02q",
];
const INTEGERS: &[i64] =
    &[i64::MIN, i64::MAX, i64::MAX - 1, 0, 1, -1, 1 << 53, (1 << 53) + 1, (1 << 53) - 1, -(1 << 53) - 1, 1 << 62];
const DOUBLES: &[f64] = &[
    0.1,
    -0.1,
    -0.0,
    0.0,
    0.5,
    1.0,
    1.5,
    1e300,
    -1e300,
    f64::MAX,
    f64::MIN,
    5e-324,
    -5e-324,
    f64::MIN_POSITIVE,
    1e22,
    1e23,
    9007199254740992.0,
    9007199254740994.0,
    4611686018427387904.0,
    9223372036854774784.0,
    9223372036854775808.0,
];

fn texts() -> BoxedStrategy<String> {
    prop_oneof![3 => select(TEXTS).prop_map(str::to_owned), 2 => "[ab]{0,3}", 1 => "[^\0]{0,6}"].boxed()
}

fn integers() -> BoxedStrategy<i64> {
    let near = (select(INTEGERS), -2i64..3).prop_map(|(edge, by)| edge.saturating_add(by));
    prop_oneof![-3i64..4, near, any::<i64>()].boxed()
}

fn doubles() -> BoxedStrategy<f64> {
    let any = prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL;
    let decimal = (-999i32..1000, 0u8..4).prop_map(|(digits, point)| f64::from(digits) / 10f64.powi(point.into()));
    prop_oneof![select(DOUBLES), decimal, any, integers().prop_map(|integer| integer as f64)].boxed()
}

fn numbers() -> BoxedStrategy<Value> {
    prop_oneof![integers().prop_map(Value::from), doubles().prop_map(Value::from)].boxed()
}

/// What an integer may be: `1.0` is one too, but none that rounds to more than 64 bits.
fn whole() -> BoxedStrategy<Value> {
    prop_oneof![4 => integers().prop_map(Value::from), 1 => integers().prop_map(|integer| json!((integer / 2) as f64))]
        .boxed()
}

fn values(kind: Kind) -> BoxedStrategy<Value> {
    let text = || texts().prop_map(Value::from).boxed();
    let many = |one: BoxedStrategy<Value>| prop::collection::vec(one, 0..4).prop_map(Value::from).boxed();
    match kind {
        Kind::Text => text(),
        Kind::Integer => whole(),
        Kind::Number => numbers(),
        Kind::Boolean => any::<bool>().prop_map(Value::from).boxed(),
        Kind::Texts => many(text()),
        Kind::Numbers => many(numbers()),
        Kind::Any => {
            let scalar = prop_oneof![text(), numbers(), any::<bool>().prop_map(Value::from), Just(Value::Null)];
            let object = prop::collection::btree_map("[ab]", scalar.clone(), 0..3);
            let object = object.prop_map(|map| Value::Object(map.into_iter().collect()));
            let nested = prop_oneof![scalar.clone(), object.clone()];
            prop_oneof![3 => scalar, 2 => prop::collection::vec(nested, 0..4).prop_map(Value::from), 1 => object]
                .boxed()
        }
    }
}

fn put(attributes: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [name] => drop(attributes.insert((*name).to_owned(), value)),
        [name, rest @ ..] => {
            let inner = attributes.entry(*name).or_insert_with(|| json!({}));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// A resource as it is sent; each field is there, null or missing.
pub(super) fn resources(parents: Vec<String>) -> BoxedStrategy<Value> {
    let fields: Vec<_> = FIELDS
        .iter()
        .map(|field| prop_oneof![6 => values(field.kind).prop_map(Some), 1 => Just(Some(Value::Null)), 3 => Just(None)])
        .collect();
    let name =
        prop_oneof![select(vec!["a", "A", "ab", "ä", "😀 \"it's\" 100%_\\"]).prop_map(str::to_owned), "[ab]{1,3}"];
    let status = select(vec!["active", "paused", "archived"]);
    let key = select(vec!["team", "app.kubernetes.io/name", "2"]).prop_map(str::to_owned);
    let labels = prop::collection::btree_map(key, texts(), 0..3);
    let parent = if parents.is_empty() { Just(None).boxed() } else { prop::option::of(select(parents)).boxed() };
    (name, status, labels, parent, fields)
        .prop_map(|(name, status, labels, parent, fields)| {
            let mut attributes = Map::new();
            for (field, value) in FIELDS.iter().zip(fields) {
                if let Some(value) = value {
                    put(&mut attributes, field.path, value);
                }
            }
            json!({"name": name, "status": status, "labels": labels, "parent": parent, "attributes": attributes})
        })
        .boxed()
}

/// The values that stand in resources, by kind: what filters look for half of the time.
pub(super) struct Pool {
    texts: Vec<String>,
    numbers: Vec<Literal>,
    times: Vec<Timestamp>,
    ids: Vec<ResourceId>,
}

impl Pool {
    pub(super) fn of(resources: &[Resource]) -> Pool {
        let mut pool = Pool { texts: vec![], numbers: vec![], times: vec![], ids: vec![] };
        for resource in resources {
            resource.attributes.values().for_each(|value| pool.add(value));
            pool.texts.extend(resource.labels.values().cloned());
            pool.texts.push(resource.name.clone());
            pool.times.extend([resource.created_at, resource.updated_at]);
            pool.ids.extend(resource.parent);
            pool.ids.push(resource.id);
        }
        pool
    }

    fn add(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.texts.push(text.clone()),
            Value::Number(number) => self.numbers.push(match number.as_i64() {
                Some(integer) => Literal::Integer(integer),
                None => Literal::Number(number.as_f64().expect("a double")),
            }),
            Value::Array(values) => values.iter().for_each(|value| self.add(value)),
            Value::Object(values) => values.values().for_each(|value| self.add(value)),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn text(&self) -> BoxedStrategy<Literal> {
        prop_oneof![select(self.texts.clone()), texts()].prop_map(Literal::Text).boxed()
    }

    /// A part of a text that is there.
    fn part(&self) -> BoxedStrategy<Literal> {
        let part = (select(self.texts.clone()), 0usize..4, 0usize..4);
        part.prop_map(|(text, from, length)| Literal::Text(text.chars().skip(from).take(length).collect())).boxed()
    }

    fn number(&self) -> BoxedStrategy<Literal> {
        let random = prop_oneof![integers().prop_map(Literal::Integer), doubles().prop_map(Literal::Number)];
        prop_oneof![select(self.numbers.clone()), random].boxed()
    }

    /// A time that is there, or one right beside it.
    fn time(&self) -> BoxedStrategy<Literal> {
        (select(self.times.clone()), -1i64..2).prop_map(|(at, by)| Literal::Time(Timestamp(at.0 + by))).boxed()
    }

    /// An id that is there, now and then under the prefix of another kind of resource.
    fn id(&self) -> BoxedStrategy<Literal> {
        let type_name = prop_oneof![9 => Just("thing"), 1 => Just("user")];
        (select(self.ids.clone()), type_name)
            .prop_map(|(id, type_name)| Literal::Id(ResourceId::of_row(type_name, id.bytes)))
            .boxed()
    }
}

const ALL: [Comparison; 6] =
    [Comparison::Eq, Comparison::Ne, Comparison::Lt, Comparison::Le, Comparison::Gt, Comparison::Ge];

fn compare(path: Path, ops: &'static [Comparison], value: BoxedStrategy<Literal>) -> BoxedStrategy<Filter> {
    (select(ops), value).prop_map(move |(op, value)| Filter::Compare { path: path.clone(), op, value }).boxed()
}

fn has(path: Path, value: BoxedStrategy<Literal>) -> BoxedStrategy<Filter> {
    value.prop_map(move |value| Filter::Has { path: path.clone(), value }).boxed()
}

fn on_field(pool: &Pool, path: &[&str], kind: Kind) -> BoxedStrategy<Filter> {
    let path = Path::Attribute(path.iter().map(|name| (*name).to_owned()).collect());
    let flag = || any::<bool>().prop_map(Literal::Bool).boxed();
    let on = |ops, value: BoxedStrategy<Literal>| compare(path.clone(), ops, value);
    let present = Just(Filter::Present { path: path.clone() });
    let text = || prop_oneof![3 => on(&ALL, pool.text()), 2 => has(path.clone(), pool.part())];
    let number = || prop_oneof![5 => on(&ALL, pool.number()), 1 => has(path.clone(), pool.number())];
    let boolean = || prop_oneof![on(&ALL[..2], flag()), has(path.clone(), flag())];
    let condition = match kind {
        Kind::Text => text().boxed(),
        Kind::Integer | Kind::Number => number().boxed(),
        Kind::Boolean => boolean().boxed(),
        Kind::Texts => has(path.clone(), pool.text()),
        Kind::Numbers => has(path.clone(), pool.number()),
        Kind::Any => prop_oneof![text(), number(), boolean(), has(path.clone(), pool.text())].boxed(),
    };
    prop_oneof![6 => condition, 1 => present].boxed()
}

fn on_core(pool: &Pool) -> BoxedStrategy<Filter> {
    let word = |words: &'static [&'static str]| select(words).prop_map(|word| Literal::Text(word.to_owned())).boxed();
    let label =
        select(vec!["team", "app.kubernetes.io/name", "2", "no \"such\\"]).prop_map(|key| Path::Label(key.into()));
    let (text, part) = (pool.text(), pool.part());
    let on_label = label.prop_flat_map(move |path| {
        let present = Just(Filter::Present { path: path.clone() });
        prop_oneof![compare(path.clone(), &ALL, text.clone()), has(path, part.clone()), present]
    });
    let version = (0i64..4).prop_map(Literal::Integer).boxed();
    prop_oneof![
        compare(Path::Name, &ALL, pool.text()),
        has(Path::Name, pool.part()),
        compare(Path::Status, &ALL[..2], word(&["active", "paused", "archived", "Active", ""])),
        compare(Path::Type, &ALL[..2], word(&["thing", "gadget", "user"])),
        compare(Path::Id, &ALL[..2], pool.id()),
        compare(Path::Parent, &ALL[..2], pool.id()),
        select(vec![Path::Parent, Path::Id, Path::Name, Path::CreatedAt]).prop_map(|path| Filter::Present { path }),
        compare(Path::Version, &ALL, version),
        compare(Path::CreatedAt, &ALL, pool.time()),
        compare(Path::UpdatedAt, &ALL, pool.time()),
        on_label,
    ]
    .boxed()
}

fn nested(condition: BoxedStrategy<Filter>) -> BoxedStrategy<Filter> {
    let tree = condition.prop_recursive(4, 10, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::all),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::any),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    });
    tree.boxed()
}

/// Filters for a list of things, whose fields are known.
pub(super) fn filters(pool: &Pool) -> BoxedStrategy<Filter> {
    let fields: Vec<_> = FIELDS.iter().map(|field| on_field(pool, field.path, field.kind)).collect();
    nested(prop_oneof![3 => proptest::strategy::Union::new(fields), 1 => on_core(pool)].boxed())
}

/// Filters for a list of several types: any attribute may be compared with anything.
pub(super) fn untyped_filters(pool: &Pool) -> BoxedStrategy<Filter> {
    let odd: &[&[&str]] = &[&["mixed", "a"], &["mixed", "0"], &["address"], &["nowhere", "at", "all"], &["text", "x"]];
    let paths = FIELDS.iter().map(|field| field.path).chain(odd.iter().copied());
    let fields: Vec<_> = paths.map(|path| on_field(pool, path, Kind::Any)).collect();
    nested(prop_oneof![3 => proptest::strategy::Union::new(fields), 1 => on_core(pool)].boxed())
}
