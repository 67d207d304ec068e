//! Where the rows of a selection are to be found without a look at all of its types' rows: in a range of an index, among
//! those that refer to a resource, below one in the tree, or in any of several of these.

use admin_schema::filter::{Comparison, Filter, Literal, Path};
use admin_schema::key;
use admin_types::{OrgId, Prefix, ResourceId};
use serde_json::Value as Json;

use crate::predicate::Sql;
use crate::row::Value;

/// The most places that are looked into together.
const MAX_PLACES: usize = 50;

/// Rows that have something in common, by their ids.
#[derive(Clone, PartialEq, Debug)]
pub enum Place {
    /// A range of an index.
    Range(Range),
    /// What refers to a resource in a field.
    Links {
        /// The field, such as `owner`.
        field: String,
        /// The resource referred to.
        target: ResourceId,
    },
    /// What hangs below a resource, one level deep.
    Children(ResourceId),
    /// A resource and all below it.
    Tree(ResourceId),
    /// What is in one of several places.
    Any(Vec<Place>),
}

/// A range of an index.
#[derive(Clone, PartialEq, Debug)]
pub struct Range {
    /// The field's name in the index.
    pub field: String,
    /// The least key, and whether it belongs to the range.
    pub low: (Vec<u8>, bool),
    /// The greatest key, and whether it belongs to the range.
    pub high: (Vec<u8>, bool),
}

impl Range {
    /// The rows that have one value in a field.
    pub fn value(field: &str, value: &Json) -> Range {
        let bound = (key::encode(value).unwrap_or_default(), true);
        Range { field: field.to_owned(), low: bound.clone(), high: bound }
    }

    /// Whether it is of one value, so that its rows come in the order of their ids.
    pub fn is_one_value(&self) -> bool {
        self.low == self.high
    }
}

/// A place that holds every row of a selection, and maybe more.
#[derive(Clone, PartialEq, Debug)]
pub struct Driver {
    /// Where the rows are.
    pub place: Place,
    /// What must hold besides for each row there; [`Filter::True`] when the place is exactly the selection.
    pub rest: Filter,
}

/// What is known of the type that a list is of; of nothing, when it is of several.
pub struct Fields<'a> {
    /// Whether the index of a field, by its name there, is complete.
    pub is_indexed: &'a dyn Fn(&str) -> bool,
    /// The type that a field refers to, by its key, and whether the field is an array.
    pub refers_to: &'a dyn Fn(&str) -> Option<(&'a str, bool)>,
}

/// The best place for a filter: one in the order of ids before one that has to be gathered.
pub fn driver(filter: &Filter, fields: &Fields<'_>) -> Option<Driver> {
    let conditions = match filter {
        Filter::And(parts) => parts.as_slice(),
        one => std::slice::from_ref(one),
    };
    let places = conditions.iter().enumerate().filter_map(|(i, condition)| Some((i, place(condition, fields)?)));
    let (chosen, (place, exact)) = places.min_by_key(|(_, (place, _))| place.cost())?;
    let mut rest: Vec<Filter> = conditions.to_vec();
    if exact {
        rest.remove(chosen);
    }
    let rest = match rest.len() {
        0 => Filter::True,
        1 => rest.remove(0),
        _ => Filter::And(rest),
    };
    Some(Driver { place, rest })
}

/// A place that holds all rows that meet the condition, and whether it holds them alone.
fn place(filter: &Filter, fields: &Fields<'_>) -> Option<(Place, bool)> {
    match filter {
        Filter::And(_) => driver(filter, fields).map(|driver| (driver.place, driver.rest == Filter::True)),
        Filter::Or(parts) if (1..=MAX_PLACES).contains(&parts.len()) => {
            let parts: Vec<(Place, bool)> = parts.iter().map(|part| place(part, fields)).collect::<Option<_>>()?;
            let exact = parts.iter().all(|(_, exact)| *exact);
            Some((Place::Any(parts.into_iter().map(|(place, _)| place).collect()), exact))
        }
        Filter::Below { id } => Some((Place::Tree(*id), true)),
        // The row tells ids apart that differ in their prefix alone.
        Filter::Compare { path: Path::Parent, op: Comparison::Eq, value: Literal::Id(id) } => {
            Some((Place::Children(*id), false))
        }
        _ => {
            let range = range(filter).filter(|range| (fields.is_indexed)(&range.field)).map(Place::Range);
            range.or_else(|| links(filter, fields)).map(|place| (place, true))
        }
    }
}

fn links(filter: &Filter, fields: &Fields<'_>) -> Option<Place> {
    let (names, value, in_array) = match filter {
        Filter::Compare { path: Path::Attribute(names), op: Comparison::Eq, value } => (names, value, Some(false)),
        Filter::Element { path: Path::Attribute(names), value } => (names, value, Some(true)),
        // In a text, an id is a part of no other id.
        Filter::Has { path: Path::Attribute(names), value } => (names, value, None),
        _ => return None,
    };
    let field = names.join(".");
    let target = match value {
        Literal::Id(id) => *id,
        Literal::Text(text) => ResourceId::parse(text).filter(|id| id.to_string() == *text)?,
        _ => return None,
    };
    let (to, many) = (fields.refers_to)(&field)?;
    let told = Prefix::of_type(to) == target.prefix && in_array.is_none_or(|in_array| in_array == many);
    told.then_some(Place::Links { field, target })
}

fn range(filter: &Filter) -> Option<Range> {
    let (path, op, value) = match filter {
        Filter::Compare { path, op, value } => (path, *op, value),
        // On text, `has` is a substring; a range over an array's elements would not say which.
        Filter::Has {
            path: path @ Path::Attribute(_),
            value: value @ (Literal::Integer(_) | Literal::Number(_) | Literal::Bool(_)),
        }
        | Filter::Element { path: path @ Path::Attribute(_), value } => (path, Comparison::Eq, value),
        _ => return None,
    };
    let key = key::encode(&match value {
        Literal::Bool(value) => Json::Bool(*value),
        Literal::Integer(value) => Json::from(*value),
        Literal::Number(value) => Json::from(*value),
        Literal::Text(value) => Json::from(value.as_str()),
        Literal::Time(value) => Json::from(value.0),
        Literal::Id(value) => Json::from(value.to_string()),
    })?;
    // Keys of one kind of value begin with the same byte.
    let (least, most) = (vec![key[0]], vec![key[0] + 1]);
    let (low, high) = match op {
        Comparison::Eq => ((key.clone(), true), (key, true)),
        Comparison::Lt => ((least, true), (key, false)),
        Comparison::Le => ((least, true), (key, true)),
        Comparison::Gt => ((key, false), (most, false)),
        Comparison::Ge => ((key, true), (most, false)),
        Comparison::Ne => return None,
    };
    Some(Range { field: index_name(path)?, low, high })
}

/// The name under which a path stands in the index, if it can.
fn index_name(path: &Path) -> Option<String> {
    match path {
        Path::Name => Some("name".into()),
        Path::Status => Some("status".into()),
        Path::CreatedAt => Some("created_at".into()),
        Path::UpdatedAt => Some("updated_at".into()),
        Path::Attribute(segments) => Some(format!("attributes.{}", segments.join("."))),
        Path::Id | Path::Type | Path::Parent | Path::Version | Path::Label(_) => None,
    }
}

impl Place {
    /// Whether its rows come in the order of their ids.
    pub fn is_in_id_order(&self) -> bool {
        match self {
            Place::Range(range) => range.is_one_value(),
            Place::Links { .. } | Place::Children(_) => true,
            Place::Tree(_) | Place::Any(_) => false,
        }
    }

    /// The range of an index, if it is one.
    pub fn range(&self) -> Option<&Range> {
        match self {
            Place::Range(range) => Some(range),
            _ => None,
        }
    }

    /// Whether an index tells all that is to be known: its rows are live ones of the type.
    pub fn is_covered(&self) -> bool {
        match self {
            Place::Range(_) | Place::Links { .. } => true,
            Place::Any(places) => places.iter().all(Place::is_covered),
            Place::Children(_) | Place::Tree(_) => false,
        }
    }

    /// How many rows it is thought to have, against other places.
    fn cost(&self) -> u8 {
        match self {
            Place::Links { .. } | Place::Children(_) => 0,
            Place::Range(range) if range.is_one_value() => 1,
            Place::Tree(_) => 2,
            Place::Range(_) => 3,
            Place::Any(places) => places.iter().map(Place::cost).max().unwrap_or(0).max(2),
        }
    }
}

/// The tenant and the one type whose rows are looked for in an index.
#[derive(Clone, Copy)]
pub(crate) struct Of<'a> {
    pub(crate) org: OrgId,
    pub(crate) type_name: Option<&'a str>,
}

impl Of<'_> {
    /// Writes the table of a place as `d`, with the column `id`.
    pub(crate) fn table(self, sql: &mut Sql, place: &Place) {
        match place {
            Place::Range(_) => drop(sql.push("resource_index d")),
            Place::Links { .. } => drop(sql.push("resource_reference d")),
            Place::Children(_) => drop(sql.push("resource d")),
            Place::Tree(id) => {
                sql.push("(WITH RECURSIVE down(id) AS (SELECT top.id FROM resource top WHERE top.org_id = ");
                self.org(sql).push(" AND top.id = ").bind(Value::Bytes(id.bytes.to_vec()));
                sql.push(" AND ").push(&Sql::of_prefix("top", *id));
                sql.push(" UNION ALL SELECT below.id FROM down JOIN resource below ON below.org_id = ");
                self.org(sql).push(" AND below.parent = down.id) SELECT id FROM down) d");
            }
            Place::Any(places) => {
                for (i, place) in places.iter().enumerate() {
                    sql.push(if i == 0 { "(" } else { " UNION " }).push("SELECT d.id FROM ");
                    self.table(sql, place);
                    sql.push(" WHERE ");
                    self.rows(sql, place);
                }
                sql.push(") d");
            }
        }
    }

    /// Writes which rows of the table are in the place.
    pub(crate) fn rows(self, sql: &mut Sql, place: &Place) {
        match place {
            Place::Range(range) => {
                self.field(sql, &range.field);
                in_range(sql, range);
            }
            Place::Links { field, target } => {
                self.org(sql.push("d.org_id = ")).push(" AND d.target = ").bind(Value::Bytes(target.bytes.to_vec()));
                self.type_name(sql.push(" AND d.type = "));
                sql.push(" AND d.field = ").bind(Value::Text(field.clone()));
            }
            Place::Children(id) => {
                self.org(sql.push("d.org_id = ")).push(" AND d.parent = ").bind(Value::Bytes(id.bytes.to_vec()));
            }
            Place::Tree(_) | Place::Any(_) => drop(sql.push("TRUE")),
        }
    }

    /// Writes which rows of the index are of a field.
    pub(crate) fn field(self, sql: &mut Sql, field: &str) {
        self.org(sql.push("d.org_id = "));
        self.type_name(sql.push(" AND d.type = "));
        sql.push(" AND d.field = ").bind(Value::Text(field.to_owned()));
    }

    fn org(self, sql: &mut Sql) -> &mut Sql {
        sql.bind(Value::Bytes(self.org.0.to_vec()))
    }

    /// The type; none of several has a place by its fields.
    fn type_name(self, sql: &mut Sql) -> &mut Sql {
        sql.bind(Value::Text(self.type_name.unwrap_or_default().to_owned()))
    }
}

/// Writes which rows `d` of an index's field are in the range. One value is written as such: its rows then come in order.
pub(crate) fn in_range(sql: &mut Sql, range: &Range) {
    if range.is_one_value() {
        sql.push(" AND d.value = ").bind(Value::Bytes(range.low.0.clone()));
        return;
    }
    sql.push(if range.low.1 { " AND d.value >= " } else { " AND d.value > " }).bind(Value::Bytes(range.low.0.clone()));
    sql.push(if range.high.1 { " AND d.value <= " } else { " AND d.value < " })
        .bind(Value::Bytes(range.high.0.clone()));
}
