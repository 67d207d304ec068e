//! A [`Filter`] as SQL over the row `r` of `resource`. Every leaf is two-valued: it is true or false, never NULL, so
//! that NOT means the same in SQL as in memory. What a reference leads to is the row `r1`, and so on.

mod related;

use std::cmp::Ordering;

use admin_schema::filter::{Comparison, Filter, Literal, Path};
use admin_types::{ResourceId, Result};

use crate::dialect::Json;
use crate::row::{Arg, Value};

/// A statement under construction: text and parameters, numbered as they come.
#[derive(Clone, Debug)]
pub(crate) struct Sql {
    pub(crate) text: String,
    pub(crate) args: Vec<Value>,
    json: Json,
    /// How many references lie between the row that the list is of and the one that is looked at.
    level: usize,
}

impl Sql {
    pub(crate) fn new(json: Json) -> Sql {
        Sql { text: String::new(), args: vec![], json, level: 0 }
    }

    pub(crate) fn push(&mut self, text: &str) -> &mut Sql {
        self.text.push_str(text);
        self
    }

    /// Adds a parameter and writes its number.
    pub(crate) fn bind(&mut self, value: Value) -> &mut Sql {
        let placeholder = self.placeholder(value);
        self.push(&placeholder)
    }

    fn placeholder(&mut self, value: Value) -> String {
        self.args.push(value);
        format!("${}", self.args.len())
    }

    pub(crate) fn args(&self) -> Vec<Arg<'_>> {
        self.args.iter().map(Value::arg).collect()
    }

    /// Writes the filter as a condition.
    pub(crate) fn filter(&mut self, filter: &Filter) -> Result<&mut Sql> {
        match filter {
            Filter::True => Ok(self.push("TRUE")),
            Filter::False => Ok(self.push("FALSE")),
            Filter::And(parts) => self.join(parts, " AND ", "TRUE"),
            Filter::Or(parts) => self.join(parts, " OR ", "FALSE"),
            Filter::Not(inner) => {
                self.push("NOT (").filter(inner)?;
                Ok(self.push(")"))
            }
            Filter::Compare { path, op, value } => self.compare(path, *op, value),
            Filter::Has { path, value } => self.has(path, value),
            Filter::Present { path } => self.present(path),
            Filter::Like { path, pattern } => Ok(self.like(path, pattern)),
            Filter::Element { path, value } => Ok(self.element(path, value)),
            Filter::Below { id } => Ok(self.below(*id)),
            Filter::Of { path, type_name, filter } => self.of(path, type_name, filter),
        }
    }

    /// The row that is looked at.
    fn row(&self) -> String {
        if self.level == 0 { "r".to_owned() } else { format!("r{}", self.level) }
    }

    /// Its document, parsed (PostgreSQL).
    fn parsed(&self) -> String {
        self.row().replacen('r', "x", 1)
    }

    /// Writes the row of `resource` into a FROM. PostgreSQL parses the document once for each row, as `x.j`, however
    /// often the filter asks for it; `OFFSET 0` keeps the planner from undoing that.
    pub(crate) fn resource_row(&mut self, filter: &Filter) -> &mut Sql {
        let (row, parsed) = (self.row(), self.parsed());
        self.push(&format!("resource {row}"));
        if self.json == Json::Postgres && reads_document(filter) {
            self.push(&format!(" CROSS JOIN LATERAL (SELECT CAST({row}.document AS JSONB) AS j OFFSET 0) {parsed}"));
        }
        self
    }

    /// In halves, so that many parts do not nest deeply: SQLite bounds the depth of an expression.
    fn join(&mut self, parts: &[Filter], word: &str, empty: &str) -> Result<&mut Sql> {
        match parts {
            [] => Ok(self.push(empty)),
            [one] => self.filter(one),
            parts => {
                let (left, right) = parts.split_at(parts.len() / 2);
                self.push("(").join(left, word, empty)?;
                self.push(word).join(right, word, empty)?;
                Ok(self.push(")"))
            }
        }
    }

    fn compare(&mut self, path: &Path, op: Comparison, value: &Literal) -> Result<&mut Sql> {
        let condition = match (path, value) {
            (Path::Id, Literal::Id(id)) => self.compare_id("id", op, *id),
            (Path::Parent, Literal::Id(id)) => self.compare_id("parent", op, *id),
            _ => match (column(path, value), json_keys(path)) {
                (Some((column, value)), _) => {
                    format!("{}.{column} {} {}", self.row(), operator(op), self.placeholder(value))
                }
                (None, Some(keys)) => {
                    let place = self.place(&keys);
                    self.compare_present(&place, op, value)
                }
                (None, None) => "FALSE".to_owned(),
            },
        };
        Ok(self.push(&condition))
    }

    /// The 16 bytes find the row; the text in the document tells ids apart that differ in their prefix alone.
    fn compare_id(&mut self, key: &str, op: Comparison, id: ResourceId) -> String {
        let bytes = self.placeholder(Value::Bytes(id.bytes.to_vec()));
        let text = self.placeholder(Value::Text(id.to_string()));
        let row = self.row();
        let written = match self.json {
            Json::Sqlite => format!("json_extract({row}.document, '$.{key}')"),
            Json::Postgres => format!("(CAST({row}.document AS JSON) ->> '{key}')"),
        };
        let equal = format!("({row}.{key} IS NOT NULL AND {row}.{key} = {bytes} AND {written} = {text})");
        match op {
            Comparison::Eq => equal,
            Comparison::Ne => format!("({row}.{key} IS NOT NULL AND NOT {equal})"),
            // Ids have no order.
            _ => "FALSE".to_owned(),
        }
    }

    fn compare_present(&mut self, place: &Place, op: Comparison, value: &Literal) -> String {
        match op {
            Comparison::Ne => {
                let equal = self.json_compare(place, Comparison::Eq, value);
                format!("({} AND NOT {equal})", place.is_present())
            }
            _ => self.json_compare(place, op, value),
        }
    }

    fn has(&mut self, path: &Path, value: &Literal) -> Result<&mut Sql> {
        if let Path::Name = path
            && let Literal::Text(text) = value
        {
            let placeholder = self.placeholder(Value::Text(text.clone()));
            let condition = self.contains(&format!("{}.name", self.row()), &placeholder);
            return Ok(self.push(&condition));
        }
        let Some(keys) = json_keys(path) else { return self.compare(path, Comparison::Eq, value) };
        let place = self.place(&keys);
        let (elements, element) = place.elements();
        let inside = self.json_compare(&element, Comparison::Eq, value);
        let otherwise = match value {
            Literal::Text(text) => {
                let text = self.placeholder(Value::Text(text.clone()));
                format!("{} AND {}", place.is_text(), self.contains(&place.text, &text))
            }
            _ => self.json_compare(&place, Comparison::Eq, value),
        };
        let any = format!("EXISTS (SELECT 1 FROM {elements} WHERE {inside})");
        Ok(self.push(&format!("COALESCE(CASE {} WHEN 'array' THEN {any} ELSE {otherwise} END, FALSE)", place.kind)))
    }

    fn present(&mut self, path: &Path) -> Result<&mut Sql> {
        match (path, json_keys(path)) {
            (Path::Parent, _) => {
                let row = self.row();
                Ok(self.push(&format!("{row}.parent IS NOT NULL")))
            }
            (_, None) => Ok(self.push("TRUE")),
            (_, Some(keys)) => {
                let present = self.place(&keys).is_present();
                Ok(self.push(&present))
            }
        }
    }

    fn contains(&self, text: &str, part: &str) -> String {
        match self.json {
            Json::Sqlite => format!("(instr({text}, {part}) > 0)"),
            Json::Postgres => format!("(strpos({text}, {part}) > 0)"),
        }
    }

    fn json_compare(&mut self, place: &Place, op: Comparison, value: &Literal) -> String {
        let kind = &place.kind;
        let condition = match (self.json, value) {
            (Json::Sqlite, Literal::Bool(flag)) => format!("{kind} = '{flag}'"),
            (Json::Postgres, Literal::Bool(flag)) => format!("{kind} = 'boolean' AND {} = '{flag}'", place.text),
            (Json::Sqlite, Literal::Integer(value)) => self.sqlite_number(place, op, Value::Int(*value)),
            (Json::Sqlite, Literal::Number(value)) => self.sqlite_number(place, op, Value::Float(*value)),
            (Json::Postgres, Literal::Integer(_) | Literal::Number(_)) => self.postgres_number(place, op, value),
            (_, Literal::Text(text)) => self.json_text(place, op, text),
            (_, Literal::Id(id)) => self.json_text(place, op, &id.to_string()),
            (_, Literal::Time(time)) => self.json_text(place, op, &time.to_string()),
        };
        format!("COALESCE({condition}, FALSE)")
    }

    fn sqlite_number(&mut self, place: &Place, op: Comparison, number: Value) -> String {
        let number = self.placeholder(number);
        format!("{} IN ('integer', 'real') AND {} {} {number}", place.kind, place.text, operator(op))
    }

    /// PostgreSQL has no exact comparison of doubles with integers. Up to 2^53 the shortest decimals are in the order of
    /// the doubles. Beyond, a number of a document is a double if its text has a point or an exponent, and an integer if
    /// not: each is compared with what the literal is among its kind.
    fn postgres_number(&mut self, place: &Place, op: Comparison, literal: &Literal) -> String {
        let (double, beside) = match literal {
            Literal::Integer(integer) => nearest(*integer),
            Literal::Number(double) => (*double, Ordering::Equal),
            _ => return "FALSE".to_owned(),
        };
        let exact = match literal {
            // All digits: the shortest text of a double this large stands for other integers too.
            Literal::Number(double) if double.fract() == 0.0 => format!("{double:.0}"),
            Literal::Number(double) => double.to_string(),
            other => other.to_value().to_string(),
        };
        let exact = format!("CAST(CAST({} AS TEXT) AS NUMERIC)", self.placeholder(Value::Text(exact)));
        let (raw, operator) = (&place.raw, operator(op));
        let of_double = match of_double(op, beside) {
            Some(op) => {
                let double = self.placeholder(Value::Float(double));
                format!("CAST({raw} AS DOUBLE PRECISION) {op} CAST({double} AS DOUBLE PRECISION)")
            }
            None => "FALSE".to_owned(),
        };
        let number = format!("CAST({} AS NUMERIC)", place.text);
        let small = format!("WHEN ABS({number}) <= 9007199254740992 THEN {number} {operator} {exact}");
        let large = format!("WHEN {raw} ~ '[.eE]' THEN {of_double} ELSE CAST({raw} AS NUMERIC) {operator} {exact}");
        format!("CASE {} WHEN 'number' THEN CASE {small} {large} END ELSE FALSE END", place.kind)
    }

    fn json_text(&mut self, place: &Place, op: Comparison, text: &str) -> String {
        let text = self.placeholder(Value::Text(text.to_owned()));
        let (is_text, value, op) = (place.is_text(), &place.text, operator(op));
        match self.json {
            Json::Sqlite => format!("{is_text} AND {value} {op} {text}"),
            Json::Postgres => format!("{is_text} AND {value} COLLATE \"C\" {op} {text}"),
        }
    }

    /// A place inside the document.
    fn place(&mut self, keys: &[&str]) -> Place {
        let (row, parsed) = (self.row(), self.parsed());
        match self.json {
            Json::Sqlite => {
                // A key in a path is quoted and escaped as a string of JSON is.
                let path: String = keys.iter().map(|key| format!(".{}", serde_json::Value::from(*key))).collect();
                let path = self.placeholder(Value::Text(format!("${path}")));
                Place {
                    json: self.json,
                    kind: format!("json_type({row}.document, {path})"),
                    text: format!("json_extract({row}.document, {path})"),
                    raw: String::new(),
                    elements: format!("json_each({row}.document, {path}) e"),
                }
            }
            Json::Postgres => {
                let keys: Vec<String> =
                    keys.iter().map(|key| self.placeholder(Value::Text((*key).to_owned()))).collect();
                let path: String = keys.iter().map(|key| format!(" -> CAST({key} AS TEXT)")).collect();
                Place {
                    json: self.json,
                    kind: format!("jsonb_typeof({parsed}.j{path})"),
                    text: format!("({parsed}.j{path} #>> '{{}}')"),
                    raw: format!("(CAST({row}.document AS JSON){path} #>> '{{}}')"),
                    // JSON and not JSONB, which would make one decimal of integers and doubles.
                    elements: format!("json_array_elements(CAST({row}.document AS JSON){path}) e"),
                }
            }
        }
    }
}

/// Where a value is in a document, and how to ask for it.
struct Place {
    json: Json,
    /// The value's JSON type; NULL when there is none.
    kind: String,
    /// The value: on PostgreSQL its text.
    text: String,
    /// A number as the document writes it; PostgreSQL's JSONB has another text for it.
    raw: String,
    /// The rows `e` of its elements, when it is an array.
    elements: String,
}

impl Place {
    fn is_present(&self) -> String {
        format!("COALESCE({} <> 'null', FALSE)", self.kind)
    }

    fn is_text(&self) -> String {
        match self.json {
            Json::Sqlite => format!("{} = 'text'", self.kind),
            Json::Postgres => format!("{} = 'string'", self.kind),
        }
    }

    /// The rows of an array's elements, and the place of one.
    fn elements(&self) -> (&str, Place) {
        let (kind, text) = match self.json {
            Json::Sqlite => ("e.type", "e.atom"),
            Json::Postgres => ("json_typeof(e.value)", "(e.value #>> '{}')"),
        };
        let (kind, text) = (kind.to_owned(), text.to_owned());
        (&self.elements, Place { json: self.json, kind, raw: text.clone(), text, elements: String::new() })
    }
}

/// Whether the filter as SQL asks for values inside the document.
fn reads_document(filter: &Filter) -> bool {
    match filter {
        Filter::True | Filter::False | Filter::Below { .. } | Filter::Of { .. } => false,
        Filter::And(parts) | Filter::Or(parts) => parts.iter().any(reads_document),
        Filter::Not(inner) => reads_document(inner),
        Filter::Compare { path, .. }
        | Filter::Has { path, .. }
        | Filter::Present { path }
        | Filter::Like { path, .. }
        | Filter::Element { path, .. } => json_keys(path).is_some(),
    }
}

/// The nearest double of an integer, and on which side of that double the integer is.
fn nearest(integer: i64) -> (f64, Ordering) {
    let double = integer as f64;
    (double, i128::from(integer).cmp(&(double as i128)))
}

/// How a double that `op` compares with an integer compares with the integer's nearest double, when the integer is
/// `beside` that one; `None` for never.
fn of_double(op: Comparison, beside: Ordering) -> Option<&'static str> {
    let op = match (op, beside) {
        (op, Ordering::Equal) => op,
        // The callers write `<>` as NOT `=`.
        (Comparison::Eq | Comparison::Ne, _) => return None,
        (Comparison::Lt | Comparison::Le, Ordering::Greater) => Comparison::Le,
        (Comparison::Lt | Comparison::Le, Ordering::Less) => Comparison::Lt,
        (Comparison::Gt | Comparison::Ge, Ordering::Greater) => Comparison::Gt,
        (Comparison::Gt | Comparison::Ge, Ordering::Less) => Comparison::Ge,
    };
    Some(operator(op))
}

fn operator(op: Comparison) -> &'static str {
    match op {
        Comparison::Eq => "=",
        Comparison::Ne => "<>",
        Comparison::Lt => "<",
        Comparison::Le => "<=",
        Comparison::Gt => ">",
        Comparison::Ge => ">=",
    }
}

/// The column that holds a path, and the literal as it is compared there.
fn column(path: &Path, value: &Literal) -> Option<(&'static str, Value)> {
    Some(match (path, value) {
        (Path::Type, Literal::Text(text)) => ("type", Value::Text(text.clone())),
        (Path::Name, Literal::Text(text)) => ("name", Value::Text(text.clone())),
        (Path::Status, Literal::Text(text)) => ("status", Value::Text(text.clone())),
        (Path::Version, Literal::Integer(n)) => ("version", Value::Int(*n)),
        (Path::CreatedAt, Literal::Time(at)) => ("created_at", Value::Int(at.0)),
        (Path::UpdatedAt, Literal::Time(at)) => ("updated_at", Value::Int(at.0)),
        _ => return None,
    })
}

/// The keys that lead to a path inside the document; `None` for what has a column.
fn json_keys(path: &Path) -> Option<Vec<&str>> {
    match path {
        Path::Attribute(segments) => {
            Some(std::iter::once("attributes").chain(segments.iter().map(String::as_str)).collect())
        }
        Path::Label(key) => Some(vec!["labels", key]),
        _ => None,
    }
}
