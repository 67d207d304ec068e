//! A [`Filter`] as SQL over the row `r` of `resource`. Every leaf is two-valued: it is true or false, never NULL, so
//! that NOT means the same in SQL as in memory.

use admin_schema::filter::{Comparison, Filter, Literal, Path};
use admin_types::Result;

use crate::dialect::Json;
use crate::row::{Arg, Value};

/// A statement under construction: text and parameters, numbered as they come.
#[derive(Clone, Debug)]
pub(crate) struct Sql {
    pub(crate) text: String,
    pub(crate) args: Vec<Value>,
    json: Json,
}

impl Sql {
    pub(crate) fn new(json: Json) -> Sql {
        Sql { text: String::new(), args: vec![], json }
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
        }
    }

    fn join(&mut self, parts: &[Filter], word: &str, empty: &str) -> Result<&mut Sql> {
        if parts.is_empty() {
            return Ok(self.push(empty));
        }
        for (i, part) in parts.iter().enumerate() {
            self.push(if i == 0 { "(" } else { word }).filter(part)?;
        }
        Ok(self.push(")"))
    }

    fn compare(&mut self, path: &Path, op: Comparison, value: &Literal) -> Result<&mut Sql> {
        if let Some((column, value)) = column(path, value) {
            // `parent` alone may be NULL.
            let placeholder = self.placeholder(value);
            return Ok(self.push(&format!("COALESCE({column} {} {placeholder}, FALSE)", operator(op))));
        }
        let Some(keys) = json_keys(path) else { return Ok(self.push("FALSE")) };
        let place = self.place(&keys);
        if op == Comparison::Ne {
            let (present, equal) = (self.is_present(&place), self.json_compare(&place, Comparison::Eq, value));
            return Ok(self.push(&format!("({present} AND NOT {equal})")));
        }
        let condition = self.json_compare(&place, op, value);
        Ok(self.push(&condition))
    }

    fn has(&mut self, path: &Path, value: &Literal) -> Result<&mut Sql> {
        if let Path::Name = path
            && let Literal::Text(text) = value
        {
            let placeholder = self.placeholder(Value::Text(text.clone()));
            let condition = self.contains("r.name", &placeholder);
            return Ok(self.push(&condition));
        }
        let Some(keys) = json_keys(path) else { return self.compare(path, Comparison::Eq, value) };
        let place = self.place(&keys);
        // Parameters are numbered as they come, so each condition is written in the order of its place in the text.
        let (array, otherwise) = match value {
            Literal::Text(text) => {
                let text = self.placeholder(Value::Text(text.clone()));
                let array = match self.json {
                    Json::Sqlite => place.any(&format!("e.type = 'text' AND e.atom = {text}")),
                    Json::Postgres => format!("{} @> to_jsonb(CAST({text} AS TEXT))", place.value),
                };
                let (kind, inside) = (place.kind(), self.contains(&place.text(), &text));
                (array, format!("CASE {kind} WHEN '{}' THEN {inside} ELSE FALSE END", self.text_kind()))
            }
            Literal::Bool(flag) => {
                let array = match self.json {
                    Json::Sqlite => place.any(&format!("e.type = '{flag}'")),
                    Json::Postgres => format!("{} @> '{flag}'::jsonb", place.value),
                };
                (array, self.json_compare(&place, Comparison::Eq, value))
            }
            number => {
                let placeholder = self.number(number);
                let array = match self.json {
                    Json::Sqlite => place.any(&format!("e.type IN ('integer', 'real') AND e.atom = {placeholder}")),
                    Json::Postgres => format!("{} @> to_jsonb({placeholder})", place.value),
                };
                (array, self.json_compare(&place, Comparison::Eq, number))
            }
        };
        let condition = format!("CASE {} WHEN 'array' THEN {array} ELSE {otherwise} END", place.kind());
        Ok(self.push(&format!("COALESCE({condition}, FALSE)")))
    }

    /// What the database calls the JSON type of a text.
    fn text_kind(&self) -> &'static str {
        match self.json {
            Json::Sqlite => "text",
            Json::Postgres => "string",
        }
    }

    fn present(&mut self, path: &Path) -> Result<&mut Sql> {
        match path {
            Path::Parent => Ok(self.push("r.parent IS NOT NULL")),
            _ => match json_keys(path) {
                None => Ok(self.push("TRUE")),
                Some(keys) => {
                    let place = self.place(&keys);
                    let present = self.is_present(&place);
                    Ok(self.push(&present))
                }
            },
        }
    }

    fn contains(&self, text: &str, part: &str) -> String {
        match self.json {
            Json::Sqlite => format!("(instr({text}, {part}) > 0)"),
            Json::Postgres => format!("(strpos({text}, {part}) > 0)"),
        }
    }

    fn is_present(&self, place: &Place) -> String {
        format!("COALESCE({} <> 'null', FALSE)", place.kind())
    }

    /// A number as a parameter. PostgreSQL compares decimals: the shortest decimal of a double orders as the double.
    fn number(&mut self, literal: &Literal) -> String {
        match (self.json, literal) {
            (Json::Sqlite, Literal::Integer(value)) => self.placeholder(Value::Int(*value)),
            (Json::Sqlite, Literal::Number(value)) => self.placeholder(Value::Float(*value)),
            (_, Literal::Integer(value)) => format!("CAST({} AS NUMERIC)", self.text_of(value)),
            (_, Literal::Number(value)) => format!("CAST({} AS NUMERIC)", self.text_of(value)),
            _ => "NULL".into(),
        }
    }

    fn text_of(&mut self, value: &impl ToString) -> String {
        format!("CAST({} AS TEXT)", self.placeholder(Value::Text(value.to_string())))
    }

    fn json_compare(&mut self, place: &Place, op: Comparison, value: &Literal) -> String {
        let (kind, op) = (place.kind(), operator(op));
        match (self.json, value) {
            (Json::Sqlite, Literal::Bool(flag)) => format!("COALESCE({kind} = '{flag}', FALSE)"),
            (Json::Postgres, Literal::Bool(flag)) => format!("COALESCE({} = '{flag}'::jsonb, FALSE)", place.value),
            (Json::Sqlite, Literal::Integer(_) | Literal::Number(_)) => {
                let number = self.number(value);
                format!("COALESCE({kind} IN ('integer', 'real') AND {} {op} {number}, FALSE)", place.value)
            }
            (Json::Postgres, Literal::Integer(_) | Literal::Number(_)) => {
                let number = self.number(value);
                format!(
                    "COALESCE(CASE {kind} WHEN 'number' THEN CAST({} AS NUMERIC) {op} {number} ELSE FALSE END, FALSE)",
                    place.text()
                )
            }
            (_, Literal::Text(text)) => self.json_compare_text(place, op, text),
            (_, Literal::Id(id)) => self.json_compare_text(place, op, &id.to_string()),
            (_, Literal::Time(time)) => self.json_compare_text(place, op, &time.to_string()),
        }
    }

    fn json_compare_text(&mut self, place: &Place, op: &str, text: &str) -> String {
        let (kind, value) = (place.kind(), place.text());
        let text = self.placeholder(Value::Text(text.to_owned()));
        match self.json {
            Json::Sqlite => format!("COALESCE({kind} = 'text' AND {value} {op} {text}, FALSE)"),
            Json::Postgres => {
                format!(
                    "COALESCE(CASE {kind} WHEN 'string' THEN {value} COLLATE \"C\" {op} {text} ELSE FALSE END, FALSE)"
                )
            }
        }
    }

    /// A place inside the document.
    fn place(&mut self, keys: &[&str]) -> Place {
        match self.json {
            Json::Sqlite => {
                // A key in a path is quoted and escaped as a string of JSON is.
                let path: String = keys.iter().map(|key| format!(".{}", serde_json::Value::from(*key))).collect();
                let path = self.placeholder(Value::Text(format!("${path}")));
                Place { json: self.json, value: format!("json_extract(r.document, {path})"), path }
            }
            Json::Postgres => {
                let mut value = "CAST(r.document AS JSONB)".to_owned();
                for key in keys {
                    let key = self.placeholder(Value::Text((*key).to_owned()));
                    value.push_str(&format!(" -> CAST({key} AS TEXT)"));
                }
                Place { json: self.json, value: format!("({value})"), path: String::new() }
            }
        }
    }
}

/// Where a value is in a document, and how to ask for it.
struct Place {
    json: Json,
    value: String,
    path: String,
}

impl Place {
    /// The value's JSON type; NULL when there is none.
    fn kind(&self) -> String {
        match self.json {
            Json::Sqlite => format!("json_type(r.document, {})", self.path),
            Json::Postgres => format!("jsonb_typeof({})", self.value),
        }
    }

    /// The value as text.
    fn text(&self) -> String {
        match self.json {
            Json::Sqlite => self.value.clone(),
            Json::Postgres => format!("({} #>> '{{}}')", self.value),
        }
    }

    /// Whether an element `e` of the array meets a condition (SQLite).
    fn any(&self, condition: &str) -> String {
        format!("EXISTS (SELECT 1 FROM json_each(r.document, {}) e WHERE {condition})", self.path)
    }
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
        (Path::Id, Literal::Id(id)) => ("r.id", Value::Bytes(id.bytes.to_vec())),
        (Path::Parent, Literal::Id(id)) => ("r.parent", Value::Bytes(id.bytes.to_vec())),
        (Path::Type, Literal::Text(text)) => ("r.type", Value::Text(text.clone())),
        (Path::Name, Literal::Text(text)) => ("r.name", Value::Text(text.clone())),
        (Path::Status, Literal::Text(text)) => ("r.status", Value::Text(text.clone())),
        (Path::Version, Literal::Integer(n)) => ("r.version", Value::Int(*n)),
        (Path::CreatedAt, Literal::Time(at)) => ("r.created_at", Value::Int(at.0)),
        (Path::UpdatedAt, Literal::Time(at)) => ("r.updated_at", Value::Int(at.0)),
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
